//! `PodTopologySpread`: pods that are alike are spread over zones, nodes or whatever a label says.
//!
//! Constraints that must hold keep nodes away, others count as scores. Pods that say nothing are spread by the profile's
//! constraints and the selectors of the services and controllers they belong to.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;

use crate::event::Event;
use crate::framework::{Filter, Liking, Plugin, Prepared, Rejection, SCORE_MAX, Score};
use crate::node::{Node, NodeInfo};
use crate::pod::{Constraint, PodInfo};
use crate::selectors::selects;
use crate::snapshot::{Column, Snapshot};

const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// How pods are spread that say nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultConstraint {
    /// How many more pods one domain may have than another.
    pub max_skew: i64,
    /// The label whose values are the domains.
    pub topology_key: CompactString,
    /// Rather not at all than worse.
    pub hard: bool,
}

/// The plugin.
#[derive(Clone, Debug)]
pub struct PodTopologySpread {
    /// How pods are spread that say nothing of it.
    pub defaults: Vec<DefaultConstraint>,
    /// Whether that is upstream's rule, which does not ask for all labels.
    pub of_system: bool,
}

impl PodTopologySpread {
    /// With upstream's rule: over nodes and zones, where that can be.
    #[must_use]
    pub fn system() -> Self {
        let soft =
            |key: &str, max_skew: i64| DefaultConstraint { max_skew, topology_key: key.into(), hard: false };
        Self { defaults: vec![soft(HOSTNAME, 3), soft(ZONE, 5)], of_system: true }
    }

