//! Random clusters: like pods are placed as if each were looked at alone.

use std::sync::Arc;
use std::time::Duration;

use keelson_client::{Change, Labels};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cases::{node, pod};
use crate::chance::Chance;
use crate::node::Node;
use crate::pod::PodInfo;
use crate::state::{State, Step};

/// The same cluster, remembered in different ways.
struct Twins {
    all: Vec<State>,
    now: Instant,
    nodes: Vec<Arc<Node>>,
    pods: Vec<Arc<PodInfo>>,
    numbers: usize,
    placed: usize,
    refused: usize,
    preempted: usize,
}

const APPS: usize = 3;

fn selector(app: usize) -> Value {
    json!({"matchLabels": {"app": format!("app{app}")}})
}

/// One of a few kinds of pods, so that many are alike.
fn wanted(chance: &mut Chance) -> Value {
    let app = chance.below(APPS);
    let mut spec = json!({"containers": [{"image": format!("i{}", chance.below(2)),
        "resources": {"requests": {"cpu": format!("{}00m", 3 + 4 * chance.below(2))}}}]});
    let term = json!({"labelSelector": selector(chance.below(APPS)), "topologyKey":
        (["kubernetes.io/hostname", "zone"])[chance.below(2)]});
    let must = "requiredDuringSchedulingIgnoredDuringExecution";
    let would = "preferredDuringSchedulingIgnoredDuringExecution";
    match chance.below(11) {
        0 => spec["containers"][0]["ports"] = json!([{"hostPort": 80}]),
        1 => spec["affinity"] = json!({"podAntiAffinity": {must: [term]}}),
        2 => spec["affinity"] = json!({"podAffinity": {must: [term]}}),
        3 => spec["affinity"] = json!({"podAffinity": {would: [{"weight": 3, "podAffinityTerm": term}]}}),
        4 => spec["affinity"] = json!({"podAntiAffinity": {would: [{"weight": 3, "podAffinityTerm": term}]}}),
        5 | 6 => {
            let action = (["DoNotSchedule", "ScheduleAnyway"])[chance.below(2)];
            spec["topologySpreadConstraints"] = json!([{"maxSkew": 1, "topologyKey": "zone",
                "whenUnsatisfiable": action, "labelSelector": selector(app)}]);
        }
        7 => spec["nodeSelector"] = json!({"disk": "fast"}),
        8 => {
            spec["affinity"] = json!({"nodeAffinity": {would: [{"weight": 5, "preference":
                {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["fast"]}]}}]}});
        }
        9 => spec["tolerations"] = json!([{"operator": "Exists"}]),
        _ => {}
    }
    json!({"metadata": {"labels": {"app": format!("app{app}")}}, "spec": spec})
}

fn drawn(name: &str, chance: &mut Chance) -> Arc<Node> {
    let mut with = json!({"metadata": {"labels": {"zone": format!("z{}", chance.below(3)),
        "topology.kubernetes.io/zone": format!("z{}", chance.below(3)),
        "disk": (["fast", "slow"])[chance.below(2)]}},
        "status": {"allocatable": {"cpu": (2 + chance.below(3)).to_string(), "memory": "8Gi", "pods": "8"}}});
    match chance.below(8) {
        0 => with["spec"] = json!({"taints": [{"key": "k", "effect": "NoSchedule"}]}),
        1 => with["spec"] = json!({"taints": [{"key": "k", "effect": "PreferNoSchedule"}]}),
        2 => with["spec"] = json!({"unschedulable": true}),
        3 => with["status"]["images"] = json!([{"names": ["i0:latest"], "sizeBytes": 500 << 20}]),
        _ => {}
    }
    node(name, with)
}

impl Twins {
    fn all(&mut self, change: impl Fn(&mut State, Instant)) {
        let now = self.now;
        self.all.iter_mut().for_each(|state| change(state, now));
    }

    fn pod(&mut self, old: Option<&Arc<PodInfo>>, new: Option<&Arc<PodInfo>>) {
        self.all(|state, now| state.pod_changed(&Change { old, new }, now));
    }

