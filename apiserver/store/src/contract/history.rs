//! The trivial model: every batch there ever was, in a list. What a backend says is compared with it, word for word.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt;
use keelson_api::time::UnixMillis;
use keelson_api::uid::Uid;

use super::{Broken, Outcome, committed, holds, same};
use crate::backend::{Backend, BackendError};
use crate::batch::{Batch, BatchId, Write};
use crate::image::Image;
use crate::key::{Key, ResourceName};
use crate::object::Object;
use crate::revision::Revision;

/// All batches of a history, in order, and who writes the next.
#[derive(Clone)]
pub struct History {
    batches: Vec<Arc<Batch>>,
    /// As they stand after the last batch.
    objects: Objects,
    writer: u64,
    sequence: u64,
}

/// A write that a test asks for: resource, path, and the value or nothing to delete.
pub type Change<'a> = (&'a str, &'a str, Option<&'a [u8]>);

/// All objects at a revision.
pub type Objects = BTreeMap<Key, Object>;

impl History {
    /// Nothing yet; this writer comes next.
    #[must_use]
    pub fn new(writer: u64) -> Self {
        Self { batches: Vec::new(), objects: Objects::new(), writer, sequence: 0 }
    }

    /// The head after all of it.
    #[must_use]
    pub fn head(&self) -> Revision {
        self.batches.last().map_or(Revision::GENESIS, |batch| batch.head())
    }

    /// The objects as they stand after all of it.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// All batches.
    #[must_use]
    pub fn batches(&self) -> &[Arc<Batch>] {
        &self.batches
    }

