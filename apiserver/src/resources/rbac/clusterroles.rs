//! Cluster roles: rules of what may be done, for the cluster or any namespace.

use keelson_api::names::object::{self, Rule};

use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ClusterRoles;

const FACTS: Facts = Facts {
    group: "rbac.authorization.k8s.io",
    versions: &["v1"],
    stored_as: ("rbac.authorization.k8s.io", "v1"),
    kind: "ClusterRole",
    plural: "clusterroles",
    singular: "clusterrole",
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
    columns: &[Column::NAME, Column { type_: "date", ..Column::text("Created At") }],
};

impl Resource for ClusterRoles {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        object::path_segment
    }
}
