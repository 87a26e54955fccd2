//! All nodes with their pods, kept incrementally: an event costs what it changes, whatever the cluster's size.
//!
//! Nodes have slots that do not move while they are there. Pods of one namespace with the same labels are a *group*: what
//! a selector says of one pod of a group it says of all, so that counting asks it once per group, and nodes only know how
//! many of each group they have. Pods on nodes that are not known yet wait for them.
//!
//! Whoever keeps what was found out learns from it what still holds: a node's generation grows with each change of it or
//! of its pods, moves tell of each pod that came or went, and an epoch ends when labels, taints or images of nodes are
//! others, when nodes come or go, or when it has changed who belongs together.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::Labels;
use parking_lot::Mutex;

use crate::like::are_alike;
use crate::node::{Node, NodeInfo, Taint, Tally};
use crate::nominations::Nominations;
use crate::peers::Peers;
use crate::pod::PodInfo;
use crate::preemption::Budget;
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

/// How many moves are remembered; whoever was away longer looks at everything.
const MOVES_MAX: usize = 4096;

/// What tells zones apart.
const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";

/// Pods that came (1) to or went (-1) from a slot, the last ones.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    last: VecDeque<(Arc<PodInfo>, usize, i64)>,
    end: u64,
}

impl Moves {
    /// How many there were ever.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Those after so many; `None` if they are not all remembered.
    pub(crate) fn since(&self, from: u64) -> Option<impl Iterator<Item = &(Arc<PodInfo>, usize, i64)>> {
        let missed = usize::try_from(self.end - from).ok()?;
        Some(self.last.range(self.last.len().checked_sub(missed)?..))
    }

    fn add(&mut self, pod: &Arc<PodInfo>, slot: usize, by: i64) {
        if self.last.len() == MOVES_MAX {
            self.last.pop_front();
        }
        self.last.push_back((Arc::clone(pod), slot, by));
        self.end += 1;
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
    /// In which order nodes are looked at: one of each zone after the other.
    order: Mutex<Option<Arc<[usize]>>>,
    nominations: Nominations,
    budgets: Vec<Arc<Budget>>,
    /// Grows with each change of budgets.
    budgets_version: u64,
    /// Grows with each change of a node.
    generation: u64,
    epoch: u64,
    moves: Moves,
    /// On how many nodes there are taints that are only to be avoided.
    soft_taints: usize,
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

    /// The node of a slot.
    pub(crate) fn at(&self, slot: usize) -> Option<&NodeInfo> {
        self.slots.get(slot).and_then(Option::as_ref)
    }

    /// How many slots there are, also those that are free.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The slots of all nodes in the order in which they are looked at.
    pub(crate) fn order(&self) -> Arc<[usize]> {
        Arc::clone(self.order.lock().get_or_insert_with(|| by_turns(self.nodes())))
    }

    /// What ends when more has changed than single nodes and where pods are.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch + self.peers.version()
    }

    /// Pods that came and went.
    pub(crate) fn moves(&self) -> &Moves {
        &self.moves
    }

    /// Whether any node has taints that are only to be avoided.
    pub(crate) fn has_soft_taints(&self) -> bool {
        self.soft_taints > 0
    }

    /// Pods for which room is being made.
    pub(crate) fn nominations(&self) -> &Nominations {
        &self.nominations
    }

    /// Room is being made for a pod on this node; on none if that is empty.
    pub(crate) fn nominate(&mut self, pod: &Arc<PodInfo>, node: &str) {
        self.forget_nomination(&pod.meta.uid);
        self.nominations.set(pod, node);
        self.expect(node);
    }

    /// A pod needs no room any more.
    pub(crate) fn forget_nomination(&mut self, uid: &str) {
        let Some(node) = self.nominations.node_of(uid).map(CompactString::from) else { return };
        self.nominations.remove(uid);
        self.expect(&node);
    }

    fn expect(&mut self, node: &str) {
        let expected = self.nominations.on(node).len();
        self.change(node, |info| info.expected = expected);
    }

    /// How many pods may be disturbed; and as of when that is.
    pub(crate) fn budgets(&self) -> (&[Arc<Budget>], u64) {
        (&self.budgets, self.budgets_version)
    }

    /// So many pods may be disturbed.
    pub(crate) fn set_budgets(&mut self, budgets: Vec<Arc<Budget>>) {
        self.budgets = budgets;
        self.budgets_version += 1;
    }

