//! A backend that is wrong on purpose, in one of the ways real ones are. A suite that lets it pass is worth nothing.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use keelson_store::backend::{Appended, Backend, BackendError, Batches, Refusal, Run, Scan, Sharing, Usage};
use keelson_store::batch::{Batch, Write};
use keelson_store::image::Image;
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use parking_lot::Mutex;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing: the wrapper itself is sound.
    None,
    /// Takes a batch whatever head it extends.
    SkipsTheHeadCheck,
    /// Acknowledges a batch that it does not append.
    LosesABatch,
    /// Keeps the last acknowledged batch to itself until the next comes.
    AcknowledgesBeforeTheFlush,
    /// Refuses, but appends.
    RefusesWithEffect,
    /// Appends all writes of a batch but the last.
    AppendsInPart,
    /// Takes a batch again that it has already taken last.
    TakesTwice,
    /// Tells an older head in a conflict.
    TellsAnOldHead,
    /// Leaves every fifth batch out of the log.
    DropsFromTheLog,
    /// Swaps two neighbours in the log.
    Reorders,
    /// Begins the log behind the batch that holds the revision asked for.
    SkipsTheMiddle,
    /// Begins the log at the floor when asked for less.
    HidesCompaction,
    /// Leaves one object out of the base.
    DropsFromTheBase,
    /// Serves one object of the base in its state before.
    ServesAnOldObject,
    /// Moves the floor one write past the one asked for.
    CompactsTooFar,
    /// Folds the image, but still calls the old floor its own.
    TellsAnOldFloor,
    /// Lets those who wait for the head wait for ever.
    NeverWakes,
}

/// A sound backend with a flaw around it.
pub(crate) struct Flawed {
    inner: Arc<dyn Backend>,
    flaw: Flaw,
    /// Acknowledged, and gone when this is dropped.
    unflushed: Mutex<Option<Arc<Batch>>>,
}

impl Flawed {
    pub(crate) fn around(inner: Arc<dyn Backend>, flaw: Flaw) -> Arc<dyn Backend> {
        Arc::new(Self { inner, flaw, unflushed: Mutex::default() })
    }

    async fn flush(&self) {
        let unflushed = self.unflushed.lock().take();
        if let Some(batch) = unflushed {
            let _ = self.inner.append(&batch).await;
        }
    }

    async fn inner_head(&self) -> Revision {
        self.inner.head().await.expect("memory answers")
    }
}

#[async_trait]
impl Backend for Flawed {
    fn sharing(&self) -> Sharing {
        self.inner.sharing()
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        let unflushed = self.unflushed.lock().as_ref().map(|batch| batch.head());
        unflushed.map_or(self.inner.head().await, Ok)
    }

    async fn append(&self, batch: &Arc<Batch>) -> Appended {
        match self.flaw {
            Flaw::SkipsTheHeadCheck => self.inner.append(&moved(batch, self.inner_head().await)).await,
            Flaw::LosesABatch if batch.id.sequence % 7 == 6 && batch.base == self.inner_head().await => {
                Appended::Committed
            }
            Flaw::AcknowledgesBeforeTheFlush => {
                let head = self.head().await.expect("memory answers");
                if head != batch.base {
                    return Appended::Conflict { head };
                }
                self.flush().await;
                *self.unflushed.lock() = Some(batch.clone());
                Appended::Committed
            }
            Flaw::RefusesWithEffect if batch.id.sequence % 7 == 6 => match self.inner.append(batch).await {
                Appended::Committed => Appended::Refused(Refusal::Full("not really".to_owned())),
                other => other,
            },
            Flaw::AppendsInPart if batch.writes.len() > 1 => {
                let mut part = Batch::clone(batch);
                part.writes.pop();
                self.inner.append(&Arc::new(part)).await
            }
            Flaw::TakesTwice => match self.inner.append(batch).await {
                Appended::Conflict { head } if head == batch.head() => {
                    self.inner.append(&moved(batch, head)).await
                }
                other => other,
            },
            Flaw::TellsAnOldHead => match self.inner.append(batch).await {
                Appended::Conflict { head } => Appended::Conflict { head: Revision(head.0 - 1) },
                other => other,
            },
            _ => self.inner.append(batch).await,
        }
    }

