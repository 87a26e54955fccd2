//! Resource claim templates: claims to be, one for each pod.

use keelson_api::field::{Error, Errors};
use keelson_schema::tree::Object;

use super::{claim, requests};
use crate::edit::Edit;
use crate::object_life::Write;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::{At, IMMUTABLE, internal, same, volume_claim};

/// The resource.
#[derive(Debug)]
pub(crate) struct ResourceClaimTemplates;

const FACTS: Facts = Facts {
    group: "resource.k8s.io",
    versions: &["v1"],
    stored_as: ("resource.k8s.io", "v1"),
    kind: "ResourceClaimTemplate",
    plural: "resourceclaimtemplates",
    singular: "resourceclaimtemplate",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Age")],
};

impl Resource for ResourceClaimTemplates {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        let Some(mut spec) = object.part("spec") else { return };
        if let Some(mut claim) = spec.part("spec") {
            requests::default(&mut claim);
        }
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        requests::drop_gated(write.features, new, None, &["spec", "spec"]);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        requests::drop_gated(write.features, new, Some(old), &["spec", "spec"]);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        let spec = At::root(new, "spec");
        volume_claim::metadata(&spec.field("metadata"), errors);
        claim::check(&spec.field("spec").field("devices"), errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        let spec = At::root(new, "spec");
        volume_claim::metadata(&spec.field("metadata"), errors);
        claim::check(&spec.field("spec").field("devices"), errors);
        if !same::is_same(spec.view, old.view().field("spec")) {
            errors.push(Error::invalid(&spec.path, internal::shown_struct(spec.view), IMMUTABLE));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn claims_are_filled_in() {
        let template = |request: &str| {
            format!(
                r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaimTemplate","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{"spec":{{"devices":{{"requests":[{{"name":"a","exactly":{{"deviceClassName":"c"{request}}}}}]}}}}}}}}"#
            )
        };
        check::cells(&ResourceClaimTemplates, &template(""), json!(["x", "10s"]));
        let filled = template(r#","allocationMode":"ExactCount","count":1"#);
        check::default(&ResourceClaimTemplates, &template(""), &filled);
        check::create(
            &ResourceClaimTemplates,
            &template(r#","derivedAttributes":[{"name":"n"}]"#),
            &template(""),
        );
    }
}
