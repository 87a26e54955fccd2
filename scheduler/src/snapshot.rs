//! All nodes with their pods, kept incrementally: an event costs what it changes, whatever the cluster's size.
//!
//! Nodes have slots that do not move while they are there. Pods of one namespace with the same labels are a *group*: what
//! a selector says of one pod of a group it says of all, so that counting asks it once per group, and nodes only know how
//! many of each group they have. Pods on nodes that are not known yet wait for them.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::Labels;
use parking_lot::Mutex;

use crate::node::{Node, NodeInfo, Tally};
use crate::peers::Peers;
use crate::pod::PodInfo;
use crate::volumes::Volumes;

/// Pods that no selector tells apart.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) namespace: CompactString,
    pub(crate) labels: Labels,
    /// How many there are on known nodes.
    pub(crate) pods: u32,
}

/// The values of one label, by node: numbers instead of texts.
#[derive(Debug)]
pub(crate) struct Column {
    /// By slot; `None` where the label is missing.
    of: Vec<Option<u32>>,
    /// How many different values there are.
    pub(crate) values: usize,
}

impl Column {
    /// The number of a node's value.
    pub(crate) fn at(&self, node: &NodeInfo) -> Option<usize> {
        self.of.get(node.slot).copied().flatten().map(|number| number as usize)
    }
}

/// All nodes with their pods.
#[derive(Debug, Default)]
pub struct Snapshot {
    slots: Vec<Option<NodeInfo>>,
    free: Vec<usize>,
    by_name: HashMap<CompactString, usize>,
    /// Where each pod is, by uid.
    placed: HashMap<CompactString, Arc<PodInfo>>,
    /// Pods on nodes that are not known.
    waiting: HashMap<CompactString, Vec<Arc<PodInfo>>>,
    groups: Vec<Group>,
    free_groups: Vec<u32>,
    group_of: HashMap<(CompactString, Labels), u32>,
    namespaces: HashMap<CompactString, Labels>,
    /// On how many nodes an image is.
    images: HashMap<CompactString, u32>,
    /// How many pods on known nodes have terms about others.
    with_terms: usize,
    no_labels: Labels,
    peers: Peers,
    volumes: Volumes,
    /// Made when they are asked for, and anew when labels of nodes have changed.
    columns: Mutex<HashMap<CompactString, Arc<Column>>>,
}

impl Snapshot {
    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeInfo> {
        self.slots.iter().flatten()
    }

    /// All nodes, beginning at a slot, and going round.
    pub(crate) fn nodes_from(&self, start: usize) -> impl Iterator<Item = &NodeInfo> {
        let start = if self.slots.is_empty() { 0 } else { start % self.slots.len() };
        self.slots[start..].iter().chain(&self.slots[..start]).flatten()
    }

    /// Nodes that have pods with terms about others.
    pub(crate) fn nodes_with_terms(&self) -> impl Iterator<Item = &NodeInfo> {
        let none = self.with_terms == 0;
        let slots = if none { &[] } else { &self.slots[..] };
        slots.iter().flatten().filter(|node| !node.with_terms.is_empty())
    }

