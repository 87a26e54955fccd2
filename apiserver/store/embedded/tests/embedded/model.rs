//! A history that a seed tells, and what it must look like: both ends of a test that share nothing but the seed know
//! every batch and every state.

use std::sync::Arc;

use futures::TryStreamExt;
use keelson_api::time::UnixMillis;
use keelson_api::uid::Uid;
use keelson_store::backend::{Backend, BackendError, Batches, Scan};
use keelson_store::batch::{Batch, BatchId, Write};
use keelson_store::fault::Random;
use keelson_store::image::Image;
use keelson_store::key::{Key, ResourceName};
use keelson_store::object::Object;
use keelson_store::revision::Revision;

/// The history up to some batch.
#[derive(Clone)]
pub(crate) struct Model {
    random: Random,
    sequence: u64,
    image: Image,
    /// How many different objects there may be.
    objects: u64,
    /// How long a value may be.
    value_bytes: u64,
}

impl Model {
    /// The empty history that `seed` begins.
    pub(crate) fn new(seed: u64, objects: u64, value_bytes: u64) -> Self {
        let image = Image { revision: Revision::GENESIS, ..Image::default() };
        Self { random: Random::new(seed), sequence: 0, image, objects, value_bytes }
    }

    pub(crate) fn head(&self) -> Revision {
        self.image.revision
    }

    /// The state at the head.
    pub(crate) fn image(&self) -> Image {
        self.image.clone()
    }

    /// The next batch; the head moves on.
    pub(crate) fn step(&mut self) -> Arc<Batch> {
        self.sequence += 1;
        let mut writes = Vec::new();
        let base = self.image.revision;
        for place in 1..=self.random.between(1, 3) {
            let write = self.write(base.plus(place));
            apply(&mut self.image, &write, base.plus(place));
            writes.push(write);
        }
        Arc::new(Batch {
            id: BatchId { writer: 1, sequence: self.sequence },
            base,
            at: UnixMillis(self.sequence),
            writes,
        })
    }

    fn write(&mut self, revision: Revision) -> Write {
        let object = self.random.below(self.objects);
        let resource = ResourceName::new(["leases", "nodes", "pods"][object as usize % 3]);
        let path = format!("namespace-{}/object-{object}", object % 7);
        let old = self.image.tables.get(&resource).and_then(|table| table.get(&path)).cloned();
        if old.is_some() && self.random.chance(250) {
            return Write::Delete(Key { resource, path: path.into() });
        }
        let length = self.random.below(self.value_bytes) as usize;
        let mut bytes = path.clone().into_bytes();
        bytes.resize(path.len() + length, self.random.draw() as u8);
        let created = old.map_or(revision, |old| old.created());
        Write::Put(resource, Object::new(created, revision, Uid([object as u8; 16]), path.len(), &bytes))
    }

    /// The batches until the head is `head`, which must be at the end of one.
    pub(crate) fn advance_to(&mut self, head: Revision) {
        while self.image.revision < head {
            self.step();
        }
        assert_eq!(self.image.revision, head, "the head is at the end of a batch");
    }
}

/// Makes the write's change.
pub(crate) fn apply(image: &mut Image, write: &Write, revision: Revision) {
    let table = image.tables.entry(write.resource().clone()).or_default();
    match write {
        Write::Put(_, object) => drop(table.insert(object.clone())),
        Write::Delete(key) => {
            let removed = table.remove(&key.path);
            assert!(removed.is_some(), "{key} is deleted and was not there");
        }
    }
    image.revision = revision;
}

/// The state that a backend's base and log make, whose revisions must follow one another without gap or repeat.
pub(crate) async fn read(backend: &dyn Backend) -> Result<Image, BackendError> {
    let scan = backend.scan().await?;
    let batches = backend.log(scan.at).await?;
    put_together(scan, batches).await
}

pub(crate) async fn put_together(scan: Scan, mut batches: Batches) -> Result<Image, BackendError> {
    let mut image = Image { revision: scan.at, ..Image::default() };
    for part in scan.parts {
        for run in part.try_collect::<Vec<_>>().await? {
            let table = image.tables.entry(run.resource).or_default();
            for object in run.objects {
                assert!(table.insert(object).is_none(), "no object is there twice");
            }
        }
    }
    while let Some(batch) = batches.try_next().await? {
        for (revision, write) in (batch.base.0 + 1..).map(Revision).zip(&batch.writes) {
            if revision > scan.at {
                assert_eq!(revision, image.revision.plus(1), "revisions follow one another");
                apply(&mut image, write, revision);
            }
        }
    }
    Ok(image)
}

/// Whether two states are the same.
pub(crate) fn assert_same(got: &Image, expected: &Image, when: &str) {
    assert_eq!(got.revision, expected.revision, "{when}");
    let tables = |image: &Image| -> Vec<_> {
        let held = image.tables.iter().filter(|(_, table)| !table.is_empty());
        held.map(|(resource, table)| (resource.clone(), table.iter().cloned().collect::<Vec<_>>())).collect()
    };
    assert_eq!(tables(got), tables(expected), "{when}");
}

/// A directory in memory, where the system has such: how fast the disk is does not matter to most tests.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}

/// Runs what has nothing to wait for but this engine.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}
