//! Stories of daemon sets.

use keelson_client::Resource;
use serde_json::{Value, json};

use crate::stories::cluster::{Cluster, PODS};

const WORKLOADS: &str = "daemonset-controller";
const DAEMONSETS: Resource = Resource::namespaced("apps", "v1", "daemonsets", "DaemonSet");
const NODES: Resource = Resource::cluster("", "v1", "nodes", "Node");

fn log(image: &str, strategy: &Value) -> Value {
    json!({
        "metadata": {"name": "log"},
        "spec": {
            "selector": {"matchLabels": {"app": "log"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": strategy},
            "template": {
                "metadata": {"labels": {"app": "log"}},
                "spec": {
                    "containers": [{"name": "c", "image": image}],
                    "nodeSelector": {"daemons": "yes"},
                },
            },
        },
    })
}

async fn node(cluster: &Cluster, name: &str) {
    let node = json!({"metadata": {"name": name, "labels": {"daemons": "yes"}}});
    cluster.create(&NODES, "", node).await;
    // A new node is marked as not ready until somebody sees that it is; here nobody looks.
    cluster.merge(&NODES, name, json!({"spec": {"taints": null}})).await;
}

async fn settled(cluster: &Cluster, nodes: i64) {
    let look = async || cluster.get(&DAEMONSETS, "default/log").await.unwrap();
    cluster
        .until("the set is done", look, |log| {
            let (status, count) = (&log["status"], |name: &str| log["status"][name].as_i64().unwrap_or(0));
            status["observedGeneration"] == log["metadata"]["generation"]
                && [
                    "desiredNumberScheduled",
                    "currentNumberScheduled",
                    "updatedNumberScheduled",
                    "numberAvailable",
                ]
                .iter()
                .all(|name| count(name) == nodes)
                && count("numberMisscheduled") == 0
        })
        .await;
}

/// Pods as `NODE IMAGE`.
async fn pods(cluster: &Cluster) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |pod: &Value| {
        format!("{} {}", text(&pod["spec"]["nodeName"]), text(&pod["spec"]["containers"][0]["image"]))
    };
    let mut pods: Vec<String> = cluster.list(&PODS, "default").await.iter().map(line).collect();
    pods.sort();
    pods
}

#[tokio::test(start_paused = true)]
async fn one_is_on_every_node_that_fits() {
    let cluster = Cluster::with(WORKLOADS).await;
    for name in ["a", "b"] {
        node(&cluster, name).await;
    }
    cluster.create(&DAEMONSETS, "default", log("one", &json!({"maxUnavailable": 1}))).await;
    settled(&cluster, 2).await;
    assert_eq!(pods(&cluster).await, ["a one", "b one"]);
    node(&cluster, "c").await;
    settled(&cluster, 3).await;
    assert_eq!(pods(&cluster).await, ["a one", "b one", "c one"]);
    let taint = json!([{"key": "broken", "effect": "NoExecute"}]);
    cluster.merge(&NODES, "b", json!({"spec": {"taints": taint}})).await;
    settled(&cluster, 2).await;
    let look = async || pods(&cluster).await;
    cluster.until("it is gone from there", look, |pods| *pods == ["a one", "c one"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_template_replaces_pods_before_or_after() {
    for strategy in [json!({"maxUnavailable": 1}), json!({"maxSurge": 1, "maxUnavailable": 0})] {
        let mut cluster = Cluster::with(WORKLOADS).await;
        for name in ["a", "b", "c"] {
            node(&cluster, name).await;
        }
        cluster.create(&DAEMONSETS, "default", log("one", &strategy)).await;
        settled(&cluster, 3).await;
        let template = log("two", &strategy)["spec"]["template"].clone();
        cluster.merge(&DAEMONSETS, "default/log", json!({"spec": {"template": template}})).await;
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        cluster.kill().await;
        cluster.begin_all(WORKLOADS);
        settled(&cluster, 3).await;
        let look = async || pods(&cluster).await;
        cluster.until("all are new", look, |pods| *pods == ["a two", "b two", "c two"]).await;
    }
}
