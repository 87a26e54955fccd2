//! Stories of deployments.

use serde_json::{Value, json};

use crate::stories::cluster::{Cluster, DEPLOYMENTS, EVENTS, PODS, REPLICASETS};

const WORKLOADS: &str = "deployment-controller,replicaset-controller";

fn web(replicas: i32, image: &str) -> Value {
    json!({
        "metadata": {"name": "web", "annotations": {"team": "a"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
        },
    })
}

async fn settled(cluster: &Cluster, replicas: i64) -> Value {
    let look = async || cluster.get(&DEPLOYMENTS, "default/web").await.unwrap();
    cluster
        .until("the rollout is done", look, |web| {
            let (status, count) = (&web["status"], |name: &str| web["status"][name].as_i64().unwrap_or(0));
            let progress = condition(web, "Progressing");
            status["observedGeneration"] == web["metadata"]["generation"]
                && count("updatedReplicas") == replicas
                && count("replicas") == replicas
                && count("availableReplicas") == replicas
                && progress.is_some_and(|progress| progress["reason"] == "NewReplicaSetAvailable")
        })
        .await
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// Sets as `REVISION IMAGE REPLICAS`, by revision.
async fn sets(cluster: &Cluster) -> Vec<String> {
    let mut sets: Vec<String> = cluster
        .list(&REPLICASETS, "default")
        .await
        .iter()
        .map(|set| {
            let revision = &set["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
            let image = &set["spec"]["template"]["spec"]["containers"][0]["image"];
            format!("{} {} {}", revision.as_str().unwrap(), image.as_str().unwrap(), set["spec"]["replicas"])
        })
        .collect();
    sets.sort();
    sets
}

#[tokio::test(start_paused = true)]
async fn one_rolls_out_and_back() {
    let cluster = Cluster::with(WORKLOADS).await;
    cluster.create(&DEPLOYMENTS, "default", web(3, "one")).await;
    let done = settled(&cluster, 3).await;
    assert_eq!(done["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
    assert_eq!(condition(&done, "Available").unwrap()["reason"], "MinimumReplicasAvailable");
    assert_eq!(sets(&cluster).await, ["1 one 3"]);

    cluster
        .merge(&DEPLOYMENTS, "default/web", json!({"spec": {"template": web(3, "two")["spec"]["template"]}}))
        .await;
    settled(&cluster, 3).await;
    assert_eq!(sets(&cluster).await, ["1 one 0", "2 two 3"]);

    // As `kubectl rollout undo` does.
    cluster
        .merge(&DEPLOYMENTS, "default/web", json!({"spec": {"template": web(3, "one")["spec"]["template"]}}))
        .await;
    let back = settled(&cluster, 3).await;
    assert_eq!(back["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
    assert_eq!(sets(&cluster).await, ["2 two 0", "3 one 3"]);

    let events = cluster.list(&EVENTS, "default").await;
    let notes: Vec<&str> = events.iter().filter_map(|event| event["note"].as_str()).collect();
    assert!(notes.iter().any(|note| note.starts_with("Scaled up replica set web-")), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("Created pod: web-")), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn one_is_scaled_while_it_rolls_out_and_recovers_from_a_crash() {
    let mut cluster = Cluster::with(WORKLOADS).await;
    cluster.create(&DEPLOYMENTS, "default", web(10, "one")).await;
    settled(&cluster, 10).await;
    let mut stuck = web(10, "two");
    stuck["spec"]["template"]["metadata"]["annotations"] = json!({crate::stories::pods::STUCK: "yes"});
    cluster
        .merge(&DEPLOYMENTS, "default/web", json!({"spec": {"template": stuck["spec"]["template"]}}))
        .await;
    let look = async || sets(&cluster).await;
    // 25 % more and 25 % fewer at once: 13 in all, 8 of them available.
    cluster.until("the rollout is stuck", look, |sets| *sets == ["1 one 8", "2 two 5"]).await;
    cluster.merge(&DEPLOYMENTS, "default/web", json!({"spec": {"replicas": 20}})).await;
    let look = async || sets(&cluster).await;
    cluster.until("the size is shared", look, |sets| *sets == ["1 one 15", "2 two 10"]).await;

    cluster.kill().await;
    let mut three = web(20, "three")["spec"]["template"].clone();
    three["metadata"]["annotations"] = Value::Null;
    cluster.merge(&DEPLOYMENTS, "default/web", json!({"spec": {"template": three}})).await;
    cluster.begin_all(WORKLOADS);
    settled(&cluster, 20).await;
    assert_eq!(cluster.list(&PODS, "default").await.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn one_that_makes_no_progress_says_so_in_time() {
    let cluster = Cluster::with(WORKLOADS).await;
    let mut stuck = web(1, "one");
    stuck["spec"]["template"]["metadata"]["annotations"] = json!({crate::stories::pods::STUCK: "yes"});
    stuck["spec"]["progressDeadlineSeconds"] = json!(30);
    cluster.create(&DEPLOYMENTS, "default", stuck).await;
    let look = async || cluster.get(&DEPLOYMENTS, "default/web").await.unwrap();
    let late = cluster
        .until("it is late", look, |web| {
            condition(web, "Progressing").is_some_and(|progress| progress["status"] == "False")
        })
        .await;
    let progress = condition(&late, "Progressing").unwrap();
    assert_eq!(progress["reason"], "ProgressDeadlineExceeded");
    assert!(progress["message"].as_str().unwrap().ends_with("has timed out progressing."));
}

#[tokio::test(start_paused = true)]
async fn one_that_recreates_has_no_pods_of_both_at_once() {
    let cluster = Cluster::with(WORKLOADS).await;
    let mut web = web(2, "one");
    web["spec"]["strategy"] = json!({"type": "Recreate"});
    cluster.create(&DEPLOYMENTS, "default", web.clone()).await;
    settled(&cluster, 2).await;
    web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("two");
    cluster.merge(&DEPLOYMENTS, "default/web", json!({"spec": {"template": web["spec"]["template"]}})).await;
    settled(&cluster, 2).await;
    assert_eq!(sets(&cluster).await, ["1 one 0", "2 two 2"]);
}
