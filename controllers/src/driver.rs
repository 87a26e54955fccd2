//! What becomes of decisions: keys in, requests out, and again when something changed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use keelson_api::time::{Clock, UnixMillis};
use keelson_client::events::{Recorder, Weight};
use keelson_client::expect::{Expectations, Expected};
use keelson_client::queue::Queue;
use keelson_client::{Cache, Caches, Change, Client, Key, Kind, Meta, Problem, Resource};
use serde::Deserialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::doubts::Doubts;
use crate::plan::{Action, Pace, Plan, What};
use crate::queues::Queues;

/// How many keys of one controller are worked on at once; upstream's.
const WORKERS_MAX: usize = 5;
/// Requests that one key makes at once; more wait. Several keys together stay below what servers allow.
const REQUESTS_MAX: usize = 32;
/// How long a key waits for what it expects to see before it looks whether it is there: only a watch that was broken
/// makes that necessary, since what is seen brings the key back by itself.
const EXPECTATION_SECONDS: u64 = 10;

/// A controller.
pub(crate) trait Controller: Send + Sync + 'static {
    /// Says what is watched, and which keys a change concerns.
    fn inputs(&self, inputs: &Inputs);

    /// Decides what is to be done about a key, by what the caches show and what time it is.
    fn plan(&self, key: &Key, now: UnixMillis) -> Plan;
}

/// What a controller is told of.
pub(crate) struct Inputs {
    queue: Queue<Key>,
}

impl Inputs {
    /// Inputs that end in `queue`.
    pub(crate) fn new(queue: Queue<Key>) -> Self {
        Self { queue }
    }

    /// A change of an object of this kind concerns that object.
    pub(crate) fn own<V: Kind>(&self, cache: &Cache<V>) {
        let queue = self.queue.clone();
        cache.on_change(move |change| {
            if let Some(object) = change.latest() {
                queue.add(object.key());
            }
        });
    }

    /// A change concerns the keys that `keys` finds, each after a while: what changes until then is looked at once.
    pub(crate) fn map_later<V: Kind>(
        &self,
        cache: &Cache<V>,
        keys: impl Fn(&Change<'_, V>) -> Vec<(Key, Duration)> + Send + Sync + 'static,
    ) {
        let queue = self.queue.clone();
        cache.on_change(move |change| {
            keys(change).into_iter().for_each(|(key, wait)| queue.add_after(key, wait));
        });
    }

    /// A change concerns the keys that `keys` finds.
    pub(crate) fn map<V: Kind>(
        &self,
        cache: &Cache<V>,
        keys: impl Fn(&Change<'_, V>) -> Vec<Key> + Send + Sync + 'static,
    ) {
        let queue = self.queue.clone();
        cache.on_change(move |change| keys(change).into_iter().for_each(|key| queue.add(key)));
    }
}

/// What a controller works with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) name: &'static str,
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) caches: Arc<Caches>,
    pub(crate) recorder: Recorder,
    /// Where its queue is shown.
    pub(crate) queues: Queues,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whoever works on keys. Controllers that plan are [`Planned`]; some ask the server themselves.
pub(crate) trait Worker: Send + Sync + 'static {
    /// Works on a key; says when to look again, if it knows.
    fn work(&self, key: &Key) -> impl Future<Output = Result<Option<Duration>, Problem>> + Send;
}

/// Works on the keys of `queue` for ever.
pub(crate) async fn drive(context: &Context, queue: Queue<Key>, worker: Arc<impl Worker>) {
    context.queues.show(context.name, &queue);
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(ended) = running.join_next() => {
                if let Err(error) = ended && let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
            key = queue.next(), if running.len() < WORKERS_MAX => {
                let (queue, worker, name) = (queue.clone(), Arc::clone(&worker), context.name);
                running.spawn(async move {
                    match worker.work(&key).await {
                        Ok(again) => {
                            queue.forget(&key);
                            if let Some(wait) = again {
                                queue.add_after(key.clone(), wait);
                            }
                        }
                        Err(problem) => {
                            tracing::debug!(controller = name, %key, %problem, "trying again");
                            queue.add_failed(key.clone());
                        }
                    }
                    queue.done(&key);
                });
            }
        }
    }
}

/// A controller that plans, as a worker.
pub(crate) struct Planned<C> {
    pub(crate) controller: C,
    pub(crate) context: Context,
    pub(crate) expected: Expectations,
    pub(crate) doubts: Doubts,
}

impl<C: Controller + ?Sized> Worker for Planned<Box<C>> {
    async fn work(&self, key: &Key) -> Result<Option<Duration>, Problem> {
        let settled = self.doubts.settle(key, &self.context.client, &self.context.caches).await?;
        settled.into_iter().for_each(|expected| self.expected.expect(key, expected));
        if !self.expected.are_met(key) {
            return Ok(Some(Duration::from_secs(EXPECTATION_SECONDS)));
        }
        let plan = self.controller.plan(key, self.context.clock.now());
        for action in plan.first {
            self.act(key, action).await?;
        }
        let ended = self.all(key, plan.then, plan.pace).await;
        // What the namespace forbids because it is on its way out is no failure that anybody has to hear of.
        let quietly = ended.as_ref().is_err_and(Problem::is_namespace_terminating);
        let failure = ended.as_ref().err().filter(|_| !quietly);
        if let Some(finish) = plan.finish {
            self.all(key, finish(failure), plan.ending).await?;
        }
        if !quietly {
            ended?;
        }
        Ok(plan.again)
    }
}

