//! The one writer: drains the queue of transactions into a batch, appends it, applies it, answers everybody. The next
//! batch fills meanwhile.
//!
//! Conditions are judged against the replica and what the batch itself has already changed, so a write costs the
//! backend one append and no read. Nothing is answered before the batch is durable, not even a refusal, which may
//! rest on a change that is not durable yet.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::backend::{Appended, BackendError, Refusal, Sharing};
use crate::batch::{Batch, BatchId, Write};
use crate::key::Key;
use crate::load::OpenError;
use crate::object::Object;
use crate::replica::{Applied, Replica};
use crate::revision::Revision;
use crate::shared::{Failure, Shared};
use crate::transaction::{Change, CommitError, Committed, Transaction, Unmet, UnmetCondition};
use crate::watch::WatchEnd;

/// What the committer is asked to do.
#[derive(Debug)]
pub(crate) enum Request {
    /// Make these changes, and say how it went.
    Commit(Pending),
    /// Somebody else has extended the history: apply it, as far as this at least. It is tried once.
    CatchUp {
        /// A revision that was committed.
        to: Revision,
        /// Told how it went.
        done: oneshot::Sender<Result<(), BackendError>>,
    },
    /// Answer what is waiting, then stop.
    Close,
}

/// A transaction that waits for its answer.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) transaction: Transaction,
    pub(crate) size_bytes: usize,
    pub(crate) answer: oneshot::Sender<Result<Committed, CommitError>>,
}

/// Owns the right to append and to apply.
#[derive(Debug)]
pub(crate) struct Committer {
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Request>,
    dispatches: mpsc::Sender<Applied>,
    waiting: VecDeque<Pending>,
    sequence: u64,
}

/// How an append ended, once that is known for certain; or that it cannot be known.
enum Outcome {
    Committed,
    /// Somebody else has extended the history, as far as this at least.
    Conflict(Revision),
    Refused(Refusal),
    Unknown(BackendError),
}

/// How long something that fails is tried again, with ever longer pauses.
struct Patience {
    deadline: Instant,
    pause: Duration,
}

impl Patience {
    const PAUSE_MAX: Duration = Duration::from_millis(500);

    fn new(limit: Duration) -> Self {
        Self { deadline: Instant::now() + limit, pause: Duration::from_millis(1) }
    }

    /// Waits until it is time to try again; says no, at once, when that was to be done often enough.
    async fn lasts(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Self::PAUSE_MAX);
        true
    }
}

/// Says that the store has ended, also where its committer dies.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end("its committer has died");
    }
}

