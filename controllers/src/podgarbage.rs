//! Pods that nobody will end any more: those of nodes that are gone or out of service, those that were to go before they
//! had a node, and the oldest of those that ended, where there are too many.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::UnixMillis;
use keelson_client::client::Deletion;
use keelson_client::{Cache, Caches, Key, Patch, Time};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Pace, Plan, What};
use crate::pods::{self, is_terminal};
use crate::views::node::{NODES, Node};
use crate::views::pod::{PODS, Pod};

/// How long a node is missing until its pods go; upstream's. It may come back.
const MISSING_MILLIS: u64 = 40_000;
/// Pods that have ended and may stay; upstream's default.
const ENDED_MAX: usize = 12_500;
/// The index of pods that have ended.
const ENDED: &str = "ended";

/// The controller. Keys are pods.
pub(crate) struct PodGarbage {
    pods: Arc<Cache<Pod>>,
    nodes: Arc<Cache<Node>>,
    /// Since when nodes are missing. Lost when the process ends, which only makes pods stay a little longer.
    missing: Mutex<HashMap<String, UnixMillis>>,
    ended_max: usize,
}

impl PodGarbage {
    pub(crate) fn new(caches: &Caches) -> Self {
        let new =
            Self { pods: caches.of(), nodes: caches.of(), missing: Mutex::default(), ended_max: ENDED_MAX };
        new.index();
        new
    }

    fn index(&self) {
        pods::index_by_node(&self.pods);
        self.pods.index(ENDED, |pod| if is_terminal(pod) { vec!["".into()] } else { Vec::new() });
    }
}

impl Controller for PodGarbage {
    fn inputs(&self, inputs: &Inputs) {
        inputs.map(&self.pods, |change| {
            // Nothing else about a pod decides here.
            let said =
                |pod: &Arc<Pod>| (is_terminal(pod), pod.metadata.is_deleting(), pod.spec.node_name.clone());
            let changed = change.new.filter(|new| change.old.map(said) != Some(said(new)));
            changed.map(|pod| pod.metadata.key()).into_iter().collect()
        });
        let pods = Arc::clone(&self.pods);
        inputs.map(&self.nodes, move |change| {
            let said = |node: &Arc<Node>| node.is_out_of_service();
            if change.old.map(said) == change.new.map(said) {
                return Vec::new();
            }
            let name = change.latest().map(|node| node.metadata.name.clone()).unwrap_or_default();
            pods.by(pods::BY_NODE, &name).iter().map(|pod| pod.metadata.key()).collect()
        });
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let Some(pod) = self.pods.get(key) else { return Plan::nothing() };
        let (name, deleting) = (pod.spec.node_name.as_str(), pod.metadata.is_deleting());
        if name.is_empty() {
            return if deleting { Plan::of(ended(&pod, None)) } else { self.too_many() };
        }
        match self.nodes.get(&Key::new("", name)) {
            Some(node) => {
                self.missing.lock().remove(name);
                if deleting && node.is_out_of_service() {
                    return Plan::of(ended(&pod, None));
                }
                self.too_many()
            }
            None => {
                let since = *self.missing.lock().entry(name.to_owned()).or_insert(now);
                let left = MISSING_MILLIS.saturating_sub(now.since(since));
                if left > 0 {
                    return Plan { again: Some(Duration::from_millis(left)), ..self.too_many() };
                }
                let condition = json!({
                    "type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
                    "message": "PodGC: node no longer exists", "observedGeneration": pod.metadata.generation,
                    "lastTransitionTime": Time::of(now),
                });
                let gone = Key::new("", name);
                let actions = ended(&pod, Some(&condition)).into_iter();
                Plan::of(actions.map(|action| action.while_gone(&NODES, gone.clone())).collect())
            }
        }
    }
}

