//! Conditions of a status, as far as their form is the same in all kinds.

use keelson_api::field::Errors;
use keelson_api::meta::{Condition, check_conditions};
use keelson_schema::tree::View;

use super::At;

/// What is wrong with a list of conditions.
pub(crate) fn check(conditions: &At<'_, '_>, errors: &mut Errors) {
    let all: Vec<Condition<'_>> = conditions.view.items().map(condition).collect();
    check_conditions(&all, &conditions.path, errors);
}

fn condition(one: View<'_>) -> Condition<'_> {
    Condition {
        kind: one.field("type").text(),
        status: one.field("status").text(),
        observed_generation: one.field("observedGeneration").int().unwrap_or(0),
        has_transition_time: one.field("lastTransitionTime").is_present(),
        reason: one.field("reason").text(),
        message: one.field("message").text(),
    }
}
