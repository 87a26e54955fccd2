//! The people who use a cluster: they declare things, change their minds, take nodes out of service, and at the end leave
//! everything in a state that can be reached.

mod declared;
mod mended;

use std::sync::Arc;
use std::time::Duration;

use keelson_client::client::Deletion;
use keelson_client::{Client, Key, Patch, Problem, Resource};
use keelson_store::fault::Random;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::network::Network;
use crate::world::Object;

const NAMESPACES: Resource = Resource::cluster("", "v1", "namespaces", "Namespace");
const NODES: Resource = Resource::cluster("", "v1", "nodes", "Node");
const PODS: Resource = Resource::namespaced("", "v1", "pods", "Pod");
const SERVICES: Resource = Resource::namespaced("", "v1", "services", "Service");
const CONFIGS: Resource = Resource::namespaced("", "v1", "configmaps", "ConfigMap");
const VOLUMES: Resource = Resource::cluster("", "v1", "persistentvolumes", "PersistentVolume");
const CLASSES: Resource = Resource::cluster("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass");
const DEPLOYMENTS: Resource = Resource::namespaced("apps", "v1", "deployments", "Deployment");
const REPLICASETS: Resource = Resource::namespaced("apps", "v1", "replicasets", "ReplicaSet");
const STATEFULSETS: Resource = Resource::namespaced("apps", "v1", "statefulsets", "StatefulSet");
const DAEMONSETS: Resource = Resource::namespaced("apps", "v1", "daemonsets", "DaemonSet");
const JOBS: Resource = Resource::namespaced("batch", "v1", "jobs", "Job");
const CRONJOBS: Resource = Resource::namespaced("batch", "v1", "cronjobs", "CronJob");
const BUDGETS: Resource = Resource::namespaced("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget");

/// Where they work.
const SPACES: [&str; 2] = ["north", "south"];
/// How many volumes there are to be claimed.
const VOLUMES_COUNT: u32 = 24;
/// The annotation that stops a hollow node.
const STOPPED: &str = "keelson.dev/hollow";

pub(crate) struct User {
    client: Client,
    /// Who evicts.
    drainer: Client,
    network: Arc<Network>,
    pub(crate) random: Random,
    /// Components that can be cut off or killed.
    components: Vec<&'static str>,
    drains: JoinSet<()>,
    number: u32,
}

impl User {
    pub(crate) fn new(
        [client, drainer]: [Client; 2],
        network: Arc<Network>,
        random: Random,
        components: Vec<&'static str>,
    ) -> Self {
        Self { client, drainer, network, random, components, drains: JoinSet::new(), number: 0 }
    }

    fn note(&self, line: &str) {
        self.network.history.lock().note(&format!("user: {line}"));
    }

    async fn create(&self, resource: &Resource, space: &str, mut object: Value) {
        object["apiVersion"] = json!(resource.api_version());
        object["kind"] = json!(resource.kind);
        let made = self.client.create::<Value>(resource, space, &object).await;
        self.told("create", resource, made.map(drop));
    }

    async fn merge(&self, resource: &Resource, key: &Key, change: Value) {
        let changed = self.client.patch::<Value>(resource, key, "", (Patch::Merge, &change)).await;
        self.told("change", resource, changed.map(drop));
    }

    async fn delete(&self, resource: &Resource, key: &Key, propagation: &'static str) {
        let how = Deletion { propagation: Some(propagation), ..Deletion::default() };
        let deleted = self.client.delete(resource, key, &how).await;
        self.told(propagation, resource, deleted.map(drop));
    }

    /// What is there already or gone already is no trouble; a request that is wrong would be a defect of the simulation.
    fn told(&self, what: &str, resource: &Resource, ended: Result<(), Problem>) {
        let Err(problem) = ended else { return };
        self.note(&format!("cannot {what} {}: {problem}", resource.plural));
        if problem.is_invalid() {
            self.network
                .history
                .lock()
                .wrong(format!("the user's {what} of {} is wrong: {problem}", resource.plural));
        }
    }

    /// All of a kind, in all namespaces that are there to stay.
    async fn all(&self, resource: &Resource) -> Vec<Value> {
        let list: Result<Value, Problem> = self.client.list(resource, "", "").await;
        let list = list.unwrap_or_default();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let ours = |item: &Value| !resource.namespaced || SPACES.contains(&item.space());
        items.into_iter().filter(|item| ours(item) && !item.is_deleting()).collect()
    }

    async fn some(&mut self, resource: &Resource) -> Option<Value> {
        let all = self.all(resource).await;
        if all.is_empty() { None } else { Some(self.random.pick(&all).clone()) }
    }

    /// Makes what there is from the beginning.
    pub(crate) async fn begin(&mut self) {
        for space in SPACES {
            self.create(&NAMESPACES, "", json!({"metadata": {"name": space}})).await;
        }
        self.create(&CLASSES, "", json!({"metadata": {"name": "important"}, "value": 1000})).await;
        self.add_volumes(0).await;
    }

