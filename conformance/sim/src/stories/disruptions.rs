//! Stories of budgets of disruptions.

use keelson_client::{Key, Problem, Resource};
use serde_json::{Value, json};

use crate::stories::cluster::{Cluster, DEPLOYMENTS, PODS};

const WORKLOADS: &str = "deployment-controller,replicaset-controller,disruption-controller";
const BUDGETS: Resource = Resource::namespaced("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget");

async fn allowed(cluster: &Cluster, count: i64) {
    let look = async || cluster.get(&BUDGETS, "default/web").await.unwrap();
    let is = |budget: &Value| {
        budget["status"]["disruptionsAllowed"] == count && budget["status"]["expectedPods"] == 3
    };
    cluster.until("so many may go", look, is).await;
}

async fn evict(cluster: &Cluster, pod: &str) -> Result<Value, Problem> {
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
    cluster.client.create_part(&PODS, &Key::new("default", pod), "eviction", &eviction).await
}

#[tokio::test(start_paused = true)]
async fn no_more_go_than_there_may() {
    let mut cluster = Cluster::with(WORKLOADS).await;
    let web = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    });
    cluster.create(&DEPLOYMENTS, "default", web).await;
    let spec = json!({"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 1});
    cluster.create(&BUDGETS, "default", json!({"metadata": {"name": "web"}, "spec": spec})).await;
    allowed(&cluster, 1).await;
    let pods = cluster.list(&PODS, "default").await;
    let names: Vec<&str> = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
    // While nobody works, nothing takes its place.
    cluster.kill().await;
    evict(&cluster, names[0]).await.expect("one may go");
    let refused = evict(&cluster, names[1]).await.expect_err("and no other");
    assert!(refused.is_too_much(), "{refused}");
    // Another one takes its place, and then the next may go.
    cluster.begin_all(WORKLOADS);
    let look = async || cluster.get(&PODS, &format!("default/{}", names[0])).await;
    cluster.until("it is gone", look, Option::is_none).await;
    allowed(&cluster, 1).await;
    evict(&cluster, names[1]).await.expect("the next one may go");
}
