//! Conditions, as far as their form is the same in all kinds.

use std::collections::HashSet;

use crate::field::{Error, Errors, Path, Value};
use crate::names::{label, variable};

/// How many bytes a condition's reason may have.
const REASON_BYTES_MAX: usize = 1024;
/// How many bytes a condition's message may have.
const MESSAGE_BYTES_MAX: usize = 32 * 1024;

const FEW: usize = 16;

/// An entry of a status's `conditions`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Condition<'a> {
    /// `type`.
    pub kind: &'a str,
    /// `status`.
    pub status: &'a str,
    /// `observedGeneration`.
    pub observed_generation: i64,
    /// Whether there is a `lastTransitionTime`.
    pub has_transition_time: bool,
    /// `reason`.
    pub reason: &'a str,
    /// `message`.
    pub message: &'a str,
}

/// Checks conditions; `path` is the list's.
pub fn check_conditions(conditions: &[Condition<'_>], path: &Path<'_>, errors: &mut Errors) {
    // Objects have few conditions; those that come with thousands are not to cost thousands squared.
    let mut many = (conditions.len() > FEW).then(HashSet::new);
    for (i, condition) in conditions.iter().enumerate() {
        let path = &path.index(i);
        let is_repeated = match &mut many {
            Some(seen) => !seen.insert(condition.kind),
            None => conditions[..i].iter().any(|before| before.kind == condition.kind),
        };
        if is_repeated {
            errors.push(Error::duplicate(path, condition.kind));
        }
        check_condition(condition, path, errors);
    }
}

fn check_condition(condition: &Condition<'_>, path: &Path<'_>, errors: &mut Errors) {
    if condition.kind.is_empty() {
        errors.push(Error::required(&path.child("type"), "is required"));
    } else {
        label::check_key(condition.kind, &path.child("type"), errors);
    }
    match condition.status {
        "" => errors.push(Error::required(&path.child("status"), "")),
        "True" | "False" | "Unknown" => {}
        other => {
            let supported = ["False", "True", "Unknown"];
            errors.push(Error::not_supported(&path.child("status"), Value::Named(other), &supported));
        }
    }
    if condition.observed_generation < 0 {
        let words = "must be greater than or equal to zero";
        errors.push(Error::invalid(&path.child("observedGeneration"), condition.observed_generation, words));
    }
    if !condition.has_transition_time {
        errors.push(Error::required(&path.child("lastTransitionTime"), ""));
    }
    let reason_path = &path.child("reason");
    if condition.reason.is_empty() {
        errors.push(Error::required(reason_path, ""));
    } else {
        errors.push_invalid(reason_path, condition.reason, variable::condition_reason(condition.reason));
        if condition.reason.len() > REASON_BYTES_MAX {
            errors.push(Error::too_long(reason_path, REASON_BYTES_MAX));
        }
    }
    if condition.message.len() > MESSAGE_BYTES_MAX {
        errors.push(Error::too_long(&path.child("message"), MESSAGE_BYTES_MAX));
    }
}
