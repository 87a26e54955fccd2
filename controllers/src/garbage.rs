//! What belongs to nobody any more goes; what an owner waits for goes before it; what an owner lets go of stays.
//!
//! A graph of all objects of all kinds ([`graph`]), fed by watches of metadata alone, says what to look at. What is
//! then done is decided over what the server itself says: an object is deleted only if its owners are gone there.

mod graph;
mod monitors;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use futures::future::{BoxFuture, try_join_all};
use keelson_client::client::Deletion;
use keelson_client::discovery::Discovered;
use keelson_client::events::{Regarding, Weight};
use keelson_client::queue::Queue;
use keelson_client::{Key, Meta, OwnerReference, Patch, Problem, Resource, retry};
use parking_lot::{Mutex, RwLock};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::builtin::Settings;
use crate::driver::{Context, Worker, drive};
use crate::plan::Word;
use graph::{FOREGROUND, Graph, Node, ORPHAN, Phase};
use monitors::Monitors;

/// Owners that are known to be gone; the oldest are forgotten. Upstream's.
const ABSENT_MAX: usize = 500;

/// Begins it.
pub(crate) fn begin(context: Context, _: &Settings) -> BoxFuture<'static, ()> {
    let shared = Arc::new(Shared {
        graph: Mutex::default(),
        queue: Queue::default(),
        absent: Mutex::default(),
        discovered: RwLock::default(),
    });
    Box::pin(async move {
        let worker = Arc::new(Collector { context: context.clone(), shared: Arc::clone(&shared) });
        let mut monitors = Monitors::new(context.client.clone(), Arc::clone(&shared));
        let synced = monitors.synced();
        tokio::select! {
            biased;
            () = monitors.run() => {}
            () = async {
                synced.await;
                tracing::debug!(objects = shared.graph.lock().len(), "the graph is complete");
                drive(&context, shared.queue.clone(), worker).await;
            } => {}
        }
    })
}

/// What monitors fill and the collector empties.
struct Shared {
    graph: Mutex<Graph>,
    /// By uid.
    queue: Queue<Key>,
    absent: Mutex<Absent>,
    discovered: RwLock<Discovered>,
}

impl Shared {
    fn look_at(&self, uids: impl IntoIterator<Item = CompactString>) {
        uids.into_iter().for_each(|uid| self.queue.add(Key::new("", &uid)));
    }

    fn gone(&self, uid: &str) {
        let look = self.graph.lock().remove(uid);
        self.look_at(look);
    }
}

/// Owners that are known to be gone, by uid and where they were looked for.
#[derive(Default)]
struct Absent {
    known: HashSet<(CompactString, String)>,
    order: VecDeque<(CompactString, String)>,
}

