//! Bringing nodes up, and letting them end.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use keelson_api::time::Clock;
use keelson_client::events::Recorder;
use keelson_client::queue::Queue;
use keelson_client::reflect::{Sink, Source, follow};
use keelson_client::{Cache, Client, Kind, Problem};
use parking_lot::Mutex;
use tokio::task::{JoinError, JoinSet};

use crate::hollow::Hollow;
use crate::hollow::addresses::Range;
use crate::hollow::behaviour::Behaviour;
use crate::node::{Node, Shape};
use crate::nodes::{Host, Nodes};
use crate::pod::{PODS, Pod};
use crate::worker::Worker;

/// How many pods, and how many nodes, are worked on at once.
const PODS_MAX: usize = 64;
const NODES_MAX: usize = 16;
/// Where nodes themselves have their addresses, and where pods have them whose node was given no range, or too small a
/// one for as many.
const NODE_RANGE: &str = "172.16.0.0/12";
const POD_RANGE: &str = "100.64.0.0/10";
const POD_RANGE_LENGTH: u8 = 22;
/// The index of pods by their node.
const BY_NODE: &str = "node";

/// What hollow nodes are made of.
pub struct Parts {
    /// Watches for all nodes.
    pub shared: Client,
    /// Makes the client that the node of a name works with.
    pub as_node: Box<dyn Fn(&str) -> Client + Send + Sync>,
    /// Tells the time.
    pub clock: Clock,
    /// What their names begin with; a number follows.
    pub prefix: String,
    /// How many there are.
    pub count: u32,
    /// What they have.
    pub shape: Shape,
    /// How their containers behave.
    pub behaviour: Behaviour,
    /// Which kubelet they say they are.
    pub version: String,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("prefix", &self.prefix)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// Why nodes ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// One ran into a defect.
    #[error("a node ran into a defect: {0}")]
    Defect(#[from] JoinError),
}

/// Is these nodes until `stop` is done.
///
/// # Errors
/// [`Failed`] if they end before that.
pub async fn run(parts: Parts, stop: impl Future<Output = ()> + Send) -> Result<(), Failed> {
    tokio::select! {
        biased;
        ended = work(&parts) => ended,
        () = stop => Ok(()),
    }
}

async fn work(parts: &Parts) -> Result<(), Failed> {
    let mut running = JoinSet::new();
    let nodes = Arc::new(nodes(parts));
    let (pods, queue) = (Arc::new(Cache::<Pod>::default()), Queue::default());
    pods.index(BY_NODE, |pod| vec![pod.spec.node_name.clone()]);
    let (recorder, writing) =
        Recorder::new(parts.shared.clone(), parts.clock.clone(), "kubelet", parts.prefix.clone());
    running.spawn(writing);
    let worker = Arc::new(Worker {
        pods: Arc::clone(&pods),
        nodes: Arc::clone(&nodes),
        runtime: Hollow::new(parts.behaviour, queue.clone()),
        queue: queue.clone(),
        clock: parts.clock.clone(),
        recorder,
        known: Mutex::default(),
        rooms: Mutex::default(),
    });
    for host in &nodes.hosts {
        worker.runtime.expect(&host.name, usual_ranges(host.number));
    }
    listen(&worker);
    let watching = (parts.shared.clone(), Own { cache: Arc::clone(&nodes.cache), nodes: Arc::clone(&nodes) });
    running.spawn(watch(watching, Source::all(Node::RESOURCE)));
    let watching = (parts.shared.clone(), Own { cache: Arc::clone(&pods), nodes: Arc::clone(&nodes) });
    running.spawn(watch(watching, Source { fields: "spec.nodeName!=".into(), ..Source::all(PODS) }));
    let beating = Arc::clone(&nodes);
    running.spawn(async move {
        beating.cache.synced().await;
        beating.begin();
        let beats = beating.beats.clone();
        drive(beats, NODES_MAX, |beat| {
            let nodes = Arc::clone(&beating);
            async move { nodes.beat(beat).await }
        })
        .await;
    });
    running.spawn(async move {
        worker.nodes.cache.synced().await;
        pods.synced().await;
        // Before anything new is begun, it has to be known which addresses are taken.
        worker.adopt();
        drive(queue, PODS_MAX, |key| {
            let worker = Arc::clone(&worker);
            async move { worker.work(&key).await }
        })
        .await;
    });
    tracing::info!(nodes = parts.count, "hollow nodes begin");
    while let Some(ended) = running.join_next().await {
        ended?;
    }
    Ok(())
}

fn nodes(parts: &Parts) -> Nodes {
    let addresses = Range::parse(NODE_RANGE).expect("a constant that can be read");
    let hosts: Vec<Host> = (0..parts.count)
        .map(|number| {
            let name = format!("{}-{number}", parts.prefix);
            let client = (parts.as_node)(&name);
            Host { name: name.into(), number, ip: addresses.nth(number + 2), client }
        })
        .collect();
    Nodes {
        by_name: hosts.iter().map(|host| (host.name.clone(), host.number)).collect::<HashMap<_, _>>(),
        registered: Mutex::new(vec![false; hosts.len()]),
        leases: Mutex::new(vec![None; hosts.len()]),
        hosts,
        cache: Arc::default(),
        shape: parts.shape.clone(),
        version: parts.version.clone(),
        clock: parts.clock.clone(),
        beats: Queue::default(),
    }
}

fn usual_ranges(number: u32) -> Vec<Range> {
    let all = Range::parse(POD_RANGE).expect("a constant that can be read");
    vec![all.part(POD_RANGE_LENGTH, number)]
}

/// Has changes wake whom they concern.
fn listen(worker: &Arc<Worker>) {
    let queue = worker.queue.clone();
    worker.pods.on_change(move |change| {
        if let Some(pod) = change.latest() {
            queue.add(pod.metadata.key());
        }
    });
    let (nodes, pods, queue) = (Arc::clone(&worker.nodes), Arc::clone(&worker.pods), worker.queue.clone());
    let runtime = Arc::clone(worker);
    worker.nodes.cache.on_change(move |change| {
        nodes.changed(change.old, change.new);
        let Some(node) = change.new else { return };
        let Some(host) = nodes.host(&node.metadata.name) else { return };
        runtime.runtime.set_ranges(&host.name, node.pod_ranges());
        // Its pods were not looked at while it was not there, or stopped.
        if change.old.is_none_or(|old| old.is_stopped()) && !node.is_stopped() {
            pods.by(BY_NODE, &host.name).iter().for_each(|pod| queue.add(pod.metadata.key()));
        }
    });
}

async fn watch<V: OfNode>((client, mut own): (Client, Own<V>), source: Source) {
    follow(&client, &source, &mut own).await;
}

/// Whose an object is.
trait OfNode: Kind {
    fn node(&self) -> &str;
}

impl OfNode for Node {
    fn node(&self) -> &str {
        &self.metadata.name
    }
}

impl OfNode for Pod {
    fn node(&self) -> &str {
        &self.spec.node_name
    }
}

/// Keeps what is of our nodes.
struct Own<V> {
    cache: Arc<Cache<V>>,
    nodes: Arc<Nodes>,
}

impl<V: OfNode> Own<V> {
    fn is_ours(&self, object: &V) -> bool {
        self.nodes.by_name.contains_key(object.node())
    }
}

impl<V: OfNode> Sink<V> for Own<V> {
    fn replaced(&mut self, mut objects: Vec<V>, revision: u64) {
        objects.retain(|object| self.is_ours(object));
        self.cache.replace(objects, revision);
    }

    fn applied(&mut self, object: V) {
        if self.is_ours(&object) {
            self.cache.apply(object);
        }
    }

    fn deleted(&mut self, object: V) {
        if self.is_ours(&object) {
            self.cache.remove(object);
        }
    }

    fn reached(&mut self, _: u64) {}
}

/// Works on the keys of a queue for ever, several at once.
async fn drive<K, W>(queue: Queue<K>, at_once: usize, work: impl Fn(K) -> W)
where
    K: Clone + Eq + Hash + fmt::Debug + Send + 'static,
    W: Future<Output = Result<(), Problem>> + Send + 'static,
{
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(ended) = running.join_next() => {
                if let Err(error) = ended && let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
            key = queue.next(), if running.len() < at_once => {
                let (queue, working) = (queue.clone(), work(key.clone()));
                running.spawn(async move {
                    match working.await {
                        Ok(()) => queue.forget(&key),
                        Err(problem) => {
                            tracing::debug!(?key, %problem, "trying again");
                            queue.add_failed(key.clone());
                        }
                    }
                    queue.done(&key);
                });
            }
        }
    }
}
