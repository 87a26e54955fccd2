//! Rules that the kinds share which keep pods running.

use keelson_api::field::{Detail, Errors};
use keelson_api::names::number;
use keelson_schema::tree::{Value, View};

use super::pod_leniency::Leniency;
use super::selector::{is_everything, label_selector, matches};
use super::{At, pod_template};

/// These counts are not below zero.
pub(crate) fn counts(of: &At<'_, '_>, names: &[&str], errors: &mut Errors) {
    for name in names {
        of.field(name).non_negative(errors);
    }
}

/// A count is not greater than another.
pub(crate) fn not_more(
    status: &At<'_, '_>,
    name: &str,
    than: &str,
    words: impl Into<Detail>,
    errors: &mut Errors,
) {
    let count = status.field(name);
    if count.int().unwrap_or(0) > status.field(than).int().unwrap_or(0) {
        count.invalid(words, errors);
    }
}

/// A count of collisions never falls.
pub(crate) fn collisions(status: &At<'_, '_>, was: View<'_>, errors: &mut Errors) {
    let (count, was) = (status.field("collisionCount"), was.field("collisionCount").int());
    if was.is_some_and(|was| count.int().is_none_or(|count| count < was)) {
        count.invalid("cannot be decremented", errors);
    }
}

/// The selector of a workload is there, and selects something. `of` is what is said to need it.
pub(crate) fn selector(selector: &At<'_, '_>, of: &str, errors: &mut Errors) {
    if !selector.is_present() {
        return selector.missing("", errors);
    }
    label_selector(selector, errors);
    if is_everything(selector.view) {
        selector.invalid(format!("empty selector is invalid for {of}"), errors);
    }
}

/// The pods of a template are such as the selector selects. Nothing is said of a selector that makes no sense, but that
/// it does not: then the answer is no.
pub(crate) fn selects(selector: &At<'_, '_>, template: &At<'_, '_>, errors: &mut Errors) -> bool {
    let metadata = template.field("metadata");
    let labels = metadata.field("labels");
    let selected = if selector.is_present() { matches(selector.view, labels.view) } else { Some(false) };
    if selected == Some(false) {
        labels.invalid("`selector` does not match template `labels`", errors);
    }
    selected.is_some()
}

/// Templates of pods that are to run for ever: they are restarted, and have no deadline.
pub(crate) fn runs_for_ever(template: &At<'_, '_>, kind: &str, errors: &mut Errors) {
    let spec = template.field("spec");
    spec.field("restartPolicy").one_of(&["Always"], errors);
    let deadline = spec.field("activeDeadlineSeconds");
    if deadline.is_present() {
        deadline.forbidden(format!("activeDeadlineSeconds in {kind} is not Supported"), errors);
    }
}

/// Such a template in whole.
pub(crate) fn lasting_template(template: &At<'_, '_>, kind: &str, lenient: &Leniency, errors: &mut Errors) {
    pod_template::template(template, lenient, errors);
    runs_for_ever(template, kind, errors);
}

/// What is let through of the template of a stored object.
pub(crate) fn leniency(old_spec: View<'_>) -> Leniency {
    pod_template::leniency(old_spec.field("template"))
}

/// A number that is not below zero, or a share of a hundred.
pub(crate) fn count_or_share(amount: &At<'_, '_>, errors: &mut Errors) {
    match amount.view.value() {
        Some(Value::Str(text)) => {
            for reason in number::percent(text) {
                amount.invalid(reason, errors);
            }
        }
        _ => amount.non_negative(errors),
    }
}

/// The share, if it is one.
fn share(amount: &At<'_, '_>) -> Option<i64> {
    let text = amount.view.value().and_then(Value::as_str)?;
    number::percent(text).is_empty().then(|| text.trim_end_matches('%').parse().unwrap_or(0))
}

/// The number, be it a share or not; texts that are neither count as zero, or as the number they are.
pub(crate) fn size(amount: &At<'_, '_>) -> i64 {
    let text = || amount.view.value().and_then(Value::as_str).and_then(|text| text.parse().ok());
    share(amount).or_else(|| amount.int()).or_else(text).unwrap_or(0)
}

/// A share is not more than the whole.
pub(crate) fn not_more_than_all(amount: &At<'_, '_>, errors: &mut Errors) {
    if share(amount).is_some_and(|share| share > 100) {
        amount.invalid("must not be greater than 100%", errors);
    }
}
