//! Cluster role bindings: who has a role in the whole cluster.

use keelson_api::field::Errors;
use keelson_api::names::object::{self, Rule};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use super::subjects;
use crate::cells::Cell;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ClusterRoleBindings;

const FACTS: Facts = Facts {
    group: "rbac.authorization.k8s.io",
    versions: &["v1"],
    stored_as: ("rbac.authorization.k8s.io", "v1"),
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    singular: "clusterrolebinding",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: true,
    subresources: &[],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Role"),
        Column::text("Age"),
        Column::text("Users").wide(),
        Column::text("Groups").wide(),
        Column::text("ServiceAccounts").wide(),
    ],
};

impl Resource for ClusterRoleBindings {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        object::path_segment
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        subjects::cells(object, now)
    }

    fn default(&self, object: &mut Object) {
        subjects::default(object);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        subjects::check(new, &["ClusterRole"], false, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        subjects::check(new, &["ClusterRole"], false, errors);
        subjects::keep_role(new, old, errors);
    }
}