    /// The constraints that must hold, or those that count as scores: the pod's own, or if it has none at all, the
    /// profile's.
    fn constraints(&self, pod: &PodInfo, snapshot: &Snapshot, kind: Kind) -> Vec<Constraint> {
        let hard = kind == Kind::Hard;
        if !pod.spread.is_empty() {
            return pod.spread.iter().filter(|constraint| constraint.hard == hard).cloned().collect();
        }
        if !self.defaults.iter().any(|default| default.hard == hard) {
            return Vec::new();
        }
        let selector = snapshot.peers().selector_of(pod);
        if selector.is_everything() {
            return Vec::new();
        }
        let defaults = self.defaults.iter().filter(|default| default.hard == hard);
        let constraint = |default: &DefaultConstraint| Constraint {
            max_skew: default.max_skew,
            topology_key: default.topology_key.clone(),
            hard,
            selector: selector.clone(),
            min_domains: 1,
            honors_affinity: true,
            honors_taints: false,
        };
        defaults.map(constraint).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hard,
    Soft,
}

/// Whether a constraint counts a pod. As upstream, a selector of everything counts nothing.
fn counts(constraint: &Constraint, namespace: &str, pod: &PodInfo) -> bool {
    !pod.meta.is_deleting()
        && pod.meta.namespace == namespace
        && !constraint.selector.is_everything()
        && selects(&constraint.selector, &pod.meta.labels)
}

/// Which groups of pods a constraint counts, by number.
fn counted(constraint: &Constraint, namespace: &str, snapshot: &Snapshot) -> Vec<bool> {
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
struct Domains {
    constraint: Constraint,
    column: Arc<Column>,
    counts: Vec<Option<i64>>,
    /// How many values have a count: what the smallest is need not be looked for.
    by_count: BTreeMap<i64, usize>,
    known: usize,
    /// Whether the pod that is to be placed is counted itself.
    itself: i64,
}

impl Domains {
    fn new(constraint: Constraint, pod: &PodInfo, snapshot: &Snapshot) -> Self {
        let column = snapshot.column(&constraint.topology_key);
        let counts = vec![None; column.values];
        let itself = i64::from(selects(&constraint.selector, &pod.meta.labels));
        Self { constraint, column, counts, by_count: BTreeMap::new(), known: 0, itself }
    }

    fn count_values(&mut self) {
        for count in self.counts.iter().flatten() {
            *self.by_count.entry(*count).or_default() += 1;
            self.known += 1;
        }
    }

    fn add(&mut self, value: usize, by: i64) {
        let Some(count) = &mut self.counts[value] else { return };
        if let Some(with) = self.by_count.get_mut(count) {
            *with -= 1;
            if *with == 0 {
                self.by_count.remove(count);
            }
        }
        *count += by;
        *self.by_count.entry(*count).or_default() += 1;
    }

    fn least(&self) -> i64 {
        if self.known < self.constraint.min_domains {
            return 0;
        }
        self.by_count.first_key_value().map_or(0, |(count, _)| *count)
    }
}

struct Hard {
    pod: Arc<PodInfo>,
    domains: Vec<Domains>,
}

impl Hard {
    fn new(pod: &Arc<PodInfo>, constraints: Vec<Constraint>, snapshot: &Snapshot) -> Self {
        let groups: Vec<_> =
            constraints.iter().map(|one| counted(one, &pod.meta.namespace, snapshot)).collect();
        let domains = constraints.into_iter().map(|one| Domains::new(one, pod, snapshot)).collect();
        let mut hard = Self { pod: Arc::clone(pod), domains };
        for node in snapshot.nodes() {
            if !hard.has_all_keys(node) {
                continue;
            }
            for (domains, groups) in hard.domains.iter_mut().zip(&groups) {
                let Some(value) = domains.column.at(node) else { continue };
                if includes(&domains.constraint, pod, &node.node) {
                    *domains.counts[value].get_or_insert(0) += count(node, groups);
                }
            }
        }
        hard.domains.iter_mut().for_each(Domains::count_values);
        hard
    }

    fn has_all_keys(&self, node: &NodeInfo) -> bool {
        self.domains.iter().all(|domains| domains.column.at(node).is_some())
    }
}

impl Filter for Hard {
    fn check(&self, node: &NodeInfo) -> Result<(), Rejection> {
        for domains in &self.domains {
            let Some(value) = domains.column.at(node) else {
                return Err(Rejection::final_one(
                    "node(s) didn't match pod topology spread constraints (missing required label)",
                ));
            };
            let there = domains.counts[value].unwrap_or(0);
            if there + domains.itself - domains.least() > domains.constraint.max_skew {
                return Err(Rejection::resolvable("node(s) didn't match pod topology spread constraints"));
            }
        }
        Ok(())
    }

    fn is_idle(&self) -> bool {
        false
    }

    fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64, _snapshot: &Snapshot) {
        if pod.meta.namespace != self.pod.meta.namespace || !self.has_all_keys(node) {
            return;
        }
        for domains in &mut self.domains {
            if !counts(&domains.constraint, &self.pod.meta.namespace, pod)
                || !includes(&domains.constraint, &self.pod, &node.node)
            {
                continue;
            }
            if let Some(value) = domains.column.at(node) {
                domains.add(value, by);
            }
        }
    }
}

/// What counts for a score: a constraint, and how many pods it counts by domain. Of host names it counts by node.
struct Soft {
    constraint: Constraint,
    column: Arc<Column>,
    counts: Counts,
    /// Of those that are seen.
    weight: f64,
}

enum Counts {
    /// By slot.
    ByNode(Vec<i64>),
    /// By value, and which of them were seen last.
    ByValue { counts: Vec<i64>, seen: Vec<u64> },
}

struct Spreading {
    pod: Arc<PodInfo>,
    soft: Vec<Soft>,
    /// Nodes without all keys are not liked.
    needs_all_keys: bool,
    /// How often nodes were seen: what was seen before is told apart by it.
    looks: u64,
}

impl Spreading {
    fn new(
        pod: &Arc<PodInfo>,
        constraints: Vec<Constraint>,
        needs_all_keys: bool,
        snapshot: &Snapshot,
    ) -> Self {
        let new = |constraint: Constraint| {
            let column = snapshot.column(&constraint.topology_key);
            let counts = if constraint.topology_key == HOSTNAME {
                Counts::ByNode(vec![0; snapshot.slots()])
            } else {
                Counts::ByValue { counts: vec![0; column.values], seen: vec![0; column.values] }
            };
            Soft { constraint, column, counts, weight: 0.0 }
        };
        let groups: Vec<_> =
            constraints.iter().map(|one| counted(one, &pod.meta.namespace, snapshot)).collect();
        let soft = constraints.into_iter().map(new).collect();
        let mut all = Self { pod: Arc::clone(pod), soft, needs_all_keys, looks: 0 };
        for node in snapshot.nodes().filter(|node| !node.tallies.is_empty()) {
            for (at, groups) in groups.iter().enumerate() {
                let there = count(node, groups);
                if there > 0 {
                    all.add(at, node, there);
                }
            }
        }
        all
    }

