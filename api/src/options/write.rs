//! Options of creates, updates and patches.

use super::{PatchType, check_dry_run, check_field_validation};
use crate::field::{Error, Errors, Path};
use crate::golang::{Rune, is_printable};

/// How many bytes the name of a field manager may have.
pub const FIELD_MANAGER_BYTES_MAX: usize = 128;

/// What a create or an update asks for.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions<'a> {
    /// In whose name fields are set; empty if nothing was said.
    pub field_manager: &'a str,
    /// Which stages are run without effect.
    pub dry_run: Vec<&'a str>,
    /// What becomes of unknown fields: a word of [`super::FieldValidation`], or empty.
    pub field_validation: &'a str,
}

impl WriteOptions<'_> {
    /// What makes no sense.
    #[must_use]
    pub fn check(&self) -> Errors {
        let mut errors = Errors::new();
        self.check_into(&mut errors);
        errors
    }

    fn check_into(&self, errors: &mut Errors) {
        check_field_manager(self.field_manager, &Path::new("fieldManager"), errors);
        check_dry_run(&self.dry_run, &Path::new("dryRun"), errors);
        check_field_validation(self.field_validation, &Path::new("fieldValidation"), errors);
    }
}

/// What a patch asks for.
#[derive(Clone, Debug, Default)]
pub struct PatchOptions<'a> {
    /// What any write does.
    pub write: WriteOptions<'a>,
    /// Takes fields away from other managers; for an apply only.
    pub force: Option<bool>,
}

impl PatchOptions<'_> {
    /// What makes no sense with a patch of this type.
    #[must_use]
    pub fn check(&self, patch: PatchType) -> Errors {
        let mut errors = Errors::new();
        if patch.is_apply() {
            if self.write.field_manager.is_empty() {
                let words = "is required for apply patch";
                errors.push(Error::required(&Path::new("fieldManager"), words));
            }
        } else if self.force.is_some() {
            let words = "may not be specified for non-apply patch";
            errors.push(Error::forbidden(&Path::new("force"), words));
        }
        self.write.check_into(&mut errors);
        errors
    }
}

/// The name of a field manager; it may be missing.
pub fn check_field_manager(name: &str, path: &Path<'_>, errors: &mut Errors) {
    if name.len() > FIELD_MANAGER_BYTES_MAX {
        errors.push(Error::too_long(path, FIELD_MANAGER_BYTES_MAX));
    }
    for (at, c) in name.char_indices().filter(|(_, c)| !is_printable(*c)) {
        if errors.is_full() {
            return;
        }
        errors.push(Error::invalid(path, name, format!("invalid character {} (at position {at})", Rune(c))));
    }
}

/// The field manager a request names, or else the first part of its user agent as far as it makes a name.
#[must_use]
pub fn field_manager_or_agent(field_manager: &str, user_agent: &str) -> String {
    if !field_manager.is_empty() {
        return field_manager.to_owned();
    }
    let agent = user_agent.split('/').next().unwrap_or_default();
    let mut name = String::new();
    for c in agent.chars().filter(|c| is_printable(*c)) {
        if name.len() + c.len_utf8() > FIELD_MANAGER_BYTES_MAX {
            break;
        }
        name.push(c);
    }
    name
}
