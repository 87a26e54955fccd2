//! Nodes, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;

use super::taint::Taint;

/// The resource.
pub(crate) const NODES: Resource = Resource::cluster("", "v1", "nodes", "Node");
/// What somebody marks a node with that will not come back.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// A node.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: Spec,
    #[serde(default)]
    status: Status,
}

/// What is wanted of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spec {
    pub(crate) taints: Box<[Taint]>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Box<[Condition]>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: CompactString,
    status: CompactString,
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

    /// Whether it is not ready, and somebody says that it will not be again.
    pub(crate) fn is_out_of_service(&self) -> bool {
        let ready = self
            .status
            .conditions
            .iter()
            .any(|condition| condition.kind == "Ready" && condition.status == "True");
        !ready && self.spec.taints.iter().any(|taint| taint.key == OUT_OF_SERVICE)
    }
}
