//! Device classes: kinds of devices that claims can ask for.

use keelson_api::field::Errors;
use keelson_schema::tree::Object;

use super::claim;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::At;

/// The resource.
#[derive(Debug)]
pub(crate) struct DeviceClasses;

const FACTS: Facts = Facts {
    group: "resource.k8s.io",
    versions: &["v1"],
    stored_as: ("resource.k8s.io", "v1"),
    kind: "DeviceClass",
    plural: "deviceclasses",
    singular: "deviceclass",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Age")],
};

impl Resource for DeviceClasses {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn looks_at_prefix(&self) -> bool {
        false
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        claim::check_class(&At::root(new, "spec"), errors);
    }

    fn validate_update(&self, new: &Object, _: &Object, errors: &mut Errors) {
        claim::check_class(&At::root(new, "spec"), errors);
    }
}
