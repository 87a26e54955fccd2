//! From the applied log to those who watch: who gets which event, and what happens to those who do not keep up.
//!
//! Every watch has a queue of its own, of shared events and bounded. Events are routed: a watch of one namespace, one
//! object or one index value is not even looked at when something else changes. A watch whose queue is full is ended
//! and nobody else notices. The hub never waits for a watcher.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use parking_lot::Mutex;
use slab::Slab;

use crate::event::{Event, Notification};
use crate::index::IndexDefinition;
use crate::key::{Key, ResourceName, namespace_of};
use crate::object::Object;
use crate::replica::{Applied, OutOfRange, Replica};
use crate::revision::Revision;

/// What a watch is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The resource.
    pub resource: ResourceName,
    /// Which of its objects. An event counts if the object was or is one of them.
    pub part: Part,
}

/// Some of a resource's objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Every object.
    All,
    /// Those in a namespace.
    Namespace(Box<str>),
    /// The one at a path.
    Path(Box<str>),
    /// Those that an index finds under a value.
    Index {
        /// The index's name.
        name: &'static str,
        /// The value.
        value: Box<str>,
    },
}

impl Scope {
    /// Every object of `resource`.
    #[must_use]
    pub fn all(resource: &ResourceName) -> Self {
        Self { resource: resource.clone(), part: Part::All }
    }

    /// The objects of `resource` in `namespace`.
    #[must_use]
    pub fn namespace(resource: &ResourceName, namespace: &str) -> Self {
        Self { resource: resource.clone(), part: Part::Namespace(namespace.into()) }
    }

    /// One object.
    #[must_use]
    pub fn object(key: &Key) -> Self {
        Self { resource: key.resource.clone(), part: Part::Path(key.path.clone()) }
    }

    /// The objects of `resource` that index `name` finds under `value`.
    #[must_use]
    pub fn index(resource: &ResourceName, name: &'static str, value: &str) -> Self {
        Self { resource: resource.clone(), part: Part::Index { name, value: value.into() } }
    }
}

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchEnd {
    /// It did not keep up: begin again from the last revision seen.
    #[error("the watch was too slow: more events were waiting than it may hold")]
    TooSlow,
    /// The history it would continue with is gone: list again.
    #[error("the history it would continue with is compacted")]
    Compacted,
    /// The store was closed.
    #[error("the store was closed")]
    Closed,
}

/// The events of a scope, in order, none left out and none twice.
#[derive(Debug)]
pub struct Watch {
    queue: Arc<Queue>,
    hub: Arc<Hub>,
    scope: Scope,
    slot: usize,
    /// The last revision taken.
    seen: Revision,
}

#[derive(Debug)]
struct Queue {
    /// Events up to here are not wanted.
    after: Revision,
    /// Live events it may hold; what was asked for from the past comes on top.
    live_max: usize,
    state: Mutex<QueueState>,
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct QueueState {
    waiting: VecDeque<Arc<Notification>>,
    /// How many of those waiting were there from the beginning.
    backlog: usize,
    end: Option<WatchEnd>,
}

impl Queue {
    fn push(&self, notification: &Arc<Notification>) {
        if notification.revision <= self.after {
            return;
        }
        let mut state = self.state.lock();
        if state.end.is_some() {
            return;
        }
        if state.waiting.len() - state.backlog >= self.live_max {
            // It will have to begin again: what is queued would only be seen twice.
            state.waiting = VecDeque::new();
            state.end = Some(WatchEnd::TooSlow);
        } else {
            state.waiting.push_back(notification.clone());
        }
        drop(state);
        self.waker.wake();
    }

    fn end(&self, end: WatchEnd) {
        self.state.lock().end.get_or_insert(end);
        self.waker.wake();
    }
}

impl Watch {
    /// The next event; waits for it.
    ///
    /// # Errors
    /// [`WatchEnd`] once there will be no more.
    pub async fn next(&mut self) -> Result<Arc<Notification>, WatchEnd> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// Polls for the next event.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Arc<Notification>, WatchEnd>> {
        if let Some(ready) = self.take() {
            return Poll::Ready(ready);
        }
        self.queue.waker.register(context.waker());
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// The next event if it is here already; `None` if the watch goes on but nothing is waiting.
    ///
    /// # Errors
    /// [`WatchEnd`] once there will be no more.
    pub fn try_next(&mut self) -> Result<Option<Arc<Notification>>, WatchEnd> {
        self.take().transpose()
    }

