//! `PodTopologySpread`: pods that are alike are spread over zones, nodes or whatever a label says.
//!
//! Constraints that must hold keep nodes away, others count as scores. Pods that say nothing are spread a little by the
//! selectors of the services and controllers they belong to.

use std::collections::HashMap;
use std::sync::Arc;

use keelson_api::selector::label::Selector;

use crate::event::Event;
use crate::framework::{Filter, Plugin, Prepared, Rejection, SCORE_MAX, Score};
use crate::node::{Node, NodeInfo};
use crate::pod::{Constraint, PodInfo};
use crate::selectors::selects;
use crate::snapshot::Snapshot;

pub(super) struct PodTopologySpread;

const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// Which groups of pods a constraint counts, by number.
fn counted(constraint: &Constraint, namespace: &str, snapshot: &Snapshot) -> Vec<bool> {
    // As upstream, a selector of everything counts nothing.
    let nothing = constraint.selector.is_everything();
    let groups = snapshot.groups().iter();
    groups
        .map(|group| {
            let there = !nothing && group.pods > 0 && group.namespace == namespace;
            there && selects(&constraint.selector, &group.labels)
        })
        .collect()
}

/// How many pods on a node are counted.
fn count(node: &NodeInfo, counted: &[bool]) -> i64 {
    let tallies = node.tallies.iter().filter(|tally| counted[tally.group as usize]);
    tallies.map(|tally| i64::from(tally.staying)).sum()
}

/// Whether a node counts for a constraint at all.
fn includes(constraint: &Constraint, pod: &PodInfo, node: &Node) -> bool {
    (!constraint.honors_affinity || pod.accepts(node.name(), node.labels()))
        && (!constraint.honors_taints || pod.first_untolerated(&node.taints).is_none())
}

fn has_all_keys(constraints: &[&Constraint], node: &Node) -> bool {
    constraints.iter().all(|constraint| node.labels().get(&constraint.topology_key).is_some())
}

/// How many pods there are per value of a topology key.
#[derive(Clone)]
struct Domains<'a> {
    constraint: &'a Constraint,
    counts: HashMap<&'a str, i64>,
    least: i64,
}

impl Domains<'_> {
    fn find_least(&mut self) {
        let few = self.counts.len() < self.constraint.min_domains;
        self.least = if few { 0 } else { self.counts.values().copied().min().unwrap_or(0) };
    }
}

#[derive(Clone)]
struct Hard<'a> {
    pod: &'a PodInfo,
    domains: Vec<Domains<'a>>,
}

impl<'a> Hard<'a> {
    fn new(pod: &'a PodInfo, constraints: &[&'a Constraint], snapshot: &'a Snapshot) -> Self {
        let groups: Vec<_> =
            constraints.iter().map(|one| counted(one, &pod.meta.namespace, snapshot)).collect();
        let new = |constraint: &&'a Constraint| Domains { constraint, counts: HashMap::new(), least: 0 };
        let mut domains: Vec<_> = constraints.iter().map(new).collect();
        for node in snapshot.nodes().filter(|node| has_all_keys(constraints, &node.node)) {
            for (domains, groups) in domains.iter_mut().zip(&groups) {
                let Some(value) = node.label(&domains.constraint.topology_key) else { continue };
                if includes(domains.constraint, pod, &node.node) {
                    *domains.counts.entry(value).or_default() += count(node, groups);
                }
            }
        }
        domains.iter_mut().for_each(Domains::find_least);
        Self { pod, domains }
    }
}

impl Filter for Hard<'_> {
    fn check(&self, node: &NodeInfo) -> Result<(), Rejection> {
        for domains in &self.domains {
            let constraint = domains.constraint;
            let Some(value) = node.label(&constraint.topology_key) else {
                return Err(Rejection::final_one(
                    "node(s) didn't match pod topology spread constraints (missing required label)",
                ));
            };
            let itself = i64::from(selects(&constraint.selector, &self.pod.meta.labels));
            let there = domains.counts.get(value).copied().unwrap_or(0);
            if there + itself - domains.least > constraint.max_skew {
                return Err(Rejection::resolvable("node(s) didn't match pod topology spread constraints"));
            }
        }
        Ok(())
    }

    fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64) {
        let constraints: Vec<_> = self.domains.iter().map(|domains| domains.constraint).collect();
        if pod.meta.namespace != self.pod.meta.namespace || !has_all_keys(&constraints, &node.node) {
            return;
        }
        for domains in &mut self.domains {
            let constraint = domains.constraint;
            let meant = selects(&constraint.selector, &pod.meta.labels);
            if !meant || !includes(constraint, self.pod, &node.node) {
                continue;
            }
            let value = node.label(&constraint.topology_key);
            if let Some(there) = value.and_then(|value| domains.counts.get_mut(value)) {
                *there += by;
                domains.find_least();
            }
        }
    }

    fn copy(&self) -> Box<dyn Filter + '_> {
        Box::new(self.clone())
    }
}

/// What counts for a score: a constraint, the groups it counts, and per domain how many there are.
struct Soft<'a> {
    constraint: Constraint,
    groups: Vec<bool>,
    domains: HashMap<&'a str, i64>,
    weight: f64,
}

struct Spreading<'a> {
    soft: Vec<Soft<'a>>,
    /// Nodes without all keys are not liked.
    needs_all_keys: bool,
}

impl Spreading<'_> {
    fn ignores(&self, node: &NodeInfo) -> bool {
        self.needs_all_keys
            && !self.soft.iter().all(|soft| node.label(&soft.constraint.topology_key).is_some())
    }
}

