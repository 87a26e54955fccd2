//! Stories of services and who takes their traffic.

use keelson_client::Resource;
use serde_json::{Value, json};

use crate::stories::cluster::{Cluster, DEPLOYMENTS};

const SERVICES: Resource = Resource::namespaced("", "v1", "services", "Service");
const ENDPOINTS: Resource = Resource::namespaced("", "v1", "endpoints", "Endpoints");
const SLICES: Resource = Resource::namespaced("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice");

/// Addresses in both forms.
async fn addresses(cluster: &Cluster) -> [usize; 2] {
    let count = |list: &Value| list.as_array().map_or(0, Vec::len);
    let endpoints = cluster.get(&ENDPOINTS, "default/web").await.unwrap_or_default();
    let slices = cluster.list(&SLICES, "default").await;
    let of_web =
        slices.iter().filter(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == "web");
    [count(&endpoints["subsets"][0]["addresses"]), of_web.map(|slice| count(&slice["endpoints"])).sum()]
}

#[tokio::test(start_paused = true)]
async fn ready_pods_take_traffic_in_both_forms() {
    let cluster = Cluster::with("*").await;
    let service = json!({
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    cluster.create(&SERVICES, "default", service).await;
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
    cluster.until("all take traffic", async || addresses(&cluster).await, |counts| *counts == [3, 3]).await;
    cluster.merge(&DEPLOYMENTS, "default/web", json!({"spec": {"replicas": 1}})).await;
    cluster.until("one does", async || addresses(&cluster).await, |counts| *counts == [1, 1]).await;
    cluster.delete(&SERVICES, "default/web", "Background").await;
    let look = async || {
        let slices = cluster.list(&SLICES, "default").await;
        let left = slices.iter().filter(|slice| slice["metadata"]["generateName"] == "web-").count();
        (cluster.get(&ENDPOINTS, "default/web").await, left)
    };
    cluster.until("nothing is left", look, |(endpoints, left)| endpoints.is_none() && *left == 0).await;
}
