//! `PodTopologySpread`: pods that are alike are spread over zones, nodes or whatever a label says.
//!
//! Constraints that must hold keep nodes away, others count as scores. Pods that say nothing are spread a little by the
//! selectors of the services and controllers they belong to.

use std::sync::Arc;

use keelson_api::selector::label::Selector;

use crate::event::Event;
use crate::framework::{Filter, Plugin, Prepared, Rejection, SCORE_MAX, Score};
use crate::node::{Node, NodeInfo};
use crate::pod::{Constraint, PodInfo};
use crate::selectors::selects;
use crate::snapshot::{Column, Snapshot};

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

/// How many pods there are per value of a topology key; `None` of values that only nodes have which do not count.
#[derive(Clone)]
struct Domains<'a> {
    constraint: &'a Constraint,
    column: Arc<Column>,
    counts: Vec<Option<i64>>,
    least: i64,
}

impl<'a> Domains<'a> {
    fn new(constraint: &'a Constraint, snapshot: &Snapshot) -> Self {
        let column = snapshot.column(&constraint.topology_key);
        let counts = vec![None; column.values];
        Self { constraint, column, counts, least: 0 }
    }

    fn find_least(&mut self) {
        let known = || self.counts.iter().copied().flatten();
        let few = known().count() < self.constraint.min_domains;
        self.least = if few { 0 } else { known().min().unwrap_or(0) };
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
        let domains = constraints.iter().map(|constraint| Domains::new(constraint, snapshot)).collect();
        let mut hard = Self { pod, domains };
        for node in snapshot.nodes() {
            if !hard.has_all_keys(node) {
                continue;
            }
            for (domains, groups) in hard.domains.iter_mut().zip(&groups) {
                let Some(value) = domains.column.at(node) else { continue };
                if includes(domains.constraint, pod, &node.node) {
                    *domains.counts[value].get_or_insert(0) += count(node, groups);
                }
            }
        }
        hard.domains.iter_mut().for_each(Domains::find_least);
        hard
    }

    fn has_all_keys(&self, node: &NodeInfo) -> bool {
        self.domains.iter().all(|domains| domains.column.at(node).is_some())
    }
}

impl Filter for Hard<'_> {
    fn check(&self, node: &NodeInfo) -> Result<(), Rejection> {
        for domains in &self.domains {
            let constraint = domains.constraint;
            let Some(value) = domains.column.at(node) else {
                return Err(Rejection::final_one(
                    "node(s) didn't match pod topology spread constraints (missing required label)",
                ));
            };
            let itself = i64::from(selects(&constraint.selector, &self.pod.meta.labels));
            let there = domains.counts[value].unwrap_or(0);
            if there + itself - domains.least > constraint.max_skew {
                return Err(Rejection::resolvable("node(s) didn't match pod topology spread constraints"));
            }
        }
        Ok(())
    }

    fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64) {
        if pod.meta.namespace != self.pod.meta.namespace || !self.has_all_keys(node) {
            return;
        }
        for domains in &mut self.domains {
            let constraint = domains.constraint;
            let meant = selects(&constraint.selector, &pod.meta.labels);
            if !meant || !includes(constraint, self.pod, &node.node) {
                continue;
            }
            if let Some(value) = domains.column.at(node) {
                *domains.counts[value].get_or_insert(0) += by;
                domains.find_least();
            }
        }
    }

    fn copy(&self) -> Box<dyn Filter + '_> {
        Box::new(self.clone())
    }
}

/// What counts for a score: a constraint, the groups it counts, and per domain how many there are; `None` of domains
/// that have no node which will do.
struct Soft {
    constraint: Constraint,
    by_node: bool,
    groups: Vec<bool>,
    column: Arc<Column>,
    domains: Vec<Option<i64>>,
    /// Whether nodes without the label will do.
    without: bool,
    weight: f64,
}

struct Spreading {
    soft: Vec<Soft>,
    /// Nodes without all keys are not liked.
    needs_all_keys: bool,
}

impl Spreading {
    fn ignores(&self, node: &NodeInfo) -> bool {
        self.needs_all_keys && !self.soft.iter().all(|soft| soft.column.at(node).is_some())
    }
}

/// What stands for a node that is ignored until scores are normalized; no count is negative.
const IGNORED: i64 = -1;

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "upstream's arithmetic")]
impl Score for Spreading {
    fn of(&self, node: &NodeInfo) -> i64 {
        if self.ignores(node) {
            return IGNORED;
        }
        let mut sum = 0.0;
        for soft in &self.soft {
            let Some(value) = soft.column.at(node) else { continue };
            let there =
                if soft.by_node { count(node, &soft.groups) } else { soft.domains[value].unwrap_or(0) };
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
fn spreading(
    constraints: Vec<Constraint>,
    pod: &PodInfo,
    snapshot: &Snapshot,
    feasible: &[&NodeInfo],
) -> Spreading {
    let new = |constraint: Constraint| {
        let column = snapshot.column(&constraint.topology_key);
        Soft {
            groups: counted(&constraint, &pod.meta.namespace, snapshot),
            by_node: constraint.topology_key == HOSTNAME,
            domains: vec![None; column.values],
            constraint,
            column,
            without: false,
            weight: 0.0,
        }
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
        for soft in all.soft.iter_mut().filter(|soft| !soft.by_node) {
            match soft.column.at(node) {
                Some(value) => soft.domains[value] = Some(0),
                None => soft.without = true,
            }
        }
    }
    for soft in &mut all.soft {
        let with = soft.domains.iter().flatten().count();
        let size = if soft.by_node { counting } else { with + usize::from(soft.without) };
        soft.weight = ((size + 2) as f64).ln();
    }
    if all.soft.iter().any(|soft| soft.domains.iter().any(Option::is_some)) {
        count_domains(&mut all, pod, snapshot);
    }
    all
}

fn count_domains(all: &mut Spreading, pod: &PodInfo, snapshot: &Snapshot) {
    for node in snapshot.nodes().filter(|node| !node.tallies.is_empty()) {
        if all.ignores(node) {
            continue;
        }
        for soft in all.soft.iter_mut().filter(|soft| !soft.by_node) {
            let there = count(node, &soft.groups);
            if there == 0 || !includes(&soft.constraint, pod, &node.node) {
                continue;
            }
            let value = soft.column.at(node);
            if let Some(domain) = value.and_then(|value| soft.domains[value].as_mut()) {
                *domain += there;
            }
        }
    }
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
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "spread_tests.rs"]
mod tests;
