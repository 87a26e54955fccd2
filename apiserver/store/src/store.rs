//! The store: the one door to committed state.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use keelson_api::time::UnixMillis;
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::backend::{Backend, BackendError, Sharing, Usage};
use crate::committer::{Committer, Pending, Request};
use crate::event::Event;
use crate::fork::Fork;
use crate::image::Image;
use crate::index::Index;
use crate::key::{Key, ResourceName};
use crate::load::{OpenError, load};
use crate::object::Object;
use crate::options::{CommitterRuns, Options};
use crate::replica::{Applied, OutOfRange, Replica};
use crate::revision::Revision;
use crate::shared::{Progress, Shared, Statistics};
use crate::signal::Signal;
use crate::table::Table;
use crate::transaction::{CommitError, Committed, Transaction};
use crate::watch::{Hub, Part, Scope, Watch, WatchEnd};

/// Committed state, its recent past, and what becomes of it. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
    /// Asks for the backend's head; only where others write too.
    barrier: Option<mpsc::Sender<oneshot::Sender<Result<Revision, BackendError>>>>,
    frozen: Mutex<VecDeque<Frozen>>,
    /// The committer and whoever brings events to the watches: they end by themselves, when there is nothing left.
    workers: Mutex<JoinSet<()>>,
    /// Ends with the store.
    tasks: Mutex<JoinSet<()>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Where the store was not closed the workers may not come to it any more.
        self.shared.hub.end_all(WatchEnd::Closed, Revision::default(), true);
    }
}

/// A table as it was, kept for the reader's next page.
#[derive(Debug)]
struct Frozen {
    resource: ResourceName,
    revision: Revision,
    table: Table,
}

/// Which state a read sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The most recent: everything that was acknowledged to anybody before the read began.
    Latest,
    /// Whatever is at hand, without asking anybody.
    Cached,
    /// Not older than this; waits until there is such a state, so the caller sets a time limit.
    AtLeast(Revision),
    /// Exactly this.
    Exactly(Revision),
}

/// Why a read cannot be answered.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// That revision is gone, or not there yet.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// The backend did not say how far it is.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The resource has no such index.
    #[error("{resource} has no index {index}")]
    NoIndex {
        /// The resource.
        resource: ResourceName,
        /// The index asked for.
        index: &'static str,
    },
    /// The store has failed or was closed.
    #[error("the store is closed: {0}")]
    Closed(Arc<str>),
}

/// The objects of one resource at one revision; never changes.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The revision.
    pub revision: Revision,
    /// The objects.
    pub table: Table,
    indexes: Vec<Index>,
    /// Whether `indexes` are those of this revision; otherwise only their definitions count.
    indexed: bool,
}

impl Snapshot {
    /// The objects that index `name` finds under `value`; `None` if there is no such index.
    #[must_use]
    pub fn select(&self, name: &str, value: &str) -> Option<Table> {
        let index = self.indexes.iter().find(|index| index.definition.name == name)?;
        if self.indexed {
            return Some(index.select(value));
        }
        Some(self.table.iter().filter(|object| index.definition.finds(object, value)).cloned().collect())
    }
}

/// Objects that lie in no store, as if they did: of no revision, and found by nothing but their paths.
impl From<Table> for Snapshot {
    fn from(table: Table) -> Self {
        Self { revision: Revision::default(), table, indexes: Vec::new(), indexed: false }
    }
}

/// What a store says of itself.
#[derive(Clone, Debug)]
pub struct Status {
    /// The last applied revision.
    pub head: Revision,
    /// The oldest that can be read and watched from.
    pub floor: Revision,
    /// Objects by resource, where there are any.
    pub objects: Vec<(ResourceName, usize)>,
    /// Events in the window.
    pub history_events: usize,
    /// What they amount to in the log.
    pub history_bytes: u64,
    /// Open watches.
    pub watches: usize,
    /// Batches appended since the store was opened.
    pub appends: u64,
    /// The time these took, in nanoseconds.
    pub append_nanos: u64,
    /// Writes applied since the store was opened.
    pub writes: u64,
    /// What the backend takes up.
    pub usage: Usage,
}