    /// A node.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.slots[*self.by_name.get(name)?].as_ref()
    }

    /// The pod of this uid, if it is on a node.
    #[must_use]
    pub fn pod(&self, uid: &str) -> Option<&Arc<PodInfo>> {
        self.placed.get(uid)
    }

    /// Which pods belong together.
    pub(crate) fn peers(&self) -> &Peers {
        &self.peers
    }

    /// To say which pods belong together.
    pub fn peers_mut(&mut self) -> &mut Peers {
        &mut self.peers
    }

    /// What is known of volumes.
    pub(crate) fn volumes(&self) -> &Volumes {
        &self.volumes
    }

    /// To say what is known of volumes, and to promise some.
    pub(crate) fn volumes_mut(&mut self) -> &mut Volumes {
        &mut self.volumes
    }

    /// The values of a label of nodes.
    pub(crate) fn column(&self, key: &str) -> Arc<Column> {
        let mut columns = self.columns.lock();
        if let Some(column) = columns.get(key) {
            return Arc::clone(column);
        }
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut of = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let value = slot.as_ref().and_then(|node| node.label(key));
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            of.push(value.map(|value| *numbers.entry(value).or_insert(next)));
        }
        let column = Arc::new(Column { of, values: numbers.len() });
        columns.insert(key.into(), Arc::clone(&column));
        column
    }

    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The labels of a namespace.
    pub(crate) fn namespace(&self, name: &str) -> &Labels {
        self.namespaces.get(name).unwrap_or(&self.no_labels)
    }

    /// On how many nodes an image is.
    pub(crate) fn nodes_with_image(&self, image: &str) -> u32 {
        self.images.get(image).copied().unwrap_or(0)
    }

    /// A namespace has these labels; `None` if it is gone.
    pub fn set_namespace(&mut self, name: &str, labels: Option<&Labels>) {
        match labels {
            Some(labels) => self.namespaces.insert(name.into(), labels.clone()),
            None => self.namespaces.remove(name),
        };
    }

    /// A node is there, or says something else of itself.
    pub fn set_node(&mut self, node: &Arc<Node>) {
        self.count_images(node, 1);
        if let Some(slot) = self.by_name.get(node.name()) {
            if let Some(info) = &mut self.slots[*slot] {
                let old = std::mem::replace(&mut info.node, Arc::clone(node));
                info.generation += 1;
                if old.labels() != node.labels() {
                    self.columns.get_mut().clear();
                }
                self.count_images(&old, -1);
            }
            return;
        }
        self.columns.get_mut().clear();
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(NodeInfo::new(Arc::clone(node), slot));
        self.by_name.insert(node.name().into(), slot);
        for pod in self.waiting.remove(node.name()).unwrap_or_default() {
            self.put(&pod);
        }
    }

    /// A node is gone. Its pods wait for it to come back.
    pub fn remove_node(&mut self, name: &str) {
        let Some(slot) = self.by_name.get(name).copied() else { return };
        let pods = self.slots[slot].as_ref().map(|info| info.pods.clone()).unwrap_or_default();
        pods.iter().for_each(|pod| self.take(pod));
        self.columns.get_mut().clear();
        self.by_name.remove(name);
        self.free.push(slot);
        if let Some(info) = self.slots[slot].take() {
            self.count_images(&info.node, -1);
        }
        if !pods.is_empty() {
            self.waiting.insert(name.into(), pods);
        }
    }

    /// A pod is on the node that it names. What it was before is forgotten.
    pub fn set_pod(&mut self, pod: &Arc<PodInfo>) {
        self.remove_pod(&pod.meta.uid);
        self.volumes.count(pod, 1);
        self.placed.insert(pod.meta.uid.clone(), Arc::clone(pod));
        if self.by_name.contains_key(&pod.node_name) {
            self.put(pod);
        } else {
            self.waiting.entry(pod.node_name.clone()).or_default().push(Arc::clone(pod));
        }
    }

    /// A pod is on no node any more.
    pub fn remove_pod(&mut self, uid: &str) -> Option<Arc<PodInfo>> {
        let pod = self.placed.remove(uid)?;
        self.volumes.count(&pod, -1);
        if self.by_name.contains_key(&pod.node_name) {
            self.take(&pod);
        } else if let Some(waiting) = self.waiting.get_mut(&pod.node_name) {
            waiting.retain(|other| other.meta.uid != uid);
            if waiting.is_empty() {
                self.waiting.remove(&pod.node_name);
            }
        }
        Some(pod)
    }

    fn put(&mut self, pod: &Arc<PodInfo>) {
        let group = self.join(pod);
        let Some(info) = self.by_name.get(&pod.node_name).and_then(|slot| self.slots[*slot].as_mut()) else {
            return;
        };
        info.put(pod);
        self.with_terms += usize::from(pod.has_pod_terms());
        let staying = u32::from(!pod.meta.is_deleting());
        match info.tallies.iter_mut().find(|tally| tally.group == group) {
            Some(tally) => {
                tally.all += 1;
                tally.staying += staying;
            }
            None => info.tallies.push(Tally { group, all: 1, staying }),
        }
    }

    fn take(&mut self, pod: &Arc<PodInfo>) {
        let group = self.leave(pod);
        let Some(info) = self.by_name.get(&pod.node_name).and_then(|slot| self.slots[*slot].as_mut()) else {
            return;
        };
        let taken = info.take(&pod.meta.uid);
        self.with_terms -= usize::from(taken.is_some_and(|pod| pod.has_pod_terms()));
        let staying = u32::from(!pod.meta.is_deleting());
        if let Some(tally) = info.tallies.iter_mut().find(|tally| Some(tally.group) == group) {
            tally.all -= 1;
            tally.staying -= staying;
        }
        info.tallies.retain(|tally| tally.all > 0);
    }

    fn join(&mut self, pod: &PodInfo) -> u32 {
        let key = (pod.meta.namespace.clone(), pod.meta.labels.clone());
        if let Some(group) = self.group_of.get(&key) {
            self.groups[*group as usize].pods += 1;
            return *group;
        }
        let group = Group { namespace: key.0.clone(), labels: key.1.clone(), pods: 1 };
        let number = match self.free_groups.pop() {
            Some(number) => {
                self.groups[number as usize] = group;
                number
            }
            None => {
                self.groups.push(group);
                u32::try_from(self.groups.len() - 1).expect("fewer groups than pods, fewer pods than that")
            }
        };
        self.group_of.insert(key, number);
        number
    }

    fn leave(&mut self, pod: &PodInfo) -> Option<u32> {
        let key = (pod.meta.namespace.clone(), pod.meta.labels.clone());
        let number = *self.group_of.get(&key)?;
        let group = &mut self.groups[number as usize];
        group.pods -= 1;
        if group.pods == 0 {
            self.group_of.remove(&key);
            self.free_groups.push(number);
        }
        Some(number)
    }

    fn count_images(&mut self, node: &Node, by: i32) {
        for (image, _) in &node.images {
            let count = self.images.entry(image.clone()).or_default();
            *count = count.saturating_add_signed(by);
            if *count == 0 {
                self.images.remove(image);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cases::{node, pod};

    fn shown(snapshot: &Snapshot) -> String {
        let mut nodes: Vec<String> = snapshot
            .nodes()
            .map(|info| {
                let tallies: Vec<_> =
                    info.tallies.iter().map(|tally| format!("{}/{}", tally.staying, tally.all)).collect();
                format!("{} {}m [{}]", info.node.name(), info.requested.milli_cpu, tallies.join(" "))
            })
            .collect();
        nodes.sort();
        nodes.join("; ")
    }

    #[test]
    fn it_follows_events() {
        let mut snapshot = Snapshot::default();
        let on = |name: &str, cpu: &str, node: &str| {
            pod(
                name,
                json!({"spec": {"nodeName": node,
                "containers": [{"resources": {"requests": {"cpu": cpu}}}]}}),
            )
        };
        snapshot.set_pod(&on("a", "1", "n"));
        assert_eq!(shown(&snapshot), "");
        snapshot.set_node(&node("n", json!({})));
        assert_eq!(shown(&snapshot), "n 1000m [1/1]");
        snapshot.set_pod(&on("b", "2", "n"));
        snapshot.set_pod(&on("b", "3", "n"));
        assert_eq!(shown(&snapshot), "n 4000m [2/2]");
        snapshot.remove_node("n");
        snapshot.set_node(&node("m", json!({})));
        assert_eq!(shown(&snapshot), "m 0m []");
        snapshot.remove_pod("uid-a");
        snapshot.set_node(&node("n", json!({})));
        assert_eq!(shown(&snapshot), "m 0m []; n 3000m [1/1]");
        snapshot.remove_pod("uid-b");
        assert_eq!((snapshot.group_of.len(), snapshot.free_groups.len()), (0, 1));
    }
}
