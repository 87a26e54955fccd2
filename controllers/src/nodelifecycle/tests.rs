//! Nodes that live, and nodes that do not.

use std::cell::Cell;
use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::queue::Queue;
use keelson_client::{Key, Time};
use serde_json::{Value, json};

use super::NodeLifecycle;
use crate::driver::{Controller, Inputs};
use crate::plan::lines;

/// Time begins here, in seconds.
const BEGINNING: u64 = 1_767_225_600;

struct Cluster(NodeLifecycle, Cell<u64>);

impl Cluster {
    fn new() -> Self {
        let controller = NodeLifecycle::over(Arc::default(), Arc::default(), Arc::default());
        controller.inputs(&Inputs::new(Queue::default()));
        Self(controller, Cell::new(0))
    }

    /// A node that has just said that its condition `Ready` is this, if it has any; with these taints, `KEY:EFFECT`.
    fn node(&self, name: &str, ready: &str, taints: &[&str]) {
        let mut conditions = Vec::new();
        let said = time(self.1.replace(self.1.get() + 1));
        if !ready.is_empty() {
            conditions.push(json!({"type": "Ready", "status": ready, "lastHeartbeatTime": said}));
            conditions
                .push(json!({"type": "MemoryPressure", "status": "False", "lastHeartbeatTime": time(0)}));
        }
        let taints: Vec<Value> = taints
            .iter()
            .filter_map(|taint| taint.split_once(':'))
            .map(|(key, effect)| json!({"key": format!("node.kubernetes.io/{key}"), "effect": effect}))
            .collect();
        let node = json!({
            "metadata": {"name": name, "uid": name, "creationTimestamp": time(0)},
            "spec": {"taints": taints}, "status": {"conditions": conditions},
        });
        self.0.nodes.apply(serde_json::from_value(node).unwrap());
    }

    fn lease(&self, name: &str, seconds: u64) {
        let lease = json!({
            "metadata": {"name": name, "namespace": "kube-node-lease", "resourceVersion": (7 + seconds).to_string()},
            "spec": {"renewTime": time(seconds)},
        });
        self.0.leases.apply(serde_json::from_value(lease).unwrap());
    }

    fn at(&self, name: &str, seconds: u64) -> Vec<String> {
        lines(self.0.plan(&Key::new("", name), UnixMillis((BEGINNING + seconds) * 1000)))
    }
}

fn time(seconds: u64) -> String {
    Time::of(UnixMillis((BEGINNING + seconds) * 1000)).to_string()
}

