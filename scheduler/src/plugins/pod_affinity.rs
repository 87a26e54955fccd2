//! `InterPodAffinity`: pods that must, must not, would like or would rather not be near others.
//!
//! Near is what has the same value of a label of nodes. A term of the pod is asked of each group of pods once, not of
//! each pod; and once counted, only pods that come and go are.

use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::Labels;

use crate::event::Event;
use crate::framework::{Filter, Liking, Plugin, Prepared, Rejection, SCORE_MAX, Score};
use crate::node::NodeInfo;
use crate::pod::{PodInfo, PodTerm};
use crate::snapshot::{Column, Snapshot};

/// The plugin.
#[derive(Clone, Debug)]
pub struct InterPodAffinity {
    /// What a pod's hard wish to be near this one weighs.
    pub hard_weight: i64,
    /// Whether what others would like does not count for pods that would like nothing themselves.
    pub ignores_wishes_of_others: bool,
}

impl Default for InterPodAffinity {
    fn default() -> Self {
        Self { hard_weight: 1, ignores_wishes_of_others: false }
    }
}

/// How many, by the value of one label.
struct Counts {
    key: CompactString,
    column: Arc<Column>,
    by_value: Vec<i64>,
}

impl Counts {
    fn new(key: &CompactString, snapshot: &Snapshot) -> Self {
        let column = snapshot.column(key);
        Self { key: key.clone(), by_value: vec![0; column.values], column }
    }

    fn of(&self, node: &NodeInfo) -> Option<i64> {
        Some(self.by_value[self.column.at(node)?])
    }

    /// Says whether the node has the label at all.
    fn add(&mut self, node: &NodeInfo, by: i64) -> bool {
        let value = self.column.at(node);
        if let Some(value) = value {
            self.by_value[value] += by;
        }
        value.is_some()
    }
}

/// How many, by label and value; only labels that some term names.
#[derive(Default)]
struct Table {
    by_key: Vec<Counts>,
    /// How many there are in all, so that nothing is looked up where there is nothing.
    entries: i64,
}

impl Table {
    /// So many entries of this weight more.
    fn add(
        &mut self,
        key: &CompactString,
        node: &NodeInfo,
        (entries, weight): (i64, i64),
        snapshot: &Snapshot,
    ) {
        let at = self.by_key.iter().position(|counts| counts.key == *key).unwrap_or_else(|| {
            self.by_key.push(Counts::new(key, snapshot));
            self.by_key.len() - 1
        });
        if self.by_key[at].add(node, entries * weight) {
            self.entries += entries;
        }
    }

    fn of<'a>(&'a self, node: &'a NodeInfo) -> impl Iterator<Item = i64> + 'a {
        let any = if self.entries == 0 { &[] } else { &self.by_key[..] };
        any.iter().filter_map(|counts| counts.of(node))
    }
}

/// Which groups a term means.
fn meant(term: &PodTerm, snapshot: &Snapshot) -> Vec<bool> {
    let groups = snapshot.groups().iter();
    groups
        .map(|group| {
            let of_namespace = snapshot.namespace(&group.namespace);
            group.pods > 0 && term.means(&group.namespace, &group.labels, of_namespace)
        })
        .collect()
}

fn count(node: &NodeInfo, meant: impl Fn(usize) -> bool) -> i64 {
    let tallies = node.tallies.iter().filter(|tally| meant(tally.group as usize));
    tallies.map(|tally| i64::from(tally.all)).sum()
}

fn means(term: &PodTerm, pod: &PodInfo, snapshot: &Snapshot) -> bool {
    term.means(&pod.meta.namespace, &pod.meta.labels, snapshot.namespace(&pod.meta.namespace))
}

struct Near {
    pod: Arc<PodInfo>,
    /// By term of its affinity, pods that all of them mean.
    wanted: Vec<Counts>,
    /// How many such pods there are in all.
    there: i64,
    /// Whether all terms of its own affinity mean itself.
    wants_itself: bool,
    /// Pods that its anti-affinity means.
    unwanted: Table,
    /// Pods whose anti-affinity means this one.
    unwanting: Table,
}

