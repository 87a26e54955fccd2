//! Roles: rules of what may be done in a namespace.

use keelson_api::field::Errors;
use keelson_api::names::object::{self, Rule};
use keelson_schema::tree::Object;

use super::policy;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct Roles;

const FACTS: Facts = Facts {
    group: "rbac.authorization.k8s.io",
    versions: &["v1"],
    stored_as: ("rbac.authorization.k8s.io", "v1"),
    kind: "Role",
    plural: "roles",
    singular: "role",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: true,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column { type_: "date", ..Column::text("Created At") }],
};

impl Resource for Roles {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        object::path_segment
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        policy::check(new, true, errors);
    }

    fn validate_update(&self, new: &Object, _: &Object, errors: &mut Errors) {
        policy::check(new, true, errors);
    }
}