    fn event(&mut self, chance: &mut Chance) {
        match chance.below(20) {
            0..12 => {
                self.numbers += 1;
                let mut kind = wanted(&mut Chance::new(chance.below(9) as u64));
                if chance.below(4) == 0 {
                    kind["spec"]["priority"] = json!(10);
                }
                let new = pod(&format!("p{}", self.numbers), kind);
                self.pod(None, Some(&new));
                self.pods.push(new);
            }
            12..15 if !self.pods.is_empty() => {
                let gone = self.pods.swap_remove(chance.below(self.pods.len()));
                self.pod(Some(&gone), None);
            }
            15 if !self.pods.is_empty() => {
                // It is on its way out, and stays a while.
                let at = chance.below(self.pods.len());
                let old = Arc::clone(&self.pods[at]);
                let mut new = PodInfo::clone(&old);
                new.meta = pod(
                    "x",
                    json!({"metadata": {"name": old.meta.name, "uid": old.meta.uid,
                    "labels": old.meta.labels, "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
                )
                .meta
                .clone();
                let new = Arc::new(new);
                self.pod(Some(&old), Some(&new));
                self.pods[at] = new;
            }
            16 => {
                let new = drawn(&format!("m{}", self.numbers), chance);
                self.all(|state, now| state.node_changed(&Change { old: None, new: Some(&new) }, now));
                self.nodes.push(new);
            }
            17 if self.nodes.len() > 3 => {
                let gone = self.nodes.swap_remove(chance.below(self.nodes.len()));
                self.all(|state, now| state.node_changed(&Change { old: Some(&gone), new: None }, now));
            }
            18 if !self.nodes.is_empty() => {
                let at = chance.below(self.nodes.len());
                let new = drawn(self.nodes[at].name(), chance);
                let old = std::mem::replace(&mut self.nodes[at], Arc::clone(&new));
                let change = Change { old: Some(&old), new: Some(&new) };
                self.all(|state, now| state.node_changed(&change, now));
            }
            _ => {
                let labels: Labels = [("app", "app1")].into_iter().collect();
                let selector = (chance.below(2) == 0).then_some(&labels);
                self.all(|state, _| state.snapshot.peers_mut().set_service("default", "s", selector));
            }
        }
    }

    /// Lets all of them decide until there is nothing to decide; what they say must be the same.
    fn decide(&mut self, chance: &mut Chance) {
        loop {
            let now = self.now;
            let steps: Vec<Step> = self.all.iter_mut().map(|state| state.step(now)).collect();
            let said: Vec<String> = steps.iter().map(shown).collect();
            assert!(said.iter().all(|other| *other == said[0]), "{said:#?}");
            match steps.into_iter().next() {
                Some(Step::Bind(pod, node, _)) => {
                    self.placed += 1;
                    let bound = pod.placed_on(&node);
                    if chance.below(8) == 0 {
                        self.all(|state, now| state.unbound(&pod, now));
                    } else if let Some(at) = self.pods.iter().position(|one| one.meta.uid == pod.meta.uid) {
                        let old = std::mem::replace(&mut self.pods[at], Arc::clone(&bound));
                        self.pod(Some(&old), Some(&bound));
                    }
                }
                Some(Step::Tell(untold)) => {
                    self.refused += 1;
                    for victim in untold.failure.preemption.iter().flat_map(|found| &found.victims) {
                        self.preempted += 1;
                        self.pods.retain(|one| one.meta.uid != victim.meta.uid);
                        self.pod(Some(victim), None);
                    }
                }
                Some(Step::Wait(_)) | None => return,
            }
        }
    }
}

fn shown(step: &Step) -> String {
    match step {
        Step::Bind(pod, node, _) => format!("{} -> {node}", pod.meta.name),
        Step::Tell(untold) => {
            let failure = &untold.failure;
            let preemption = failure.preemption.as_ref();
            let victims = preemption.map(|found| {
                let mut names: Vec<_> = found.victims.iter().map(|victim| victim.meta.name.clone()).collect();
                names.sort_unstable();
                (found.node.clone(), names)
            });
            let told = (&untold.pod.meta.name, &failure.message, &failure.rejected_by, victims);
            format!("{told:?} {}", failure.gives_up_nomination)
        }
        Step::Wait(due) => format!("{due:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn like_pods_are_placed_as_if_each_were_alone() {
    let (mut placed, mut refused, mut preempted) = (0, 0, 0);
    for seed in 0..120 {
        let mut chance = Chance::new(seed);
        let mut twins = Twins {
            // None, too few for all kinds, and enough.
            all: [0, 2, 64].map(|classes| State::remembering(classes, seed)).into(),
            now: Instant::now(),
            nodes: Vec::new(),
            pods: Vec::new(),
            numbers: 0,
            placed: 0,
            refused: 0,
            preempted: 0,
        };
        // Some clusters are so large that not all nodes are looked at.
        for number in 0..if seed % 4 == 0 { 130 } else { 6 } {
            let new = drawn(&format!("n{number}"), &mut chance);
            twins.all(|state, now| state.node_changed(&Change { old: None, new: Some(&new) }, now));
            twins.nodes.push(new);
        }
        for _ in 0..120 {
            twins.event(&mut chance);
            if chance.below(3) == 0 {
                twins.decide(&mut chance);
            }
            twins.now += Duration::from_millis(500 * chance.below(10) as u64);
        }
        placed += twins.placed;
        refused += twins.refused;
        preempted += twins.preempted;
    }
    assert!(placed > 1000 && refused > 300 && preempted > 20, "{placed} {refused} {preempted}");
}
