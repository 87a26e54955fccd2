//! Nodes, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource, Time};
use serde::Deserialize;

use super::taint::Taint;

/// The resource.
pub(crate) const NODES: Resource = Resource::cluster("", "v1", "nodes", "Node");
/// What somebody marks a node with that will not come back.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// The effect of a taint that pods on the node have to put up with, too.
pub(crate) const NO_EXECUTE: &str = "NoExecute";

/// A node.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: Spec,
    #[serde(default)]
    pub(crate) status: Status,
}

/// What is wanted of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spec {
    pub(crate) taints: Box<[Taint]>,
    pub(crate) unschedulable: bool,
    #[serde(rename = "podCIDRs")]
    pub(crate) pod_ranges: Box<[CompactString]>,
}

/// What became of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) conditions: Box<[Condition]>,
}

/// What it says of itself, or somebody else of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: CompactString,
    pub(crate) status: CompactString,
    pub(crate) last_heartbeat_time: Option<Time>,
}

impl Kind for Node {
    const RESOURCE: Resource = NODES;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Node {
    /// Where it stands, if it says so.
    pub(crate) fn zone(&self) -> Option<CompactString> {
        self.metadata
            .labels
            .get("topology.kubernetes.io/zone")
            .filter(|zone| !zone.is_empty())
            .map(Into::into)
    }

    /// A condition of it.
    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// Whether it says that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|ready| ready.status == "True")
    }

    /// Whether it is not ready, and somebody says that it will not be again.
    pub(crate) fn is_out_of_service(&self) -> bool {
        !self.is_ready() && self.spec.taints.iter().any(|taint| taint.key == OUT_OF_SERVICE)
    }

    /// The taints that pods on it have to put up with.
    pub(crate) fn driving_out(&self) -> impl Iterator<Item = &Taint> {
        self.spec.taints.iter().filter(|taint| taint.effect == NO_EXECUTE)
    }
}