fn taints(name: &str, seconds: u64, taints: &[&str]) -> String {
    let all: Vec<String> = taints
        .iter()
        .filter_map(|taint| taint.split_once(':'))
        .map(|(key, effect)| {
            let key = format!("node.kubernetes.io/{key}");
            format!(r#"{{"effect":"{effect}","key":"{key}","timeAdded":"{}"}}"#, time(seconds))
        })
        .collect();
    format!(r#"patch nodes {name} {{"spec":{{"taints":[{}]}}}}"#, all.join(","))
}

#[test]
fn a_silent_node_is_not_known_to_be_well() {
    let cluster = Cluster::new();
    cluster.node("n", "True", &[]);
    cluster.lease("n", 0);
    let registered = "tell Normal RegisteredNode: Node n event: Registered Node n in Controller";
    assert_eq!(cluster.at("n", 0), [registered, "again in 50.001s"]);
    cluster.lease("n", 10);
    assert_eq!(cluster.at("n", 10), ["again in 50.001s"]);
    assert_eq!(cluster.at("n", 30), ["again in 30.001s"]);
    let unknown = |kind: &str, reason: &str, message: &str, more: &str| {
        format!(
            r#"{{{more}"lastTransitionTime":"{}","message":"{message}","reason":"{reason}","status":"Unknown","type":"{kind}"}}"#,
            time(61)
        )
    };
    let since = format!(r#""lastHeartbeatTime":"{}","#, time(0));
    let silent = |kind| unknown(kind, "NodeStatusUnknown", "Kubelet stopped posting node status.", "");
    let never = |kind| unknown(kind, "NodeStatusNeverUpdated", "Kubelet never posted node status.", &since);
    let conditions =
        [silent("Ready"), silent("MemoryPressure"), never("DiskPressure"), never("PIDPressure")].join(",");
    assert_eq!(
        cluster.at("n", 61),
        [format!(r#"patch nodes/status n {{"status":{{"conditions":[{conditions}]}}}}"#)]
    );
}

#[test]
fn a_lost_node_drives_its_pods_out_and_a_found_one_does_not() {
    let cluster = Cluster::new();
    cluster.node("m", "True", &[]);
    cluster.node("n", "True", &[]);
    let pod = |name: &str, ready: &str| {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "ns", "uid": name}, "spec": {"nodeName": "n"},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    };
    cluster.0.pods.apply(pod("p", "True"));
    cluster.0.pods.apply(pod("q", "False"));
    cluster.at("n", 0);
    cluster.node("n", "Unknown", &[]);
    let not_ready = format!(
        r#"{{"status":{{"conditions":[{{"lastTransitionTime":"{}","status":"False","type":"Ready"}}]}}}}"#,
        time(60)
    );
    assert_eq!(
        cluster.at("n", 60)[..4],
        [
            "tell Normal NodeNotReady: Node n status is now: NodeNotReady".to_owned(),
            taints("n", 60, &["unreachable:NoSchedule", "unreachable:NoExecute"]),
            format!("patch pods/status ns/p {not_ready}"),
            "tell Warning NodeNotReady: Node is not ready".to_owned(),
        ]
    );
    cluster.0.pods.apply(pod("p", "False"));
    // It says that it is there, but not ready: what it is called changes at once.
    cluster.node("n", "False", &["unreachable:NoSchedule", "unreachable:NoExecute"]);
    assert_eq!(cluster.at("n", 70)[0], taints("n", 70, &["not-ready:NoSchedule", "not-ready:NoExecute"]));
    cluster.node("n", "True", &["not-ready:NoSchedule", "not-ready:NoExecute"]);
    assert_eq!(cluster.at("n", 80)[0], taints("n", 80, &[]));
}

#[test]
fn nodes_are_given_up_slowly() {
    let cluster = Cluster::new();
    for name in ["a", "b", "c", "x", "y"] {
        cluster.node(name, "True", &[]);
        cluster.at(name, 0);
    }
    let both = &["unreachable:NoSchedule", "unreachable:NoExecute"];
    cluster.node("a", "Unknown", &[]);
    cluster.node("b", "Unknown", &[]);
    assert_eq!(cluster.at("a", 60)[1], taints("a", 60, both));
    cluster.node("a", "Unknown", both);
    assert_eq!(
        cluster.at("b", 60)[1..],
        [taints("b", 60, &["unreachable:NoSchedule"]), "again in 10s".into()]
    );
    cluster.node("b", "Unknown", &["unreachable:NoSchedule"]);
    assert_eq!(cluster.at("b", 65), ["again in 5s"]);
    // Three of five are many, and the cluster is small: nobody is given up any more.
    cluster.node("c", "Unknown", &["unreachable:NoSchedule"]);
    assert_eq!(cluster.at("b", 70), ["again in 45.001s"], "only whether it is heard of");
    let lost = "tell Normal NodeNotReady: Node c status is now: NodeNotReady";
    assert_eq!(cluster.at("c", 70), [lost, "again in 50.001s"]);
    cluster.node("c", "True", &[]);
    assert_eq!(cluster.at("b", 71).last().unwrap(), "again in 4s");
    assert!(cluster.at("b", 75)[0].contains("NoExecute"));
}

#[test]
fn where_all_are_lost_nobody_is_given_up() {
    let cluster = Cluster::new();
    let driven = &["unreachable:NoSchedule", "unreachable:NoExecute"];
    cluster.node("a", "True", &[]);
    cluster.node("b", "Unknown", driven);
    assert_eq!(cluster.at("b", 0).len(), 2, "it waits for b to be heard of");
    cluster.at("a", 0);
    cluster.node("a", "Unknown", &[]);
    // `b` may have its pods again: it is we who hear nobody.
    let kept = r#"patch nodes b {"spec":{"taints":[{"effect":"NoSchedule","key":"node.kubernetes.io/unreachable"}]}}"#;
    assert_eq!(cluster.at("b", 60), [kept]);
    cluster.node("b", "Unknown", &["unreachable:NoSchedule"]);
    assert_eq!(cluster.at("a", 60)[1], taints("a", 60, &["unreachable:NoSchedule"]));
    assert_eq!(cluster.at("b", 61), ["again in 50.001s"]);
    assert_eq!(cluster.at("b", 81), ["again in 30.001s"]);
    // When one is back, the others have their time again.
    cluster.node("a", "True", &[]);
    assert!(cluster.at("b", 100).contains(&"again in 50.001s".to_owned()));
}

#[test]
fn what_a_node_says_keeps_pods_away() {
    let cluster = Cluster::new();
    let node = json!({
        "metadata": {"name": "n", "uid": "n", "labels": {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64",
            "beta.kubernetes.io/arch": "amd64"}},
        "spec": {"unschedulable": true, "taints": [{"key": "mine", "effect": "NoSchedule"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]},
    });
    cluster.0.nodes.apply(serde_json::from_value(node).unwrap());
    let plan = cluster.at("n", 0);
    let labels =
        r#"{"metadata":{"labels":{"beta.kubernetes.io/arch":"arm64","beta.kubernetes.io/os":"linux"}}}"#;
    assert_eq!(plan[1], format!("patch nodes n {labels}"));
    for key in [r#""key":"mine""#, "node.kubernetes.io/disk-pressure", "node.kubernetes.io/unschedulable"] {
        assert!(plan[2].contains(key), "{plan:?}");
    }
    assert!(!plan[2].contains("NoExecute"));
}

#[test]
fn a_node_that_never_said_anything_has_a_little_longer() {
    let cluster = Cluster::new();
    cluster.node("n", "", &[]);
    assert_eq!(cluster.at("n", 20)[1..], ["again in 40.001s"]);
    assert_eq!(cluster.at("n", 61).len(), 1);
    cluster.0.nodes.remove(serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap());
    assert_eq!(
        cluster.at("n", 62),
        ["tell Normal RemovingNode: Node n event: Removing Node n from Controller"]
    );
}
