//! Validating admission policy bindings: where a policy applies, and what happens if it is not satisfied.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use super::{asked, policies};
use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ValidatingAdmissionPolicyBindings;

const FACTS: Facts = Facts {
    group: "admissionregistration.k8s.io",
    versions: &["v1"],
    stored_as: ("admissionregistration.k8s.io", "v1"),
    kind: "ValidatingAdmissionPolicyBinding",
    plural: "validatingadmissionpolicybindings",
    singular: "validatingadmissionpolicybinding",
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
    columns: &[Column::NAME, Column::text("PolicyName"), Column::text("ParamRef"), Column::text("Age")],
};

impl Resource for ValidatingAdmissionPolicyBindings {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        vec![
            cells::name(object),
            object.view().path("spec.policyName").text().into(),
            asked::param_ref(object).into(),
            cells::age_of(object, now),
        ]
    }

    fn default(&self, object: &mut Object) {
        asked::default_binding(object);
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        asked::warn_of_name(new, old, warnings);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        policies::check_binding(new, false, errors);
    }

    fn validate_update(&self, new: &Object, _: &Object, errors: &mut Errors) {
        policies::check_binding(new, false, errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn binding(spec: &str) -> String {
        format!(
            r#"{{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicyBinding","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{"policyName":"p"{spec}}}}}"#
        )
    }

    #[test]
    fn cells() {
        let check = |reference: &str, expected: &str| {
            let object = binding(&format!(r#","paramRef":{reference}"#));
            check::cells(&ValidatingAdmissionPolicyBindings, &object, json!(["x", "p", expected, "10s"]));
        };
        check("null", "<unset>");
        check(r#"{"name":"n"}"#, "*/n");
        check(r#"{"name":"n","namespace":"s"}"#, "s/n");
        check(
            r#"{"selector":{"matchLabels":{"b":"2","a":"1"},"matchExpressions":[{"key":"k","operator":"In","values":["x","y"]}]}}"#,
            "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}",
        );
    }

    #[test]
    fn defaults() {
        check::default(
            &ValidatingAdmissionPolicyBindings,
            &binding(
                r#","matchResources":{"excludeResourceRules":[{"resources":["pods"]}],"objectSelector":{"matchLabels":{"a":"b"}}}"#,
            ),
            &binding(
                r#","matchResources":{"excludeResourceRules":[{"resources":["pods"],"scope":"*"}],"matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{"matchLabels":{"a":"b"}}}"#,
            ),
        );
        check::default(&ValidatingAdmissionPolicyBindings, &binding(""), &binding(""));
    }
}