    fn take(&mut self) -> Option<Result<Arc<Notification>, WatchEnd>> {
        let mut state = self.queue.state.lock();
        if let Some(notification) = state.waiting.pop_front() {
            state.backlog = state.backlog.saturating_sub(1);
            self.seen = notification.revision;
            return Some(Ok(notification));
        }
        state.end.map(Err)
    }

    /// The revision up to which everything that concerns this watch has been taken from it: what a bookmark may say.
    #[must_use]
    pub fn progress(&self) -> Revision {
        // In this order: whatever was dispatched when the revision is read is in the queue when that is looked at.
        let dispatched = self.hub.dispatched();
        let state = self.queue.state.lock();
        // A watch that has ended was not given what came afterwards.
        let complete = state.waiting.is_empty() && state.end.is_none();
        if complete { dispatched.max(self.seen) } else { self.seen }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.hub.leave(&self.scope, self.slot);
    }
}

/// Brings applied batches to the watches.
#[derive(Debug)]
pub(crate) struct Hub {
    /// The head of the last batch that every watch has in its queue.
    dispatched: AtomicU64,
    routes: Mutex<Routes>,
}

#[derive(Debug, Default)]
struct Routes {
    /// In front, so that what nobody watches costs one look-up.
    channels: HashMap<ResourceName, Channel>,
    watches: usize,
    closed: Option<WatchEnd>,
}

/// The watches of one resource, by what they are about.
#[derive(Debug, Default)]
struct Channel {
    definitions: Vec<IndexDefinition>,
    routes: HashMap<Part, Slab<Arc<Queue>>>,
    /// How many routes there are for namespaces, paths and indexes: kinds nobody uses are not looked up.
    namespaces: usize,
    paths: usize,
    indexes: HashMap<&'static str, usize>,
}

impl Hub {
    pub(crate) fn new(dispatched: Revision) -> Self {
        Self { dispatched: AtomicU64::new(dispatched.0), routes: Mutex::default() }
    }

    pub(crate) fn dispatched(&self) -> Revision {
        Revision(self.dispatched.load(Ordering::Acquire))
    }

    pub(crate) fn watches(&self) -> usize {
        self.routes.lock().watches
    }

    /// Begins a watch of the events after `after`: those of the past come from the window of `replica`.
    pub(crate) fn join(
        self: &Arc<Self>,
        scope: Scope,
        after: Revision,
        live_max: usize,
        replica: &parking_lot::RwLock<Replica>,
    ) -> Result<Watch, OutOfRange> {
        let mut routes = self.routes.lock();
        // While the routes are locked nothing is dispatched: the past ends here, and what comes next is live.
        let dispatched = self.dispatched();
        let replica = replica.read();
        let definitions =
            replica.indexes(scope.resource.as_str()).iter().map(|index| index.definition.clone());
        let definitions: Vec<_> = definitions.collect();
        let past = replica.events(scope.resource.as_str(), after, dispatched)?;
        let waiting: VecDeque<_> = past
            .filter(|event| concerns(&scope.part, event, &definitions))
            .map(|event| Arc::new(Notification::new(event.clone())))
            .collect();
        drop(replica);
        let state = QueueState { backlog: waiting.len(), waiting, end: routes.closed };
        let queue = Arc::new(Queue { after, live_max, state: Mutex::new(state), waker: AtomicWaker::new() });
        routes.watches += 1;
        let channel = routes.channels.entry(scope.resource.clone()).or_default();
        channel.definitions = definitions;
        let slot = channel.enter(&scope.part, queue.clone());
        drop(routes);
        Ok(Watch { queue, hub: self.clone(), scope, slot, seen: after })
    }

    fn leave(&self, scope: &Scope, slot: usize) {
        let mut routes = self.routes.lock();
        routes.watches -= 1;
        if let Some(channel) = routes.channels.get_mut(&scope.resource) {
            channel.leave(&scope.part, slot);
            if channel.routes.is_empty() {
                routes.channels.remove(&scope.resource);
            }
        }
    }

    /// Puts the events of `applied` into the queues they belong in.
    pub(crate) fn dispatch(&self, applied: &Applied) {
        self.dispatch_locked(&mut self.routes.lock(), applied);
    }

