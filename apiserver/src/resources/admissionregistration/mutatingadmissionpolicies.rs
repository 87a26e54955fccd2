//! Mutating admission policies: expressions that change what is written.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use super::{asked, policies};
use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct MutatingAdmissionPolicies;

const FACTS: Facts = Facts {
    group: "admissionregistration.k8s.io",
    versions: &["v1"],
    stored_as: ("admissionregistration.k8s.io", "v1"),
    kind: "MutatingAdmissionPolicy",
    plural: "mutatingadmissionpolicies",
    singular: "mutatingadmissionpolicy",
    short_names: &[],
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::integer("Mutations"), Column::text("ParamKind"), Column::text("Age")],
};

impl Resource for MutatingAdmissionPolicies {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        vec![
            cells::name(object),
            cells::count(object.view().path("spec.mutations")).into(),
            asked::param_kind(object).into(),
            cells::age_of(object, now),
        ]
    }

    fn default(&self, object: &mut Object) {
        asked::default_policy(object);
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        asked::warn_of_name(new, old, warnings);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        policies::check_mutating(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        policies::check_mutating(new, Some(old), errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells_and_defaults() {
        let object = |spec: &str| {
            format!(
                r#"{{"apiVersion":"admissionregistration.k8s.io/v1","kind":"MutatingAdmissionPolicy","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{{spec}}}}}"#
            )
        };
        check::cells(&MutatingAdmissionPolicies, &object(""), json!(["x", 0, "<unset>", "10s"]));
        check::cells(
            &MutatingAdmissionPolicies,
            &object(r#""paramKind":{"apiVersion":"e.com/v1","kind":"P"},"mutations":[{},{}]"#),
            json!(["x", 2, "e.com/v1/P", "10s"]),
        );
        check::default(&MutatingAdmissionPolicies, &object(""), &object(r#""failurePolicy":"Fail""#));
        check::default(
            &MutatingAdmissionPolicies,
            &object(
                r#""failurePolicy":"Ignore","matchConstraints":{"resourceRules":[{"resources":["pods"]}]}"#,
            ),
            &object(
                r#""failurePolicy":"Ignore","matchConstraints":{"resourceRules":[{"resources":["pods"],"scope":"*"}],"matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{}}"#,
            ),
        );
    }
}
