//! `InterPodAffinity`: pods that must, must not, would like or would rather not be near others.
//!
//! Near is what has the same value of a label of nodes. A term of the pod is asked of each group of pods once, not of
//! each pod.

use std::collections::HashMap;

use keelson_client::Labels;

use crate::event::Event;
use crate::framework::{Filter, Plugin, Prepared, Rejection, SCORE_MAX, Score};
use crate::node::NodeInfo;
use crate::pod::{PodInfo, PodTerm};
use crate::snapshot::Snapshot;

pub(super) struct InterPodAffinity;

/// What a pod's hard wish to be near this one weighs.
const HARD_WEIGHT: i64 = 1;

/// By label and value, how many.
type Counts<'a> = HashMap<(&'a str, &'a str), i64>;

fn add<'a>(counts: &mut Counts<'a>, key: &'a str, node: &'a NodeInfo, by: i64) {
    if let Some(value) = node.label(key) {
        *counts.entry((key, value)).or_default() += by;
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

#[derive(Clone)]
struct Near<'a> {
    pod: &'a PodInfo,
    snapshot: &'a Snapshot,
    /// Pods that all terms of this one's affinity mean.
    wanted: Counts<'a>,
    /// Pods that its anti-affinity means.
    unwanted: Counts<'a>,
    /// Pods whose anti-affinity means this one.
    unwanting: Counts<'a>,
}

impl<'a> Near<'a> {
    fn new(pod: &'a PodInfo, snapshot: &'a Snapshot) -> Self {
        let mut near =
            Self { pod, snapshot, wanted: Counts::new(), unwanted: Counts::new(), unwanting: Counts::new() };
        for node in snapshot.nodes_with_terms() {
            let terms = node.with_terms.iter().flat_map(|other| &other.anti_affinity);
            for term in terms.filter(|term| means(term, pod, snapshot)) {
                add(&mut near.unwanting, &term.topology_key, node, 1);
            }
        }
        if pod.affinity.is_empty() && pod.anti_affinity.is_empty() {
            return near;
        }
        let wanted: Vec<_> = pod.affinity.iter().map(|term| meant(term, snapshot)).collect();
        let unwanted: Vec<_> = pod.anti_affinity.iter().map(|term| meant(term, snapshot)).collect();
        for node in snapshot.nodes().filter(|node| !node.tallies.is_empty()) {
            if !wanted.is_empty() {
                let there = count(node, |group| wanted.iter().all(|meant| meant[group]));
                for term in pod.affinity.iter().filter(|_| there > 0) {
                    add(&mut near.wanted, &term.topology_key, node, there);
                }
            }
            for (term, meant) in pod.anti_affinity.iter().zip(&unwanted) {
                let there = count(node, |group| meant[group]);
                if there > 0 {
                    add(&mut near.unwanted, &term.topology_key, node, there);
                }
            }
        }
        near
    }

    fn is_empty(&self) -> bool {
        self.unwanting.is_empty() && self.pod.affinity.is_empty() && self.pod.anti_affinity.is_empty()
    }

    /// Whether all terms of its own affinity mean a pod.
    fn wants(&self, pod: &PodInfo) -> bool {
        !self.pod.affinity.is_empty() && self.pod.affinity.iter().all(|term| means(term, pod, self.snapshot))
    }

    fn is_near_wanted(&self, node: &NodeInfo) -> bool {
        let mut all_there = true;
        for term in &self.pod.affinity {
            let Some(value) = node.label(&term.topology_key) else { return false };
            let there = self.wanted.get(&(term.topology_key.as_str(), value)).copied().unwrap_or(0);
            all_there &= there > 0;
        }
        // The first of pods that want to be together can be anywhere.
        all_there || self.wanted.values().all(|there| *there == 0) && self.wants(self.pod)
    }

    fn is_near_unwanted(&self, node: &NodeInfo) -> bool {
        self.pod.anti_affinity.iter().any(|term| {
            let value = node.label(&term.topology_key);
            let there = value.and_then(|value| self.unwanted.get(&(term.topology_key.as_str(), value)));
            there.is_some_and(|there| *there > 0)
        })
    }

    fn is_unwanted(&self, node: &NodeInfo) -> bool {
        let labels = node.node.labels();
        !self.unwanting.is_empty()
            && labels.iter().any(|label| self.unwanting.get(&label).is_some_and(|there| *there > 0))
    }
}

impl Filter for Near<'_> {
    fn check(&self, node: &NodeInfo) -> Result<(), Rejection> {
        if !self.is_near_wanted(node) {
            return Err(Rejection::final_one("node(s) didn't match pod affinity rules"));
        }
        if self.is_near_unwanted(node) {
            return Err(Rejection::resolvable("node(s) didn't match pod anti-affinity rules"));
        }
        if self.is_unwanted(node) {
            return Err(Rejection::resolvable("node(s) didn't satisfy existing pods anti-affinity rules"));
        }
        Ok(())
    }

    fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64) {
        let snapshot = self.snapshot;
        // Counts borrow from the snapshot, which has the node as it was.
        let Some(node) = snapshot.node(node.node.name()) else { return };
        let mut unwanting = std::mem::take(&mut self.unwanting);
        for term in pod.anti_affinity.iter().filter(|term| means(term, self.pod, snapshot)) {
            let Some(value) = node.label(&term.topology_key) else { continue };
            let known = node.node.labels().iter().find(|(key, _)| *key == term.topology_key);
            if let Some((key, _)) = known {
                *unwanting.entry((key, value)).or_default() += by;
            }
        }
        self.unwanting = unwanting;
        if self.wants(pod) {
            self.pod.affinity.iter().for_each(|term| add(&mut self.wanted, &term.topology_key, node, by));
        }
        for term in self.pod.anti_affinity.iter().filter(|term| means(term, pod, snapshot)) {
            add(&mut self.unwanted, &term.topology_key, node, by);
        }
    }

    fn copy(&self) -> Box<dyn Filter + '_> {
        Box::new(self.clone())
    }
}