    fn ignores(&self, node: &NodeInfo) -> bool {
        self.needs_all_keys && !self.soft.iter().all(|soft| soft.column.at(node).is_some())
    }

    fn add(&mut self, at: usize, node: &NodeInfo, by: i64) {
        let ignored = self.ignores(node);
        let soft = &mut self.soft[at];
        match &mut soft.counts {
            Counts::ByNode(counts) => counts[node.slot] += by,
            Counts::ByValue { counts, .. } => {
                if !ignored
                    && let Some(value) = soft.column.at(node)
                    && includes(&soft.constraint, &self.pod, &node.node)
                {
                    counts[value] += by;
                }
            }
        }
    }
}

/// What stands for a node that is ignored until scores are normalized; no count is negative.
const IGNORED: i64 = -1;

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "upstream's arithmetic")]
impl Score for Spreading {
    fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64, _snapshot: &Snapshot) {
        for at in 0..self.soft.len() {
            if counts(&self.soft[at].constraint, &self.pod.meta.namespace, pod) {
                self.add(at, node, by);
            }
        }
    }

    fn see(&mut self, feasible: &[&NodeInfo]) -> bool {
        self.looks += 1;
        let (all, needs) = (feasible.iter(), self.needs_all_keys);
        let counting: Vec<&&NodeInfo> = all.filter(|node| !needs || !self.ignores(node)).collect();
        for soft in &mut self.soft {
            let size = match &mut soft.counts {
                Counts::ByNode(_) => counting.len(),
                Counts::ByValue { seen, .. } => {
                    let (mut values, mut without) = (0, false);
                    for node in &counting {
                        match soft.column.at(node) {
                            Some(value) if seen[value] != self.looks => {
                                seen[value] = self.looks;
                                values += 1;
                            }
                            Some(_) => {}
                            None => without = true,
                        }
                    }
                    values + usize::from(without)
                }
            };
            soft.weight = ((size + 2) as f64).ln();
        }
        true
    }

    fn of(&self, node: &NodeInfo) -> i64 {
        if self.ignores(node) {
            return IGNORED;
        }
        let mut sum = 0.0;
        for soft in &self.soft {
            let Some(value) = soft.column.at(node) else { continue };
            let there = match &soft.counts {
                Counts::ByNode(counts) => counts[node.slot],
                Counts::ByValue { counts, .. } => counts[value],
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

impl Plugin for PodTopologySpread {
    fn name(&self) -> &'static str {
        "PodTopologySpread"
    }

    fn filter(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Prepared {
        let hard = self.constraints(pod, snapshot, Kind::Hard);
        if hard.is_empty() {
            return Prepared::Skip;
        }
        Prepared::Wide(Box::new(Hard::new(pod, hard, snapshot)))
    }

    fn score(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Liking {
        let soft = self.constraints(pod, snapshot, Kind::Soft);
        if soft.is_empty() {
            return Liking::Same;
        }
        let needs_all_keys = !pod.spread.is_empty() || !self.of_system;
        Liking::Wide(Box::new(Spreading::new(pod, soft, needs_all_keys, snapshot)))
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        let is_counted = |other: &Arc<PodInfo>| {
            let meant = |constraint: &Constraint| selects(&constraint.selector, &other.meta.labels);
            // Whoever says nothing is spread with those that it belongs to, which are not at hand here.
            let alike = pod.spread.is_empty() || pod.spread.iter().any(meant);
            other.meta.namespace == pod.meta.namespace && alike
        };
        let hard: Vec<&Constraint> = pod.spread.iter().filter(|constraint| constraint.hard).collect();
        match event {
            Event::PodPlaced(other) | Event::PodGone(other) => is_counted(other),
            Event::PodChanged { old, new } => {
                old.meta.labels != new.meta.labels
                    && (is_counted(old) != is_counted(new) || pod.spread.is_empty())
            }
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
