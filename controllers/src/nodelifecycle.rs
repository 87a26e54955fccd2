//! Nodes that are not heard of: they are said to be unknown, and tainted, so that their pods are replaced elsewhere.
//!
//! A node is heard of by its lease, or by the time in its own status; what counts is when we saw that change, for clocks
//! differ. What its conditions say keeps pods away by taints at once; that pods have to leave it is said slowly, zone by
//! zone, and not at all while all nodes are lost.

mod plan;
#[cfg(test)]
mod tests;
mod zones;

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key};
use parking_lot::Mutex;

use crate::driver::{Controller, Inputs};
use crate::plan::Plan;
use crate::pods;
use crate::views::lease::{Lease, OF_NODES};
use crate::views::node::Node;
use crate::views::pod::Pod;
use plan::{Health, View};
use zones::Zones;

/// The controller. Keys are nodes.
pub(crate) struct NodeLifecycle {
    nodes: Arc<Cache<Node>>,
    leases: Arc<Cache<Lease>>,
    pods: Arc<Cache<Pod>>,
    memory: Arc<Mutex<Memory>>,
}

/// What is remembered of nodes. Lost when the process ends, which only makes it wait anew.
#[derive(Debug, Default)]
struct Memory {
    health: HashMap<CompactString, Health>,
    zones: Zones,
}

impl NodeLifecycle {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self::over(caches.of(), caches.of(), caches.of())
    }

    fn over(nodes: Arc<Cache<Node>>, leases: Arc<Cache<Lease>>, pods: Arc<Cache<Pod>>) -> Self {
        pods::index_by_node(&pods);
        Self { nodes, leases, pods, memory: Arc::default() }
    }
}

impl Controller for NodeLifecycle {
    fn inputs(&self, inputs: &Inputs) {
        let (memory, nodes) = (Arc::clone(&self.memory), Arc::clone(&self.nodes));
        inputs.map(&self.nodes, move |change| {
            let Some(node) = change.latest() else { return Vec::new() };
            let now = change.new.map(Arc::as_ref);
            if memory.lock().zones.count(&node.metadata.name, now) {
                return nodes.list("").iter().map(|node| node.metadata.key()).collect();
            }
            vec![node.metadata.key()]
        });
        inputs.map(&self.leases, |change| {
            let lease = change.new.filter(|lease| lease.metadata.namespace == OF_NODES);
            lease.map(|lease| Key::new("", &lease.metadata.name)).into_iter().collect()
        });
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let mut memory = self.memory.lock();
        let Memory { health, zones } = &mut *memory;
        let Some(node) = self.nodes.get(key) else {
            zones.keep(key.name());
            return health
                .remove(key.name())
                .map_or_else(Plan::nothing, |health| plan::gone(key.name(), &health));
        };
        let lease = self.leases.get(&Key::new(OF_NODES, key.name()));
        let view =
            View { node: &node, lease: lease.as_deref(), pods: &|| self.pods.by(pods::BY_NODE, key.name()) };
        plan::plan(&view, health, zones, now)
    }
}
