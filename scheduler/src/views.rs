//! What is kept of the other kinds that placing looks at.

use keelson_api::selector::label::Selector;
use keelson_client::{Kind, Labels, Meta, Resource};
use serde::Deserialize;

use crate::selectors::Written;

/// A namespace.
#[derive(Debug, Deserialize)]
pub(crate) struct Namespace {
    pub(crate) metadata: Meta,
}

impl Kind for Namespace {
    const RESOURCE: Resource = Resource::cluster("", "v1", "namespaces", "Namespace");

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// A service.
#[derive(Debug, Deserialize)]
pub(crate) struct Service {
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: Plain,
}

impl Kind for Service {
    const RESOURCE: Resource = Resource::namespaced("", "v1", "services", "Service");

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// What selects by labels alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Plain {
    pub(crate) selector: Option<Labels>,
}

/// What selects in all ways there are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Rich {
    selector: Option<Written>,
}

/// A controller whose pods belong together.
pub(crate) trait Controller: Kind {
    /// What selects its pods.
    fn selector(&self) -> Selector;
}

/// A replication controller.
#[derive(Debug, Deserialize)]
pub(crate) struct ReplicationController {
    metadata: Meta,
    #[serde(default)]
    spec: Plain,
}

impl Kind for ReplicationController {
    const RESOURCE: Resource =
        Resource::namespaced("", "v1", "replicationcontrollers", "ReplicationController");

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Controller for ReplicationController {
    fn selector(&self) -> Selector {
        Selector::with_labels(self.spec.selector.iter().flat_map(Labels::iter))
    }
}

/// A replica set.
#[derive(Debug, Deserialize)]
pub(crate) struct ReplicaSet {
    metadata: Meta,
    #[serde(default)]
    spec: Rich,
}

impl Kind for ReplicaSet {
    const RESOURCE: Resource = Resource::namespaced("apps", "v1", "replicasets", "ReplicaSet");

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Controller for ReplicaSet {
    fn selector(&self) -> Selector {
        Written::read_option(self.spec.selector.as_ref())
    }
}

/// A stateful set.
#[derive(Debug, Deserialize)]
pub(crate) struct StatefulSet {
    metadata: Meta,
    #[serde(default)]
    spec: Rich,
}

impl Kind for StatefulSet {
    const RESOURCE: Resource = Resource::namespaced("apps", "v1", "statefulsets", "StatefulSet");

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Controller for StatefulSet {
    fn selector(&self) -> Selector {
        Written::read_option(self.spec.selector.as_ref())
    }
}