    /// Does that at once if it is this batch's turn and few are watching; says whether it was done.
    pub(crate) fn dispatch_if_cheap(&self, applied: &Applied) -> bool {
        const CHEAP_WATCHES_MAX: usize = 64;
        let mut routes = self.routes.lock();
        let cheap = routes.watches <= CHEAP_WATCHES_MAX && self.dispatched() == applied.base;
        if cheap {
            self.dispatch_locked(&mut routes, applied);
        }
        cheap
    }

    fn dispatch_locked(&self, routes: &mut Routes, applied: &Applied) {
        for (resource, event) in &applied.events {
            if let Some(channel) = routes.channels.get(resource) {
                channel.dispatch(event);
            }
        }
        // What was waiting here when the store began again from the base is older than where it began.
        self.dispatched.fetch_max(applied.head.0, Ordering::AcqRel);
    }

    /// Ends all watches, and those that are begun later too if `for_good`; goes on at `dispatched`.
    pub(crate) fn end_all(&self, end: WatchEnd, dispatched: Revision, for_good: bool) {
        let mut routes = self.routes.lock();
        for channel in routes.channels.values() {
            channel.routes.values().flat_map(Slab::iter).for_each(|(_, queue)| queue.end(end));
        }
        if for_good {
            routes.closed = Some(end);
        }
        self.dispatched.fetch_max(dispatched.0, Ordering::AcqRel);
    }
}

impl Channel {
    fn enter(&mut self, part: &Part, queue: Arc<Queue>) -> usize {
        let slots = self.routes.entry(part.clone()).or_insert_with(|| {
            match part {
                Part::All => {}
                Part::Namespace(_) => self.namespaces += 1,
                Part::Path(_) => self.paths += 1,
                Part::Index { name, .. } => *self.indexes.entry(name).or_default() += 1,
            }
            Slab::new()
        });
        slots.insert(queue)
    }

    fn leave(&mut self, part: &Part, slot: usize) {
        let Some(slots) = self.routes.get_mut(part) else { return };
        slots.remove(slot);
        if !slots.is_empty() {
            return;
        }
        self.routes.remove(part);
        match part {
            Part::All => {}
            Part::Namespace(_) => self.namespaces -= 1,
            Part::Path(_) => self.paths -= 1,
            Part::Index { name, .. } => {
                if let Some(count) = self.indexes.get_mut(name) {
                    *count -= 1;
                }
            }
        }
    }

    fn dispatch(&self, event: &Arc<Event>) {
        // Made for the first watch that wants it, shared by the others.
        let mut notification = None;
        let mut send = |part: &Part| {
            let Some(slots) = self.routes.get(part) else { return };
            let notification = notification.get_or_insert_with(|| Arc::new(Notification::new(event.clone())));
            slots.iter().for_each(|(_, queue)| queue.push(notification));
        };
        send(&Part::All);
        let path = event.object.path();
        if self.namespaces > 0 {
            send(&Part::Namespace(namespace_of(path).into()));
        }
        if self.paths > 0 {
            send(&Part::Path(path.into()));
        }
        for definition in self
            .definitions
            .iter()
            .filter(|definition| self.indexes.get(definition.name).is_some_and(|count| *count > 0))
        {
            for value in values(definition, event) {
                send(&Part::Index { name: definition.name, value });
            }
        }
    }
}

/// The values under which an index finds the object before or after the event, each once.
fn values(definition: &IndexDefinition, event: &Event) -> Vec<Box<str>> {
    let mut values: Vec<Box<str>> = Vec::new();
    for object in event.before().into_iter().chain(event.after()) {
        (definition.values)(object, &mut |value| {
            if !values.iter().any(|has| **has == *value) {
                values.push(value.into());
            }
        });
    }
    values
}

/// Whether the event is about a part of its resource.
fn concerns(part: &Part, event: &Event, definitions: &[IndexDefinition]) -> bool {
    let finds = |definition: &IndexDefinition, object: Option<&Object>, value: &str| {
        object.is_some_and(|object| definition.finds(object, value))
    };
    match part {
        Part::All => true,
        Part::Namespace(namespace) => event.object.namespace() == &**namespace,
        Part::Path(path) => event.object.path() == &**path,
        Part::Index { name, value } => {
            definitions.iter().filter(|definition| definition.name == *name).any(|definition| {
                finds(definition, event.before(), value) || finds(definition, event.after(), value)
            })
        }
    }
}
