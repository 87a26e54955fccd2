//! A backend that fails as real ones do, at the word of a seed: calls that take their time, replies lost before and
//! after the effect, effects that land late, a rival who writes first, a disk without room, reads that break off.
//!
//! It never does what the contract forbids: whatever it answers is true, if only as "unknown". So a store that breaks
//! above it is wrong. Time is tokio's alone, so virtual time works; and where the tasks of a test run in the same
//! order again, so do the faults.

mod random;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::backend::{Appended, Backend, BackendError, Batches, Refusal, Scan, Sharing, Usage};
use crate::batch::{Batch, BatchId, Write};
use crate::image::Image;
use crate::object::Object;
use crate::revision::Revision;

pub use random::Random;

/// How many lines of its journal are kept.
const JOURNAL_LINES_MAX: usize = 2000;
/// How much of a stream may pass before it breaks.
const ITEMS_BEFORE_BREAK_MAX: u64 = 4;
/// The writer that a rival's batches name.
const RIVAL: u64 = u64::MAX;

/// What goes wrong and how often, as calls out of a thousand.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Calls that take up to `delay_max`; appends are held up before and after their effect.
    pub delay: u32,
    /// The longest delay.
    pub delay_max: Duration,
    /// Appends that end as unknown and never have their effect.
    pub lost_before: u32,
    /// Appends that end as unknown and had their effect.
    pub lost_after: u32,
    /// Appends that end as unknown and are made up to `late_max` later, if nothing else was appended until then.
    pub late: u32,
    /// The longest such time.
    pub late_max: Duration,
    /// Appends that somebody else forestalls. Only where the history is shared.
    pub rival: u32,
    /// Appends that find the disk full; it stays so for up to `full_max`.
    pub full: u32,
    /// The longest such time.
    pub full_max: Duration,
    /// Reads of head, log, base and usage that fail, streams also in their middle.
    pub read: u32,
    /// Compactions that fail, half of them after their effect.
    pub compact: u32,
}

impl Plan {
    /// Nothing goes wrong.
    #[must_use]
    pub fn calm() -> Self {
        Self::default()
    }

    /// Everything goes wrong every now and then, within milliseconds.
    #[must_use]
    pub fn rough() -> Self {
        Self {
            delay: 300,
            delay_max: Duration::from_millis(20),
            lost_before: 30,
            lost_after: 30,
            late: 30,
            late_max: Duration::from_millis(60),
            rival: 30,
            full: 10,
            full_max: Duration::from_millis(50),
            read: 30,
            compact: 100,
        }
    }
}

/// What goes wrong with one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The reply is lost, and the append never happens.
    LostBefore,
    /// The append happens, and the reply is lost.
    LostAfter,
    /// The reply is lost, and the append happens after this time, if it then still can.
    Late(Duration),
    /// Somebody else appends first.
    Rival,
    /// The disk is full for this time.
    Full(Duration),
}

/// A backend with faults around it.
pub struct Faulty {
    inner: Arc<dyn Backend>,
    state: Mutex<State>,
    journal: Arc<Journal>,
    late: Mutex<JoinSet<()>>,
}

struct State {
    random: Random,
    plan: Plan,
    next: VecDeque<Fault>,
    full_until: Option<Instant>,
}

struct Journal {
    started: Instant,
    lines: Mutex<VecDeque<String>>,
}

