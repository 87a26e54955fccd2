//! What a store is opened with: everything that it does not decide by itself, and every limit with its unit.

use std::collections::BTreeMap;
use std::time::Duration;

use keelson_api::time::Clock;

use crate::index::IndexDefinition;
use crate::key::ResourceName;

/// What a store is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Stamps batches. Decides how old history is, never what is true.
    pub clock: Clock,
    /// A random number that tells this store's batches from those of every other.
    pub writer: u64,
    /// What the committer runs on.
    pub committer: CommitterRuns,
    /// What it takes at most.
    pub limits: Limits,
    /// How much history it keeps.
    pub retention: Retention,
    /// What the objects of each resource are found by, besides their paths.
    pub indexes: BTreeMap<ResourceName, Vec<IndexDefinition>>,
}

impl Options {
    /// The usual ones.
    #[must_use]
    pub fn new(clock: Clock, writer: u64) -> Self {
        Self {
            clock,
            writer,
            committer: CommitterRuns::OnThread,
            limits: Limits::default(),
            retention: Retention::default(),
            indexes: BTreeMap::new(),
        }
    }
}

/// What the committer runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitterRuns {
    /// A thread of its own, which a backend may block while it waits for a disk.
    OnThread,
    /// A task of the runtime: for backends that never block, and for simulations in one thread.
    AsTask,
}

/// What a store takes at most, and what it does at the limit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Writes in one batch, and operations in one transaction: more operations are refused.
    pub batch_writes_max: usize,
    /// Bytes of one batch, and of one transaction: a larger transaction is refused.
    pub batch_bytes_max: usize,
    /// Transactions that wait for the committer: further writers wait to get in.
    pub waiting_transactions_max: usize,
    /// Events that wait in one watch: then the watch is ended.
    pub watch_events_max: usize,
    /// Applied batches that wait to be brought to the watches: then the committer waits.
    pub dispatch_batches_max: usize,
    /// Frozen tables kept at hand for readers of old revisions: the one not used for longest goes.
    pub frozen_tables_max: usize,
    /// How long to try to find out what became of a write before its writer is told that nobody knows.
    pub unknown_outcome_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_writes_max: 4096,
            batch_bytes_max: 16 << 20,
            waiting_transactions_max: 4096,
            watch_events_max: 16_384,
            dispatch_batches_max: 1024,
            frozen_tables_max: 64,
            unknown_outcome_after: Duration::from_secs(10),
        }
    }
}

/// How much history a store keeps before it is folded away.
#[derive(Clone, Debug)]
pub struct Retention {
    /// History younger than this is kept, unless there is too much of it.
    pub age: Duration,
    /// Bytes of history beyond which the oldest goes, however young.
    pub bytes_max: u64,
}

impl Retention {
    /// History is cut at one of about this many places.
    const CUTS: u32 = 8;

    pub(crate) fn pin_every(&self) -> Duration {
        (self.age / Self::CUTS).max(Duration::from_millis(10))
    }

    pub(crate) fn pin_bytes(&self) -> u64 {
        self.bytes_max / u64::from(Self::CUTS)
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: Duration::from_secs(300), bytes_max: 256 << 20 }
    }
}
