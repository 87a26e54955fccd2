//! Runs pods without running them: what is there becomes ready, ends if it is to, and goes if it is to.

use keelson_api::time::Clock;
use keelson_client::client::Deletion;
use keelson_client::queue::Queue;
use keelson_client::{Caches, Client, Kind, Meta, Patch, Resource, Time};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::stories::cluster::PODS;

#[derive(Debug, Deserialize)]
struct Pod {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: String,
    affinity: Value,
}

impl Spec {
    /// The node that it says it has to be on, or else where all are.
    fn node(&self) -> &str {
        let required = &self.affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        let field = &required["nodeSelectorTerms"][0]["matchFields"][0];
        field["values"][0].as_str().unwrap_or(NODE)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: String,
}

impl Kind for Pod {
    const RESOURCE: Resource = PODS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// A pod with this annotation never becomes ready.
pub(crate) const STUCK: &str = "sim/stuck";
/// A pod with this annotation ends as soon as it runs: `well`, or `badly`.
pub(crate) const ENDS: &str = "sim/ends";

const NODES: Resource = Resource::cluster("", "v1", "nodes", "Node");
/// Where all pods are that say nothing else.
const NODE: &str = "hollow";

/// Runs all pods for ever.
pub(crate) async fn run(client: Client, clock: Clock) {
    let caches = Caches::new();
    let (pods, queue) = (caches.of::<Pod>(), Queue::default());
    let changed = queue.clone();
    pods.on_change(move |change| changed.add(change.latest().expect("there is one").key()));
    let mut filling = JoinSet::new();
    caches.run(&client).into_iter().for_each(|future| {
        filling.spawn(future);
    });
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}});
    // It may be there from before.
    let _ = client.create::<Value>(&NODES, "", &node).await;
    let mut number = 0_u32;
    loop {
        let key = queue.next().await;
        if let Some(pod) = pods.get(&key) {
            number += 1;
            step(&client, &pod, number, Time::of(clock.now())).await;
        }
        queue.done(&key);
    }
}

async fn step(client: &Client, pod: &Pod, number: u32, now: Time) {
    let meta = &pod.metadata;
    if meta.is_deleting() {
        let how = Deletion { grace_seconds: Some(0), ..Deletion::of(&meta.uid) };
        // It may be gone by now.
        let _ = client.delete(&PODS, &meta.key(), &how).await;
        return;
    }
    if matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") || meta.annotation(STUCK).is_some() {
        return;
    }
    if pod.status.phase == "Running" {
        let phase = match meta.annotation(ENDS) {
            Some("well") => "Succeeded",
            Some("badly") => "Failed",
            _ => return,
        };
        let over = json!([{"type": "Ready", "status": "False", "lastTransitionTime": now}]);
        let change = json!({"status": {"phase": phase, "conditions": over}});
        let _ = client.patch::<Value>(&PODS, &meta.key(), "status", (Patch::Merge, &change)).await;
        return;
    }
    if pod.spec.node_name.is_empty() {
        let name = &meta.name;
        let bindings = Resource { plural: format!("pods/{name}/binding").into(), ..PODS };
        let target = json!({"apiVersion": "v1", "kind": "Node", "name": pod.spec.node()});
        let binding =
            json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target});
        let _ = client.create::<Value>(&bindings, &meta.namespace, &binding).await;
        return;
    }
    let address = format!("10.0.{}.{}", number / 256, number % 256);
    let change = json!({"status": {
        "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
    }});
    let _ = client.patch::<Value>(&PODS, &meta.key(), "status", (Patch::Merge, &change)).await;
}
