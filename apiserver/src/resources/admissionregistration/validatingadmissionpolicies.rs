//! Validating admission policies: expressions that what is written must satisfy.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use super::{asked, policies};
use crate::cells::{self, Cell};
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ValidatingAdmissionPolicies;

const FACTS: Facts = Facts {
    group: "admissionregistration.k8s.io",
    versions: &["v1"],
    stored_as: ("admissionregistration.k8s.io", "v1"),
    kind: "ValidatingAdmissionPolicy",
    plural: "validatingadmissionpolicies",
    singular: "validatingadmissionpolicy",
    short_names: &[],
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "ValidatingAdmissionPolicy",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[Column::NAME, Column::integer("Validations"), Column::text("ParamKind"), Column::text("Age")],
};

impl Resource for ValidatingAdmissionPolicies {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        vec![
            cells::name(object),
            cells::count(object.view().path("spec.validations")).into(),
            asked::param_kind(object).into(),
            cells::age_of(object, now),
        ]
    }

    fn default(&self, object: &mut Object) {
        asked::default_policy(object);
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        asked::warn_of_name(new, old, warnings);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        policies::check_validating(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        policies::check_validating(new, Some(old), errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        policies::check_status(new, errors);
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
                r#"{{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicy","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{{spec}}}}}"#
            )
        };
        check::cells(&ValidatingAdmissionPolicies, &object(""), json!(["x", 0, "<unset>", "10s"]));
        check::cells(
            &ValidatingAdmissionPolicies,
            &object(
                r#""paramKind":{"apiVersion":"e.com/v1","kind":"P"},"validations":[{"expression":"true"},{"expression":"true"}]"#,
            ),
            json!(["x", 2, "e.com/v1/P", "10s"]),
        );
        check::default(&ValidatingAdmissionPolicies, &object(""), &object(r#""failurePolicy":"Fail""#));
        check::default(
            &ValidatingAdmissionPolicies,
            &object(
                r#""failurePolicy":"Ignore","matchConstraints":{"resourceRules":[{"resources":["pods"]}]}"#,
            ),
            &object(
                r#""failurePolicy":"Ignore","matchConstraints":{"resourceRules":[{"resources":["pods"],"scope":"*"}],"matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{}}"#,
            ),
        );
    }
}