    async fn add_volumes(&self, first: u32) {
        for number in first..first + VOLUMES_COUNT {
            self.create(&VOLUMES, "", declared::volume(number)).await;
        }
    }

    /// Works for so long.
    pub(crate) async fn work(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.act().await;
            // Often several things at once, sometimes nothing for a while.
            let wait = match self.random.below(4) {
                0 => 0,
                1 => self.random.below(500),
                2 => self.random.below(5000),
                _ => self.random.below(20_000),
            };
            sleep(Duration::from_millis(wait)).await;
        }
    }

    async fn act(&mut self) {
        match self.random.below(100) {
            0..28 => self.declare().await,
            28..40 => self.scale().await,
            40..54 => self.roll().await,
            54..59 => self.undo().await,
            59..63 => self.pause().await,
            63..72 => self.remove().await,
            72..76 => self.remove_pod().await,
            76..80 => self.suspend().await,
            80..86 => self.drain().await,
            86..92 => self.stop_node().await,
            92..94 => self.remove_space().await,
            94..97 => self.cut().await,
            _ => self.configure().await,
        }
    }

    fn space(&mut self) -> &'static str {
        self.random.pick::<&str>(&SPACES)
    }

    async fn declare(&mut self) {
        let space = self.space();
        self.number += 1;
        let (resource, object) = declared::drawn(&mut self.random, self.number);
        self.note(&format!("declares {} {} in {space}", resource.plural, object.name()));
        self.create(&resource, space, object).await;
    }

    async fn scale(&mut self) {
        let resource = self.random.pick(&[DEPLOYMENTS, DEPLOYMENTS, STATEFULSETS]).clone();
        let Some(object) = self.some(&resource).await else { return };
        let replicas = self.random.below(8);
        self.note(&format!("scales {} {} to {replicas}", resource.plural, object.name()));
        self.merge(&resource, &key(&object), json!({"spec": {"replicas": replicas}})).await;
    }

    /// Changes what pods look like, sometimes to something that never works.
    async fn roll(&mut self) {
        let resource = self.random.pick(&[DEPLOYMENTS, DEPLOYMENTS, STATEFULSETS, DAEMONSETS]).clone();
        let Some(object) = self.some(&resource).await else { return };
        self.number += 1;
        let mut annotations = declared::behaviour(&mut self.random);
        if self.random.chance(200) {
            annotations["keelson.dev/ready-after"] = json!("never");
        }
        let image = format!("image:{}", self.number);
        self.note(&format!("rolls {} {} to {image}", resource.plural, object.name()));
        let mut containers = declared::containers(&mut self.random, &image);
        if resource == DAEMONSETS {
            containers[0]["resources"] = json!({});
        }
        let template = json!({"metadata": {"annotations": annotations}, "spec": {"containers": containers}});
        self.merge(&resource, &key(&object), json!({"spec": {"template": template}})).await;
    }

    /// Goes back to what a deployment was before, as `kubectl rollout undo` does.
    async fn undo(&mut self) {
        let Some(object) = self.some(&DEPLOYMENTS).await else { return };
        let revision = |set: &Value| -> u64 {
            let all = set.at("metadata/annotations");
            all["deployment.kubernetes.io/revision"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        let mut sets = self.all(&REPLICASETS).await;
        sets.retain(|set| set.owner("Deployment") == object.uid());
        sets.sort_by_key(revision);
        let Some(before) = sets.len().checked_sub(2).and_then(|at| sets.get(at)) else { return };
        let mut template = before.at("spec/template").clone();
        if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
            labels.remove("pod-template-hash");
        }
        self.note(&format!("undoes {}", object.name()));
        let step = json!([{"op": "replace", "path": "/spec/template", "value": template}]);
        let changed =
            self.client.patch::<Value>(&DEPLOYMENTS, &key(&object), "", (Patch::Steps, &step)).await;
        self.told("undo", &DEPLOYMENTS, changed.map(drop));
    }

    async fn pause(&mut self) {
        let Some(object) = self.some(&DEPLOYMENTS).await else { return };
        let paused = object.at("spec/paused") == &Value::Bool(true);
        self.note(&format!("{} {}", if paused { "resumes" } else { "pauses" }, object.name()));
        self.merge(&DEPLOYMENTS, &key(&object), json!({"spec": {"paused": !paused}})).await;
    }

    async fn remove(&mut self) {
        let kinds =
            [DEPLOYMENTS, REPLICASETS, STATEFULSETS, DAEMONSETS, JOBS, CRONJOBS, BUDGETS, SERVICES, CONFIGS];
        let resource = self.random.pick(&kinds).clone();
        let Some(object) = self.some(&resource).await else { return };
        let how = *self.random.pick(&["Background", "Background", "Foreground", "Orphan"]);
        self.note(&format!("removes {} {}/{} ({how})", resource.plural, object.space(), object.name()));
        self.delete(&resource, &key(&object), how).await;
    }

    async fn remove_pod(&mut self) {
        let Some(object) = self.some(&PODS).await else { return };
        self.note(&format!("removes pod {}/{}", object.space(), object.name()));
        self.delete(&PODS, &key(&object), "Background").await;
    }

    async fn suspend(&mut self) {
        let Some(object) = self.some(&JOBS).await else { return };
        if object.condition("Complete") == "True" || object.condition("Failed") == "True" {
            return;
        }
        let suspended = object.at("spec/suspend") == &Value::Bool(true);
        self.note(&format!("{} {}", if suspended { "resumes" } else { "suspends" }, object.name()));
        self.merge(&JOBS, &key(&object), json!({"spec": {"suspend": !suspended}})).await;
    }

    /// Empties a node as `kubectl drain` does, and gives up after a while.
    async fn drain(&mut self) {
        let Some(node) = self.some(&NODES).await else { return };
        let (client, name) = (self.drainer.clone(), node.name().to_owned());
        let (patience, back) = (self.random.between(20, 90), self.random.between(10, 60));
        self.note(&format!("drains {name} for {patience} s"));
        self.merge(&NODES, &key(&node), json!({"spec": {"unschedulable": true}})).await;
        let network = Arc::clone(&self.network);
        self.drains.spawn(async move {
            let end = Instant::now() + Duration::from_secs(patience);
            while Instant::now() < end && !evict(&client, &name).await {
                sleep(Duration::from_secs(5)).await;
            }
            sleep(Duration::from_secs(back)).await;
            network.history.lock().note(&format!("user: {name} is drained, and may be used again"));
            let change = json!({"spec": {"unschedulable": null}});
            let _ = client.patch::<Value>(&NODES, &Key::new("", &name), "", (Patch::Merge, &change)).await;
        });
    }

    /// A node falls silent, or comes back; sometimes somebody gives up on it.
    async fn stop_node(&mut self) {
        let Some(node) = self.some(&NODES).await else { return };
        let stopped = node.at("metadata/annotations").get(STOPPED).is_some();
        if stopped && self.random.chance(300) {
            self.note(&format!("removes node {}", node.name()));
            return self.delete(&NODES, &key(&node), "Background").await;
        }
        let to = if stopped { Value::Null } else { json!("stopped") };
        self.note(&format!("node {} is to be {to}", node.name()));
        self.merge(&NODES, &key(&node), json!({"metadata": {"annotations": {STOPPED: to}}})).await;
    }

    async fn remove_space(&mut self) {
        let space = self.space();
        self.note(&format!("removes namespace {space}"));
        self.delete(&NAMESPACES, &Key::new("", space), "Background").await;
        sleep(Duration::from_secs(self.random.below(60))).await;
        // It may be on its way still.
        self.create(&NAMESPACES, "", json!({"metadata": {"name": space}})).await;
    }

    /// A component cannot reach the server for a while.
    async fn cut(&mut self) {
        let component = *self.random.pick(&self.components.clone());
        let millis = self.random.between(100, 30_000);
        self.network.cut(component, Duration::from_millis(millis));
    }

    /// Makes something that belongs to somebody, or to two.
    async fn configure(&mut self) {
        let Some(first) = self.some(&DEPLOYMENTS).await else { return };
        let Some(second) = self.some(&STATEFULSETS).await else { return };
        self.number += 1;
        let mut owners = vec![reference(&DEPLOYMENTS, &first)];
        if first.space() == second.space() {
            owners.push(reference(&STATEFULSETS, &second));
        }
        let name = format!("config-{}", self.number);
        let object = json!({"metadata": {"name": name, "ownerReferences": owners}});
        self.note(&format!("makes {name}, which is of {} and maybe {}", first.name(), second.name()));
        self.create(&CONFIGS, first.space(), object).await;
    }
}

fn key(object: &Value) -> Key {
    Key::new(object.space(), object.name())
}

fn reference(resource: &Resource, owner: &Value) -> Value {
    json!({"apiVersion": resource.api_version(), "kind": resource.kind, "name": owner.name(), "uid": owner.uid()})
}

/// Asks for the eviction of all pods of a node; says whether none is left.
async fn evict(client: &Client, node: &str) -> bool {
    let list: Result<Value, Problem> =
        client.list(&PODS, "", &format!("fieldSelector=spec.nodeName%3D{node}")).await;
    let list = list.unwrap_or_default();
    let pods = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let stays = |pod: &&Value| pod.owner("DaemonSet").is_empty() && !pod.has_ended();
    let mut none = true;
    for pod in pods.iter().filter(stays) {
        none = false;
        if pod.is_deleting() {
            continue;
        }
        let eviction = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": pod.name(), "namespace": pod.space()},
        });
        // A refusal by a budget is tried again in the next round.
        let _ = client.create_part::<Value>(&PODS, &key(pod), "eviction", &eviction).await;
    }
    none
}
