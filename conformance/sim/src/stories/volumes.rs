//! Stories of volumes: pods go where theirs are, and each volume is one claim's.

use keelson_client::Resource;
use serde_json::{Value, json};

use crate::stories::cluster::{Cluster, EVENTS, PODS};

const CLAIMS: Resource = Resource::namespaced("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim");
const VOLUMES: Resource = Resource::cluster("", "v1", "persistentvolumes", "PersistentVolume");
const CLASSES: Resource = Resource::cluster("storage.k8s.io", "v1", "storageclasses", "StorageClass");

async fn begin() -> Cluster {
    let mut cluster = Cluster::empty().await;
    cluster.begin(
        "node-lifecycle-controller,persistentvolume-binder-controller,persistentvolumeclaim-protection-controller,\
         persistentvolume-protection-controller",
    );
    cluster.begin_scheduler(1);
    cluster.begin_nodes(3);
    cluster
}

async fn class(cluster: &Cluster, name: &str, mode: &str, provisioner: &str) {
    let object = json!({"metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": mode});
    cluster.create(&CLASSES, "", object).await;
}

/// A volume that is on one node.
async fn volume(cluster: &Cluster, name: &str, class: &str, node: &str) {
    let term =
        json!({"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]});
    let spec = json!({
        "capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": class,
        "local": {"path": "/d"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    });
    cluster.create(&VOLUMES, "", json!({"metadata": {"name": name}, "spec": spec})).await;
}

async fn claim(cluster: &Cluster, name: &str, class: &str) {
    let spec = json!({
        "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": {"requests": {"storage": "1Gi"}},
    });
    cluster.create(&CLAIMS, "default", json!({"metadata": {"name": name}, "spec": spec})).await;
}

async fn pod(cluster: &Cluster, name: &str, claim: &str) {
    let spec = json!({
        "containers": [{"name": "c", "image": "i"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}],
    });
    cluster.create(&PODS, "default", json!({"metadata": {"name": name}, "spec": spec})).await;
}

async fn runs_on(cluster: &Cluster, name: &str) -> String {
    let look = async || cluster.get(&PODS, &format!("default/{name}")).await.expect("it is there");
    let pod = cluster.until("it runs", look, |pod| pod["status"]["phase"] == "Running").await;
    pod["spec"]["nodeName"].as_str().unwrap().to_owned()
}

async fn is_bound(cluster: &Cluster, name: &str) -> Value {
    let look = async || cluster.get(&CLAIMS, &format!("default/{name}")).await.expect("it is there");
    cluster.until("it is bound", look, |claim| claim["status"]["phase"] == "Bound").await
}

#[tokio::test(start_paused = true)]
async fn pods_go_where_their_volumes_are() {
    let cluster = begin().await;
    class(&cluster, "now", "Immediate", "kubernetes.io/no-provisioner").await;
    volume(&cluster, "v", "now", "hollow-2").await;
    claim(&cluster, "c", "now").await;
    assert_eq!(is_bound(&cluster, "c").await["spec"]["volumeName"], "v");
    pod(&cluster, "p", "c").await;
    assert_eq!(runs_on(&cluster, "p").await, "hollow-2");
    // Whoever comes too late waits for another volume.
    claim(&cluster, "d", "now").await;
    pod(&cluster, "q", "d").await;
    let look = async || {
        let events = cluster.list(&EVENTS, "default").await;
        let told = events.iter().find(|event| event["reason"] == "FailedScheduling");
        told.map(|event| event["note"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    let told = cluster.until("it is told why", look, |note| !note.is_empty()).await;
    assert!(
        told.starts_with("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
        "{told}"
    );
    volume(&cluster, "w", "now", "hollow-1").await;
    assert_eq!(runs_on(&cluster, "q").await, "hollow-1");
    // What is used stays until it is used no more.
    cluster.delete(&CLAIMS, "default/c", "Background").await;
    let going = cluster.get(&CLAIMS, "default/c").await.expect("a pod uses it");
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    cluster.delete(&PODS, "default/p", "Background").await;
    let look = async || cluster.get(&CLAIMS, "default/c").await;
    cluster.until("it is gone", look, Option::is_none).await;
    let look = async || cluster.get(&VOLUMES, "v").await.expect("it is kept");
    cluster.until("it is let go", look, |volume| volume["status"]["phase"] == "Released").await;
}

#[tokio::test(start_paused = true)]
async fn volumes_are_chosen_with_the_node() {
    let cluster = begin().await;
    class(&cluster, "late", "WaitForFirstConsumer", "kubernetes.io/no-provisioner").await;
    for number in 0..3 {
        volume(&cluster, &format!("v{number}"), "late", &format!("hollow-{number}")).await;
    }
    for number in 0..3 {
        claim(&cluster, &format!("c{number}"), "late").await;
    }
    for number in 0..3 {
        pod(&cluster, &format!("p{number}"), &format!("c{number}")).await;
    }
    let mut used = Vec::new();
    for number in 0..3 {
        let node = runs_on(&cluster, &format!("p{number}")).await;
        let claim = is_bound(&cluster, &format!("c{number}")).await;
        let volume = claim["spec"]["volumeName"].as_str().unwrap().to_owned();
        assert_eq!(node, volume.replace('v', "hollow-"));
        used.push(volume);
    }
    used.sort();
    assert_eq!(used, ["v0", "v1", "v2"]);
}

#[tokio::test(start_paused = true)]
async fn volumes_are_made_on_the_node_that_was_chosen() {
    let cluster = begin().await;
    class(&cluster, "made", "WaitForFirstConsumer", "p.example.com").await;
    claim(&cluster, "c", "made").await;
    pod(&cluster, "p", "c").await;
    // The provisioner's part is ours.
    let key = "volume.kubernetes.io/selected-node";
    let look = async || cluster.get(&CLAIMS, "default/c").await.expect("it is there");
    let asked = cluster
        .until("a node is chosen", look, |claim| claim["metadata"]["annotations"][key].is_string())
        .await;
    let node = asked["metadata"]["annotations"][key].as_str().unwrap().to_owned();
    let before = cluster.get(&PODS, "default/p").await.unwrap();
    assert!(before["spec"]["nodeName"].is_null(), "it is not bound before its volume is there");
    let spec = json!({
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "made",
        "csi": {"driver": "p.example.com", "volumeHandle": "h"},
        "claimRef": {"namespace": "default", "name": "c", "uid": asked["metadata"]["uid"], "kind": "PersistentVolumeClaim", "apiVersion": "v1"},
    });
    cluster.create(&VOLUMES, "", json!({"metadata": {"name": "v"}, "spec": spec})).await;
    assert_eq!(runs_on(&cluster, "p").await, node);
    assert_eq!(is_bound(&cluster, "c").await["spec"]["volumeName"], "v");
}
