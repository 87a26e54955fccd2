//! Stories of pods that want a place.

use keelson_client::Resource;
use serde_json::{Value, json};

use crate::stories::cluster::{Cluster, EVENTS, PODS};

const NODES: Resource = Resource::cluster("", "v1", "nodes", "Node");

async fn node(cluster: &Cluster, name: &str, cpu: &str) {
    let object = json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}});
    cluster.create(&NODES, "", object).await;
    let status = json!({"status": {
        "capacity": {"cpu": cpu, "memory": "8Gi", "pods": "110"},
        "allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"},
    }});
    cluster.change(&NODES, name, "status", status).await;
    // A new node is tainted until it is heard of.
    cluster.merge(&NODES, name, json!({"spec": {"taints": null}})).await;
}

async fn pod(cluster: &Cluster, name: &str, cpu: &str, with: Value) {
    let mut spec = json!({"containers": [
        {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}]});
    let Value::Object(with) = with else { panic!("fields of a spec") };
    for (key, value) in with {
        spec[key] = value;
    }
    cluster.create(&PODS, "default", json!({"metadata": {"name": name}, "spec": spec})).await;
}

async fn placed(cluster: &Cluster, name: &str) -> String {
    let key = format!("default/{name}");
    let look = async || cluster.get(&PODS, &key).await.expect("the pod is there");
    let pod = cluster.until("it has a node", look, |pod| pod["spec"]["nodeName"].is_string()).await;
    pod["spec"]["nodeName"].as_str().unwrap().to_owned()
}

async fn event(cluster: &Cluster, pod: &str, reason: &str) -> String {
    let look = async || {
        let events = cluster.list(&EVENTS, "default").await;
        let about = |event: &&Value| event["regarding"]["name"] == pod && event["reason"] == reason;
        let found = events.iter().find(about).map(|event| event["note"].as_str().unwrap().to_owned());
        found.unwrap_or_default()
    };
    cluster.until("there is an event", look, |note| !note.is_empty()).await
}

fn scheduled(pod: &Value) -> Option<&Value> {
    pod["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == "PodScheduled")
}

#[tokio::test(start_paused = true)]
async fn pods_get_nodes_as_there_is_room() {
    let mut cluster = Cluster::empty().await;
    cluster.begin_scheduler(1);
    node(&cluster, "a", "2").await;
    pod(&cluster, "p", "2", json!({})).await;
    assert_eq!(placed(&cluster, "p").await, "a");
    assert_eq!(event(&cluster, "p", "Scheduled").await, "Successfully assigned default/p to a");
    pod(&cluster, "q", "2", json!({})).await;
    let look = async || cluster.get(&PODS, "default/q").await.expect("the pod is there");
    let told = cluster.until("it is told", look, |pod| scheduled(pod).is_some()).await;
    let message = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: \
                   1 No preemption victims found for incoming pod.";
    let condition = scheduled(&told).unwrap();
    assert_eq!((&condition["status"], &condition["reason"]), (&json!("False"), &json!("Unschedulable")));
    assert_eq!(condition["message"], message);
    assert_eq!(event(&cluster, "q", "FailedScheduling").await, message);
    node(&cluster, "b", "2").await;
    assert_eq!(placed(&cluster, "q").await, "b");
    let told = cluster.get(&PODS, "default/q").await.unwrap();
    assert_eq!(scheduled(&told).unwrap()["status"], "True");
}

#[tokio::test(start_paused = true)]
async fn the_less_important_make_room() {
    let mut cluster = Cluster::empty().await;
    let classes = Resource::cluster("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass");
    cluster.create(&classes, "", json!({"metadata": {"name": "high"}, "value": 1000})).await;
    cluster.begin_scheduler(1);
    node(&cluster, "a", "2").await;
    pod(&cluster, "low", "2", json!({"terminationGracePeriodSeconds": 0})).await;
    assert_eq!(placed(&cluster, "low").await, "a");
    pod(&cluster, "high", "1", json!({"priorityClassName": "high"})).await;
    assert_eq!(placed(&cluster, "high").await, "a");
    assert_eq!(cluster.get(&PODS, "default/low").await, None);
    assert!(event(&cluster, "low", "Preempted").await.ends_with(" on node a"));
}

#[tokio::test(start_paused = true)]
async fn a_gate_holds_a_pod_back() {
    let mut cluster = Cluster::empty().await;
    cluster.begin_scheduler(1);
    node(&cluster, "a", "2").await;
    pod(&cluster, "gated", "1", json!({"schedulingGates": [{"name": "example.com/g"}]})).await;
    pod(&cluster, "open", "1", json!({})).await;
    assert_eq!(placed(&cluster, "open").await, "a");
    assert!(cluster.get(&PODS, "default/gated").await.unwrap()["spec"]["nodeName"].is_null());
    cluster.merge(&PODS, "default/gated", json!({"spec": {"schedulingGates": null}})).await;
    assert_eq!(placed(&cluster, "gated").await, "a");
}