/// What stands for a node that is ignored until scores are normalized; no count is negative.
const IGNORED: i64 = -1;

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "upstream's arithmetic")]
impl Score for Spreading<'_> {
    fn of(&self, node: &NodeInfo) -> i64 {
        if self.ignores(node) {
            return IGNORED;
        }
        let mut sum = 0.0;
        for soft in &self.soft {
            let Some(value) = node.label(&soft.constraint.topology_key) else { continue };
            let there = if soft.constraint.topology_key == HOSTNAME {
                count(node, &soft.groups)
            } else {
                soft.domains.get(value).copied().unwrap_or(0)
            };
            sum += there as f64 * soft.weight + (soft.constraint.max_skew - 1) as f64;
        }
        sum.round() as i64
    }

    fn normalize(&self, scores: &mut [i64]) {
        let counted = || scores.iter().copied().filter(|score| *score != IGNORED);
        let (least, most) = (counted().min().unwrap_or(0), counted().max().unwrap_or(0));
        for score in scores {
            *score = match *score {
                IGNORED => 0,
                _ if most == 0 => SCORE_MAX,
                score => SCORE_MAX * (most + least - score) / most,
            };
        }
    }
}

/// The constraints that count as scores: the pod's own, or if it has none at all, those of every cluster.
fn soft(pod: &PodInfo, snapshot: &Snapshot) -> Vec<Constraint> {
    if !pod.spread.is_empty() {
        return pod.spread.iter().filter(|constraint| !constraint.hard).cloned().collect();
    }
    let selector = snapshot.peers().selector_of(pod);
    if selector.is_everything() {
        return Vec::new();
    }
    let constraint = |key: &str, max_skew: i64, selector: Selector| Constraint {
        max_skew,
        topology_key: key.into(),
        hard: false,
        selector,
        min_domains: 1,
        honors_affinity: true,
        honors_taints: false,
    };
    vec![constraint(HOSTNAME, 3, selector.clone()), constraint(ZONE, 5, selector)]
}

#[expect(clippy::cast_precision_loss, reason = "upstream's arithmetic")]
fn spreading<'a>(
    constraints: Vec<Constraint>,
    pod: &'a PodInfo,
    snapshot: &'a Snapshot,
    feasible: &[&'a NodeInfo],
) -> Spreading<'a> {
    let new = |constraint: Constraint| Soft {
        groups: counted(&constraint, &pod.meta.namespace, snapshot),
        constraint,
        domains: HashMap::new(),
        weight: 0.0,
    };
    let mut all = Spreading {
        soft: constraints.into_iter().map(new).collect(),
        needs_all_keys: !pod.spread.is_empty(),
    };
    let mut counting = 0_usize;
    for node in feasible {
        if all.ignores(node) {
            continue;
        }
        counting += 1;
        for soft in all.soft.iter_mut().filter(|soft| soft.constraint.topology_key != HOSTNAME) {
            soft.domains.entry(node.label(&soft.constraint.topology_key).unwrap_or("")).or_default();
        }
    }
    for soft in &mut all.soft {
        let by_node = soft.constraint.topology_key == HOSTNAME;
        let size = if by_node { counting } else { soft.domains.len() };
        soft.weight = ((size + 2) as f64).ln();
    }
    if all.soft.iter().any(|soft| !soft.domains.is_empty()) {
        for node in snapshot.nodes().filter(|node| !node.tallies.is_empty()) {
            if all.ignores(node) {
                continue;
            }
            for soft in all.soft.iter_mut().filter(|soft| soft.constraint.topology_key != HOSTNAME) {
                let there = count(node, &soft.groups);
                if there == 0 || !includes(&soft.constraint, pod, &node.node) {
                    continue;
                }
                let value = node.label(&soft.constraint.topology_key).unwrap_or("");
                if let Some(domain) = soft.domains.get_mut(value) {
                    *domain += there;
                }
            }
        }
    }
    all
}

impl Plugin for PodTopologySpread {
    fn name(&self) -> &'static str {
        "PodTopologySpread"
    }

    fn filter<'a>(&'a self, pod: &'a PodInfo, snapshot: &'a Snapshot) -> Prepared<'a> {
        let hard: Vec<&Constraint> = pod.spread.iter().filter(|constraint| constraint.hard).collect();
        if hard.is_empty() {
            return Prepared::Skip;
        }
        Prepared::Filter(Box::new(Hard::new(pod, &hard, snapshot)))
    }

    fn score<'a>(
        &'a self,
        pod: &'a PodInfo,
        snapshot: &'a Snapshot,
        feasible: &[&'a NodeInfo],
    ) -> Option<Box<dyn Score + 'a>> {
        let constraints = soft(pod, snapshot);
        if constraints.is_empty() {
            return None;
        }
        Some(Box::new(spreading(constraints, pod, snapshot, feasible)))
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        let counts = |other: &Arc<PodInfo>| {
            let meant = |constraint: &Constraint| selects(&constraint.selector, &other.meta.labels);
            other.meta.namespace == pod.meta.namespace && pod.spread.iter().any(meant)
        };
        let hard: Vec<&Constraint> = pod.spread.iter().filter(|constraint| constraint.hard).collect();
        match event {
            Event::PodPlaced(other) | Event::PodGone(other) => counts(other),
            Event::PodChanged { old, new } => counts(old) != counts(new),
            Event::ItselfChanged { old } => old.meta.labels != pod.meta.labels || old.spread != pod.spread,
            Event::NodeCame(node) | Event::NodeGone(node) => has_all_keys(&hard, node),
            Event::NodeChanged { old, new } => {
                let other = old.labels() != new.labels() || old.taints != new.taints;
                other && (has_all_keys(&hard, old) || has_all_keys(&hard, new))
            }
            Event::NamespaceChanged(_) => false,
        }
    }
}

#[cfg(test)]
#[path = "spread_tests.rs"]
mod tests;
