//! Stories of volumes that are made for their claims, and go with them.

use keelson_client::Resource;
use serde_json::json;

use crate::stories::cluster::{Cluster, PODS};

const CLAIMS: Resource = Resource::namespaced("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim");
const VOLUMES: Resource = Resource::cluster("", "v1", "persistentvolumes", "PersistentVolume");
const CLASSES: Resource = Resource::cluster("storage.k8s.io", "v1", "storageclasses", "StorageClass");
const STATEFULSETS: Resource = Resource::namespaced("apps", "v1", "statefulsets", "StatefulSet");
const CONTROLLERS: &str = "node-lifecycle-controller,statefulset-controller,ephemeral-volume-controller,\
    local-path-provisioner,persistentvolume-binder-controller,persistentvolumeclaim-protection-controller,\
    persistentvolume-protection-controller,garbage-collector-controller";

async fn begin() -> Cluster {
    let mut cluster = Cluster::empty().await;
    cluster.begin(CONTROLLERS);
    cluster.begin_scheduler(1);
    cluster.begin_nodes(3);
    let annotations = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    let class = json!({
        "metadata": {"name": "local-path", "annotations": annotations},
        "provisioner": "keelson.dev/local-path", "volumeBindingMode": "WaitForFirstConsumer",
    });
    cluster.create(&CLASSES, "", class).await;
    cluster
}

#[tokio::test(start_paused = true)]
async fn pods_of_a_set_get_volumes_that_go_with_their_claims() {
    let cluster = begin().await;
    let claim = json!({
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    let template = json!({
        "metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "i"}]},
    });
    let spec = json!({
        "replicas": 3, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
        "volumeClaimTemplates": [claim], "template": template,
    });
    cluster.create(&STATEFULSETS, "default", json!({"metadata": {"name": "db"}, "spec": spec})).await;
    let look = async || cluster.get(&STATEFULSETS, "default/db").await.unwrap();
    cluster.until("all run", look, |db| db["status"]["readyReplicas"] == 3).await;
    for volume in cluster.list(&VOLUMES, "").await {
        let claim = volume["spec"]["claimRef"]["name"].as_str().unwrap();
        let pod =
            cluster.get(&PODS, &format!("default/{}", claim.trim_start_matches("data-"))).await.unwrap();
        let term = &volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0];
        assert_eq!(term["values"], json!([pod["spec"]["nodeName"]]));
    }
    cluster.delete(&STATEFULSETS, "default/db", "Foreground").await;
    let look = async || cluster.list(&PODS, "default").await.len();
    cluster.until("its pods are gone", look, |count| *count == 0).await;
    assert_eq!(cluster.list(&VOLUMES, "").await.len(), 3, "claims stay, and their volumes");
    for number in 0..3 {
        cluster.delete(&CLAIMS, &format!("default/data-db-{number}"), "Background").await;
    }
    let look = async || cluster.list(&VOLUMES, "").await.len();
    cluster.until("nothing is left", look, |count| *count == 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_pod_brings_goes_with_it() {
    let cluster = begin().await;
    let template =
        json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let spec = json!({
        "containers": [{"name": "c", "image": "i"}],
        "volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}],
    });
    cluster.create(&PODS, "default", json!({"metadata": {"name": "p"}, "spec": spec})).await;
    let look = async || cluster.get(&PODS, "default/p").await.expect("it is there");
    cluster.until("it runs", look, |pod| pod["status"]["phase"] == "Running").await;
    assert_eq!(cluster.get(&CLAIMS, "default/p-scratch").await.unwrap()["status"]["phase"], "Bound");
    cluster.delete(&PODS, "default/p", "Background").await;
    let look = async || cluster.list(&VOLUMES, "").await.len() + cluster.list(&CLAIMS, "default").await.len();
    cluster.until("nothing is left", look, |count| *count == 0).await;
}
