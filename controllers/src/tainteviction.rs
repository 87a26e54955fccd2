//! Pods that do not put up with what their node is tainted with are deleted: at once, or when their patience is over.
//!
//! Only taints that drive pods out count. A pod whose tolerations match all of them stays, for as long as the shortest of
//! these allows; the time runs from when we saw that first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::client::Deletion;
use keelson_client::events::Weight;
use keelson_client::{Cache, Caches, Key, Patch, Time};
use parking_lot::Mutex;
use serde_json::json;

use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan, What, Word};
use crate::pods;
use crate::views::node::Node;
use crate::views::pod::{PODS, Pod};
use crate::views::taint::{Taint, Toleration};

/// The controller. Keys are pods.
pub(crate) struct TaintEviction {
    pods: Arc<Cache<Pod>>,
    nodes: Arc<Cache<Node>>,
    /// Which pods wait to be deleted, by uid, and since when. Lost when the process ends: they wait anew.
    waiting: Mutex<HashMap<Key, (CompactString, UnixMillis)>>,
}

impl TaintEviction {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self::over(caches.of(), caches.of())
    }

    fn over(pods: Arc<Cache<Pod>>, nodes: Arc<Cache<Node>>) -> Self {
        pods::index_by_node(&pods);
        Self { pods, nodes, waiting: Mutex::default() }
    }
}

impl Controller for TaintEviction {
    fn inputs(&self, inputs: &Inputs) {
        inputs.map(&self.pods, |change| {
            // Where it is and what it puts up with; the rest of it does not matter here.
            let said = |pod: &Arc<Pod>| (pod.spec.node_name.clone(), pod.spec.tolerations.clone());
            let new = change.new.is_none_or(|new| change.old.map(said) != Some(said(new)));
            change.latest().filter(|_| new).map(|pod| pod.metadata.key()).into_iter().collect()
        });
        let pods = Arc::clone(&self.pods);
        inputs.map(&self.nodes, move |change| {
            let taints = |node: &Arc<Node>| node.driving_out().cloned().collect::<Vec<_>>();
            let (old, new) = (change.old.map(taints), change.new.map(taints));
            if old.unwrap_or_default() == new.unwrap_or_default() {
                return Vec::new();
            }
            let name = change.latest().map(|node| node.metadata.name.clone()).unwrap_or_default();
            pods.by(pods::BY_NODE, &name).iter().map(|pod| pod.metadata.key()).collect()
        });
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let mut waiting = self.waiting.lock();
        let pod = self.pods.get(key).filter(|pod| !pod.metadata.is_deleting());
        let node = pod.as_ref().and_then(|pod| self.nodes.get(&Key::new("", &pod.spec.node_name)));
        let (Some(pod), Some(node)) = (pod, node) else {
            waiting.remove(key);
            return Plan::nothing();
        };
        let taints: Vec<&Taint> = node.driving_out().collect();
        match patience(&taints, &pod.spec.tolerations) {
            Patience::Ever => match waiting.remove(key) {
                Some(_) => Plan::of(vec![tell(&pod, "Cancelling deletion of Pod")]),
                None => Plan::nothing(),
            },
            Patience::None => {
                waiting.remove(key);
                Plan::of(evict(&pod, now))
            }
            Patience::For(millis) => {
                let uid = &pod.metadata.uid;
                // One of the same name that was there before has waited for itself.
                let known = waiting.get(key).filter(|(of, _)| of == uid).map(|(_, since)| *since);
                let since = known.unwrap_or(now);
                waiting.insert(key.clone(), (uid.clone(), since));
                let left = millis.saturating_sub(now.since(since));
                if left > 0 {
                    return Plan { again: Some(Duration::from_millis(left)), ..Plan::nothing() };
                }
                // It is forgotten when it is gone: if it cannot be deleted now, it does not wait anew.
                Plan::of(evict(&pod, now))
            }
        }
    }
}

/// How long a pod may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    None,
    For(u64),
    Ever,
}

fn patience(taints: &[&Taint], tolerations: &[Toleration]) -> Patience {
    let mut shortest = None;
    for taint in taints {
        let mut matching = tolerations.iter().filter(|toleration| toleration.tolerates(taint));
        // The first that matches counts, as it does upstream.
        let Some(toleration) = matching.next() else { return Patience::None };
        if let Some(seconds) = toleration.toleration_seconds {
            let millis = u64::try_from(seconds).unwrap_or(0).saturating_mul(1000);
            shortest = Some(shortest.map_or(millis, |known: u64| known.min(millis)));
        }
    }
    match shortest {
        None => Patience::Ever,
        Some(0) => Patience::None,
        Some(millis) => Patience::For(millis),
    }
}

