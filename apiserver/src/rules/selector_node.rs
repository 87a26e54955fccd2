//! Rules for selectors of nodes.

use keelson_api::field::Errors;
use keelson_api::names::{label, object};
use keelson_schema::tree::View;

use super::At;

/// A selector of nodes: one of its terms has to hold. `invalid_values`: values may be such as no label can have.
pub(crate) fn node_selector(selector: &At<'_, '_>, invalid_values: bool, errors: &mut Errors) {
    let terms = selector.field("nodeSelectorTerms");
    terms.require_saying("must have at least one node selector term", errors);
    for one in terms.items() {
        term(&one, invalid_values, errors);
    }
}

/// One term of a selector.
pub(crate) fn term(term: &At<'_, '_>, invalid_values: bool, errors: &mut Errors) {
    for requirement in term.field("matchExpressions").items() {
        of_labels(&requirement, invalid_values, errors);
    }
    for requirement in term.field("matchFields").items() {
        of_fields(&requirement, errors);
    }
}

fn of_labels(requirement: &At<'_, '_>, invalid_values: bool, errors: &mut Errors) {
    let (operator, values) = (requirement.field("operator"), requirement.field("values"));
    match operator.text() {
        "In" | "NotIn" if values.is_empty() => {
            values.missing("must be specified when `operator` is 'In' or 'NotIn'", errors);
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'", errors);
        }
        "Gt" | "Lt" if values.len() != 1 => {
            values.missing("must be specified single value when `operator` is 'Lt' or 'Gt'", errors);
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        _ => operator.invalid("not a valid selector operator", errors),
    }
    requirement.field("key").keep_to(label::key, errors);
    if !invalid_values {
        for value in values.items() {
            value.keep_to(label::value, errors);
        }
    }
}

/// Of a node's fields, there is only its name.
fn of_fields(requirement: &At<'_, '_>, errors: &mut Errors) {
    let (operator, values) = (requirement.field("operator"), requirement.field("values"));
    match operator.text() {
        "In" | "NotIn" if values.len() != 1 => {
            let words = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            values.missing(words, errors);
        }
        "In" | "NotIn" => {}
        _ => operator.invalid("not a valid selector operator", errors),
    }
    let key = requirement.field("key");
    if key.text() != "metadata.name" {
        return key.invalid("not a valid field selector key", errors);
    }
    for value in values.items() {
        value.name_of(object::subdomain, errors);
    }
}

/// Whether the nodes that must be selected are selected by values that no label can have, as stored objects may.
pub(crate) fn has_invalid_value(selector: View<'_>) -> bool {
    let terms = selector.field("nodeSelectorTerms");
    let mut requirements = terms.items().flat_map(|term| term.field("matchExpressions").items());
    requirements.any(|one| one.field("values").items().any(|value| !label::value(value.text()).is_empty()))
}

/// Weights of what is preferred.
pub(super) fn weight(weight: &At<'_, '_>, errors: &mut Errors) {
    if !(1..=100).contains(&weight.int().unwrap_or(0)) {
        weight.invalid("must be in the range 1-100", errors);
    }
}