impl Store {
    /// Opens the history that `backend` keeps, within a tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`] if it cannot be read or makes no sense.
    pub async fn open(backend: Arc<dyn Backend>, options: Options) -> Result<Self, OpenError> {
        let replica = load(&*backend, &options.indexes).await?;
        let store = Self::of(replica, backend, options);
        let shared = &store.inner.shared;
        store.inner.tasks.lock().spawn(crate::retention::tend(shared.clone()));
        Ok(store)
    }

    /// A store over a state that is known already. Nobody tends its history.
    pub(crate) fn of(replica: Replica, backend: Arc<dyn Backend>, options: Options) -> Self {
        let Options { clock, writer, committer: runs, limits, retention, indexes: definitions } = options;
        let head = replica.head();
        let (requests, received) = mpsc::channel(limits.waiting_transactions_max);
        let (dispatches, applied) = mpsc::channel(limits.dispatch_batches_max);
        let hub = Arc::new(Hub::new(head));
        let shared = Arc::new(Shared {
            backend,
            replica: RwLock::new(replica),
            hub: hub.clone(),
            definitions,
            clock,
            writer,
            limits,
            retention,
            statistics: Statistics::default(),
            crowded: Notify::new(),
            progress: Signal::new(Progress { head, ended: None }),
        });
        let (mut workers, mut tasks) = (JoinSet::new(), JoinSet::new());
        let committer = Committer::new(shared.clone(), received, dispatches).run();
        match runs {
            CommitterRuns::AsTask => {
                workers.spawn(committer);
                workers.spawn(dispatch(hub, applied));
            }
            CommitterRuns::OnThread => {
                workers.spawn(thread("store-commit", committer));
                workers.spawn(thread("store-dispatch", dispatch(hub, applied)));
            }
        }
        let mut barrier = None;
        if shared.backend.sharing() == Sharing::Shared {
            tasks.spawn(crate::follow::follow(shared.clone(), requests.downgrade()));
            let (sender, asked) = mpsc::channel(shared.limits.waiting_transactions_max);
            tasks.spawn(crate::follow::answer_barriers(shared.clone(), requests.downgrade(), asked));
            barrier = Some(sender);
        }
        let (workers, tasks, frozen) = (Mutex::new(workers), Mutex::new(tasks), Mutex::default());
        Self { inner: Arc::new(Inner { shared, requests, barrier, frozen, workers, tasks }) }
    }