    async fn log(&self, after: Revision) -> Result<Batches, BackendError> {
        let after = match (self.flaw, self.inner.log(after).await) {
            (Flaw::HidesCompaction, Err(BackendError::Compacted { floor })) => floor,
            _ => after,
        };
        let mut batches: Vec<_> = self.inner.log(after).await?.try_collect().await?;
        batches.extend(self.unflushed.lock().clone());
        match self.flaw {
            Flaw::DropsFromTheLog => batches.retain(|batch| batch.base.0 % 5 != 4),
            Flaw::Reorders => {
                if let [.., one, two] = &mut batches[..] {
                    std::mem::swap(one, two);
                }
            }
            Flaw::SkipsTheMiddle => batches.retain(|batch| batch.base >= after),
            _ => {}
        }
        Ok(stream::iter(batches).map(Ok).boxed())
    }

    async fn scan(&self) -> Result<Scan, BackendError> {
        let Scan { at, parts } = self.inner.scan().await?;
        let mut runs: Vec<Run> = stream::iter(parts).flatten().try_collect().await?;
        match (self.flaw, runs.first_mut()) {
            (Flaw::DropsFromTheBase, Some(run)) => drop(run.objects.pop()),
            (Flaw::ServesAnOldObject, Some(run)) => {
                if let Some(object) = run.objects.last_mut() {
                    *object = rewritten(object, object.created(), object.created());
                }
            }
            _ => {}
        }
        Ok(Scan { at, parts: vec![stream::iter(runs).map(Ok).boxed()] })
    }

    async fn compact(&self, image: &Image) -> Result<(), BackendError> {
        self.flush().await;
        if image.revision > self.inner_head().await {
            return Err(BackendError::Unavailable("what is to be folded is not there".to_owned()));
        }
        let mut image = image.clone();
        if self.flaw == Flaw::CompactsTooFar {
            let mut log = self.inner.log(image.revision).await?;
            if let Some(batch) = log.try_next().await? {
                advance(&mut image, &batch);
            }
        }
        self.inner.compact(&image).await
    }

    async fn advanced(&self, past: Revision) -> Result<Revision, BackendError> {
        match self.flaw {
            Flaw::NeverWakes => std::future::pending().await,
            _ => self.inner.advanced(past).await,
        }
    }

    async fn usage(&self) -> Result<Usage, BackendError> {
        let mut usage = self.inner.usage().await?;
        if self.flaw == Flaw::TellsAnOldFloor {
            usage.floor = Revision::GENESIS;
        }
        Ok(usage)
    }
}

/// The image one write later, by the write that `batch` has for it.
fn advance(image: &mut Image, batch: &Batch) {
    let write = &batch.writes[(image.revision.0 - batch.base.0) as usize];
    let table = image.tables.entry(write.resource().clone()).or_default();
    match write {
        Write::Put(_, object) => drop(table.insert(object.clone())),
        Write::Delete(key) => drop(table.remove(&key.path)),
    }
    image.revision = image.revision.plus(1);
}

/// The batch as if it had been made on another head.
fn moved(batch: &Batch, base: Revision) -> Arc<Batch> {
    let mut moved = Batch { base, ..batch.clone() };
    for (place, write) in (1..).zip(&mut moved.writes) {
        if let Write::Put(_, object) = write {
            let revision = base.plus(place);
            let created = if object.created() == object.revision() { revision } else { object.created() };
            *object = rewritten(object, created, revision);
        }
    }
    Arc::new(moved)
}

fn rewritten(object: &Object, created: Revision, revision: Revision) -> Object {
    Object::new(created, revision, object.uid(), object.path().len(), object.path_and_value())
}
