//! Replica sets, and replication controllers, which are the same but for their selector.

use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;

use super::condition::Condition;
use super::labels::Selection;
use super::template::Template;

/// The resource.
pub(crate) const REPLICASETS: Resource = Resource::namespaced("apps", "v1", "replicasets", "ReplicaSet");
/// The older resource.
pub(crate) const REPLICATIONCONTROLLERS: Resource =
    Resource::namespaced("", "v1", "replicationcontrollers", "ReplicationController");

/// A replica set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReplicaSet {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

impl Kind for ReplicaSet {
    const RESOURCE: Resource = REPLICASETS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// A replication controller.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct ReplicationController(pub(crate) ReplicaSet);

impl Kind for ReplicationController {
    const RESOURCE: Resource = REPLICATIONCONTROLLERS;

    fn meta(&self) -> &Meta {
        &self.0.metadata
    }
}

/// What is wanted.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) replicas: i32,
    pub(crate) min_ready_seconds: i64,
    pub(crate) selector: Selection,
    pub(crate) template: Template,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            replicas: 1,
            min_ready_seconds: 0,
            selector: Selection::default(),
            template: Template::default(),
        }
    }
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) replicas: i32,
    pub(crate) fully_labeled_replicas: i32,
    pub(crate) ready_replicas: i32,
    pub(crate) available_replicas: i32,
    pub(crate) terminating_replicas: Option<i32>,
    pub(crate) observed_generation: i64,
    pub(crate) conditions: Vec<Condition>,
}