impl PodGarbage {
    /// The oldest of those that have ended go, where there are more than may stay.
    fn too_many(&self) -> Plan {
        if self.pods.count_by(ENDED, "") <= self.ended_max {
            return Plan::nothing();
        }
        let mut all = self.pods.by(ENDED, "");
        all.sort_by(|a, b| {
            let order = |pod: &Pod| (!pod.status.is_evicted, pod.metadata.creation_timestamp);
            order(a).cmp(&order(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
        });
        let surplus = all.len() - self.ended_max;
        Plan {
            then: all[..surplus].iter().flat_map(|pod| ended(pod, None)).collect(),
            pace: Pace::AtOnce,
            ..Plan::default()
        }
    }
}

/// A pod has failed, unless it had ended before, and is gone at once.
fn ended(pod: &Pod, condition: Option<&Value>) -> Vec<Action> {
    let meta = &pod.metadata;
    let mut actions = Vec::new();
    if !is_terminal(pod) {
        let mut status = json!({"phase": "Failed", "observedGeneration": meta.generation});
        if let Some(condition) = condition {
            status["conditions"] = json!([condition]);
        }
        let change = json!({"metadata": {"uid": meta.uid}, "status": status});
        let form = Patch::Strategic;
        actions.push(Action::new(What::Patch {
            resource: PODS,
            key: meta.key(),
            part: "status",
            form,
            change,
        }));
    }
    let how = Deletion { grace_seconds: Some(0), ..Deletion::of(&meta.uid) };
    actions.push(Action::new(What::Delete { resource: PODS, key: meta.key(), how }));
    actions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::lines;

    fn pod(name: &str, what: &str) -> Pod {
        let mut pod = json!({
            "metadata": {"name": name, "namespace": "ns", "uid": name, "generation": 2, "creationTimestamp": format!("2026-01-01T00:00:0{}Z", name.len())},
            "spec": {"nodeName": "n"}, "status": {"phase": "Running"},
        });
        for word in what.split_whitespace() {
            match word {
                "going" => pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"),
                "unplaced" => pod["spec"] = json!({}),
                "lost" => pod["spec"]["nodeName"] = json!("gone"),
                "down" => pod["spec"]["nodeName"] = json!("down"),
                "ended" => pod["status"]["phase"] = json!("Succeeded"),
                "evicted" => pod["status"] = json!({"phase": "Failed", "reason": "Evicted"}),
                other => panic!("{other}"),
            }
        }
        serde_json::from_value(pod).unwrap()
    }

    fn controller(pods: &[(&str, &str)]) -> PodGarbage {
        let down = json!({
            "metadata": {"name": "down"},
            "spec": {"taints": [{"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}]},
        });
        let nodes = [json!({"metadata": {"name": "n"}}), down];
        let controller = PodGarbage {
            pods: Cache::holding(pods.iter().map(|(name, what)| pod(name, what))),
            nodes: Cache::holding(nodes.map(|node| serde_json::from_value(node).unwrap())),
            missing: Mutex::default(),
            ended_max: 2,
        };
        controller.index();
        controller
    }

    fn check(what: &str, expected: &[&str]) {
        let plan = controller(&[("p", what)]).plan(&Key::new("ns", "p"), UnixMillis(0));
        assert_eq!(lines(plan), expected, "{what}");
    }

    #[test]
    fn what_nobody_will_end_is_ended() {
        let failed = r#"patch pods/status ns/p {"status":{"observedGeneration":2,"phase":"Failed"}}"#;
        check("", &[]);
        check("going", &[]);
        check("unplaced", &[]);
        check("unplaced going", &[failed, "delete pods ns/p"]);
        check("down", &[]);
        check("down going", &[failed, "delete pods ns/p"]);
        check("down going ended", &["delete pods ns/p"]);
    }

    #[test]
    fn a_node_may_be_missing_for_a_while() {
        let controller = controller(&[("p", "lost")]);
        let plan = |millis| lines(controller.plan(&Key::new("ns", "p"), UnixMillis(millis)));
        assert_eq!(plan(1_000), ["again in 40s"]);
        assert_eq!(plan(31_000), ["again in 10s"]);
        let lines = plan(41_000);
        assert!(lines[0].contains("PodGC: node no longer exists"), "{lines:?}");
        assert_eq!(lines[1], "delete pods ns/p");
    }

    #[test]
    fn of_those_that_have_ended_some_stay() {
        let pods = [("p", ""), ("aa", "ended"), ("bbb", "ended"), ("c", "ended"), ("dddd", "evicted")];
        let plan = controller(&pods).plan(&Key::new("ns", "c"), UnixMillis(0));
        assert_eq!(lines(plan), ["delete pods ns/dddd", "delete pods ns/c"]);
    }
}
