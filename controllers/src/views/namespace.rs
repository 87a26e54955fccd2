//! Namespaces, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;

use super::condition::Condition;

/// The resource.
pub(crate) const NAMESPACES: Resource = Resource::cluster("", "v1", "namespaces", "Namespace");

/// A namespace.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Namespace {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

impl Kind for Namespace {
    const RESOURCE: Resource = NAMESPACES;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// What keeps it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spec {
    pub(crate) finalizers: Vec<CompactString>,
}

/// How far it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) phase: CompactString,
    pub(crate) conditions: Vec<Condition>,
}
