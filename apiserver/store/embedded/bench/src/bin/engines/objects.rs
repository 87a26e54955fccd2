//! What is stored: objects of 1 KiB, written in turn by chance.

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_api::uid::Uid;
use keelson_store::batch::{Batch, BatchId, Write};
use keelson_store::image::Image;
use keelson_store::key::ResourceName;
use keelson_store::object::Object;
use keelson_store::revision::Revision;

pub const VALUE_BYTES: usize = 1024;

/// Makes batches, and knows the state that they lead to.
pub struct Writer {
    random: u64,
    resource: ResourceName,
    objects: u64,
    pub image: Image,
}

impl Writer {
    /// A writer that goes on at `head`, of up to `objects` different objects.
    pub fn new(head: Revision, objects: u64) -> Self {
        let image = Image { revision: head, ..Image::default() };
        Self { random: head.0 | 1, resource: ResourceName::new("configmaps"), objects, image }
    }

    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn object(&mut self, number: u64, revision: Revision) -> Object {
        let path = format!("namespace-{:03}/object-{number:08}", number % 1000);
        let mut bytes = path.clone().into_bytes();
        while bytes.len() < path.len() + VALUE_BYTES {
            let word = self.draw();
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        Object::new(revision, revision, Uid(u128::from(number).to_le_bytes()), path.len(), &bytes)
    }

    fn batch(&mut self, numbers: impl Iterator<Item = u64>) -> Arc<Batch> {
        let base = self.image.revision;
        let mut writes = Vec::new();
        for number in numbers {
            self.image.revision = self.image.revision.plus(1);
            let object = self.object(number, self.image.revision);
            self.image.tables.entry(self.resource.clone()).or_default().insert(object.clone());
            writes.push(Write::Put(self.resource.clone(), object));
        }
        Arc::new(Batch { id: BatchId { writer: 1, sequence: base.0 }, base, at: UnixMillis(0), writes })
    }

    /// A batch that writes these objects.
    pub fn load(&mut self, numbers: std::ops::Range<u64>) -> Arc<Batch> {
        self.batch(numbers)
    }

    /// A batch that writes `count` objects of all there may be.
    pub fn update(&mut self, count: u64) -> Arc<Batch> {
        let numbers: Vec<u64> = (0..count).map(|_| self.draw() % self.objects).collect();
        self.batch(numbers.into_iter())
    }
}
