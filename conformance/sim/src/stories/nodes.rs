//! Stories of nodes: they come, run pods, fall silent, and their pods come back elsewhere.

use keelson_client::Resource;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::stories::cluster::{Cluster, DEPLOYMENTS, EVENTS, PODS};

const NODES: Resource = Resource::cluster("", "v1", "nodes", "Node");
const LEASES: Resource = Resource::namespaced("coordination.k8s.io", "v1", "leases", "Lease");
/// What a deployment's pods and their nodes need.
const ALL: &str = "deployment-controller,replicaset-controller,node-lifecycle-controller,taint-eviction-controller,\
                   node-ipam-controller";

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let all = object["status"]["conditions"].as_array();
    all.and_then(|all| all.iter().find(|condition| condition["type"] == kind)).unwrap_or(&Value::Null)
}

fn is_ready(object: &Value) -> bool {
    condition(object, "Ready")["status"] == "True"
}

async fn deploy(cluster: &Cluster, replicas: u32, annotations: Value) {
    let template = json!({
        "metadata": {"labels": {"a": "b"}, "annotations": annotations},
        "spec": {
            "containers": [{"name": "c", "image": "i"}],
            // Half a minute is enough.
            "tolerations": [{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}],
        },
    });
    let spec = json!({"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": template});
    cluster.create(&DEPLOYMENTS, "default", json!({"metadata": {"name": "d"}, "spec": spec})).await;
}