impl Absent {
    fn add(&mut self, owner: (CompactString, String)) {
        if self.known.insert(owner.clone()) {
            self.order.push_back(owner);
        }
        if self.order.len() > ABSENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

struct Collector {
    context: Context,
    shared: Arc<Shared>,
}

/// An object of which only metadata is read.
#[derive(Deserialize)]
struct Partial {
    metadata: Meta,
}

/// What an object's owners are.
#[derive(Default)]
struct Owners {
    solid: bool,
    dangling: Vec<CompactString>,
    waiting: Vec<CompactString>,
}

/// What an owner is.
enum Standing {
    Solid,
    Dangling,
    Waiting,
    /// Nobody can say: the reference cannot be right, and nothing is done.
    Nonsense,
}

impl Worker for Collector {
    async fn work(&self, key: &Key) -> Result<Option<Duration>, Problem> {
        let uid = key.name();
        let Some(node) = self.shared.graph.lock().get(uid).cloned() else { return Ok(None) };
        match node.phase {
            Phase::Going => Ok(()),
            Phase::LetsGo => self.let_go(uid, &node).await,
            Phase::WaitsForDependents => self.wait(uid, &node).await,
            Phase::Here => self.judge(uid, &node).await,
        }?;
        Ok(None)
    }
}

impl Collector {
    /// The object as the server has it; `None` if it is gone, and then whoever is concerned is looked at.
    async fn latest(&self, uid: &str, node: &Node) -> Result<Option<Meta>, Problem> {
        let (namespace, name) = (node.key.namespace(), node.key.name());
        match self.context.client.metadata::<Partial>(&node.resource, namespace, name).await {
            Ok(found) if found.metadata.uid == uid => Ok(Some(found.metadata)),
            Ok(_) => {
                self.shared.gone(uid);
                Ok(None)
            }
            Err(problem) if problem.is_not_found() => {
                self.shared.gone(uid);
                Ok(None)
            }
            Err(problem) => Err(problem),
        }
    }

    /// An owner waits for those who block it: they are to go now.
    async fn wait(&self, uid: &str, node: &Node) -> Result<(), Problem> {
        let blocking = {
            let graph = self.shared.graph.lock();
            let mut blocking = graph.blocking(uid);
            if blocking.is_empty() {
                None
            } else {
                blocking.retain(|uid| graph.get(uid).is_some_and(|node| node.phase == Phase::Here));
                Some(blocking)
            }
        };
        match blocking {
            None => self.remove_finalizer(uid, node, FOREGROUND).await,
            Some(blocking) => {
                self.shared.look_at(blocking);
                Ok(())
            }
        }
    }

    async fn let_go(&self, uid: &str, node: &Node) -> Result<(), Problem> {
        let dependents: Vec<(CompactString, Node)> = {
            let graph = self.shared.graph.lock();
            graph.dependents(uid).map(|(uid, node)| (uid.clone(), node.clone())).collect()
        };
        let owners = [CompactString::from(uid)];
        let letting = dependents.iter().map(|(dependent, node)| self.disown(dependent, node, &owners));
        try_join_all(letting).await?;
        self.remove_finalizer(uid, node, ORPHAN).await
    }

    /// Whether an object may stay.
    async fn judge(&self, uid: &str, node: &Node) -> Result<(), Problem> {
        let namespace = node.key.namespace();
        let all_well = {
            let graph = self.shared.graph.lock();
            node.owners.iter().all(|owner| {
                let goes =
                    graph.get(&owner.uid).is_some_and(|owner| owner.phase == Phase::WaitsForDependents);
                graph.is_sound(owner, namespace) && !goes
            })
        };
        if all_well {
            return Ok(());
        }
        let Some(latest) = self.latest(uid, node).await? else { return Ok(()) };
        if latest.is_deleting() || latest.owner_references.is_empty() {
            return Ok(());
        }
        let mut owners = Owners::default();
        for owner in &latest.owner_references {
            match self.standing(owner, node, &latest).await? {
                Standing::Solid => owners.solid = true,
                Standing::Dangling => owners.dangling.push(owner.uid.clone()),
                Standing::Waiting => owners.waiting.push(owner.uid.clone()),
                Standing::Nonsense => return Ok(()),
            }
        }
        if owners.solid {
            let gone = [owners.dangling, owners.waiting].concat();
            return if gone.is_empty() { Ok(()) } else { self.disown(uid, node, &gone).await };
        }
        let dependents: Vec<Phase> = {
            let graph = self.shared.graph.lock();
            graph.dependents(uid).map(|(_, node)| node.phase).collect()
        };
        let has = |name: &str| latest.finalizers.iter().any(|finalizer| finalizer == name);
        let policy = if !owners.waiting.is_empty() && !dependents.is_empty() {
            // Two that wait for each other would wait for ever.
            if dependents.contains(&Phase::WaitsForDependents) {
                self.unblock(uid, node).await?;
            }
            "Foreground"
        } else if has(ORPHAN) {
            "Orphan"
        } else if has(FOREGROUND) {
            "Foreground"
        } else {
            "Background"
        };
        self.delete(uid, node, &latest, policy).await
    }

    async fn delete(
        &self,
        uid: &str,
        node: &Node,
        latest: &Meta,
        policy: &'static str,
    ) -> Result<(), Problem> {
        let how = Deletion {
            resource_version: Some(latest.resource_version),
            propagation: Some(policy),
            ..Deletion::of(uid)
        };
        match self.context.client.delete(&node.resource, &node.key, &how).await {
            Err(problem) if problem.is_not_found() => {
                self.shared.gone(uid);
                Ok(())
            }
            // Somebody changed it meanwhile: it is judged anew by what it is now.
            ended => ended.map(drop),
        }
    }

    /// What an owner is, by what the server says.
    async fn standing(&self, owner: &OwnerReference, node: &Node, item: &Meta) -> Result<Standing, Problem> {
        let namespace = node.key.namespace();
        let is_absent = |place: &str| {
            self.shared.absent.lock().known.contains(&(owner.uid.clone(), format!("{place}/{}", owner.name)))
        };
        if is_absent("") || is_absent(namespace) {
            return Ok(Standing::Dangling);
        }
        let resource: Option<Resource> =
            self.shared.discovered.read().of_kind(&owner.api_version, &owner.kind).cloned();
        let Some(resource) = resource else {
            let (kind, version) = (&owner.kind, &owner.api_version);
            return Err(Problem::Stale(format!(
                "no kind {kind} in {version} is known; its objects may be there"
            )));
        };
        if namespace.is_empty() && resource.namespaced {
            self.warn(node, item, owner);
            return Ok(Standing::Nonsense);
        }
        let place = if resource.namespaced { namespace } else { "" };
        let found = self.context.client.metadata::<Partial>(&resource, place, &owner.name).await;
        let found = match found {
            Ok(found) => Some(found.metadata).filter(|found| found.uid == owner.uid),
            Err(problem) if problem.is_not_found() => None,
            Err(problem) => return Err(problem),
        };
        let Some(found) = found else {
            self.shared.absent.lock().add((owner.uid.clone(), format!("{place}/{}", owner.name)));
            return Ok(Standing::Dangling);
        };
        let waits = found.is_deleting() && found.finalizers.iter().any(|finalizer| finalizer == FOREGROUND);
        Ok(if waits { Standing::Waiting } else { Standing::Solid })
    }

    fn warn(&self, node: &Node, item: &Meta, owner: &OwnerReference) {
        let note = format!(
            "cluster-scoped object {} refers to {} {} (uid {}), which lives in a namespace; it is never deleted for it",
            item.name, owner.kind, owner.name, owner.uid
        );
        let word = Word::new("OwnerRefInvalidNamespace", "GarbageCollect", note);
        self.context.recorder.record(word.event(
            &Regarding::of(&node.resource, item),
            Weight::Warning,
            "",
            "",
        ));
    }

    /// Takes references to owners out of an object.
    async fn disown(&self, uid: &str, node: &Node, owners: &[CompactString]) -> Result<(), Problem> {
        self.rewrite(uid, node, |references| references.retain(|owner| !owners.contains(&owner.uid))).await
    }

    /// No owner has to wait for this object any more.
    async fn unblock(&self, uid: &str, node: &Node) -> Result<(), Problem> {
        self.rewrite(uid, node, |references| {
            for owner in references.iter_mut().filter(|owner| owner.block_owner_deletion == Some(true)) {
                owner.block_owner_deletion = Some(false);
            }
        })
        .await
    }

    async fn rewrite(
        &self,
        uid: &str,
        node: &Node,
        change: impl Fn(&mut Vec<OwnerReference>) + Send + Sync,
    ) -> Result<(), Problem> {
        let change = &change;
        retry::on_conflict(|| async move {
            let Some(latest) = self.latest(uid, node).await? else { return Ok(()) };
            let mut references = latest.owner_references.to_vec();
            change(&mut references);
            if *references == *latest.owner_references {
                return Ok(());
            }
            self.write(node, &latest, json!({"ownerReferences": references})).await
        })
        .await
    }

    async fn remove_finalizer(&self, uid: &str, node: &Node, name: &str) -> Result<(), Problem> {
        retry::on_conflict(|| async move {
            let Some(latest) = self.latest(uid, node).await? else { return Ok(()) };
            let rest: Vec<_> = latest.finalizers.iter().filter(|finalizer| *finalizer != name).collect();
            if rest.len() == latest.finalizers.len() {
                return Ok(());
            }
            self.write(node, &latest, json!({"finalizers": rest})).await
        })
        .await
    }

    async fn write(&self, node: &Node, latest: &Meta, mut metadata: Value) -> Result<(), Problem> {
        metadata["resourceVersion"] = json!(latest.resource_version.to_string());
        metadata["uid"] = json!(latest.uid);
        let change = json!({"metadata": metadata});
        let patched =
            self.context.client.patch::<Value>(&node.resource, &node.key, "", (Patch::Merge, &change)).await;
        match patched {
            Err(problem) if problem.is_not_found() => Ok(()),
            ended => ended.map(drop),
        }
    }
}