/// Of an answer, what shows whether the caches know it.
#[derive(Deserialize)]
struct Answer {
    metadata: Meta,
}

impl<C: Controller + ?Sized> Planned<Box<C>> {
    async fn all(&self, key: &Key, mut actions: Vec<Action>, pace: Pace) -> Result<(), Problem> {
        let mut together = match pace {
            Pace::InOrder | Pace::FirstAlone | Pace::SlowStart => 1,
            Pace::AtOnce => REQUESTS_MAX,
        };
        while !actions.is_empty() {
            let rest = actions.split_off(together.min(actions.len()));
            let ended = join_all(actions.into_iter().map(|action| self.act(key, action))).await;
            ended.into_iter().collect::<Result<Vec<()>, Problem>>()?;
            actions = rest;
            together = match pace {
                Pace::InOrder => 1,
                Pace::FirstAlone | Pace::AtOnce => REQUESTS_MAX,
                Pace::SlowStart => (together * 2).min(REQUESTS_MAX),
            };
        }
        Ok(())
    }

    /// Does one thing, tells of it, and remembers what will show it.
    async fn act(&self, key: &Key, action: Action) -> Result<(), Problem> {
        if let Some(alive) = &action.while_alive {
            let answer: Answer = self.context.client.get(&alive.resource, &alive.key).await?;
            if answer.metadata.uid != alive.uid || answer.metadata.is_deleting() {
                return Err(Problem::Stale(format!("{} has just been deleted", alive.key)));
            }
        }
        if let Some((resource, of)) = action.while_gone.as_deref() {
            match self.context.client.get::<Value>(resource, of).await {
                Err(problem) if problem.is_not_found() => {}
                Err(problem) => return Err(problem),
                Ok(_) => return Err(Problem::Stale(format!("{of} is there again"))),
            }
        }
        if let Some(same) = &action.while_same {
            match self.context.client.get::<Answer>(&same.resource, &same.key).await {
                Err(problem) if problem.is_not_found() => {}
                Err(problem) => return Err(problem),
                Ok(answer) if answer.metadata.resource_version == same.revision => {}
                Ok(_) => return Err(Problem::Stale(format!("{} has just changed", same.key))),
            }
        }
        let ended = self.request(key, &action.what).await;
        if ended.as_ref().is_err_and(Problem::is_uncertain) {
            self.doubts.remember(key, &action.what);
        }
        let is_creation = matches!(action.what, What::Create { .. });
        let ended = match ended {
            Err(problem) if problem.is_not_found() && !is_creation => return Ok(()),
            Err(problem) if problem.is_already_exists() && action.may_exist => return Ok(()),
            Err(problem) if problem.is_invalid() && action.may_be_invalid => return Ok(()),
            ended => ended,
        };
        if let Some(told) = &action.told {
            match &ended {
                Ok(name) => {
                    for word in &told.done {
                        let event = word.event(&told.regarding, Weight::Normal, name, "");
                        self.context.recorder.record(event);
                    }
                }
                Err(problem) if problem.is_namespace_terminating() || problem.is_already_exists() => {}
                Err(problem) => {
                    if let Some(word) = &told.failed {
                        let event = word.event(&told.regarding, Weight::Warning, "", &problem.to_string());
                        self.context.recorder.record(event);
                    }
                }
            }
        }
        ended.map(drop)
    }

    /// Asks the server; gives back the object's name.
    async fn request(&self, key: &Key, what: &What) -> Result<String, Problem> {
        let client = &self.context.client;
        match what {
            What::Create { resource, namespace, object } => {
                let made: Answer = client.create(resource, namespace, object).await?;
                self.expect(key, resource, &made.metadata);
                Ok(made.metadata.name.to_string())
            }
            What::Patch { resource, key: of, part, form, change } => {
                let made: Answer = client.patch(resource, of, part, (*form, change)).await?;
                self.expect(key, resource, &made.metadata);
                Ok(of.name().to_owned())
            }
            What::Delete { resource, key: of, how } => {
                let _: Value = client.delete(resource, of, how).await?;
                if let (Some(seen), Some(uid)) = (self.context.caches.seen(resource), &how.uid) {
                    self.expected.expect(key, Expected::Going(seen, of.clone(), uid.clone()));
                }
                Ok(of.name().to_owned())
            }
            What::Tell(event) => {
                self.context.recorder.record(event.clone());
                Ok(String::new())
            }
        }
    }

    fn expect(&self, key: &Key, resource: &Resource, written: &Meta) {
        if let Some(seen) = self.context.caches.seen(resource) {
            self.expected.expect(key, Expected::Reached(seen, written.resource_version));
        }
    }
}
