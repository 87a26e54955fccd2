//! Nodes: they register, and say that they are alive, by a lease every ten seconds and by their status now and then.
//!
//! A node that was registered before is taken over. One that is deleted stays so until the process begins anew, or
//! somebody makes it again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::Clock;
use keelson_client::queue::Queue;
use keelson_client::time::micro;
use keelson_client::{Cache, Client, Key, Kind, Meta, Patch, Problem, Resource};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::node::{NODES, Node, Shape, conditions, object};

const LEASES: Resource = Resource::namespaced("coordination.k8s.io", "v1", "leases", "Lease");
/// Where nodes' leases lie.
const NAMESPACE: &str = "kube-node-lease";
/// How long a lease lasts, how often it is renewed, and how often a status is written that has not changed; upstream's.
const LEASE_SECONDS: u64 = 40;
const RENEWED_MILLIS: u64 = 10_000;
const REPORTED: Duration = Duration::from_secs(300);

/// A node of this process.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: CompactString,
    pub(crate) number: u32,
    pub(crate) ip: IpAddr,
    pub(crate) client: Client,
}

/// What is to be done for the node of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Beat {
    /// Say how it is.
    Status(u32),
    /// Renew its lease.
    Lease(u32),
}

/// All nodes of this process.
pub(crate) struct Nodes {
    pub(crate) hosts: Vec<Host>,
    pub(crate) by_name: HashMap<CompactString, u32>,
    pub(crate) cache: Arc<Cache<Node>>,
    pub(crate) shape: Shape,
    pub(crate) version: String,
    pub(crate) clock: Clock,
    pub(crate) beats: Queue<Beat>,
    /// By number: whether it was registered by this process.
    pub(crate) registered: Mutex<Vec<bool>>,
    /// By number: its lease's revision, as it was last written.
    pub(crate) leases: Mutex<Vec<Option<u64>>>,
}

#[derive(Deserialize)]
struct Answer {
    metadata: Meta,
}

impl Nodes {
    /// The node of a name, if it is one of this process.
    pub(crate) fn host(&self, name: &str) -> Option<&Host> {
        self.by_name.get(name).and_then(|number| self.hosts.get(*number as usize))
    }

    /// The node as it was last seen.
    pub(crate) fn seen(&self, name: &str) -> Option<Arc<Node>> {
        self.cache.get(&Key::new("", name))
    }

    /// Begins to beat: each node at another moment of the ten seconds.
    pub(crate) fn begin(&self) {
        let count = self.hosts.len() as u64;
        for host in &self.hosts {
            self.beats.add(Beat::Status(host.number));
            let phase = RENEWED_MILLIS * u64::from(host.number) / count;
            self.beats.add_after(Beat::Lease(host.number), Duration::from_millis(phase + 1));
        }
    }

    /// Does what is to be done for a node.
    pub(crate) async fn beat(&self, beat: Beat) -> Result<(), Problem> {
        let (Beat::Status(number) | Beat::Lease(number)) = beat;
        let Some(host) = self.hosts.get(number as usize) else { return Ok(()) };
        let node = self.seen(&host.name);
        if node.as_ref().is_some_and(|node| node.is_stopped()) {
            // It begins again when that changes.
            return Ok(());
        }
        match beat {
            Beat::Status(_) => {
                self.say(host, node.as_deref()).await?;
                self.beats.add_after(beat, REPORTED);
            }
            Beat::Lease(_) => {
                // Whatever comes of it, it is renewed again at its time.
                self.beats.add_after(beat, Duration::from_millis(RENEWED_MILLIS));
                if let Some(node) = node {
                    self.renew(host, &node).await?;
                }
            }
        }
        Ok(())
    }

    /// A node has changed: it says how it is, if something else is known of it.
    pub(crate) fn changed(&self, old: Option<&Arc<Node>>, new: Option<&Arc<Node>>) {
        let Some(node) = new else { return };
        let Some(number) = self.by_name.get(&node.metadata.name) else { return };
        let returns = old.is_none_or(|old| old.is_stopped() || old.metadata.uid != node.metadata.uid);
        if !node.is_as_said() || returns {
            self.beats.add(Beat::Status(*number));
        }
        if returns {
            self.beats.add(Beat::Lease(*number));
        }
    }

