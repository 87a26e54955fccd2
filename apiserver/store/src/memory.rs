//! The backend in memory: what tests, simulations and throw-away clusters run on.
//!
//! It holds the very batches it was given and encodes nothing, so it is also the plain reading of what [`Backend`]
//! asks for. It never blocks, reads no clock and starts no task. Everything is gone with the last handle.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use parking_lot::Mutex;

use crate::backend::{Appended, Backend, BackendError, Batches, Run, Scan, Sharing, Usage};
use crate::batch::{Batch, Write};
use crate::image::Image;
use crate::key::ResourceName;
use crate::object::Object;
use crate::revision::Revision;
use crate::signal::Signal;
use crate::table::Table;

/// How many objects a run of a scan holds at most.
const RUN_OBJECTS_MAX: usize = 256;

/// A handle on a history in memory. Clones are handles on the same one.
#[derive(Clone)]
pub struct Memory {
    history: Arc<History>,
    sharing: Sharing,
}

struct History {
    kept: Mutex<Kept>,
    head: Signal<Revision>,
}

#[derive(Default)]
struct Kept {
    base: Image,
    base_bytes: u64,
    log: VecDeque<Arc<Batch>>,
    log_bytes: u64,
}

impl Memory {
    /// An empty history that one store writes to, one after another.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Sharing::Exclusive, Image { revision: Revision::GENESIS, ..Image::default() })
    }

    /// A history that goes on from a state.
    pub(crate) fn from_image(base: Image) -> Self {
        Self::with(Sharing::Exclusive, base)
    }

    /// An empty history that several stores may write to at once, each with its own clone of the handle.
    #[must_use]
    pub fn shared() -> Self {
        Self::with(Sharing::Shared, Image { revision: Revision::GENESIS, ..Image::default() })
    }

    fn with(sharing: Sharing, base: Image) -> Self {
        let head = Signal::new(base.revision);
        let kept = Mutex::new(Kept { base, ..Kept::default() });
        Self { history: Arc::new(History { kept, head }), sharing }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Kept {
    fn head(&self) -> Revision {
        self.log.back().map_or(self.base.revision, |batch| batch.head())
    }
}

#[async_trait]
impl Backend for Memory {
    fn sharing(&self) -> Sharing {
        self.sharing
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        Ok(self.history.kept.lock().head())
    }

    async fn append(&self, batch: &Arc<Batch>) -> Appended {
        check(batch);
        let mut kept = self.history.kept.lock();
        let head = kept.head();
        if batch.base != head {
            return Appended::Conflict { head };
        }
        kept.log.push_back(batch.clone());
        kept.log_bytes += size_bytes(batch);
        // Told while the lock is held, so that the heads come in order.
        self.history.head.replace(batch.head());
        Appended::Committed
    }

    async fn log(&self, after: Revision) -> Result<Batches, BackendError> {
        let kept = self.history.kept.lock();
        let floor = kept.base.revision;
        if after < floor {
            return Err(BackendError::Compacted { floor });
        }
        let first = kept.log.partition_point(|batch| batch.head() <= after);
        let batches: Vec<_> = kept.log.range(first..).cloned().map(Ok).collect();
        Ok(stream::iter(batches).boxed())
    }

    async fn scan(&self) -> Result<Scan, BackendError> {
        let base = self.history.kept.lock().base.clone();
        let parts = base.tables.into_iter().map(|(resource, table)| runs(resource, table)).collect();
        Ok(Scan { at: base.revision, parts })
    }

    async fn compact(&self, image: &Image) -> Result<(), BackendError> {
        let base_bytes = image.tables.iter().map(|(resource, table)| table_bytes(resource, table)).sum();
        let mut kept = self.history.kept.lock();
        assert!(image.revision <= kept.head(), "an image shows what was committed");
        // Of two that compact at once, the one that is behind has nothing left to do.
        if image.revision <= kept.base.revision {
            return Ok(());
        }
        while let Some(batch) = kept.log.pop_front_if(|batch| batch.head() <= image.revision) {
            kept.log_bytes -= size_bytes(&batch);
        }
        kept.base = image.clone();
        kept.base_bytes = base_bytes;
        Ok(())
    }

    async fn advanced(&self, past: Revision) -> Result<Revision, BackendError> {
        Ok(self.history.head.wait_for(|head| *head > past).await)
    }

    async fn usage(&self) -> Result<Usage, BackendError> {
        let kept = self.history.kept.lock();
        Ok(Usage {
            floor: kept.base.revision,
            log_bytes: kept.log_bytes,
            base_bytes: kept.base_bytes,
            free_bytes: None,
        })
    }
}

/// What other backends would notice when they read the batch again, noticed when it is made.
fn check(batch: &Batch) {
    assert!(!batch.writes.is_empty(), "a batch holds at least one write");
    for (place, write) in (1..).zip(&batch.writes) {
        if let Write::Put(_, object) = write {
            assert_eq!(object.revision(), batch.base.plus(place), "a write has the revision of its place");
        }
    }
}

fn runs(resource: ResourceName, table: Table) -> BoxStream<'static, Result<Run, BackendError>> {
    let next = move |after: Option<Object>| {
        let after_path = after.as_ref().map(Object::path);
        let objects: Vec<_> = table.range("", after_path).take(RUN_OBJECTS_MAX).cloned().collect();
        let last = objects.last().cloned();
        let run = Run { resource: resource.clone(), objects };
        async move { last.is_some().then_some((Ok(run), last)) }
    };
    stream::unfold(None, next).boxed()
}

fn size_bytes(batch: &Batch) -> u64 {
    batch.writes.iter().map(|write| write.size_bytes() as u64).sum()
}

fn table_bytes(resource: &ResourceName, table: &Table) -> u64 {
    let fixed = Object::OVERHEAD_BYTES + resource.as_str().len();
    table.iter().map(|object| (fixed + object.path_and_value().len()) as u64).sum()
}
