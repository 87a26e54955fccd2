//! The three patches over the schema model: JSON patch (RFC 6902), merge patch (RFC 7386) and strategic merge patch.
//!
//! A patch is read once and applied as often as a conflict asks for. Clients see what upstream does with odd patches,
//! the echoes in its messages included, so all of that is kept; the errors say what to answer.
//!
//! Two ways lead from here. JSON patch ([`json`]) and merge patch ([`merge`]) work on the object's JSON ([`document`]),
//! opened only where they go, and become an object again ([`outcome`]) by moving pieces or, when something is wrong, by
//! decoding the text as upstream does. A strategic merge patch ([`strategic`]) works on the tree itself and puts its
//! values in as they come; then they are made values of their types ([`settle`]), which upstream does by other rules
//! than those of decoding.
//!
//! Not here: which patches a resource takes, whether the object exists, defaults, what may be changed, and apply.

mod document;
mod error;
mod json;
mod kept;
mod merge;
mod outcome;
mod print;
mod settle;
mod strategic;
#[cfg(test)]
mod tests;
mod text;

use keelson_api::options::{FieldValidation, PatchType};

pub use self::error::{
    Answer, COPIED_BYTES_MAX, OPERATIONS_MAX, OperationError, PatchError, StrategicError, WORK_MAX,
};
use crate::error::DecodeError;
use crate::json::{TREE_DEPTH_MAX, check, decode_strict, valid};
use crate::tree::{Entries, Object, Value};

/// How a patch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// A list of operations.
    Json,
    /// A part of the object; null takes away.
    Merge,
    /// A part of the object whose lists are merged by keys.
    Strategic,
}

impl PatchKind {
    /// The kind of a content type, unless that is an apply.
    #[must_use]
    pub fn of(content: PatchType) -> Option<Self> {
        match content {
            PatchType::Json => Some(Self::Json),
            PatchType::Merge => Some(Self::Merge),
            PatchType::Strategic => Some(Self::Strategic),
            PatchType::ApplyYaml | PatchType::ApplyCbor => None,
        }
    }
}

/// A patch that has been read.
#[derive(Debug)]
pub struct Patch {
    body: Body,
    checks: FieldValidation,
    /// What strict checking found in the patch itself.
    found: Vec<String>,
}

#[derive(Debug)]
enum Body {
    Json(json::Operations),
    Merge(Box<str>),
    Strategic(Entries),
    /// Known to be wrong, but nobody is told before the object is there.
    Refused(PatchError),
}

/// A patched object.
#[derive(Debug)]
pub struct Patched {
    /// The object, without defaults. Of the type of the one it was made from, and of its kind and version, except that
    /// those of a custom resource are what the patch made of them.
    pub object: Object,
    /// Unknown and duplicate fields, where those are only warned of: `unknown field "spec.foo"`.
    pub warnings: Vec<String>,
}

impl Patch {
    /// Reads a patch. `checks` says what becomes of unknown and duplicate fields.
    ///
    /// # Errors
    /// [`PatchError::NotJson`] alone: all other errors come with [`Patch::apply`], because upstream first looks for the
    /// object.
    pub fn parse(kind: PatchKind, patch: &[u8], checks: FieldValidation) -> Result<Self, PatchError> {
        let mut found = Vec::new();
        let body = match Body::parse(kind, patch, checks, &mut found) {
            Ok(body) => body,
            Err(PatchError::NotJson) => return Err(PatchError::NotJson),
            Err(error) => Body::Refused(error),
        };
        Ok(Self { body, checks, found })
    }

    /// The object that the patch makes of `object`.
    ///
    /// # Errors
    /// See [`PatchError::answer`].
    pub fn apply(&self, object: &Object) -> Result<Patched, PatchError> {
        match &self.body {
            Body::Refused(error) => Err(error.clone()),
            Body::Json(operations) => {
                let mut document = document::Node::whole(object);
                operations.apply(&mut document)?;
                outcome::of_document(&document, object, self.checks, &self.found)
            }
            Body::Merge(text) => {
                let mut document = document::Node::whole(object);
                merge::apply(&mut document, text).map_err(PatchError::Encode)?;
                outcome::of_document(&document, object, self.checks, &self.found)
            }
            Body::Strategic(patch) => strategic::apply(object, patch, self.checks, &self.found),
        }
    }
}

impl Body {
    fn parse(
        kind: PatchKind,
        patch: &[u8],
        checks: FieldValidation,
        found: &mut Vec<String>,
    ) -> Result<Self, PatchError> {
        match kind {
            PatchKind::Strategic => strategic(patch, checks, found),
            PatchKind::Merge => merge(patch, checks, found),
            PatchKind::Json => json::parse(well_formed(patch)?, checks, found).map(Self::Json),
        }
    }
}

fn strategic(patch: &[u8], checks: FieldValidation, found: &mut Vec<String>) -> Result<Body, PatchError> {
    match free(patch, checks, found, PatchError::Malformed)? {
        Value::Map(entries) => Ok(Body::Strategic(entries)),
        Value::Null => Ok(Body::Strategic(Entries::new())),
        _ => Err(PatchError::Malformed(no_map(patch))),
    }
}

fn merge(patch: &[u8], checks: FieldValidation, found: &mut Vec<String>) -> Result<Body, PatchError> {
    let text = if checks == FieldValidation::Ignore {
        well_formed(patch)?
    } else {
        if !matches!(free(patch, checks, found, PatchError::Undecodable)?, Value::Map(_) | Value::Null) {
            return Err(PatchError::Undecodable(no_map(patch)));
        }
        text_of(patch)
    };
    if text.starts_with(['{', '[']) { Ok(Body::Merge(text)) } else { Err(PatchError::NotMergePatch) }
}

/// Reads a patch without a schema.
fn free(
    patch: &[u8],
    checks: FieldValidation,
    found: &mut Vec<String>,
    refuse: fn(DecodeError) -> PatchError,
) -> Result<Value, PatchError> {
    let (value, strict) = decode_strict(patch).map_err(|error| match error {
        DecodeError::Syntax(_) => PatchError::NotJson,
        other => refuse(other),
    })?;
    if checks != FieldValidation::Ignore {
        found.extend_from_slice(strict.texts());
    }
    Ok(value)
}

/// The text of a patch, if it is JSON that is not nested too deeply.
fn well_formed(patch: &[u8]) -> Result<Box<str>, PatchError> {
    check(patch).map_err(|_| PatchError::NotJson)?;
    let text = text_of(patch);
    if text::depth(&text) > TREE_DEPTH_MAX as usize { Err(PatchError::NotJson) } else { Ok(text) }
}

/// The text of a patch that is JSON.
fn text_of(patch: &[u8]) -> Box<str> {
    valid(patch.trim_ascii()).into()
}

/// The error of a patch that should be an object.
fn no_map(patch: &[u8]) -> DecodeError {
    let value = describe(patch.trim_ascii()).to_owned();
    DecodeError::Type { value, context: None, go: "map[string]interface {}".to_owned() }
}

/// What Go calls a value of JSON.
fn describe(value: &[u8]) -> &'static str {
    match value.first() {
        Some(b'"') => "string",
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b't' | b'f') => "bool",
        _ => "number",
    }
}
