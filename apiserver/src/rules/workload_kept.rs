//! Rules for what is kept of workloads as objects of their own: templates of pods, and what a workload was at some time.

use keelson_api::field::Errors;
use keelson_schema::tree::{Object, Value};

use super::{At, pod_template};

/// A template of pods that is an object of its own.
pub(crate) fn template(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let lenient = old.map(|old| pod_template::leniency(old.view().field("template"))).unwrap_or_default();
    pod_template::template(&At::root(new, "template"), &lenient, errors);
}

/// What a workload was at some time, in the place of a stored one if there is one.
pub(crate) fn revision(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let (number, data) = (At::root(new, "revision"), At::root(new, "data"));
    number.non_negative(errors);
    match old {
        Some(old) => data.immutable(old.view().field("data"), errors),
        None => {
            let raw = match data.view.value() {
                Some(Value::Raw(raw)) => Some(&raw[..]),
                _ => None,
            };
            match raw {
                None | Some(b"null") => data.missing("data is mandatory", errors),
                Some(raw) if !raw.starts_with(b"{") => {
                    data.missing("data must be a valid JSON object", errors);
                }
                Some(_) => {}
            }
        }
    }
}
