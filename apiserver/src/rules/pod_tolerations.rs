//! Rules for the taints that pods tolerate, and for the effects of taints.

use keelson_api::field::{Error, Errors};
use keelson_api::golang::parse_int;
use keelson_api::names::{label, number::decimal};

use super::{At, pod_leniency::Leniency};

/// What taints do.
pub(crate) const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// What is tolerated.
pub(crate) fn tolerations(tolerations: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    for toleration in tolerations.items() {
        let (key, operator) = (toleration.field("key"), toleration.field("operator"));
        let (value, effect) = (toleration.field("value"), toleration.field("effect"));
        if !key.is_empty() {
            key.keep_to(label::key, errors);
        } else if operator.text() != "Exists" {
            let words =
                r#"operator must be Exists when `key` is empty, which means "match all values and all keys""#;
            operator.invalid(words, errors);
        }
        if toleration.field("tolerationSeconds").is_present() && effect.text() != "NoExecute" {
            effect.invalid("effect must be 'NoExecute' when `tolerationSeconds` is set", errors);
        }
        compared(&operator, &value, lenient, errors);
        if !effect.is_empty() {
            effect.one_of(EFFECTS, errors);
        }
    }
}

/// How the value of a taint is compared.
fn compared(operator: &At<'_, '_>, value: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    let text = value.text();
    match operator.text() {
        "" | "Equal" => {
            let reasons = label::value(text);
            if !reasons.is_empty() {
                errors.push(Error::invalid(&operator.path, text, reasons.join(";")));
            }
        }
        "Exists" if text.is_empty() => {}
        "Exists" => {
            let words = "value must be empty when `operator` is 'Exists'";
            errors.push(Error::invalid(&operator.path, text, words));
        }
        "Lt" | "Gt" if lenient.taint_comparisons => {
            value.keep_to(decimal, errors);
            if let Err(error) = parse_int(text) {
                value.invalid(error.to_string(), errors);
            }
        }
        "Lt" | "Gt" => operator.not_supported(&["Equal", "Exists", "Lt", "Gt"], errors),
        _ => operator.not_supported(&["Equal", "Exists"], errors),
    }
}
