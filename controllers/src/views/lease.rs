//! Leases, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;

/// The resource.
pub(crate) const LEASES: Resource = Resource::namespaced("coordination.k8s.io", "v1", "leases", "Lease");
/// Where nodes' leases lie.
pub(crate) const OF_NODES: &str = "kube-node-lease";

/// A lease.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Lease {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
}

/// What is kept of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    /// As it is written: only whether it has changed counts, for clocks differ.
    pub(crate) renew_time: CompactString,
}

impl Kind for Lease {
    const RESOURCE: Resource = LEASES;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
