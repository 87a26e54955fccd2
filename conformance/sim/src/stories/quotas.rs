//! Stories of quotas: what goes makes place for what waits, and there is never more than they allow.

use keelson_client::Resource;
use serde_json::{Value, json};

use crate::stories::cluster::{Cluster, PODS, REPLICASETS};

const QUOTAS: Resource = Resource::namespaced("", "v1", "resourcequotas", "ResourceQuota");
const CONTROLLERS: &str = "resourcequota-controller,replicaset-controller";

async fn quota(cluster: &Cluster, hard: Value) {
    cluster.create(&QUOTAS, "default", json!({"metadata": {"name": "q"}, "spec": {"hard": hard}})).await;
    until(cluster, |used| used.is_object()).await;
}

/// Waits until what is used is as it should be.
async fn until(cluster: &Cluster, is_right: impl Fn(&Value) -> bool) -> Value {
    let look = async || {
        let quota = cluster.get(&QUOTAS, "default/q").await.expect("it is there");
        quota["status"]["used"].clone()
    };
    cluster.until("the quota is right", look, is_right).await
}

fn set(replicas: i32) -> Value {
    let template = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}]},
    });
    let selector = json!({"matchLabels": {"app": "web"}});
    json!({"metadata": {"name": "web"}, "spec": {"replicas": replicas, "selector": selector, "template": template}})
}

#[tokio::test(start_paused = true)]
async fn what_goes_makes_place_for_what_waits() {
    let cluster = Cluster::with(CONTROLLERS).await;
    quota(&cluster, json!({"pods": "3", "requests.cpu": "1", "count/replicasets.apps": "1"})).await;
    cluster.create(&REPLICASETS, "default", set(5)).await;
    let full = json!({"pods": "3", "requests.cpu": "300m", "count/replicasets.apps": "1"});
    until(&cluster, |used| *used == full).await;
    for _ in 0..3 {
        let pods = cluster.list(&PODS, "default").await;
        assert!(pods.len() <= 3, "there are {} pods", pods.len());
        let name = pods[0]["metadata"]["name"].as_str().unwrap();
        cluster.delete(&PODS, &format!("default/{name}"), "Background").await;
        let look = async || cluster.list(&PODS, "default").await;
        cluster
            .until("another one has its place", look, |now| {
                now.len() == 3 && now.iter().all(|pod| pod["metadata"]["name"] != *name)
            })
            .await;
    }
    cluster.merge(&REPLICASETS, "default/web", json!({"spec": {"replicas": 1}})).await;
    let one = json!({"pods": "1", "requests.cpu": "100m", "count/replicasets.apps": "1"});
    until(&cluster, |used| *used == one).await;
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_changes_is_counted_anew() {
    let cluster = Cluster::with(CONTROLLERS).await;
    quota(&cluster, json!({"pods": "3"})).await;
    cluster.create(&REPLICASETS, "default", set(2)).await;
    until(&cluster, |used| *used == json!({"pods": "2"})).await;
    let change = json!({"spec": {"hard": {"pods": null, "count/replicasets.apps": "4", "cpu": "9"}}});
    cluster.merge(&QUOTAS, "default/q", change).await;
    until(&cluster, |used| *used == json!({"count/replicasets.apps": "1", "cpu": "200m"})).await;
}