    /// A batch that extends this by `changes`. It belongs to the history only once it is [`Self::push`]ed.
    #[must_use]
    pub fn draft(&mut self, changes: &[Change<'_>]) -> Arc<Batch> {
        self.draft_on(self.head(), changes)
    }

    /// The same by a writer who takes `base` for the head.
    #[must_use]
    pub fn draft_on(&mut self, base: Revision, changes: &[Change<'_>]) -> Arc<Batch> {
        self.sequence += 1;
        let id = BatchId { writer: self.writer, sequence: self.sequence };
        let mut objects = self.objects.clone();
        let mut writes = Vec::new();
        for ((resource, path, value), revision) in changes.iter().zip(base.0 + 1..) {
            let key = Key { resource: ResourceName::new(resource), path: (*path).into() };
            let write = match value {
                Some(value) => put(&key, value, Revision(revision), objects.get(&key)),
                None => Write::Delete(key),
            };
            apply(&write, &mut objects);
            writes.push(write);
        }
        Arc::new(Batch { id, base, at: UnixMillis(1_000 + base.0), writes })
    }

    /// Adds a batch that extends it.
    pub fn push(&mut self, batch: Arc<Batch>) {
        assert_eq!(batch.base, self.head(), "a batch extends the head");
        for write in &batch.writes {
            apply(write, &mut self.objects);
        }
        self.batches.push(batch);
    }

    /// Appends `changes` to the backend, which must take them, and to this.
    pub(super) async fn append(&mut self, backend: &dyn Backend, changes: &[Change<'_>]) -> Outcome {
        let batch = self.draft(changes);
        committed(&describe(&batch), &backend.append(&batch).await)?;
        self.push(batch);
        Ok(())
    }

    /// The objects as they stood at a revision.
    #[must_use]
    pub fn objects_at(&self, at: Revision) -> Objects {
        let mut objects = Objects::new();
        for batch in self.batches.iter().take_while(|batch| batch.base < at) {
            for write in batch.writes.iter().take((at.0 - batch.base.0) as usize) {
                apply(write, &mut objects);
            }
        }
        objects
    }

    /// The same as an image.
    #[must_use]
    pub fn image_at(&self, revision: Revision) -> Image {
        let mut image = Image { revision, ..Image::default() };
        for (key, object) in self.objects_at(revision) {
            image.tables.entry(key.resource).or_default().insert(object);
        }
        image
    }

    /// What a log after this revision holds.
    #[must_use]
    pub fn log_after(&self, after: Revision) -> &[Arc<Batch>] {
        &self.batches[self.batches.partition_point(|batch| batch.head() <= after)..]
    }

    /// Every revision, the first and the last included.
    pub fn revisions(&self) -> impl Iterator<Item = Revision> + use<> {
        (Revision::GENESIS.0..=self.head().0).map(Revision)
    }

    /// Compares everything a backend can be asked with this history, whose floor it was last asked to move to
    /// `asked`. A backend may have kept more than that.
    pub(super) async fn compare(&self, backend: &dyn Backend, asked: Revision) -> Outcome {
        same("the head", backend.head().await?, self.head())?;
        let floor = self.compare_base(backend, asked).await?;
        same("the floor that usage tells, beside that of the base", backend.usage().await?.floor, floor)?;
        for after in self.revisions() {
            self.compare_log(backend, after, floor).await?;
        }
        self.compare_log(backend, Revision(Revision::GENESIS.0 - 1), floor).await
    }

    /// Compares the base, and returns the floor.
    pub(super) async fn compare_base(&self, backend: &dyn Backend, asked: Revision) -> Outcome<Revision> {
        let (floor, objects) = read_base(backend).await?;
        holds(|| format!("the floor is {floor}, past the {asked} that was asked for"), floor <= asked)?;
        compare_objects(&format!("the base at {floor}"), &objects, &self.objects_at(floor))?;
        Ok(floor)
    }

    /// Compares the log after a revision, which may lie before the floor.
    pub(super) async fn compare_log(
        &self,
        backend: &dyn Backend,
        after: Revision,
        floor: Revision,
    ) -> Outcome {
        let log = read_log(backend, after).await;
        let batches = match log {
            Err(BackendError::Compacted { floor: told }) if after < floor => {
                return same("the floor in the error", told, floor);
            }
            other if after < floor => {
                return Err(Broken(format!(
                    "the log after {after}, before the floor {floor}: got {}",
                    said(&other)
                )));
            }
            other => other?,
        };
        compare_batches(&format!("the log after {after}"), &batches, self.log_after(after))
    }
}

fn put(key: &Key, value: &[u8], revision: Revision, before: Option<&Object>) -> Write {
    let bytes = [key.path.as_bytes(), value].concat();
    let mut identity = [0; 16];
    identity[..8].copy_from_slice(&revision.0.to_le_bytes());
    let (created, uid) =
        before.map_or((revision, Uid::from_random(identity)), |before| (before.created(), before.uid()));
    Write::Put(key.resource.clone(), Object::new(created, revision, uid, key.path.len(), &bytes))
}

fn apply(write: &Write, objects: &mut Objects) {
    let key = Key { resource: write.resource().clone(), path: write.path().into() };
    match write {
        Write::Put(_, object) => objects.insert(key, object.clone()),
        Write::Delete(_) => objects.remove(&key),
    };
}

/// Reads a log to its end.
pub(super) async fn read_log(
    backend: &dyn Backend,
    after: Revision,
) -> Result<Vec<Arc<Batch>>, BackendError> {
    backend.log(after).await?.try_collect().await
}

/// Reads the base to its end; each run must be in order, and no object in it twice.
pub(super) async fn read_base(backend: &dyn Backend) -> Outcome<(Revision, Objects)> {
    let scan = backend.scan().await?;
    let mut objects = Objects::new();
    for mut part in scan.parts {
        while let Some(run) = part.try_next().await? {
            let ordered = run.objects.is_sorted_by(|one, next| one.path() < next.path());
            holds(|| format!("a run of the base is out of order: {:?}", run.objects), ordered)?;
            for object in run.objects {
                let key = Key { resource: run.resource.clone(), path: object.path().into() };
                let twice = objects.insert(key.clone(), object).is_some();
                holds(|| format!("the base has {key} twice"), !twice)?;
            }
        }
    }
    Ok((scan.at, objects))
}

/// Compares batches one by one.
pub(super) fn compare_batches(what: &str, got: &[Arc<Batch>], expected: &[Arc<Batch>]) -> Outcome {
    for place in 0..got.len().max(expected.len()) {
        let (got, expected) = (got.get(place), expected.get(place));
        if got != expected {
            let text =
                |batch: Option<&Arc<Batch>>| batch.map_or("its end".to_owned(), |batch| describe(batch));
            let (got, expected) = (text(got), text(expected));
            return Err(Broken(format!("{what}, batch {place}: expected {expected}, got {got}")));
        }
    }
    Ok(())
}

/// Compares objects one by one.
pub(super) fn compare_objects(what: &str, got: &Objects, expected: &Objects) -> Outcome {
    for (key, object) in expected {
        let found = got.get(key);
        holds(|| format!("{what} has {key} as {found:?}, not as {object:?}"), found == Some(object))?;
    }
    match got.keys().find(|key| !expected.contains_key(*key)) {
        Some(key) => Err(Broken(format!("{what} has {key}, which is not there"))),
        None => Ok(()),
    }
}

fn said(log: &Result<Vec<Arc<Batch>>, BackendError>) -> String {
    match log {
        Ok(batches) => format!("{} batches", batches.len()),
        Err(error) => error.to_string(),
    }
}

/// A batch in a few words.
pub(super) fn describe(batch: &Batch) -> String {
    const WRITES_SHOWN_MAX: usize = 8;
    let mut text = format!("batch {}#{} on {} [", batch.id.writer, batch.id.sequence, batch.base);
    for write in batch.writes.iter().take(WRITES_SHOWN_MAX) {
        match write {
            Write::Put(resource, object) => text += &format!(" {resource}/{object:?}"),
            Write::Delete(key) => text += &format!(" -{key}"),
        }
    }
    let more = batch.writes.len().saturating_sub(WRITES_SHOWN_MAX);
    if more > 0 { text + &format!(" and {more} more ]") } else { text + " ]" }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.batches.iter().map(|batch| describe(batch))).finish()
    }
}
