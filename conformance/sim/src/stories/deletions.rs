//! Stories of what goes with what.

use serde_json::{Value, json};

use crate::stories::cluster::{Cluster, DEPLOYMENTS, NAMESPACES, PODS, REPLICASETS};
use keelson_client::Resource;

const ALL: &str = "*";
const CONFIGMAPS: Resource = Resource::namespaced("", "v1", "configmaps", "ConfigMap");
const SERVICEACCOUNTS: Resource = Resource::namespaced("", "v1", "serviceaccounts", "ServiceAccount");
async fn web(cluster: &Cluster, namespace: &str) {
    let web = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    });
    cluster.create(&DEPLOYMENTS, namespace, web).await;
    let look = async || cluster.get(&DEPLOYMENTS, &format!("{namespace}/web")).await.unwrap();
    cluster.until("all are there", look, |web| web["status"]["availableReplicas"] == 3).await;
}

async fn counts(cluster: &Cluster, namespace: &str) -> [usize; 3] {
    let mut counts = [0; 3];
    for (count, resource) in counts.iter_mut().zip([&DEPLOYMENTS, &REPLICASETS, &PODS]) {
        *count = cluster.list(resource, namespace).await.len();
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn what_a_deployment_owns_goes_with_it() {
    let cluster = Cluster::with(ALL).await;
    for policy in ["Background", "Foreground"] {
        web(&cluster, "default").await;
        assert_eq!(counts(&cluster, "default").await, [1, 1, 3]);
        cluster.delete(&DEPLOYMENTS, "default/web", policy).await;
        let look = async || counts(&cluster, "default").await;
        cluster.until(policy, look, |counts| *counts == [0, 0, 0]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_owner_lets_go_of_stays() {
    let cluster = Cluster::with(ALL).await;
    web(&cluster, "default").await;
    cluster.delete(&DEPLOYMENTS, "default/web", "Orphan").await;
    let look = async || (counts(&cluster, "default").await, cluster.list(&REPLICASETS, "default").await);
    let (_, sets) = cluster.until("it has let go", look, |(counts, _)| *counts == [0, 1, 3]).await;
    assert_eq!(sets[0]["metadata"]["ownerReferences"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn what_never_had_its_owner_goes_and_what_waits_is_kept() {
    let cluster = Cluster::with(ALL).await;
    let owner =
        |name: &str, uid: &str| json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid}]);
    let there = cluster.create(&CONFIGMAPS, "default", json!({"metadata": {"name": "owner"}})).await;
    let uid = there["metadata"]["uid"].as_str().unwrap();
    let made = |name: &str, owners: Value| json!({"metadata": {"name": name, "ownerReferences": owners}});
    cluster.create(&CONFIGMAPS, "default", made("kept", owner("owner", uid))).await;
    cluster.create(&CONFIGMAPS, "default", made("lost", owner("nobody", "no-such-uid"))).await;
    cluster.create(&CONFIGMAPS, "default", made("mistaken", owner("owner", "no-such-uid"))).await;
    let both = json!([owner("nobody", "no-such-uid")[0], owner("owner", uid)[0]]);
    cluster.create(&CONFIGMAPS, "default", made("half", both)).await;
    let names = async || {
        let all = cluster.list(&CONFIGMAPS, "default").await;
        let said = |map: &Value| {
            let owners = map["metadata"]["ownerReferences"].as_array().map_or(0, Vec::len);
            format!("{} {owners}", map["metadata"]["name"].as_str().unwrap())
        };
        all.iter().map(said).collect::<Vec<_>>()
    };
    let left = ["half 1", "kept 1", "kube-root-ca.crt 0", "owner 0"];
    cluster.until("the lost are gone", names, |names| *names == left).await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_takes_all_with_it() {
    let cluster = Cluster::with(ALL).await;
    cluster.create(&NAMESPACES, "", json!({"metadata": {"name": "a"}})).await;
    let look = async || {
        (
            cluster.get(&SERVICEACCOUNTS, "a/default").await,
            cluster.get(&CONFIGMAPS, "a/kube-root-ca.crt").await,
        )
    };
    let (_, map) =
        cluster.until("it has all", look, |(account, map)| account.is_some() && map.is_some()).await;
    assert_eq!(map.unwrap()["data"], json!({"ca.crt": "a certificate"}));
    web(&cluster, "a").await;
    let kept = json!({"metadata": {"name": "kept", "finalizers": ["example.com/keep"]}});
    cluster.create(&CONFIGMAPS, "a", kept).await;
    cluster.delete(&NAMESPACES, "a", "Background").await;
    let look = async || cluster.get(&NAMESPACES, "a").await;
    let waits = |namespace: &Option<Value>| {
        let conditions =
            namespace.as_ref().and_then(|namespace| namespace["status"]["conditions"].as_array());
        conditions.into_iter().flatten().any(|condition| {
            condition["type"] == "NamespaceFinalizersRemaining"
                && condition["message"] == "Some content in the namespace has finalizers remaining: example.com/keep in 1 resource instances"
        })
    };
    cluster.until("it says what keeps it", look, waits).await;
    assert_eq!(counts(&cluster, "a").await, [0, 0, 0]);
    cluster.merge(&CONFIGMAPS, "a/kept", json!({"metadata": {"finalizers": null}})).await;
    let look = async || cluster.get(&NAMESPACES, "a").await;
    cluster.until("it is gone", look, Option::is_none).await;
    assert_eq!(cluster.list(&CONFIGMAPS, "a").await, [] as [Value; 0]);
}
