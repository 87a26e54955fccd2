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

use crate::backend::{Appended, BackendError, Refusal};
use crate::batch::{Batch, BatchId, Write};
use crate::key::Key;
use crate::object::Object;
use crate::replica::{Applied, Replica};
use crate::revision::Revision;
use crate::shared::{Failure, Shared};
use crate::transaction::{Change, CommitError, Committed, Transaction, UnmetCondition};
use crate::watch::WatchEnd;

/// What the committer is asked to do.
#[derive(Debug)]
pub(crate) enum Request {
    /// Make these changes, and say how it went.
    Commit(Pending),
    /// Somebody else has extended the history: apply it.
    CatchUp,
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
    Conflict,
    Refused(Refusal),
    Unknown(BackendError),
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
            let mut catch_up = false;
            for request in requests.drain(..) {
                match request {
                    Request::Commit(pending) => self.waiting.push_back(pending),
                    Request::CatchUp => catch_up = true,
                    // What is in the queue already is still served; `recv_many` then finds it closed and empty.
                    Request::Close => self.requests.close(),
                }
            }
            if catch_up {
                self.catch_up().await?;
            }
            while !self.waiting.is_empty() {
                self.round().await?;
            }
        }
    }

    /// Makes one batch of what is waiting and sees it through.
    async fn round(&mut self) -> Result<(), Failure> {
        let Plan { base, writes, judged, .. } = self.plan();
        if writes.is_empty() {
            for (pending, verdict) in judged {
                drop(pending.answer.send(verdict));
            }
            return Ok(());
        }
        self.sequence += 1;
        let id = BatchId { writer: self.shared.writer, sequence: self.sequence };
        let batch = Arc::new(Batch { id, base, at: self.shared.clock.now(), writes });
        match self.append(&batch).await? {
            Outcome::Committed => {
                let applied = self.apply(&batch)?;
                for (pending, verdict) in judged {
                    drop(pending.answer.send(verdict));
                }
                self.dispatch(applied).await
            }
            Outcome::Conflict => {
                for (pending, _) in judged.into_iter().rev() {
                    self.waiting.push_front(pending);
                }
                self.catch_up().await
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
            Appended::Conflict { .. } => Ok(Outcome::Conflict),
            Appended::Refused(refusal) => Ok(Outcome::Refused(refusal)),
            Appended::Unknown(error) => self.find_out(batch, error).await,
        }
    }

    /// Finds out what became of a batch whose append was not answered, by looking into the log; and where it has not
    /// arrived, by sending it again, which the fence makes safe.
    async fn find_out(&self, batch: &Arc<Batch>, lost: BackendError) -> Result<Outcome, Failure> {
        tracing::warn!(error = %lost, base = %batch.base, "a write was not answered; looking into the log");
        let deadline = Instant::now() + self.shared.limits.unknown_outcome_after;
        let mut pause = Duration::from_millis(1);
        loop {
            let error = match self.successor(batch.base).await {
                Ok(Some(next)) if next.id == batch.id => return Ok(Outcome::Committed),
                // The history went on without it: its fence has fallen for ever.
                Ok(Some(_)) | Err(BackendError::Compacted { .. }) => return Ok(Outcome::Conflict),
                Ok(None) => match self.shared.backend.append(batch).await {
                    Appended::Committed => return Ok(Outcome::Committed),
                    // Another's batch or the first try of this one: the log knows.
                    Appended::Conflict { .. } => continue,
                    // This try had no effect, but the first may still have one.
                    Appended::Refused(refusal) => BackendError::Unavailable(refusal.to_string()),
                    Appended::Unknown(again) => again,
                },
                Err(corrupt @ BackendError::Corrupt { .. }) => return Err(Failure(corrupt.to_string())),
                Err(again) => again,
            };
            if Instant::now() >= deadline {
                tracing::error!(%error, base = %batch.base, "the outcome of a write cannot be found out");
                return Ok(Outcome::Unknown(error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// The batch that was committed on top of `base`, if one was.
    async fn successor(&self, base: Revision) -> Result<Option<Arc<Batch>>, BackendError> {
        self.shared.backend.log(base).await?.next().await.transpose()
    }

    /// Applies what others have appended.
    async fn catch_up(&self) -> Result<(), Failure> {
        let mut pause = Duration::from_millis(1);
        let deadline = Instant::now() + self.shared.limits.unknown_outcome_after;
        loop {
            match self.try_catch_up().await? {
                Ok(()) => return Ok(()),
                Err(BackendError::Compacted { .. }) => return self.reload().await,
                Err(corrupt @ BackendError::Corrupt { .. }) => return Err(Failure(corrupt.to_string())),
                Err(error) if Instant::now() >= deadline => {
                    // Whoever waits for an answer gets one in the next round: it will conflict and come back here.
                    tracing::warn!(%error, "the history of other writers cannot be read");
                    return Ok(());
                }
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    async fn try_catch_up(&self) -> Result<Result<(), BackendError>, Failure> {
        let head = self.shared.replica.read().head();
        let mut batches = match self.shared.backend.log(head).await {
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
        Ok(Ok(()))
    }

    /// Begins again from the base: what lies between was folded before it could be read.
    async fn reload(&self) -> Result<(), Failure> {
        let replica = crate::load::load(&*self.shared.backend, &self.shared.definitions).await;
        let replica = replica.map_err(|error| Failure(error.to_string()))?;
        let head = replica.head();
        *self.shared.replica.write() = replica;
        self.shared.advance(head);
        self.shared.hub.end_all(WatchEnd::Compacted, head, false);
        Ok(())
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
            let mut expect = wanted.expect;
            if matches!(wanted.change, Change::Delete) && expect.presence == crate::transaction::Presence::Any
            {
                expect.presence = crate::transaction::Presence::Present;
            }
            if let Some(unmet) = expect.unmet(current) {
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