impl Faulty {
    /// Wraps `inner`, to fail by `plan`, as `seed` tells.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>, seed: u64, plan: Plan) -> Self {
        let state = State { random: Random::new(seed), plan, next: VecDeque::new(), full_until: None };
        let journal = Journal { started: Instant::now(), lines: Mutex::default() };
        Self { inner, state: Mutex::new(state), journal: Arc::new(journal), late: Mutex::default() }
    }

    /// Lets the next append that has no fault yet fail like this, whatever the plan says.
    pub fn next(&self, fault: Fault) {
        self.state.lock().next.push_back(fault);
    }

    /// Goes on by another plan.
    pub fn follow(&self, plan: Plan) {
        self.state.lock().plan = plan;
    }

    /// Ends all faults: what is still to land lands, the disk has room, and nothing fails from here on.
    pub async fn heal(&self) {
        {
            let mut state = self.state.lock();
            state.plan = Plan::calm();
            state.next.clear();
            state.full_until = None;
        }
        let mut late = std::mem::take(&mut *self.late.lock());
        while late.join_next().await.is_some() {}
    }

    /// Lets what is still to land be lost for good.
    pub fn give_up(&self) {
        self.late.lock().abort_all();
    }

    /// What it did, oldest first: what a failed test prints beside its seed.
    #[must_use]
    pub fn journal(&self) -> Vec<String> {
        self.journal.lines.lock().iter().cloned().collect()
    }

    /// Whether a batch was appended by the rival in here.
    #[must_use]
    pub fn is_rival(id: BatchId) -> bool {
        id.writer == RIVAL
    }

    async fn pause(&self, doing: &str) {
        let pause = {
            let State { random, plan, .. } = &mut *self.state.lock();
            random.chance(plan.delay).then(|| draw_time(random, plan.delay_max))
        };
        if let Some(pause) = pause {
            self.journal.note(&format!("{doing} waits {pause:?}"));
            tokio::time::sleep(pause).await;
        }
    }

    /// Fails by the plan's chance for reads.
    async fn read(&self, doing: &str) -> Result<(), BackendError> {
        self.pause(doing).await;
        let State { random, plan, .. } = &mut *self.state.lock();
        if !random.chance(plan.read) {
            return Ok(());
        }
        self.journal.note(&format!("{doing} fails"));
        Err(lost(doing))
    }

    /// Lets a stream break off in its middle by the plan's chance for reads.
    fn breaking<T: Send + 'static>(
        &self,
        doing: &'static str,
        items: BoxStream<'static, Result<T, BackendError>>,
    ) -> BoxStream<'static, Result<T, BackendError>> {
        let State { random, plan, .. } = &mut *self.state.lock();
        if !random.chance(plan.read) {
            return items;
        }
        let passed = random.below(ITEMS_BEFORE_BREAK_MAX) as usize;
        self.journal.note(&format!("{doing} breaks off after {passed}"));
        items.take(passed).chain(stream::once(async move { Err(lost(doing)) })).boxed()
    }

    async fn append_with(&self, fault: Fault, batch: &Arc<Batch>) -> Appended {
        self.journal.note(&format!("append of {} on {}: {fault:?}", name(batch), batch.base));
        match fault {
            Fault::LostBefore => Appended::Unknown(lost("append")),
            Fault::LostAfter => match self.inner.append(batch).await {
                Appended::Committed => Appended::Unknown(lost("append")),
                other => other,
            },
            Fault::Late(after) => {
                self.append_late(after, batch.clone());
                Appended::Unknown(lost("append"))
            }
            Fault::Rival => {
                // Whether the rival comes through does not matter: if not, somebody else was faster still.
                let _ = self.inner.append(&self.rival(batch)).await;
                self.inner.append(batch).await
            }
            Fault::Full(time) => {
                self.state.lock().full_until = Some(Instant::now() + time);
                full()
            }
        }
    }

    fn append_late(&self, after: Duration, batch: Arc<Batch>) {
        let (inner, journal) = (self.inner.clone(), self.journal.clone());
        let mut late = self.late.lock();
        // Those that have landed are not kept.
        while late.try_join_next().is_some() {}
        late.spawn(async move {
            tokio::time::sleep(after).await;
            let appended = inner.append(&batch).await;
            journal.note(&format!("late append of {}: {appended:?}", name(&batch)));
        });
    }

    /// A batch that somebody else could have appended in this one's place: about the same object, so that what the
    /// writer has decided about it may no longer hold.
    fn rival(&self, batch: &Batch) -> Arc<Batch> {
        let sequence = self.state.lock().random.draw();
        let id = BatchId { writer: RIVAL, sequence };
        let write = match &batch.writes[0] {
            Write::Put(resource, object) => {
                let mut uid = object.uid();
                if object.created() == object.revision() {
                    uid.0[0] ^= 0xff;
                }
                let mark = format!(" by rival {sequence:x}");
                let bytes = [object.path_and_value(), mark.as_bytes()].concat();
                let path_len = object.path().len();
                Write::Put(
                    resource.clone(),
                    Object::new(object.created(), object.revision(), uid, path_len, &bytes),
                )
            }
            delete @ Write::Delete(_) => delete.clone(),
        };
        Arc::new(Batch { id, base: batch.base, at: batch.at, writes: vec![write] })
    }
}