    fn change(&mut self, node: &str, change: impl FnOnce(&mut NodeInfo)) {
        if let Some(info) = self.by_name.get(node).and_then(|slot| self.slots[*slot].as_mut()) {
            self.generation += 1;
            info.generation = self.generation;
            change(info);
        }
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

    /// How many pods are on nodes.
    pub(crate) fn pods(&self) -> usize {
        self.placed.len()
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
        if self.namespaces.get(name) != labels {
            self.epoch += 1;
        }
        match labels {
            Some(labels) => self.namespaces.insert(name.into(), labels.clone()),
            None => self.namespaces.remove(name),
        };
    }

    /// A node is there, or says something else of itself.
    pub fn set_node(&mut self, node: &Arc<Node>) {
        if let Some(slot) = self.by_name.get(node.name()).copied() {
            if let Some(info) = &mut self.slots[slot] {
                let old = std::mem::replace(&mut info.node, Arc::clone(node));
                self.node_changed(&old, node);
            }
            return;
        }
        self.count_node(node, 1);
        self.begin_epoch();
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(NodeInfo::new(Arc::clone(node), slot));
        self.by_name.insert(node.name().into(), slot);
        self.expect(node.name());
        for pod in self.waiting.remove(node.name()).unwrap_or_default() {
            self.put(&pod);
        }
    }

    /// Most changes are only a sign of life: then nothing has changed.
    fn node_changed(&mut self, old: &Node, new: &Node) {
        if old.labels() != new.labels() || old.taints != new.taints || old.images != new.images {
            self.count_node(new, 1);
            self.count_node(old, -1);
            self.begin_epoch();
        }
        if old.allocatable != new.allocatable || old.unschedulable != new.unschedulable {
            self.change(new.name(), |_| {});
        }
    }

    fn begin_epoch(&mut self) {
        self.epoch += 1;
        self.columns.get_mut().clear();
        *self.order.get_mut() = None;
    }

    /// A node is gone. Its pods wait for it to come back.
    pub fn remove_node(&mut self, name: &str) {
        let Some(slot) = self.by_name.get(name).copied() else { return };
        let pods = self.slots[slot].as_ref().map(|info| info.pods.clone()).unwrap_or_default();
        pods.iter().for_each(|pod| self.take(pod));
        self.begin_epoch();
        self.by_name.remove(name);
        self.free.push(slot);
        if let Some(info) = self.slots[slot].take() {
            self.count_node(&info.node, -1);
        }
        if !pods.is_empty() {
            self.waiting.insert(name.into(), pods);
        }
    }

    /// A pod is on the node that it names. What it was before is forgotten.
    pub fn set_pod(&mut self, pod: &Arc<PodInfo>) {
        if self.renew(pod) {
            return;
        }
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

    /// Takes over what a pod says of itself now, if that makes no difference to others. Says whether that was so.
    fn renew(&mut self, pod: &Arc<PodInfo>) -> bool {
        let Some(old) = self.placed.get(&pod.meta.uid) else { return false };
        if old.node_name != pod.node_name || old.started != pod.started || !are_alike(old, pod) {
            return false;
        }
        let Some(info) = self.by_name.get(&pod.node_name).and_then(|slot| self.slots[*slot].as_mut()) else {
            return false;
        };
        info.renew(pod);
        self.placed.insert(pod.meta.uid.clone(), Arc::clone(pod));
        true
    }

    fn put(&mut self, pod: &Arc<PodInfo>) {
        let group = self.join(pod);
        let Some(info) = self.by_name.get(&pod.node_name).and_then(|slot| self.slots[*slot].as_mut()) else {
            return;
        };
        info.put(pod);
        self.generation += 1;
        info.generation = self.generation;
        self.moves.add(pod, info.slot, 1);
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
        self.generation += 1;
        info.generation = self.generation;
        self.moves.add(pod, info.slot, -1);
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

    fn count_node(&mut self, node: &Node, by: i32) {
        if node.taints.iter().any(Taint::is_soft) {
            self.soft_taints = self.soft_taints.saturating_add_signed(isize::try_from(by).unwrap_or(0));
        }
        for (image, _) in &node.images {
            let count = self.images.entry(image.clone()).or_default();
            *count = count.saturating_add_signed(by);
            if *count == 0 {
                self.images.remove(image);
            }
        }
    }
}

/// One node of each zone after the other, as long as there are any: whoever looks at a few sees all zones.
fn by_turns<'a>(nodes: impl Iterator<Item = &'a NodeInfo>) -> Arc<[usize]> {
    let mut zones: Vec<((Option<&str>, Option<&str>), Vec<usize>)> = Vec::new();
    let mut known: HashMap<(Option<&str>, Option<&str>), usize> = HashMap::new();
    for node in nodes {
        let zone = (node.label(REGION), node.label(ZONE));
        let at = *known.entry(zone).or_insert_with(|| {
            zones.push((zone, Vec::new()));
            zones.len() - 1
        });
        zones[at].1.push(node.slot);
    }
    let longest = zones.iter().map(|(_, slots)| slots.len()).max().unwrap_or(0);
    let turn = |round: usize| zones.iter().filter_map(move |(_, slots)| slots.get(round).copied());
    (0..longest).flat_map(turn).collect()
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
