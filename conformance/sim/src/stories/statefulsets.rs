//! Stories of stateful sets.

use std::time::Duration;

use keelson_client::Resource;
use serde_json::{Value, json};

use crate::stories::cluster::{Cluster, EVENTS, PODS};

const WORKLOADS: &str = "statefulset-controller";
const STATEFULSETS: Resource = Resource::namespaced("apps", "v1", "statefulsets", "StatefulSet");
const REVISIONS: Resource = Resource::namespaced("apps", "v1", "controllerrevisions", "ControllerRevision");
const CLAIMS: Resource = Resource::namespaced("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim");

fn db(replicas: i32, image: &str) -> Value {
    let claim = json!({
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    json!({
        "metadata": {"name": "db"},
        "spec": {
            "replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "volumeClaimTemplates": [claim],
            "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Retain"},
            "template": {
                "metadata": {"labels": {"app": "db"}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
        },
    })
}

async fn settled(cluster: &Cluster, replicas: i64) -> Value {
    let look = async || cluster.get(&STATEFULSETS, "default/db").await.unwrap();
    cluster
        .until("the set is done", look, |db| {
            let (status, count) = (&db["status"], |name: &str| db["status"][name].as_i64().unwrap_or(0));
            status["observedGeneration"] == db["metadata"]["generation"]
                && ["replicas", "readyReplicas", "updatedReplicas", "availableReplicas", "currentReplicas"]
                    .iter()
                    .all(|name| count(name) == replicas)
                && status["currentRevision"] == status["updateRevision"]
        })
        .await
}

/// Pods as `NAME IMAGE`, by age.
async fn pods(cluster: &Cluster) -> Vec<String> {
    let mut pods = cluster.list(&PODS, "default").await;
    let revision = |pod: &Value| pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
    pods.sort_by_key(|pod| (revision(pod), pod["metadata"]["name"].as_str().unwrap_or_default().to_owned()));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |pod: &Value| {
        format!("{} {}", text(&pod["metadata"]["name"]), text(&pod["spec"]["containers"][0]["image"]))
    };
    pods.iter().map(line).collect()
}

async fn set_image(cluster: &Cluster, image: &str) {
    let template = db(0, image)["spec"]["template"].clone();
    cluster.merge(&STATEFULSETS, "default/db", json!({"spec": {"template": template}})).await;
}

#[tokio::test(start_paused = true)]
async fn one_comes_up_in_order_is_renewed_and_goes_back() {
    let mut cluster = Cluster::with(WORKLOADS).await;
    cluster.create(&STATEFULSETS, "default", db(3, "one")).await;
    let first = settled(&cluster, 3).await["status"]["currentRevision"].clone();
    assert_eq!(pods(&cluster).await, ["db-0 one", "db-1 one", "db-2 one"]);
    let claims = cluster.list(&CLAIMS, "default").await;
    let names: Vec<&str> = claims.iter().filter_map(|claim| claim["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["data-db-0", "data-db-1", "data-db-2"]);
    let events = cluster.list(&EVENTS, "default").await;
    let made = |number: i32| format!("Create Pod db-{number} in StatefulSet db successful");
    assert!((0..3).all(|number| events.iter().any(|event| event["note"] == made(number))), "{events:?}");

    set_image(&cluster, "two").await;
    // It dies in the middle of it.
    tokio::time::sleep(Duration::from_millis(3)).await;
    cluster.kill().await;
    cluster.begin_all(WORKLOADS);
    let second = settled(&cluster, 3).await["status"]["currentRevision"].clone();
    let mut renewed = pods(&cluster).await;
    renewed.sort();
    assert_eq!(renewed, ["db-0 two", "db-1 two", "db-2 two"]);
    assert_ne!(first, second);

    // As `kubectl rollout undo` does: with the patch that the revision keeps.
    let revision = cluster.get(&REVISIONS, &format!("default/{}", first.as_str().unwrap())).await.unwrap();
    let key = keelson_client::Key::new("default", "db");
    let patch = (keelson_client::Patch::Strategic, &revision["data"]);
    let _: Value = cluster.client.patch(&STATEFULSETS, &key, "", patch).await.expect("it is a patch");
    let back = settled(&cluster, 3).await;
    assert_eq!(back["status"]["currentRevision"], first);
    let revisions = cluster.list(&REVISIONS, "default").await;
    let mut numbers: Vec<(i64, &str)> = revisions
        .iter()
        .map(|one| (one["revision"].as_i64().unwrap(), one["metadata"]["name"].as_str().unwrap()))
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [(2, second.as_str().unwrap()), (3, first.as_str().unwrap())]);
}

#[tokio::test(start_paused = true)]
async fn one_shrinks_from_its_end_and_what_fails_is_replaced() {
    let cluster = Cluster::with(WORKLOADS).await;
    cluster.create(&STATEFULSETS, "default", db(3, "one")).await;
    settled(&cluster, 3).await;
    let uid = |pod: Option<Value>| pod.map(|pod| pod["metadata"]["uid"].clone());
    let before = uid(cluster.get(&PODS, "default/db-1").await);
    cluster.change(&PODS, "default/db-1", "status", json!({"status": {"phase": "Failed"}})).await;
    let look = async || uid(cluster.get(&PODS, "default/db-1").await);
    cluster.until("it is replaced", look, |uid| uid.is_some() && *uid != before).await;
    settled(&cluster, 3).await;

    cluster.merge(&STATEFULSETS, "default/db", json!({"spec": {"replicas": 1}})).await;
    settled(&cluster, 1).await;
    assert_eq!(pods(&cluster).await, ["db-0 one"]);
    // Claims of those that went were given to them: whoever collects garbage takes them along.
    let claim = cluster.get(&CLAIMS, "default/data-db-2").await.unwrap();
    assert_eq!(claim["metadata"]["ownerReferences"][0]["kind"], "Pod");
    let kept = cluster.get(&CLAIMS, "default/data-db-0").await.unwrap();
    assert!(kept["metadata"]["ownerReferences"].is_null());
}
