//! Nodes, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;

/// A node.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) metadata: Meta,
}

impl Kind for Node {
    const RESOURCE: Resource = Resource::cluster("", "v1", "nodes", "Node");

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
}