impl Committer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        requests: mpsc::Receiver<Request>,
        dispatches: mpsc::Sender<Applied>,
    ) -> Self {
        Self { shared, requests, dispatches, waiting: VecDeque::new(), sequence: 0 }
    }

    /// Serves until it is told to close, nobody is left to ask, or the history cannot be continued.
    pub(crate) async fn run(mut self) {
        let _ending = Ending(self.shared.clone());
        let why = match self.serve().await {
            Ok(()) => "it was shut down".to_owned(),
            Err(failure) => failure.0,
        };
        self.shared.end(&why);
        self.requests.close();
        let mut refuse = |pending: Pending| drop(pending.answer.send(Err(CommitError::Closed(why.clone()))));
        self.waiting.drain(..).for_each(&mut refuse);
        while let Some(request) = self.requests.recv().await {
            if let Request::Commit(pending) = request {
                refuse(pending);
            }
        }
    }

    async fn serve(&mut self) -> Result<(), Failure> {
        let mut requests = Vec::new();
        loop {
            let max = self.shared.limits.batch_writes_max;
            if self.requests.recv_many(&mut requests, max).await == 0 {
                return Ok(());
            }
            for request in requests.drain(..) {
                match request {
                    Request::Commit(pending) => self.waiting.push_back(pending),
                    Request::CatchUp { to, done } => drop(done.send(self.try_catch_up(to).await?)),
                    // What is in the queue already is still served; `recv_many` then finds it closed and empty.
                    Request::Close => self.requests.close(),
                }
            }
            while !self.waiting.is_empty() {
                self.round().await?;
            }
        }
    }

    /// Makes one batch of what is waiting and sees it through.
    async fn round(&mut self) -> Result<(), Failure> {
        let mut plan = self.plan();
        if plan.writes.is_empty() && self.shared.backend.sharing() == Sharing::Shared {
            // No append will tell whether the verdicts rest on the most recent state.
            let base = plan.base;
            self.put_back(plan.judged);
            if !self.catch_up_with_all(base).await? {
                return Ok(());
            }
            plan = self.plan();
        }
        let Plan { base, writes, judged, .. } = plan;
        if writes.is_empty() {
            answer(judged);
            return Ok(());
        }
        self.sequence += 1;
        let id = BatchId { writer: self.shared.writer, sequence: self.sequence };
        let batch = Arc::new(Batch { id, base, at: self.shared.clock.now(), writes });
        match self.append(&batch).await? {
            Outcome::Committed => {
                let applied = self.apply(&batch)?;
                answer(judged);
                self.dispatch(applied).await
            }
            Outcome::Conflict(head) => {
                self.put_back(judged);
                self.catch_up(head).await.map(drop)
            }
            Outcome::Refused(refusal) => {
                judged.into_iter().for_each(|judged| fail(judged, &CommitError::Refused(refusal.clone())));
                Ok(())
            }
            Outcome::Unknown(error) => {
                judged.into_iter().for_each(|judged| fail(judged, &CommitError::Unknown(error.clone())));
                Ok(())
            }
        }
    }

    fn put_back(&mut self, judged: Vec<(Pending, Result<Committed, CommitError>)>) {
        for (pending, _) in judged.into_iter().rev() {
            self.waiting.push_front(pending);
        }
    }

    /// Judges as many of the waiting transactions as go into one batch.
    fn plan(&mut self) -> Plan {
        let limits = &self.shared.limits;
        let replica = self.shared.replica.read();
        let mut plan = Plan::new(replica.head());
        while let Some(next) = self.waiting.front() {
            let fits = plan.size_bytes + next.size_bytes <= limits.batch_bytes_max
                && plan.writes.len() + next.transaction.operations.len() <= limits.batch_writes_max;
            if !fits && !plan.judged.is_empty() {
                break;
            }
            if let Some(next) = self.waiting.pop_front() {
                plan.add(&replica, next);
            }
        }
        plan
    }

    async fn append(&self, batch: &Arc<Batch>) -> Result<Outcome, Failure> {
        let began = Instant::now();
        let appended = self.shared.backend.append(batch).await;
        let statistics = &self.shared.statistics;
        statistics.appends.fetch_add(1, Ordering::Relaxed);
        statistics.append_nanos.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
        match appended {
            Appended::Committed => Ok(Outcome::Committed),
            Appended::Conflict { head } => conflict(batch, head),
            Appended::Refused(refusal) => Ok(Outcome::Refused(refusal)),
            Appended::Unknown(error) => self.find_out(batch, error).await,
        }
    }

    /// Finds out what became of a batch whose append was not answered, by looking into the log; and where it has not
    /// arrived, by sending it again, which the fence makes safe.
    async fn find_out(&self, batch: &Arc<Batch>, lost: BackendError) -> Result<Outcome, Failure> {
        tracing::warn!(error = %lost, base = %batch.base, "a write was not answered; looking into the log");
        let mut patience = Patience::new(self.shared.limits.unknown_outcome_after);
        loop {
            let error = match self.successor(batch.base).await {
                Ok(Some(next)) if next.id == batch.id => return Ok(Outcome::Committed),
                // The history went on without it: its fence has fallen for ever.
                Ok(Some(next)) => return conflict(batch, next.head()),
                Ok(None) => match self.shared.backend.append(batch).await {
                    Appended::Committed => return Ok(Outcome::Committed),
                    // Another's batch or the first try of this one: the log knows.
                    Appended::Conflict { head } => {
                        conflict(batch, head)?;
                        BackendError::Unavailable("the log does not show yet who came first".into())
                    }
                    // This try had no effect, but the first may still have one.
                    Appended::Refused(refusal) => BackendError::Unavailable(refusal.to_string()),
                    Appended::Unknown(again) => again,
                },
                Err(corrupt @ BackendError::Corrupt { .. }) => return Err(Failure(corrupt.to_string())),
                // Whether it or another's came first is folded away. Made again it might be made twice.
                Err(compacted @ BackendError::Compacted { .. }) => return Ok(Outcome::Unknown(compacted)),
                Err(again) => again,
            };
            if !patience.lasts().await {
                tracing::error!(%error, base = %batch.base, "the outcome of a write cannot be found out");
                return Ok(Outcome::Unknown(error));
            }
        }
    }

    /// The batch that was committed on top of `base`, if one was.
    async fn successor(&self, base: Revision) -> Result<Option<Arc<Batch>>, BackendError> {
        self.shared.backend.log(base).await?.next().await.transpose()
    }

    /// Asks how far the history is, and catches up with that. Where it cannot be done everybody who waits is told, and
    /// nobody is left waiting.
    async fn catch_up_with_all(&mut self, known: Revision) -> Result<bool, Failure> {
        let mut patience = Patience::new(self.shared.limits.unknown_outcome_after);
        loop {
            let error = match self.shared.backend.head().await {
                Ok(head) if head < known => return Err(lost(known, head)),
                Ok(head) => return self.catch_up(head).await,
                Err(error) => error,
            };
            if !patience.lasts().await {
                self.refuse_all(&error);
                return Ok(false);
            }
        }
    }

    /// Applies what others have appended, up to `to` at least. Where it cannot be read everybody who waits is told,
    /// and nobody is left waiting.
    async fn catch_up(&mut self, to: Revision) -> Result<bool, Failure> {
        let mut patience = Patience::new(self.shared.limits.unknown_outcome_after);
        loop {
            let Err(error) = self.try_catch_up(to).await? else { return Ok(true) };
            if !patience.lasts().await {
                self.refuse_all(&error);
                return Ok(false);
            }
        }
    }

    fn refuse_all(&mut self, error: &BackendError) {
        tracing::warn!(%error, "the history of other writers cannot be read");
        let why = format!("what others have written cannot be read: {error}");
        for pending in self.waiting.drain(..) {
            drop(pending.answer.send(Err(Refusal::ReadOnly(why.clone()).into())));
        }
    }

    async fn try_catch_up(&self, to: Revision) -> Result<Result<(), BackendError>, Failure> {
        while self.shared.head() < to {
            let caught_up = match self.read_on(to).await? {
                Err(BackendError::Compacted { .. }) => self.reload().await?,
                other => other,
            };
            match caught_up {
                Err(corrupt @ BackendError::Corrupt { .. }) => return Err(Failure(corrupt.to_string())),
                Err(error) => return Ok(Err(error)),
                Ok(()) => {}
            }
        }
        Ok(Ok(()))
    }

    /// Applies the log from the head on; the other error says that it did not come as far as `to`.
    async fn read_on(&self, to: Revision) -> Result<Result<(), BackendError>, Failure> {
        let mut batches = match self.shared.backend.log(self.shared.head()).await {
            Ok(batches) => batches,
            Err(error) => return Ok(Err(error)),
        };
        while let Some(batch) = batches.next().await {
            match batch {
                Ok(batch) => {
                    let applied = self.apply(&batch)?;
                    self.dispatch(applied).await?;
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        let head = self.shared.head();
        let missing = || BackendError::Unavailable(format!("its log ends at revision {head}, before {to}"));
        Ok(if head < to { Err(missing()) } else { Ok(()) })
    }

    /// Begins again from the base: what lies between was folded before it could be read.
    async fn reload(&self) -> Result<Result<(), BackendError>, Failure> {
        let replica = match crate::load::load(&*self.shared.backend, &self.shared.definitions).await {
            Ok(replica) => replica,
            Err(OpenError::Backend(error)) => return Ok(Err(error)),
            Err(OpenError::Divergence(divergence)) => return Err(Failure(divergence.to_string())),
        };
        let (before, head) = (self.shared.head(), replica.head());
        if head < before {
            return Err(lost(before, head));
        }
        *self.shared.replica.write() = replica;
        self.shared.advance(head);
        self.shared.hub.end_all(WatchEnd::Compacted, head, false);
        Ok(Ok(()))
    }

    fn apply(&self, batch: &Batch) -> Result<Applied, Failure> {
        let (applied, unpinned_bytes) = {
            let mut replica = self.shared.replica.write();
            (
                replica.apply(batch).map_err(|divergence| Failure(divergence.to_string()))?,
                replica.unpinned_bytes(),
            )
        };
        self.shared.advance(applied.head);
        self.shared.statistics.writes.fetch_add(batch.writes.len() as u64, Ordering::Relaxed);
        if unpinned_bytes > self.shared.retention.pin_bytes() {
            self.shared.crowded.notify_one();
        }
        Ok(applied)
    }

    async fn dispatch(&self, applied: Applied) -> Result<(), Failure> {
        if self.shared.hub.dispatch_if_cheap(&applied) {
            return Ok(());
        }
        let gone = |_| Failure("whoever brings events to the watches has died".to_owned());
        self.dispatches.send(applied).await.map_err(gone)
    }
}

/// What a batch that met another head has come to.
fn conflict(batch: &Batch, head: Revision) -> Result<Outcome, Failure> {
    if head < batch.base { Err(lost(batch.base, head)) } else { Ok(Outcome::Conflict(head)) }
}

fn lost(known: Revision, head: Revision) -> Failure {
    Failure(format!(
        "the storage has lost what it acknowledged: it was at revision {known} and is now at {head}"
    ))
}

fn answer(judged: Vec<(Pending, Result<Committed, CommitError>)>) {
    for (pending, verdict) in judged {
        drop(pending.answer.send(verdict));
    }
}

/// Answers a transaction whose batch did not happen. A verdict that rested on nothing but durable state would still
/// stand, but nobody can tell; the writer asks again.
fn fail((pending, _): (Pending, Result<Committed, CommitError>), error: &CommitError) {
    drop(pending.answer.send(Err(error.clone())));
}

/// A batch in the making.
struct Plan {
    base: Revision,
    writes: Vec<Write>,
    /// The transactions so far, with what they will be answered once the batch is durable.
    judged: Vec<(Pending, Result<Committed, CommitError>)>,
    size_bytes: usize,
    /// What the batch makes of the objects it touches.
    changed: HashMap<Key, Option<Object>>,
    scratch: Vec<u8>,
}

impl Plan {
    fn new(base: Revision) -> Self {
        Self { base, writes: vec![], judged: vec![], size_bytes: 0, changed: HashMap::new(), scratch: vec![] }
    }

    fn add(&mut self, replica: &Replica, pending: Pending) {
        let verdict = self.judge(replica, &pending.transaction).map_err(CommitError::from);
        if verdict.is_ok() {
            self.size_bytes += pending.size_bytes;
        }
        self.judged.push((pending, verdict));
    }

    fn judge(&mut self, replica: &Replica, transaction: &Transaction) -> Result<Committed, UnmetCondition> {
        let operations = transaction.operations.iter().enumerate();
        let mut found = Vec::with_capacity(transaction.operations.len());
        for (operation, wanted) in operations {
            let current = match self.changed.get(&wanted.key) {
                Some(changed) => changed.as_ref(),
                None => replica.get(wanted.key.resource.as_str(), &wanted.key.path),
            };
            let nothing = current.is_none() && matches!(wanted.change, Change::Delete);
            if let Some(unmet) = if nothing { Some(Unmet::Missing) } else { wanted.expect.unmet(current) } {
                return Err(UnmetCondition {
                    operation,
                    key: wanted.key.clone(),
                    unmet,
                    current: current.cloned(),
                });
            }
            found.push(current.cloned());
        }
        let objects = transaction
            .operations
            .iter()
            .zip(found)
            .map(|(operation, found)| self.write(&operation.key, &operation.change, found));
        let objects = objects.collect();
        Ok(Committed { revision: self.base.plus(self.writes.len() as u64), objects })
    }

    /// Makes the change, whose conditions hold, part of the batch.
    fn write(&mut self, key: &Key, change: &Change, found: Option<Object>) -> Option<Object> {
        match change {
            Change::Check => found,
            Change::Delete => {
                self.writes.push(Write::Delete(key.clone()));
                self.changed.insert(key.clone(), None);
                found
            }
            Change::Put { uid, value } => {
                let revision = self.base.plus(self.writes.len() as u64 + 1);
                let created =
                    found.filter(|found| found.uid() == *uid).map_or(revision, |found| found.created());
                self.scratch.clear();
                self.scratch.extend_from_slice(key.path.as_bytes());
                self.scratch.extend_from_slice(value);
                let object = Object::new(created, revision, *uid, key.path.len(), &self.scratch);
                self.writes.push(Write::Put(key.resource.clone(), object.clone()));
                self.changed.insert(key.clone(), Some(object.clone()));
                Some(object)
            }
        }
    }
}
