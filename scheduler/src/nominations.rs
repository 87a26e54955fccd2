//! Pods for which room is being made, and where.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;

use crate::pod::PodInfo;

/// Pods for which room is being made, by node.
#[derive(Debug, Default)]
pub(crate) struct Nominations {
    by_node: HashMap<CompactString, Vec<Arc<PodInfo>>>,
    node_of: HashMap<CompactString, CompactString>,
}

impl Nominations {
    /// Room is being made for a pod on this node; on none if that is empty.
    pub(crate) fn set(&mut self, pod: &Arc<PodInfo>, node: &str) {
        self.remove(&pod.meta.uid);
        if !node.is_empty() {
            self.by_node.entry(node.into()).or_default().push(Arc::clone(pod));
            self.node_of.insert(pod.meta.uid.clone(), node.into());
        }
    }

    /// A pod needs no room any more.
    pub(crate) fn remove(&mut self, uid: &str) {
        let Some(node) = self.node_of.remove(uid) else { return };
        if let Some(pods) = self.by_node.get_mut(&node) {
            pods.retain(|pod| pod.meta.uid != uid);
            if pods.is_empty() {
                self.by_node.remove(&node);
            }
        }
    }

    /// Where room is being made for a pod.
    #[must_use]
    pub(crate) fn node_of(&self, uid: &str) -> Option<&str> {
        self.node_of.get(uid).map(CompactString::as_str)
    }

    /// The pods for which room is being made on a node.
    #[must_use]
    pub(crate) fn on(&self, node: &str) -> &[Arc<PodInfo>] {
        self.by_node.get(node).map_or(&[], Vec::as_slice)
    }
}
