//! What a request can ask for besides its object: options of lists, writes and deletions, and upstream's complaints
//! about combinations that make no sense.
//!
//! The options borrow the words of the request as they came; what they mean is read by the enums here. A complaint
//! becomes a 422 in the name of the options' kind.

mod delete;
mod list;
mod write;

pub use delete::{DeleteOptions, Preconditions};
pub use list::{ListOptions, ReadAt};
pub use write::{
    FIELD_MANAGER_BYTES_MAX, PatchOptions, WriteOptions, check_field_manager, field_manager_or_agent,
};

use crate::field::{Error, Errors, Path};
use crate::group::GroupKind;

/// The kinds in whose name options are refused.
pub mod kind {
    use super::GroupKind;

    const GROUP: &str = "meta.k8s.io";
    /// Of [`super::ListOptions`].
    pub const LIST: GroupKind<'static> = GroupKind::new(GROUP, "ListOptions");
    /// Of [`super::DeleteOptions`].
    pub const DELETE: GroupKind<'static> = GroupKind::new(GROUP, "DeleteOptions");
    /// Of [`super::WriteOptions`] when an object is made.
    pub const CREATE: GroupKind<'static> = GroupKind::new(GROUP, "CreateOptions");
    /// Of [`super::WriteOptions`] when an object is replaced.
    pub const UPDATE: GroupKind<'static> = GroupKind::new(GROUP, "UpdateOptions");
    /// Of [`super::PatchOptions`].
    pub const PATCH: GroupKind<'static> = GroupKind::new(GROUP, "PatchOptions");
}

/// An enum whose variants are words of the API.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What the word means, if anything.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What becomes of the dependents of a deleted object.
    Propagation {
        /// They lose their owner and stay.
        Orphan = "Orphan",
        /// They are deleted afterwards.
        Background = "Background",
        /// They are deleted first.
        Foreground = "Foreground",
    }
}

words! {
    /// What becomes of fields that are unknown or there twice.
    FieldValidation {
        /// They are dropped.
        Ignore = "Ignore",
        /// They are dropped with a warning.
        Warn = "Warn",
        /// The request is refused.
        Strict = "Strict",
    }
}

words! {
    /// How a list's `resourceVersion` is meant.
    ResourceVersionMatch {
        /// At least that.
        NotOlderThan = "NotOlderThan",
        /// Just that.
        Exact = "Exact",
    }
}

words! {
    /// What of each object stands in a row of a table.
    IncludeObject {
        /// Nothing.
        None = "None",
        /// Its metadata.
        Metadata = "Metadata",
        /// All of it.
        Object = "Object",
    }
}

words! {
    /// How a patch is written, by its content type.
    PatchType {
        /// A list of operations.
        Json = "application/json-patch+json",
        /// A part of the object.
        Merge = "application/merge-patch+json",
        /// A part of the object whose lists are merged by keys.
        Strategic = "application/strategic-merge-patch+json",
        /// The fields a manager wants, in YAML.
        ApplyYaml = "application/apply-patch+yaml",
        /// The fields a manager wants, in CBOR.
        ApplyCbor = "application/apply-patch+cbor",
    }
}

impl PatchType {
    /// Whether it is a server-side apply.
    #[must_use]
    pub const fn is_apply(self) -> bool {
        matches!(self, Self::ApplyYaml | Self::ApplyCbor)
    }
}

/// The one word that `dryRun` may have: all stages are run, nothing is stored.
pub const DRY_RUN_ALL: &str = "All";

/// Checks the words of `dryRun`.
pub fn check_dry_run(words: &[&str], path: &Path<'_>, errors: &mut Errors) {
    if words.iter().any(|word| *word != DRY_RUN_ALL) {
        errors.push(Error::not_supported(path, words, &[DRY_RUN_ALL]));
    }
}

/// Checks the word of `fieldValidation`; it may be missing.
pub fn check_field_validation(word: &str, path: &Path<'_>, errors: &mut Errors) {
    if !word.is_empty() && FieldValidation::parse(word).is_none() {
        errors.push(Error::not_supported(path, word, &["", "Ignore", "Strict", "Warn"]));
    }
}

/// Checks the word of a table's `includeObject`; it may be missing.
///
/// # Errors
/// If it is unknown. Upstream answers 400 with `Unable to convert to Table as requested: ` in front.
pub fn include_object(word: &str) -> Result<Option<IncludeObject>, Error> {
    if word.is_empty() {
        return Ok(None);
    }
    let complaint = "must be 'Metadata', 'Object', 'None', or empty";
    let shown = crate::field::Value::Named(word);
    IncludeObject::parse(word)
        .map(Some)
        .ok_or_else(|| Error::invalid(&Path::new("includeObject"), shown, complaint))
}

#[cfg(test)]
mod tests;
