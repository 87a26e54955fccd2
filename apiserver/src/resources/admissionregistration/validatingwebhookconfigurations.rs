//! Validating webhook configurations: who outside is asked whether something may be written.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use super::{asked, webhooks};
use crate::cells::{self, Cell};
use crate::defaults::webhook;
use crate::edit::Edit;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ValidatingWebhookConfigurations;

const FACTS: Facts = Facts {
    group: "admissionregistration.k8s.io",
    versions: &["v1"],
    stored_as: ("admissionregistration.k8s.io", "v1"),
    kind: "ValidatingWebhookConfiguration",
    plural: "validatingwebhookconfigurations",
    singular: "validatingwebhookconfiguration",
    short_names: &[],
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfContent,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::integer("Webhooks"), Column::text("Age")],
};

impl Resource for ValidatingWebhookConfigurations {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn counts_empty_lists(&self) -> bool {
        true
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let webhooks = cells::count(object.view().field("webhooks"));
        vec![cells::name(object), webhooks.into(), cells::age_of(object, now)]
    }

    fn default(&self, object: &mut Object) {
        for mut one in Edit::object(object).items("webhooks") {
            webhook::webhook(&mut one);
        }
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        asked::warn_of_name(new, old, warnings);
        asked::warn_of_rules(new, warnings);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        webhooks::check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        webhooks::check(new, Some(old), errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn object(name: &str, webhook: &str) -> String {
        format!(
            r#"{{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{{"name":"{name}","creationTimestamp":"2029-12-31T23:59:50Z"}},"webhooks":[{{"name":"w","sideEffects":"None","admissionReviewVersions":["v1"]{webhook}}}]}}"#
        )
    }

    #[test]
    fn cells_and_defaults() {
        check::cells(&ValidatingWebhookConfigurations, &object("x", ""), json!(["x", 1, "10s"]));
        check::default(
            &ValidatingWebhookConfigurations,
            &object(
                "x",
                r#","clientConfig":{"service":{"name":"s","namespace":"n"}},"rules":[{"resources":["pods"]},{"scope":"Cluster"}]"#,
            ),
            &object(
                "x",
                r#","clientConfig":{"service":{"name":"s","namespace":"n","port":443}},"rules":[{"resources":["pods"],"scope":"*"},{"scope":"Cluster"}],"failurePolicy":"Fail","matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{},"timeoutSeconds":10"#,
            ),
        );
    }

    #[test]
    fn warnings() {
        let object = object(
            "a.static.k8s.io",
            r#","rules":[{"apiGroups":["*"],"resources":["tokenreviews"]},{"apiGroups":["authentication.k8s.io","authorization.k8s.io"],"resources":["pods","subjectaccessreviews","subjectaccessreviews"]}]"#,
        );
        let rules = "webhooks[0].rules[1]: subjectaccessreviews.authorization.k8s.io is excluded from admission webhooks; this rule will have no effect";
        assert_eq!(check::warnings(&ValidatingWebhookConfigurations, &object, None), [rules]);
        assert_eq!(
            check::warnings(&ValidatingWebhookConfigurations, &object, Some(&object)),
            [
                r#"metadata.name: names ending with ".static.k8s.io" are reserved for static manifest-based configurations and cannot be managed via the API"#,
                rules
            ]
        );
    }
}