    async fn say(&self, host: &Host, node: Option<&Node>) -> Result<(), Problem> {
        let registered = self.registered.lock().get(host.number as usize).copied() == Some(true);
        if !registered {
            return self.register(host).await;
        }
        let Some(node) = node else { return Ok(()) };
        let change = json!({"status": {"conditions": conditions(Some(node), self.clock.now())}});
        let key = node.key();
        let said = host.client.patch::<Value>(&NODES, &key, "status", (Patch::Strategic, &change)).await;
        match said {
            Err(problem) if problem.is_not_found() => Ok(()),
            said => said.map(drop),
        }
    }

    async fn register(&self, host: &Host) -> Result<(), Problem> {
        let now = self.clock.now();
        let key = Key::new("", &host.name);
        let written = |known: Option<&Node>| {
            object((&host.name, host.number, host.ip), &self.shape, &self.version, known, now)
        };
        match host.client.create::<Value>(&NODES, "", &written(None)).await {
            Err(problem) if problem.is_already_exists() => {
                let known: Node = host.client.get(&NODES, &key).await?;
                let wanted = written(Some(&known));
                let (meta, status) =
                    (json!({"metadata": wanted["metadata"]}), json!({"status": wanted["status"]}));
                for (part, change) in [("", meta), ("status", status)] {
                    host.client.patch::<Value>(&NODES, &key, part, (Patch::Strategic, &change)).await?;
                }
                tracing::debug!(node = %host.name, "taken over");
            }
            made => {
                made?;
                tracing::debug!(node = %host.name, "registered");
            }
        }
        if let Some(registered) = self.registered.lock().get_mut(host.number as usize) {
            *registered = true;
        }
        Ok(())
    }

    async fn renew(&self, host: &Host, node: &Node) -> Result<(), Problem> {
        let at = host.number as usize;
        let known = self.leases.lock().get(at).copied().flatten();
        let written = match known {
            Some(revision) => self.put(host, node, revision).await,
            None => self.ensure(host, node).await,
        };
        let kept = written.as_ref().ok().copied();
        if let Some(lease) = self.leases.lock().get_mut(at) {
            *lease = kept;
        }
        match written {
            // Somebody has touched it: it is read anew.
            Err(problem) if problem.is_conflict() || problem.is_not_found() => {
                let revision = self.ensure(host, node).await?;
                if let Some(lease) = self.leases.lock().get_mut(at) {
                    *lease = Some(revision);
                }
                Ok(())
            }
            written => written.map(drop),
        }
    }

    /// Makes the lease, or renews the one that is there.
    async fn ensure(&self, host: &Host, node: &Node) -> Result<u64, Problem> {
        let key = Key::new(NAMESPACE, &host.name);
        match host.client.get::<Answer>(&LEASES, &key).await {
            Err(problem) if problem.is_not_found() => {
                let made: Answer = host.client.create(&LEASES, NAMESPACE, &self.lease(node, None)).await?;
                Ok(made.metadata.resource_version)
            }
            found => self.put(host, node, found?.metadata.resource_version).await,
        }
    }

    async fn put(&self, host: &Host, node: &Node, revision: u64) -> Result<u64, Problem> {
        let key = Key::new(NAMESPACE, &host.name);
        let written: Answer =
            host.client.update(&LEASES, &key, "", &self.lease(node, Some(revision))).await?;
        Ok(written.metadata.resource_version)
    }

    fn lease(&self, node: &Node, revision: Option<u64>) -> Value {
        let (name, uid) = (&node.metadata.name, &node.metadata.uid);
        let mut lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {
                "name": name, "namespace": NAMESPACE,
                "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}],
            },
            "spec": {
                "holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": micro(self.clock.now()),
            },
        });
        if let Some(revision) = revision {
            lease["metadata"]["resourceVersion"] = json!(revision.to_string());
        }
        lease
    }
}
