//! `NodeResourcesFit`: what a pod asks for has to be free; how full a node becomes counts as a score.

use std::borrow::Cow;
use std::sync::Arc;

use compact_str::CompactString;
use smallvec::SmallVec;

use crate::event::Event;
use crate::framework::{Liking, Plugin, Prepared, Reason, Rejection, SCORE_MAX, Scale};
use crate::node::{Node, NodeInfo};
use crate::pod::PodInfo;
use crate::resources::{Resources, is_everywhere};
use crate::snapshot::Snapshot;

/// How full a node is liked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The emptier the better.
    LeastAllocated,
    /// The fuller the better.
    MostAllocated,
    /// By a line through points: of a hundred that are used, and the score, in tenths.
    RequestedToCapacityRatio(Vec<(i64, i64)>),
}

/// The plugin.
#[derive(Clone, Debug)]
pub struct Fit {
    /// How full a node is liked.
    pub strategy: Strategy,
    /// Which resources count for that, and what they weigh.
    pub resources: Vec<(Cow<'static, str>, i64)>,
    /// Resources that need not be there, if they are none that every node has.
    pub ignored: Vec<CompactString>,
    /// The same for all whose name begins with one of these and a slash.
    pub ignored_groups: Vec<CompactString>,
}

impl Default for Fit {
    fn default() -> Self {
        Self {
            strategy: Strategy::LeastAllocated,
            resources: vec![("cpu".into(), 1), ("memory".into(), 1)],
            ignored: Vec::new(),
            ignored_groups: Vec::new(),
        }
    }
}

/// What is missing, in upstream's order, and whether it could be there at all.
fn missing(asked: &Resources, has: &Resources, used: &Resources, pods: usize) -> Result<(), Rejection> {
    let mut reasons: SmallVec<[Reason; 1]> = SmallVec::new();
    let mut resolvable = true;
    if i64::try_from(pods).unwrap_or(i64::MAX) >= has.pods {
        reasons.push("Too many pods".into());
    }
    if !asked.is_nothing() {
        let mut look = |asked: i64, has: i64, used: i64, reason: &dyn Fn() -> Reason| {
            if asked > 0 && asked > has - used {
                reasons.push(reason());
                resolvable &= asked <= has;
            }
        };
        look(asked.milli_cpu, has.milli_cpu, used.milli_cpu, &|| "Insufficient cpu".into());
        look(asked.memory, has.memory, used.memory, &|| "Insufficient memory".into());
        look(asked.storage, has.storage, used.storage, &|| "Insufficient ephemeral-storage".into());
        for (name, amount) in &asked.others {
            look(*amount, has.other(name), used.other(name), &|| format!("Insufficient {name}").into());
        }
    }
    if reasons.is_empty() { Ok(()) } else { Err(Rejection { resolvable, reasons }) }
}

/// Whether it would fit if nothing else were there.
fn fits_alone(pod: &PodInfo, node: &Node) -> bool {
    missing(&pod.requests, &node.allocatable, &Resources::default(), 0).is_ok()
}

/// Whether there is more of anything that the pod asks for.
fn has_grown(pod: &PodInfo, old: &Resources, new: &Resources) -> bool {
    let asked = &pod.requests;
    new.pods > old.pods
        || asked.milli_cpu > 0 && new.milli_cpu > old.milli_cpu
        || asked.memory > 0 && new.memory > old.memory
        || asked.storage > 0 && new.storage > old.storage
        || asked.others.iter().any(|(name, amount)| *amount > 0 && new.other(name) > old.other(name))
}

impl Fit {
    /// What a pod asks for, without what need not be there.
    fn counted(&self, asked: &Resources) -> Resources {
        let mut counted = asked.clone();
        counted.others.retain(|(name, _)| {
            let group = name.split_once('/').map_or("", |(group, _)| group);
            !self.ignored.contains(name) && !self.ignored_groups.iter().any(|one| one == group)
        });
        counted
    }