impl Near {
    fn new(pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Self {
        let mut near = Self {
            pod: Arc::clone(pod),
            wanted: pod.affinity.iter().map(|term| Counts::new(&term.topology_key, snapshot)).collect(),
            there: 0,
            wants_itself: false,
            unwanted: Table::default(),
            unwanting: Table::default(),
        };
        near.wants_itself = near.wants(pod, snapshot);
        for node in snapshot.nodes_with_terms() {
            node.with_terms.iter().for_each(|other| near.count_unwanting(other, node, 1, snapshot));
        }
        if pod.affinity.is_empty() && pod.anti_affinity.is_empty() {
            return near;
        }
        let wanted: Vec<_> = pod.affinity.iter().map(|term| meant(term, snapshot)).collect();
        let unwanted: Vec<_> = pod.anti_affinity.iter().map(|term| meant(term, snapshot)).collect();
        for node in snapshot.nodes().filter(|node| !node.tallies.is_empty()) {
            if !wanted.is_empty() {
                near.count_wanted(node, count(node, |group| wanted.iter().all(|meant| meant[group])));
            }
            for (term, meant) in pod.anti_affinity.iter().zip(&unwanted) {
                let there = count(node, |group| meant[group]);
                if there > 0 {
                    near.unwanted.add(&term.topology_key, node, (there, 1), snapshot);
                }
            }
        }
        near
    }

    fn count_unwanting(&mut self, other: &PodInfo, node: &NodeInfo, by: i64, snapshot: &Snapshot) {
        for term in other.anti_affinity.iter().filter(|term| means(term, &self.pod, snapshot)) {
            self.unwanting.add(&term.topology_key, node, (by, 1), snapshot);
        }
    }

    fn count_wanted(&mut self, node: &NodeInfo, by: i64) {
        for counts in &mut self.wanted {
            if counts.add(node, by) {
                self.there += by;
            }
        }
    }

    /// Whether all terms of its own affinity mean a pod.
    fn wants(&self, pod: &PodInfo, snapshot: &Snapshot) -> bool {
        !self.pod.affinity.is_empty() && self.pod.affinity.iter().all(|term| means(term, pod, snapshot))
    }

    fn is_near_wanted(&self, node: &NodeInfo) -> bool {
        let mut all_there = true;
        for counts in &self.wanted {
            let Some(there) = counts.of(node) else { return false };
            all_there &= there > 0;
        }
        // The first of pods that want to be together can be anywhere.
        all_there || self.there == 0 && self.wants_itself
    }
}

impl Filter for Near {
    fn check(&self, node: &NodeInfo) -> Result<(), Rejection> {
        if !self.is_near_wanted(node) {
            return Err(Rejection::final_one("node(s) didn't match pod affinity rules"));
        }
        if self.unwanted.of(node).any(|there| there > 0) {
            return Err(Rejection::resolvable("node(s) didn't match pod anti-affinity rules"));
        }
        if self.unwanting.of(node).any(|there| there > 0) {
            return Err(Rejection::resolvable("node(s) didn't satisfy existing pods anti-affinity rules"));
        }
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.entries == 0 && self.unwanting.entries == 0
    }

    fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64, snapshot: &Snapshot) {
        self.count_unwanting(pod, node, by, snapshot);
        if self.wants(pod, snapshot) {
            self.count_wanted(node, by);
        }
        for term in self.pod.anti_affinity.iter().filter(|term| means(term, pod, snapshot)) {
            self.unwanted.add(&term.topology_key, node, (by, 1), snapshot);
        }
    }
}

/// How much a pod would like to be where others are.
struct Wishes {
    pod: Arc<PodInfo>,
    hard_weight: i64,
    sums: Table,
}

