//! A cluster whose parts are in this process, and a client that may do everything.

use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::Clock;
use keelson_apiserver::admission::plugins::Plugins;
use keelson_apiserver::caller::Caller;
use keelson_apiserver::server::ApiServer;
use keelson_client::client::Deletion;
use keelson_client::{Client, Key, Patch, Problem, Resource};
use keelson_store::memory::Memory;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::house;

pub(crate) const PODS: Resource = Resource::namespaced("", "v1", "pods", "Pod");
pub(crate) const NAMESPACES: Resource = Resource::cluster("", "v1", "namespaces", "Namespace");
pub(crate) const EVENTS: Resource = Resource::namespaced("events.k8s.io", "v1", "events", "Event");
pub(crate) const DEPLOYMENTS: Resource = Resource::namespaced("apps", "v1", "deployments", "Deployment");
pub(crate) const REPLICASETS: Resource = Resource::namespaced("apps", "v1", "replicasets", "ReplicaSet");

/// How long a story waits for something, in virtual time.
const PATIENCE: Duration = Duration::from_secs(3600);

pub(crate) struct Cluster {
    pub(crate) client: Client,
    server: ApiServer,
    pub(crate) clock: Clock,
    running: JoinSet<()>,
}

impl Cluster {
    /// A server, and nothing else.
    pub(crate) async fn empty() -> Self {
        // Accounts are not asked for: some stories have nobody who makes them.
        let admission = Plugins::default().without("ServiceAccount").expect("it is one of the rules");
        let clock = house::clock();
        let server = house::open(Arc::new(Memory::new()), &clock, 1, admission).await;
        let client = client(&server, Caller::authenticated("admin", ["system:masters"]));
        Self { client, server, clock, running: JoinSet::new() }
    }

    /// With these controllers, and pods that are run as soon as they are there.
    pub(crate) async fn with(controllers: &str) -> Self {
        let mut cluster = Self::empty().await;
        cluster.begin_all(controllers);
        cluster
    }

    /// Begins these controllers, and what runs pods.
    pub(crate) fn begin_all(&mut self, controllers: &str) {
        self.begin(controllers);
        let pods = crate::stories::pods::run(self.as_user("system:node:hollow"), self.clock.clone());
        self.running.spawn(pods);
    }

    /// Begins these controllers.
    pub(crate) fn begin(&mut self, controllers: &str) {
        let server = self.server.clone();
        let parts = keelson_controllers::Parts {
            shared: self.as_user("system:kube-controller-manager"),
            as_account: Box::new(move |account| {
                let name = format!("system:serviceaccount:kube-system:{account}");
                client(&server, Caller::authenticated(&name, ["system:serviceaccounts"]))
            }),
            clock: self.clock.clone(),
            instance: "sim".into(),
            selection: controllers.parse().expect("known controllers"),
            root_ca: Some("a certificate".into()),
            pod_ranges: "10.244.0.0/16".parse().expect("a range"),
            token_signer: None,
            certificates: None,
            queues: keelson_controllers::Queues::default(),
            election: None,
        };
        self.running.spawn(async move {
            keelson_controllers::run(parts, std::future::pending()).await.expect("controllers go on");
        });
    }

    /// Begins a scheduler.
    pub(crate) fn begin_scheduler(&mut self, seed: u64) {
        let parts = keelson_scheduler::Parts {
            client: self.as_user("system:kube-scheduler"),
            clock: self.clock.clone(),
            instance: "sim".into(),
            seed,
            settings: keelson_scheduler::Settings::default(),
            figures: keelson_scheduler::Figures::default(),
            election: None,
        };
        self.running.spawn(async move {
            keelson_scheduler::run(parts, std::future::pending()).await.expect("the scheduler goes on");
        });
    }

    /// Begins so many hollow nodes.
    pub(crate) fn begin_nodes(&mut self, count: u32) {
        let server = self.server.clone();
        let parts = keelson_kubelet::Parts {
            shared: self.as_user("system:node:hollow"),
            as_node: Box::new(move |name| {
                client(&server, Caller::authenticated(&format!("system:node:{name}"), ["system:nodes"]))
            }),
            clock: self.clock.clone(),
            prefix: "hollow".into(),
            count,
            shape: keelson_kubelet::Shape::default(),
            behaviour: keelson_kubelet::Behaviour::default(),
            version: "v1.37.1".into(),
        };
        self.running.spawn(async move {
            keelson_kubelet::run(parts, std::future::pending()).await.expect("nodes go on");
        });
    }

    /// Ends all that was begun, at once, as a power cut does.
    pub(crate) async fn kill(&mut self) {
        self.running.shutdown().await;
    }

    fn as_user(&self, name: &str) -> Client {
        client(&self.server, Caller::authenticated(name, ["system:masters"]))
    }

    pub(crate) async fn create(&self, resource: &Resource, namespace: &str, object: Value) -> Value {
        let mut object = object;
        object["apiVersion"] = json!(resource.api_version());
        object["kind"] = json!(resource.kind);
        self.client.create(resource, namespace, &object).await.expect("it can be made")
    }

    pub(crate) async fn merge(&self, resource: &Resource, key: &str, change: Value) -> Value {
        self.change(resource, key, "", change).await
    }

    pub(crate) async fn change(&self, resource: &Resource, key: &str, part: &str, change: Value) -> Value {
        let patched = self.client.patch(resource, &named(key), part, (Patch::Merge, &change)).await;
        patched.expect("it can be changed")
    }

    pub(crate) async fn get(&self, resource: &Resource, key: &str) -> Option<Value> {
        match self.client.get(resource, &named(key)).await {
            Err(problem) if problem.is_not_found() => None,
            got => Some(got.expect("it can be read")),
        }
    }

    pub(crate) async fn delete(&self, resource: &Resource, key: &str, propagation: &'static str) {
        let how = Deletion { propagation: Some(propagation), ..Deletion::default() };
        self.client.delete(resource, &named(key), &how).await.expect("it can be deleted");
    }

    /// All of a namespace, by name.
    pub(crate) async fn list(&self, resource: &Resource, namespace: &str) -> Vec<Value> {
        let list: Result<Value, Problem> = self.client.list(resource, namespace, "").await;
        let list = list.expect("it can be listed");
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until `is` holds of what `look` sees, and gives that back.
    pub(crate) async fn until<T: std::fmt::Debug>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> T,
        is: impl Fn(&T) -> bool,
    ) -> T {
        let began = Instant::now();
        loop {
            let seen = look().await;
            if is(&seen) {
                return seen;
            }
            assert!(began.elapsed() < PATIENCE, "waited in vain until {what}; it is {seen:#?}");
            // Under virtual time this only says: when everybody else has nothing left to do.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn named(key: &str) -> Key {
    let (namespace, name) = key.split_once('/').unwrap_or(("", key));
    Key::new(namespace, name)
}

fn client(server: &ApiServer, caller: Caller) -> Client {
    Client::in_process(server.door(caller), "kube-controller-manager").expect("a name that can be sent")
}
