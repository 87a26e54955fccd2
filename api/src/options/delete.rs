//! Options of a deletion.

use super::{Propagation, check_dry_run};
use crate::field::{Error, Errors, Path, Value};

/// What a deletion asks for.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions<'a> {
    /// How long the object may take to end.
    pub grace_period_seconds: Option<i64>,
    /// Which object must be meant.
    pub preconditions: Option<Preconditions<'a>>,
    /// The old way to say what becomes of dependents.
    pub orphan_dependents: Option<bool>,
    /// What becomes of dependents: a word of [`Propagation`].
    pub propagation_policy: Option<&'a str>,
    /// Which stages are run without effect.
    pub dry_run: Vec<&'a str>,
    /// Deletes an object that cannot be read, at all costs.
    pub ignore_store_read_error: Option<bool>,
}

/// Which object a deletion must meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preconditions<'a> {
    /// Its identity.
    pub uid: Option<&'a str>,
    /// Its version.
    pub resource_version: Option<&'a str>,
}

impl DeleteOptions<'_> {
    /// What makes no sense, alone or together.
    #[must_use]
    pub fn check(&self) -> Errors {
        let mut errors = Errors::new();
        let path = &Path::new("propagationPolicy");
        if let Some(policy) = self.propagation_policy {
            if self.orphan_dependents.is_some() {
                let words = "orphanDependents and deletionPropagation cannot be both set";
                errors.push(Error::invalid(path, Value::Named(policy), words));
            }
            if Propagation::parse(policy).is_none() {
                let supported = ["Foreground", "Background", "Orphan", "nil"];
                errors.push(Error::not_supported(path, Value::Named(policy), &supported));
            }
        }
        check_dry_run(&self.dry_run, &Path::new("dryRun"), &mut errors);
        if self.ignore_store_read_error == Some(true) {
            self.check_alone(&mut errors);
        }
        errors
    }

    fn check_alone(&self, errors: &mut Errors) {
        let path = &Path::new("ignoreStoreReadErrorWithClusterBreakingPotential");
        for (is_set, words) in [
            (self.propagation_policy.is_some(), "cannot be set together with .propagationPolicy"),
            (self.orphan_dependents.is_some(), "cannot be set together with .orphanDependents"),
            (self.grace_period_seconds.is_some(), "cannot be set together with .gracePeriodSeconds"),
            (self.preconditions.is_some(), "cannot be set together with .preconditions"),
        ] {
            if is_set {
                errors.push(Error::invalid(path, true, words));
            }
        }
    }
}