impl Wishes {
    fn new(pod: &Arc<PodInfo>, hard_weight: i64, snapshot: &Snapshot) -> Self {
        let mut wishes = Self { pod: Arc::clone(pod), hard_weight, sums: Table::default() };
        for node in snapshot.nodes_with_terms() {
            node.with_terms.iter().for_each(|other| wishes.count_others(other, node, 1, snapshot));
        }
        let liked: Vec<_> = pod.preferred_pods.iter().map(|(_, term)| meant(term, snapshot)).collect();
        if liked.is_empty() {
            return wishes;
        }
        for node in snapshot.nodes().filter(|node| !node.tallies.is_empty()) {
            for ((weight, term), meant) in pod.preferred_pods.iter().zip(&liked) {
                let there = count(node, |group| meant[group]);
                if there > 0 {
                    wishes.sums.add(&term.topology_key, node, (there, *weight), snapshot);
                }
            }
        }
        wishes
    }

    /// What another pod wishes of this one.
    fn count_others(&mut self, other: &PodInfo, node: &NodeInfo, by: i64, snapshot: &Snapshot) {
        let hard = if self.hard_weight > 0 { &other.affinity[..] } else { &[] };
        for term in hard.iter().filter(|term| means(term, &self.pod, snapshot)) {
            self.sums.add(&term.topology_key, node, (by, self.hard_weight), snapshot);
        }
        for (weight, term) in other.preferred_pods.iter().filter(|(_, term)| means(term, &self.pod, snapshot))
        {
            self.sums.add(&term.topology_key, node, (by, *weight), snapshot);
        }
    }
}

impl Score for Wishes {
    fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64, snapshot: &Snapshot) {
        self.count_others(pod, node, by, snapshot);
        for (weight, term) in self.pod.preferred_pods.iter().filter(|(_, term)| means(term, pod, snapshot)) {
            self.sums.add(&term.topology_key, node, (by, *weight), snapshot);
        }
    }

    fn see(&mut self, _feasible: &[&NodeInfo]) -> bool {
        self.sums.entries > 0
    }

    fn of(&self, node: &NodeInfo) -> i64 {
        self.sums.of(node).sum()
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "upstream's arithmetic")]
    fn normalize(&self, scores: &mut [i64]) {
        let least = scores.iter().copied().min().unwrap_or(0);
        let range = scores.iter().copied().max().unwrap_or(0) - least;
        for score in scores {
            let part = if range > 0 { (*score - least) as f64 / range as f64 } else { 0.0 };
            *score = (SCORE_MAX as f64 * part) as i64;
        }
    }
}

impl Plugin for InterPodAffinity {
    fn name(&self) -> &'static str {
        "InterPodAffinity"
    }

    fn filter(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Prepared {
        Prepared::Wide(Box::new(Near::new(pod, snapshot)))
    }

    fn score(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Liking {
        if self.ignores_wishes_of_others && pod.preferred_pods.is_empty() {
            return Liking::Same;
        }
        Liking::Wide(Box::new(Wishes::new(pod, self.hard_weight, snapshot)))
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        // Namespaces' labels are not at hand here: a term that selects by them may be met, so it is tried.
        let any = |terms: &[PodTerm], other: &PodInfo| {
            terms.iter().any(|term| {
                term.selects_namespaces()
                    || term.means(&other.meta.namespace, &other.meta.labels, &Labels::default())
            })
        };
        match event {
            Event::PodPlaced(other) => any(&pod.affinity, other),
            Event::PodGone(other) => any(&pod.anti_affinity, other) || any(&other.anti_affinity, pod),
            Event::PodChanged { old, new } => {
                old.meta.labels != new.meta.labels
                    && (any(&pod.affinity, new)
                        || any(&pod.anti_affinity, old)
                        || any(&new.anti_affinity, pod))
            }
            Event::ItselfChanged { old } => old.meta.labels != pod.meta.labels,
            Event::NodeCame(node) => {
                let terms = pod.affinity.iter().chain(&pod.anti_affinity);
                let mut keys = terms.map(|term| &term.topology_key);
                pod.affinity.is_empty() || keys.any(|key| node.labels().get(key).is_some())
            }
            Event::NodeChanged { old, new } => old.labels() != new.labels(),
            Event::NodeGone(_) => false,
            Event::NamespaceChanged(_) => {
                pod.affinity.iter().chain(&pod.anti_affinity).any(PodTerm::selects_namespaces)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "pod_affinity_tests.rs"]
mod tests;