impl State {
    fn draw_fault(&mut self, sharing: Sharing) -> Option<Fault> {
        if let Some(fault) = self.next.pop_front() {
            return Some(fault);
        }
        let (plan, random) = (&self.plan, &mut self.random);
        if random.chance(plan.lost_before) {
            Some(Fault::LostBefore)
        } else if random.chance(plan.lost_after) {
            Some(Fault::LostAfter)
        } else if random.chance(plan.late) {
            Some(Fault::Late(draw_time(random, plan.late_max)))
        } else if random.chance(plan.rival) && sharing == Sharing::Shared {
            Some(Fault::Rival)
        } else if random.chance(plan.full) {
            Some(Fault::Full(draw_time(random, plan.full_max)))
        } else {
            None
        }
    }
}

impl Journal {
    fn note(&self, line: &str) {
        let mut lines = self.lines.lock();
        if lines.len() == JOURNAL_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(format!("{:>6} ms  {line}", self.started.elapsed().as_millis()));
    }
}

#[async_trait]
impl Backend for Faulty {
    fn sharing(&self) -> Sharing {
        self.inner.sharing()
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        self.read("head").await?;
        self.inner.head().await
    }

    async fn append(&self, batch: &Arc<Batch>) -> Appended {
        self.pause("append").await;
        let fault = {
            let mut state = self.state.lock();
            if state.full_until.is_some_and(|until| Instant::now() < until) {
                return full();
            }
            state.draw_fault(self.inner.sharing())
        };
        let appended = match fault {
            Some(fault) => self.append_with(fault, batch).await,
            None => self.inner.append(batch).await,
        };
        self.pause("append's reply").await;
        appended
    }

    async fn log(&self, after: Revision) -> Result<Batches, BackendError> {
        self.read("log").await?;
        Ok(self.breaking("log", self.inner.log(after).await?))
    }

    async fn scan(&self) -> Result<Scan, BackendError> {
        self.read("scan").await?;
        let Scan { at, parts } = self.inner.scan().await?;
        Ok(Scan { at, parts: parts.into_iter().map(|part| self.breaking("scan", part)).collect() })
    }

    async fn compact(&self, image: &Image) -> Result<(), BackendError> {
        self.pause("compact").await;
        let (fails, before) = {
            let State { random, plan, .. } = &mut *self.state.lock();
            (random.chance(plan.compact), random.chance(500))
        };
        if !(fails && before) {
            self.inner.compact(image).await?;
        }
        if fails {
            self.journal.note(&format!("compact to {} fails", image.revision));
            return Err(lost("compact"));
        }
        Ok(())
    }

    async fn advanced(&self, past: Revision) -> Result<Revision, BackendError> {
        self.read("advanced").await?;
        self.inner.advanced(past).await
    }

    async fn usage(&self) -> Result<Usage, BackendError> {
        self.read("usage").await?;
        self.inner.usage().await
    }
}

fn draw_time(random: &mut Random, max: Duration) -> Duration {
    let millis = u64::try_from(max.as_millis()).unwrap_or(u64::MAX - 1);
    Duration::from_millis(random.between(0, millis))
}

fn name(batch: &Batch) -> String {
    format!("{:x}#{}", batch.id.writer, batch.id.sequence)
}

fn lost(doing: &str) -> BackendError {
    BackendError::Unavailable(format!("{doing}: the connection broke, as planned"))
}

fn full() -> Appended {
    Appended::Refused(Refusal::Full("no room, as planned".to_owned()))
}