struct Liking<'a> {
    sums: Counts<'a>,
    keys: Vec<&'a str>,
}

impl Score for Liking<'_> {
    fn of(&self, node: &NodeInfo) -> i64 {
        let sum = |key: &&str| Some(*self.sums.get(&(*key, node.label(key)?))?);
        self.keys.iter().filter_map(sum).sum()
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

fn sums<'a>(pod: &'a PodInfo, snapshot: &'a Snapshot) -> Counts<'a> {
    let mut sums = Counts::new();
    for node in snapshot.nodes_with_terms() {
        for other in &node.with_terms {
            for term in other.affinity.iter().filter(|term| means(term, pod, snapshot)) {
                add(&mut sums, &term.topology_key, node, HARD_WEIGHT);
            }
            for (weight, term) in other.preferred_pods.iter().filter(|(_, term)| means(term, pod, snapshot)) {
                add(&mut sums, &term.topology_key, node, *weight);
            }
        }
    }
    let liked: Vec<_> = pod.preferred_pods.iter().map(|(_, term)| meant(term, snapshot)).collect();
    if !liked.is_empty() {
        for node in snapshot.nodes().filter(|node| !node.tallies.is_empty()) {
            for ((weight, term), meant) in pod.preferred_pods.iter().zip(&liked) {
                let there = count(node, |group| meant[group]);
                if there > 0 {
                    add(&mut sums, &term.topology_key, node, weight * there);
                }
            }
        }
    }
    sums
}

impl Plugin for InterPodAffinity {
    fn name(&self) -> &'static str {
        "InterPodAffinity"
    }

    fn filter<'a>(&'a self, pod: &'a PodInfo, snapshot: &'a Snapshot) -> Prepared<'a> {
        let near = Near::new(pod, snapshot);
        if near.is_empty() { Prepared::Skip } else { Prepared::Filter(Box::new(near)) }
    }

    fn score<'a>(
        &'a self,
        pod: &'a PodInfo,
        snapshot: &'a Snapshot,
        _feasible: &[&'a NodeInfo],
    ) -> Option<Box<dyn Score + 'a>> {
        let sums = sums(pod, snapshot);
        if sums.is_empty() {
            return None;
        }
        let mut keys: Vec<&str> = sums.keys().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        Some(Box::new(Liking { sums, keys }))
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