    fn amount(&self, requested: i64, capacity: i64) -> i64 {
        match &self.strategy {
            Strategy::LeastAllocated if requested > capacity => 0,
            Strategy::LeastAllocated => (capacity - requested) * SCORE_MAX / capacity,
            Strategy::MostAllocated => requested.min(capacity) * SCORE_MAX / capacity,
            Strategy::RequestedToCapacityRatio(points) => {
                let used = if requested > capacity { 100 } else { requested * 100 / capacity };
                on_line(points, used)
            }
        }
    }

    fn of(&self, pod: &PodInfo, node: &NodeInfo) -> i64 {
        let (mut sum, mut weights) = (0, 0);
        for (name, weight) in &self.resources {
            let used = match name.as_ref() {
                "cpu" | "memory" => &node.presumed,
                _ => &node.requested,
            };
            let (asked, capacity) = (pod.presumed.get(name), node.node.allocatable.get(name));
            if capacity == 0 || asked == 0 && !is_everywhere(name) {
                continue;
            }
            let amount = self.amount(used.get(name) + asked, capacity);
            if amount > 0 || !matches!(self.strategy, Strategy::RequestedToCapacityRatio(_)) {
                sum += amount * weight;
                weights += weight;
            }
        }
        match self.strategy {
            _ if weights == 0 => 0,
            // Rounded, where the others are cut.
            Strategy::RequestedToCapacityRatio(_) => (2 * sum + weights) / (2 * weights),
            _ => sum / weights,
        }
    }
}

/// The value at `at` of a line through points whose values are tenths.
fn on_line(points: &[(i64, i64)], at: i64) -> i64 {
    const TENTHS: i64 = SCORE_MAX / 10;
    let mut before: Option<(i64, i64)> = None;
    for (to, value) in points.iter().map(|(to, value)| (*to, value * TENTHS)) {
        if at <= to {
            return before.map_or(value, |(from, first)| first + (value - first) * (at - from) / (to - from));
        }
        before = Some((to, value));
    }
    before.map_or(0, |(_, value)| value)
}

impl Plugin for Fit {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn filter(&self, pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Prepared {
        let asked = self.counted(&pod.requests);
        Prepared::local(move |node, _| {
            missing(&asked, &node.node.allocatable, &node.requested, node.pods.len())
        })
    }

    fn score(&self, pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Liking {
        let (fit, pod) = (self.clone(), Arc::clone(pod));
        Liking::local(Scale::Absolute, move |node: &NodeInfo| fit.of(&pod, node))
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        match event {
            Event::PodGone(gone) => !gone.node_name.is_empty() || !gone.nominated.is_empty(),
            Event::PodChanged { old, new } => old.requests != new.requests,
            Event::ItselfChanged { old } => old.requests != pod.requests,
            Event::NodeCame(node) => fits_alone(pod, node),
            Event::NodeChanged { old, new } => {
                fits_alone(pod, new) && has_grown(pod, &old.allocatable, &new.allocatable)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::{cluster, node, pod, scores, verdicts, within};

    fn asking(name: &str, requests: Value, node: &str) -> Arc<PodInfo> {
        let container = within("resources/requests", requests);
        pod(name, json!({"spec": {"nodeName": node, "containers": [container]}}))
    }

    fn one_node(used: Value) -> Snapshot {
        let allocatable = json!({"cpu": "2", "memory": "1Gi", "pods": "2", "example.com/gpu": "2",
            "ephemeral-storage": "10"});
        let node = node("a", json!({"status": {"allocatable": allocatable}}));
        cluster([node], [asking("there", used, "a")])
    }

    #[test]
    fn what_is_asked_for_has_to_be_free() {
        let cases = [
            (json!({"cpu": "1"}), json!({"cpu": "1"}), "a: ok"),
            (json!({"cpu": "1"}), json!({"cpu": "1001m"}), "a: Insufficient cpu"),
            (json!({"cpu": "1"}), json!({"cpu": "3"}), "a: Insufficient cpu!"),
            (json!({"memory": "1Gi"}), json!({"memory": "1", "cpu": "2"}), "a: Insufficient memory"),
            (
                json!({"cpu": "2", "memory": "1Gi", "ephemeral-storage": "10"}),
                json!({"memory": "1", "cpu": "2", "ephemeral-storage": "1"}),
                "a: Insufficient cpu, Insufficient memory, Insufficient ephemeral-storage",
            ),
            (
                json!({"example.com/gpu": "1"}),
                json!({"example.com/gpu": "2"}),
                "a: Insufficient example.com/gpu",
            ),
            (json!({}), json!({"example.com/tpu": "1"}), "a: Insufficient example.com/tpu!"),
            (json!({"cpu": "3"}), json!({}), "a: ok"),
        ];
        for (used, asked, expected) in cases {
            let said = verdicts(&Fit::default(), &asking("p", asked.clone(), ""), &one_node(used.clone()));
            assert_eq!(said, expected, "{used} {asked}");
        }
    }

    #[test]
    fn a_node_takes_so_many_pods() {
        let mut snapshot = one_node(json!({}));
        snapshot.set_pod(&asking("more", json!({}), "a"));
        let said = verdicts(&Fit::default(), &asking("p", json!({"cpu": "2"}), ""), &snapshot);
        assert_eq!(said, "a: Too many pods");
    }

    #[test]
    fn strategies() {
        let sized = |name: &str, cpu: &str, memory: &str| {
            node(name, json!({"status": {"allocatable": {"cpu": cpu, "memory": memory}}}))
        };
        let there = asking("there", json!({"cpu": "1", "memory": "1000"}), "a");
        let snapshot = cluster([sized("a", "4", "10000"), sized("b", "4", "10000")], [there]);
        let pod = asking("p", json!({"cpu": "1", "memory": "2000"}), "");
        let check = |strategy: Strategy, expected: [i64; 2]| {
            let fit = Fit { strategy, ..Fit::default() };
            assert_eq!(scores(&fit, &pod, &snapshot), expected, "{fit:?}");
        };
        check(Strategy::LeastAllocated, [(50 + 70) / 2, (75 + 80) / 2]);
        check(Strategy::MostAllocated, [(50 + 30) / 2, (25 + 20) / 2]);
        check(Strategy::RequestedToCapacityRatio(vec![(0, 0), (100, 10)]), [40, 23]);
        check(Strategy::RequestedToCapacityRatio(vec![(0, 10), (50, 5), (100, 0)]), [60, 78]);
    }

    #[test]
    fn pods_that_say_nothing_count_a_little() {
        let sized = node("a", json!({"status": {"allocatable": {"cpu": "1", "memory": "1000Mi"}}}));
        let snapshot = cluster([sized], []);
        let silent = pod("p", json!({"spec": {"containers": [{}]}}));
        assert_eq!(scores(&Fit::default(), &silent, &snapshot), [(90 + 80) / 2]);
    }

    #[test]
    fn what_may_help() {
        let pod = asking("p", json!({"cpu": "2"}), "");
        let (small, large) = (
            node("a", json!({"status": {"allocatable": {"cpu": "1"}}})),
            node("a", json!({"status": {"allocatable": {"cpu": "2"}}})),
        );
        let fit = Fit::default();
        assert!(!fit.wakes(&Event::NodeCame(&small), &pod) && fit.wakes(&Event::NodeCame(&large), &pod));
        assert!(fit.wakes(&Event::NodeChanged { old: &small, new: &large }, &pod));
        assert!(!fit.wakes(&Event::NodeChanged { old: &large, new: &large }, &pod));
        assert!(fit.wakes(&Event::PodGone(&asking("q", json!({}), "a")), &pod));
        assert!(!fit.wakes(&Event::PodGone(&asking("q", json!({}), "")), &pod));
    }
}
