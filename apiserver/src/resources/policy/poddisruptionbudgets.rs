//! Pod disruption budgets: how many pods of a set may be missing on purpose.

use keelson_api::field::{Error, Errors};
use keelson_api::names::object::{self, Rule};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value, View};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::{At, conditions, internal, selector, shares};

/// The resource.
#[derive(Debug)]
pub(crate) struct PodDisruptionBudgets;

const FACTS: Facts = Facts {
    group: "policy",
    versions: &["v1"],
    stored_as: ("policy", "v1"),
    kind: "PodDisruptionBudget",
    plural: "poddisruptionbudgets",
    singular: "poddisruptionbudget",
    short_names: &["pdb"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "PodDisruptionBudget",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Min Available"),
        Column::text("Max Unavailable"),
        Column::integer("Allowed Disruptions"),
        Column::text("Age"),
    ],
};

impl Resource for PodDisruptionBudgets {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        object::path_segment
    }

    fn looks_at_metadata_last(&self) -> bool {
        true
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let (spec, status) = (object.view().field("spec"), object.view().field("status"));
        let bound = |name: &str| -> Cell {
            let bound = spec.field(name);
            if bound.is_present() { cells::number_or_text(bound) } else { "N/A".into() }.into()
        };
        vec![
            cells::name(object),
            bound("minAvailable"),
            bound("maxUnavailable"),
            cells::integer(status.field("disruptionsAllowed")).into(),
            cells::age_of(object, now),
        ]
    }

    fn prepare_create(&self, new: &mut Object, _: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        strip_marker(new);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        if new.get("spec.selector") != old.get("spec.selector") {
            strip_marker(new);
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, Some(old), errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        let status = At::root(new, "status");
        conditions::check(&status.field("conditions"), errors);
        for name in ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] {
            status.field(name).non_negative(errors);
        }
    }
}

fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let bounds = [spec.field("minAvailable"), spec.field("maxUnavailable")];
    if bounds.iter().all(At::is_present) {
        let words = "minAvailable and maxUnavailable cannot be both set";
        errors.push(Error::invalid(&spec.path, internal::shown(spec.view), words));
    }
    for bound in bounds.iter().filter(|bound| bound.is_present()) {
        shares::non_negative(bound, errors);
        shares::at_most_all(bound, errors);
    }
    let had_bad_value = old.is_some_and(|old| selector::has_invalid_value(old.view().path("spec.selector")));
    selector::label_selector_with(&spec.field("selector"), had_bad_value, errors);
    let policy = spec.field("unhealthyPodEvictionPolicy");
    if policy.is_present() {
        policy.one_of(&["AlwaysAllow", "IfHealthyBudget"], errors);
    }
}

/// Says, in an expression of a selector, that it is to select nothing: an empty one meant that once.
const MARKER: &str = "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match";

/// Takes the marker out of a selector that says anything else.
fn strip_marker(new: &mut Object) {
    if selects_nothing(new.view().path("spec.selector")) {
        return;
    }
    let mut object = Edit::object(new);
    let Some(mut spec) = object.part("spec") else { return };
    let Some(mut selector) = spec.part("selector") else { return };
    let Some(Value::List(expressions)) = selector.get("matchExpressions") else { return };
    let keys = selector.view().field("matchExpressions").items().map(|one| one.field("key").text() == MARKER);
    let kept: Value = Value::List(
        expressions
            .iter()
            .zip(keys)
            .filter(|(_, is_marker)| !is_marker)
            .map(|(one, _)| one.clone())
            .collect(),
    );
    selector.put("matchExpressions", Some(kept).filter(|kept| !kept.items().is_empty()));
}

/// Whether a selector is the marker and nothing else.
fn selects_nothing(selector: View<'_>) -> bool {
    let mut expressions = selector.field("matchExpressions").items();
    let is_marker = expressions.next().is_some_and(|one| {
        one.field("key").text() == MARKER
            && one.field("operator").text() == "Exists"
            && cells::count(one.field("values")) == 0
    });
    is_marker && expressions.next().is_none() && cells::count(selector.field("matchLabels")) == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn budget(spec: &str, status: &str) -> String {
        format!(
            r#"{{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{{"name":"b","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{{spec}}},"status":{{{status}"disruptionsAllowed":2,"currentHealthy":0,"desiredHealthy":0,"expectedPods":0}}}}"#
        )
    }

    #[test]
    fn cells() {
        check::cells(&PodDisruptionBudgets, &budget("", ""), json!(["b", "N/A", "N/A", 2, "10s"]));
        check::cells(
            &PodDisruptionBudgets,
            &budget(r#""minAvailable":"50%""#, ""),
            json!(["b", "50%", "N/A", 2, "10s"]),
        );
        check::cells(
            &PodDisruptionBudgets,
            &budget(r#""maxUnavailable":0"#, ""),
            json!(["b", "N/A", "0", 2, "10s"]),
        );
    }

    #[test]
    fn the_marker_stands_alone_or_not_at_all() {
        let marker = format!(r#"{{"key":"{MARKER}","operator":"Exists"}}"#);
        let other = r#"{"key":"k","operator":"Exists"}"#;
        let check = |expressions: &str, expected: &str| {
            let object = |expressions: &str| budget(&format!(r#""selector":{{{expressions}}}"#), "");
            let old = budget("", "");
            check::update(&PodDisruptionBudgets, "", &old, &object(expressions), &object(expected));
            let kept = object(expressions);
            check::update(&PodDisruptionBudgets, "", &kept, &kept, &kept);
        };
        check("", "");
        let alone = format!(r#""matchExpressions":[{marker}]"#);
        check(&alone, &alone);
        check(
            &format!(r#""matchExpressions":[{marker},{other}]"#),
            &format!(r#""matchExpressions":[{other}]"#),
        );
        check(
            &format!(r#""matchLabels":{{"a":"b"}},"matchExpressions":[{marker}]"#),
            r#""matchLabels":{"a":"b"}"#,
        );
    }
}