fn evict(pod: &Pod, now: UnixMillis) -> Vec<Action> {
    let meta = &pod.metadata;
    let condition = json!({
        "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint", "observedGeneration": meta.generation,
        "lastTransitionTime": Time::of(now),
    });
    let change = json!({"metadata": {"uid": meta.uid}, "status": {"conditions": [condition]}});
    let what =
        What::Patch { resource: PODS, key: meta.key(), part: "status", form: Patch::Strategic, change };
    let how = Deletion::of(&meta.uid);
    let delete = What::Delete { resource: PODS, key: meta.key(), how };
    vec![tell(pod, "Marking for deletion Pod"), Action::new(what), Action::new(delete)]
}

fn tell(pod: &Pod, what: &str) -> Action {
    let word =
        Word::new("TaintManagerEviction", "TaintManagerEviction", format!("{what} {}", pod.metadata.key()));
    Action::tell(&PODS, &pod.metadata, Weight::Normal, &word)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::plan::lines;

    fn pod(tolerations: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "ns", "uid": "u", "generation": 1},
            "spec": {"nodeName": "n", "tolerations": tolerations}, "status": {"phase": "Running"},
        }))
        .unwrap()
    }

    fn node(taints: &Value) -> Node {
        serde_json::from_value(json!({"metadata": {"name": "n"}, "spec": {"taints": taints}})).unwrap()
    }

    fn controller(tolerations: &Value, taints: &Value) -> TaintEviction {
        TaintEviction::over(Cache::holding([pod(tolerations)]), Cache::holding([node(taints)]))
    }

    fn at(controller: &TaintEviction, seconds: u64) -> Vec<String> {
        lines(controller.plan(&Key::new("ns", "p"), UnixMillis(seconds * 1000)))
    }

    fn goes() -> Vec<String> {
        let condition = r#"{"status":{"conditions":[{"lastTransitionTime":"1970-01-01T00:00:05Z","message":"Taint manager: deleting due to NoExecute taint","observedGeneration":1,"reason":"DeletionByTaintManager","status":"True","type":"DisruptionTarget"}]}}"#;
        vec![
            "tell Normal TaintManagerEviction: Marking for deletion Pod ns/p".to_owned(),
            format!("patch pods/status ns/p {condition}"),
            "delete pods ns/p".to_owned(),
        ]
    }

    #[test]
    fn a_pod_stays_for_as_long_as_all_its_taints_are_tolerated() {
        let taint = |key: &str, effect: &str| json!({"key": key, "effect": effect});
        let drives = json!([taint("a", "NoExecute"), taint("b", "NoExecute"), taint("c", "NoSchedule")]);
        let tolerated = |key: &str, seconds: Value| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds});
        let nothing: Vec<String> = Vec::new();
        for (tolerations, expected) in [
            (json!([]), goes()),
            (json!([tolerated("a", Value::Null)]), goes()),
            (json!([tolerated("a", Value::Null), tolerated("b", Value::Null)]), nothing),
            (json!([tolerated("a", json!(30)), tolerated("b", json!(20))]), vec!["again in 20s".to_owned()]),
            (json!([tolerated("a", json!(30)), tolerated("b", json!(-1))]), goes()),
            (json!([{"operator": "Exists", "tolerationSeconds": 7}]), vec!["again in 7s".to_owned()]),
        ] {
            assert_eq!(at(&controller(&tolerations, &drives), 5), expected, "{tolerations}");
        }
        assert!(at(&controller(&json!([]), &json!([taint("c", "NoSchedule")])), 5).is_empty());
    }

    #[test]
    fn patience_ends_and_may_be_called_off() {
        let tolerations = json!([{"key": "a", "operator": "Exists", "tolerationSeconds": 3}]);
        let drives = json!([{"key": "a", "effect": "NoExecute"}]);
        let waits = controller(&tolerations, &drives);
        assert_eq!(at(&waits, 2), ["again in 3s"]);
        assert_eq!(at(&waits, 4), ["again in 1s"]);
        assert_eq!(at(&waits, 5), goes());
        let waits = controller(&tolerations, &drives);
        assert_eq!(at(&waits, 2), ["again in 3s"]);
        waits.nodes.apply(node(&json!([])));
        assert_eq!(at(&waits, 4), ["tell Normal TaintManagerEviction: Cancelling deletion of Pod ns/p"]);
        assert!(at(&waits, 9).is_empty());
    }
}
