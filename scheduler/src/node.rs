//! A node, and what is on it.

use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::{Kind, Labels, Meta, Resource};
use serde::Deserialize;

use crate::pod::{HostPort, PodInfo, tagged};
use crate::resources::Resources;
use crate::wire;

/// A node as it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "wire::Node")]
pub struct Node {
    /// Its metadata.
    pub meta: Meta,
    /// Whether nothing new may be placed on it.
    pub unschedulable: bool,
    pub(crate) taints: Box<[Taint]>,
    /// What there is for pods.
    pub allocatable: Resources,
    /// Images by name, with their size in bytes.
    pub(crate) images: Box<[(CompactString, i64)]>,
}

impl Kind for Node {
    const RESOURCE: Resource = Resource::cluster("", "v1", "nodes", "Node");

    fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl Node {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.meta.name
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.meta.labels
    }
}

/// Why pods should not be on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taint(pub(crate) wire::Taint);

impl Taint {
    /// Whether nothing may be placed here that does not tolerate it.
    pub(crate) fn is_hard(&self) -> bool {
        self.0.effect == "NoSchedule" || self.0.effect == "NoExecute"
    }

    /// Whether it is only to be avoided.
    pub(crate) fn is_soft(&self) -> bool {
        self.0.effect == "PreferNoSchedule"
    }

    /// What stands for a node that takes nothing new.
    pub(crate) fn unschedulable() -> Self {
        Self(wire::Taint {
            key: "node.kubernetes.io/unschedulable".into(),
            value: CompactString::default(),
            effect: "NoSchedule".into(),
        })
    }
}

impl From<wire::Node> for Node {
    fn from(node: wire::Node) -> Self {
        let mut images: Vec<(CompactString, i64)> = Vec::new();
        for image in &node.status.images {
            images.extend(image.names.iter().map(|name| (tagged(name), image.size_bytes)));
        }
        images.sort_unstable();
        images.dedup_by(|one, other| one.0 == other.0);
        Self {
            allocatable: Resources::read(&node.status.allocatable),
            images: images.into(),
            unschedulable: node.spec.unschedulable,
            taints: node.spec.taints.into_iter().map(Taint).collect(),
            meta: node.metadata,
        }
    }
}

/// Pods of one namespace and the same labels on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) group: u32,
    pub(crate) all: u32,
    /// Without those that are on their way out.
    pub(crate) staying: u32,
}

/// A node with the pods on it.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    /// What it says of itself.
    pub node: Arc<Node>,
    /// Its place in the snapshot.
    pub(crate) slot: usize,
    /// What its pods ask for together.
    pub requested: Resources,
    pub(crate) presumed: Resources,
    pub(crate) pods: Vec<Arc<PodInfo>>,
    /// Of these, the ones with terms about others.
    pub(crate) with_terms: Vec<Arc<PodInfo>>,
    pub(crate) ports: Vec<HostPort>,
    pub(crate) tallies: Vec<Tally>,
    /// For how many pods room is being made here.
    pub(crate) expected: usize,
    /// Another one after each change, of all nodes' generations the largest.
    pub generation: u64,
}

impl NodeInfo {
    pub(crate) fn new(node: Arc<Node>, slot: usize) -> Self {
        Self {
            node,
            slot,
            requested: Resources::default(),
            presumed: Resources::default(),
            pods: Vec::new(),
            with_terms: Vec::new(),
            ports: Vec::new(),
            tallies: Vec::new(),
            expected: 0,
            generation: 0,
        }
    }

    /// The pods on it.
    #[must_use]
    pub fn pods(&self) -> &[Arc<PodInfo>] {
        &self.pods
    }

    /// Puts a pod here. Which pods are alike is the snapshot's to say.
    pub(crate) fn put(&mut self, pod: &Arc<PodInfo>) {
        self.account(pod, 1);
        self.ports.extend_from_slice(&pod.ports);
        if pod.has_pod_terms() {
            self.with_terms.push(Arc::clone(pod));
        }
        self.pods.push(Arc::clone(pod));
    }

    /// Takes a pod away.
    pub(crate) fn take(&mut self, uid: &str) -> Option<Arc<PodInfo>> {
        let at = self.pods.iter().position(|pod| pod.meta.uid == uid)?;
        let pod = self.pods.swap_remove(at);
        self.account(&pod, -1);
        for port in &pod.ports {
            if let Some(at) = self.ports.iter().position(|used| used == port) {
                self.ports.swap_remove(at);
            }
        }
        self.with_terms.retain(|other| other.meta.uid != uid);
        Some(pod)
    }

    /// A pod that is here says something else of itself, which changes nothing for the node.
    pub(crate) fn renew(&mut self, pod: &Arc<PodInfo>) {
        for there in self.pods.iter_mut().chain(&mut self.with_terms) {
            if there.meta.uid == pod.meta.uid {
                *there = Arc::clone(pod);
            }
        }
    }

    fn account(&mut self, pod: &PodInfo, times: i64) {
        self.requested.add(&pod.requests, times);
        self.presumed.add(&pod.presumed, times);
    }

    /// The value of a label.
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.node.meta.labels.get(key)
    }
}