/// Where ready pods are that stay.
async fn places(cluster: &Cluster) -> Vec<String> {
    let pods = cluster.list(&PODS, "default").await;
    let stays = |pod: &&Value| is_ready(pod) && pod["metadata"]["deletionTimestamp"].is_null();
    pods.iter().filter(stays).map(|pod| pod["spec"]["nodeName"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn nodes_come_and_run_pods() {
    let mut cluster = Cluster::empty().await;
    cluster.begin(ALL);
    cluster.begin_scheduler(1);
    cluster.begin_nodes(3);
    deploy(&cluster, 6, json!({})).await;
    let found = cluster.until("all are ready", async || places(&cluster).await, |all| all.len() == 6).await;
    assert!((0..3).all(|number| found.contains(&format!("hollow-{number}"))), "{found:?}");
    for number in 0..3 {
        let name = format!("hollow-{number}");
        let node = cluster.get(&NODES, &name).await.unwrap();
        assert!(is_ready(&node) && node["spec"]["taints"].is_null(), "{node:#}");
        assert_eq!(node["spec"]["podCIDR"].as_str().unwrap().rsplit_once('/').unwrap().1, "24");
        let lease = async || cluster.get(&LEASES, &format!("kube-node-lease/{name}")).await;
        let lease = cluster.until("it has a lease", lease, Option::is_some).await.unwrap();
        assert_eq!(lease["metadata"]["ownerReferences"][0]["uid"], node["metadata"]["uid"]);
    }
    let pods = cluster.list(&PODS, "default").await;
    let mut addresses: Vec<_> = pods.iter().map(|pod| pod["status"]["podIP"].to_string()).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 6);
    assert!(pods.iter().all(|pod| pod["status"]["observedGeneration"] == pod["metadata"]["generation"]));
}

#[tokio::test(start_paused = true)]
async fn a_dead_nodes_pods_come_back_elsewhere() {
    let mut cluster = Cluster::empty().await;
    cluster.begin(ALL);
    cluster.begin_scheduler(1);
    cluster.begin_nodes(3);
    deploy(&cluster, 6, json!({})).await;
    cluster.until("all are ready", async || places(&cluster).await, |all| all.len() == 6).await;

    let began = Instant::now();
    cluster
        .merge(&NODES, "hollow-1", json!({"metadata": {"annotations": {"keelson.dev/hollow": "stopped"}}}))
        .await;
    let look = async || cluster.get(&NODES, "hollow-1").await.unwrap();
    let unknown = |node: &Value| condition(node, "Ready")["status"] == "Unknown";
    let node = cluster.until("it is not heard of any more", look, unknown).await;
    let waited = began.elapsed().as_secs();
    assert!((40..=61).contains(&waited), "{waited}");
    assert_eq!(condition(&node, "Ready")["reason"], "NodeStatusUnknown");
    cluster
        .until(
            "its pods are replaced",
            async || places(&cluster).await,
            |all| all.len() == 6 && !all.contains(&"hollow-1".to_owned()),
        )
        .await;
    // Nobody there says that they have ended.
    let left = async || {
        let pods = cluster.list(&PODS, "default").await;
        let there = |pod: &&Value| pod["spec"]["nodeName"] == "hollow-1";
        pods.iter().filter(there).cloned().collect::<Vec<_>>()
    };
    let stuck = left().await;
    assert!(!stuck.is_empty() && stuck.iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_string()));
    assert_eq!(condition(&stuck[0], "DisruptionTarget")["reason"], "DeletionByTaintManager");
    let events = cluster.list(&EVENTS, "default").await;
    for reason in ["NodeNotReady", "TaintManagerEviction"] {
        assert!(events.iter().any(|event| event["reason"] == reason), "{reason}");
    }

    cluster
        .merge(&NODES, "hollow-1", json!({"metadata": {"annotations": {"keelson.dev/hollow": null}}}))
        .await;
    cluster.until("they end once it is back", left, Vec::is_empty).await;
    let back = |node: &Value| is_ready(node) && node["spec"]["taints"].is_null();
    cluster.until("it is as it was", look, back).await;
}

#[tokio::test(start_paused = true)]
async fn nodes_are_taken_over_with_their_pods() {
    let mut cluster = Cluster::empty().await;
    let begin = |cluster: &mut Cluster| {
        cluster.begin(ALL);
        cluster.begin_scheduler(1);
        cluster.begin_nodes(2);
    };
    begin(&mut cluster);
    deploy(&cluster, 4, json!({})).await;
    cluster.until("all are ready", async || places(&cluster).await, |all| all.len() == 4).await;
    let ids = async |cluster: &Cluster| {
        let pods = cluster.list(&PODS, "default").await;
        let told =
            |pod: &Value| format!("{} {}", pod["status"]["podIP"], pod["status"]["containerStatuses"][0]);
        pods.iter().map(told).collect::<Vec<_>>()
    };
    let before = ids(&cluster).await;
    cluster.kill().await;
    begin(&mut cluster);
    // What comes new is beside what was there, and changes nothing of it.
    cluster.merge(&DEPLOYMENTS, "default/d", json!({"spec": {"replicas": 5}})).await;
    cluster.until("one more is ready", async || places(&cluster).await, |all| all.len() == 5).await;
    let after = ids(&cluster).await;
    assert!(before.iter().all(|pod| after.contains(pod)), "{before:#?} {after:#?}");
}

#[tokio::test(start_paused = true)]
async fn pods_fail_and_end_as_they_are_told() {
    let mut cluster = Cluster::empty().await;
    cluster.begin("node-lifecycle-controller");
    cluster.begin_scheduler(1);
    cluster.begin_nodes(1);
    let pod = |name: &str, policy: &str, annotations: Value| {
        json!({
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"restartPolicy": policy, "containers": [{"name": "c", "image": "i"}]},
        })
    };
    let fails = json!({"keelson.dev/run-for": "5s", "keelson.dev/exit-code": "3"});
    cluster.create(&PODS, "default", pod("again", "Always", fails.clone())).await;
    cluster.create(&PODS, "default", pod("fails", "Never", fails)).await;
    cluster.create(&PODS, "default", pod("ends", "Never", json!({"keelson.dev/run-for": "7s"}))).await;
    let look = async |name: &str| cluster.get(&PODS, &format!("default/{name}")).await.unwrap();
    for (name, phase) in [("fails", "Failed"), ("ends", "Succeeded")] {
        let ended = |pod: &Value| pod["status"]["phase"] == phase;
        cluster.until("it ends", async || look(name).await, ended).await;
    }
    let restarted = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"] == 4;
    let began = Instant::now();
    let pod = cluster.until("it fails often", async || look("again").await, restarted).await;
    assert_eq!(pod["status"]["phase"], "Running");
    let waited = began.elapsed().as_secs();
    // Ten, twenty and forty seconds, and five for each run.
    assert!((60..=100).contains(&waited), "{waited}");
    cluster.delete(&PODS, "default/again", "Background").await;
    let gone = async || cluster.get(&PODS, "default/again").await;
    cluster.until("it is gone", gone, Option::is_none).await;
}