    /// A place to try changes in: a state that begins as this one's most recent, and goes its own way.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn fork(&self) -> Result<Fork, ReadError> {
        self.ready(At::Latest).await?;
        Ok(Fork::of(&self.inner.shared))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// Makes changes, all or none. When this returns `Ok` they are durable, and every read that begins afterwards
    /// sees them. A caller that gives up waiting does not take the transaction back.
    ///
    /// # Errors
    /// [`CommitError`]: nothing happened, except for [`CommitError::Unknown`].
    pub async fn commit(&self, transaction: Transaction) -> Result<Committed, CommitError> {
        let size_bytes = self.check(&transaction)?;
        let (answer, answered) = oneshot::channel();
        let request = Request::Commit(Pending { transaction, size_bytes, answer });
        let closed = || CommitError::Closed(self.ended().as_deref().unwrap_or("it was shut down").to_owned());
        self.inner.requests.send(request).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| {
            Err(CommitError::Unknown(BackendError::Unavailable("the committer died".into())))
        })
    }

    fn check(&self, transaction: &Transaction) -> Result<usize, CommitError> {
        let limits = &self.inner.shared.limits;
        let operations = &transaction.operations;
        if operations.is_empty() {
            return Err(CommitError::Invalid("it has no operations"));
        }
        if operations.len() > limits.batch_writes_max {
            return Err(CommitError::Invalid("it has more operations than the store takes at once"));
        }
        for operation in operations {
            operation.key.check()?;
        }
        if operations.len() > 1 {
            let mut keys = HashSet::with_capacity(operations.len());
            if !operations.iter().all(|operation| keys.insert(&operation.key)) {
                return Err(CommitError::Invalid("it names one key twice"));
            }
        }
        let bytes = transaction.size_bytes();
        if bytes > limits.batch_bytes_max {
            return Err(CommitError::TooLarge { bytes, max: limits.batch_bytes_max });
        }
        Ok(bytes)
    }

    /// One object, and the revision of the state it was read from.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn get(&self, key: &Key, at: At) -> Result<(Revision, Option<Object>), ReadError> {
        if let Some(revision) = self.ready(at).await? {
            let table = self.frozen(&key.resource, revision)?;
            return Ok((revision, table.get(&key.path).cloned()));
        }
        let replica = self.inner.shared.replica.read();
        Ok((replica.head(), replica.get(key.resource.as_str(), &key.path).cloned()))
    }

    /// The objects of a resource.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn list(&self, resource: &ResourceName, at: At) -> Result<Snapshot, ReadError> {
        let exactly = self.ready(at).await?;
        let replica = self.inner.shared.replica.read();
        let indexes = replica.indexes(resource.as_str()).to_vec();
        let head = replica.head();
        if exactly.is_none_or(|revision| revision == head) {
            let table = replica.table(resource.as_str()).cloned().unwrap_or_default();
            return Ok(Snapshot { revision: head, table, indexes, indexed: true });
        }
        drop(replica);
        let revision = exactly.unwrap_or(head);
        let table = self.frozen(resource, revision)?;
        Ok(Snapshot { revision, table, indexes, indexed: false })
    }

    /// Waits until the replica may answer, and names the revision if one in particular was asked for.
    async fn ready(&self, at: At) -> Result<Option<Revision>, ReadError> {
        match at {
            At::Cached => Ok(None),
            At::Exactly(revision) => Ok(Some(revision)),
            At::AtLeast(revision) => self.reached(revision).await.map(|()| None),
            At::Latest => {
                if let Some(barrier) = &self.inner.barrier {
                    let (answer, answered) = oneshot::channel();
                    let closed =
                        || ReadError::Closed(self.ended().unwrap_or_else(|| "it was shut down".into()));
                    barrier.send(answer).await.map_err(|_| closed())?;
                    self.reached(answered.await.map_err(|_| closed())??).await?;
                }
                Ok(None)
            }
        }
    }

    /// Waits until everything up to `revision` is applied.
    ///
    /// # Errors
    /// [`ReadError::Closed`] if that will not happen any more.
    pub async fn reached(&self, revision: Revision) -> Result<(), ReadError> {
        let there = |progress: &Progress| progress.head >= revision || progress.ended.is_some();
        let progress = self.inner.shared.progress.wait_for(there).await;
        if progress.head >= revision {
            return Ok(());
        }
        Err(ReadError::Closed(progress.ended.unwrap_or_default()))
    }

    /// The table of `resource` at an old revision, from the few that are kept or worked out anew.
    fn frozen(&self, resource: &ResourceName, revision: Revision) -> Result<Table, ReadError> {
        let replica = self.inner.shared.replica.read();
        let mut frozen = self.inner.frozen.lock();
        let hit = frozen.iter().position(|kept| kept.revision == revision && kept.resource == *resource);
        let kept = hit.filter(|_| revision >= replica.floor()).and_then(|hit| frozen.remove(hit));
        let kept = match kept {
            Some(kept) => kept,
            None => Frozen {
                resource: resource.clone(),
                revision,
                table: replica.table_at(resource.as_str(), revision)?,
            },
        };
        let table = kept.table.clone();
        frozen.push_back(kept);
        frozen.retain(|kept| kept.revision >= replica.floor());
        if frozen.len() > self.inner.shared.limits.frozen_tables_max {
            frozen.pop_front();
        }
        Ok(table)
    }

    /// Watches `scope` from just after revision `after`; nothing after it is left out.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] if some of that is compacted, [`ReadError::NoIndex`].
    pub fn watch(&self, scope: Scope, after: Revision) -> Result<Watch, ReadError> {
        let shared = &self.inner.shared;
        if let Part::Index { name, .. } = &scope.part {
            let defined = shared.definitions.get(&scope.resource);
            if !defined.is_some_and(|defined| defined.iter().any(|definition| definition.name == *name)) {
                return Err(ReadError::NoIndex { resource: scope.resource, index: name });
            }
        }
        Ok(shared.hub.join(scope, after, shared.limits.watch_events_max, &shared.replica)?)
    }

    /// What happened to one object after `after` up to and including `to`, oldest first.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] if some of that is compacted.
    pub fn history(&self, key: &Key, after: Revision, to: Revision) -> Result<Vec<Arc<Event>>, ReadError> {
        let replica = self.inner.shared.replica.read();
        let events = replica.events(key.resource.as_str(), after, to)?;
        Ok(events.filter(|event| event.object.path() == &*key.path).cloned().collect())
    }

    /// The state as of `at`: the last revision that was made then or before. Nothing if that is not known, for lying
    /// too far back.
    #[must_use]
    pub fn revision_as_of(&self, at: UnixMillis) -> Option<Revision> {
        self.inner.shared.replica.read().revision_as_of(at)
    }

    /// The last applied revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.inner.shared.replica.read().head()
    }

    /// The oldest revision that can be read and watched from.
    #[must_use]
    pub fn floor(&self) -> Revision {
        self.inner.shared.replica.read().floor()
    }

    /// Everything as it is now.
    #[must_use]
    pub fn image(&self) -> Image {
        self.inner.shared.replica.read().image()
    }

    /// Everything as it was at `revision`.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] where that is not known.
    pub fn image_at(&self, revision: Revision) -> Result<Image, ReadError> {
        Ok(self.inner.shared.replica.read().image_at(revision)?)
    }

    /// Folds history up to `to` away now.
    ///
    /// # Errors
    /// [`ReadError::OutOfRange`] if `to` lies outside history, [`ReadError::Backend`] if it cannot be done.
    pub async fn compact(&self, to: Revision) -> Result<(), ReadError> {
        let image = self.image_at(to)?;
        Ok(crate::retention::fold(&self.inner.shared, &image).await?)
    }

    /// What there is to say about the store.
    ///
    /// # Errors
    /// [`BackendError`] if the backend does not say what it takes up.
    pub async fn status(&self) -> Result<Status, BackendError> {
        let shared = &self.inner.shared;
        let usage = shared.backend.usage().await?;
        let replica = shared.replica.read();
        let image = replica.image();
        let objects = image.tables.iter().filter(|(_, table)| !table.is_empty());
        Ok(Status {
            head: replica.head(),
            floor: replica.floor(),
            objects: objects.map(|(resource, table)| (resource.clone(), table.len())).collect(),
            history_events: replica.history_events(),
            history_bytes: replica.history_bytes(),
            watches: shared.hub.watches(),
            appends: shared.statistics.appends.load(Ordering::Relaxed),
            append_nanos: shared.statistics.append_nanos.load(Ordering::Relaxed),
            writes: shared.statistics.writes.load(Ordering::Relaxed),
            usage,
        })
    }

    fn ended(&self) -> Option<Arc<str>> {
        self.inner.shared.progress.get().ended
    }

    /// Waits until the store does not go on, and says why: it was closed, or it has failed and must be opened anew.
    pub async fn ended_because(&self) -> Arc<str> {
        let progress = self.inner.shared.progress.wait_for(|progress| progress.ended.is_some()).await;
        progress.ended.unwrap_or_default()
    }

    /// Answers what has been asked, ends the watches and lets go of the backend.
    pub async fn close(self) {
        // Refused only if the committer has ended already, which is what is wanted.
        drop(self.inner.requests.send(Request::Close).await);
        let mut workers = std::mem::take(&mut *self.inner.workers.lock());
        while let Some(worker) = workers.join_next().await {
            if let Err(error) = worker {
                tracing::error!(%error, "a worker of the store has died");
            }
        }
        let mut tasks = std::mem::take(&mut *self.inner.tasks.lock());
        tasks.shutdown().await;
    }
}

/// Brings applied batches to the watches until there will be no more.
async fn dispatch(hub: Arc<Hub>, mut applied: mpsc::Receiver<Applied>) {
    while let Some(applied) = applied.recv().await {
        hub.dispatch(&applied);
    }
    hub.end_all(WatchEnd::Closed, hub.dispatched(), true);
}

/// Runs `work` on a thread of its own, with the timers of this runtime; the future ends with it.
fn thread(
    name: &str,
    work: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = ()> + Send + 'static {
    let runtime = Handle::current();
    let builder = std::thread::Builder::new().name(name.to_owned());
    let (ended, end) = oneshot::channel();
    let main = move || {
        runtime.block_on(work);
        // Nobody listens if the store was not closed.
        let _ = ended.send(());
    };
    builder.spawn(main).expect("the system lets a process have a few threads");
    async move { end.await.expect("the thread has not panicked") }
}
