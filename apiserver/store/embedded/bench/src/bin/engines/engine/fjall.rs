//! fjall: a log-structured merge tree. Two keyspaces, one batch for both.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use keelson_store::batch::Batch;
use keelson_store::codec::{decode_batch, decode_object, encode_batch, encode_object};
use keelson_store::image::Image;
use keelson_store::object::Object;
use keelson_store::revision::Revision;

use super::Engine;

pub struct Fjall {
    database: Database,
    log: Keyspace,
    objects: Keyspace,
}

/// Before all paths.
const FLOOR: &[u8] = b"\0";

impl Fjall {
    pub fn open(dir: &Path) -> Self {
        let database = Database::builder(dir).open().expect("it opens");
        let keyspace = |name| database.keyspace(name, KeyspaceCreateOptions::default).expect("it opens");
        Self { log: keyspace("log"), objects: keyspace("objects"), database }
    }

    fn read(&self, range: (Bound<&[u8]>, Bound<&[u8]>)) -> Vec<Object> {
        let entries =
            self.objects.range::<&[u8], _>(range).map(|entry| entry.into_inner().expect("it is sound"));
        entries
            .filter(|(key, _)| &**key != FLOOR)
            .map(|(_, value)| decode_object(&mut &*value).expect("it is sound"))
            .collect()
    }
}

impl Engine for Fjall {
    fn commit(&mut self, batch: &Arc<Batch>) {
        let mut value = Vec::new();
        encode_batch(batch, &mut value);
        let mut write = self.database.batch().durability(Some(PersistMode::SyncData));
        write.insert(&self.log, batch.base.0.to_be_bytes(), value);
        write.commit().expect("it commits");
    }

    fn fold(&mut self, image: &Image, changed: &[Object]) {
        let mut write = self.database.batch().durability(Some(PersistMode::SyncData));
        let table = image.tables.values().next().expect("one resource");
        let mut paths: Vec<&str> = changed.iter().map(Object::path).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            let mut value = Vec::new();
            encode_object(table.get(path).expect("it was put"), &mut value);
            write.insert(&self.objects, path, value);
        }
        for entry in self.log.range(..image.revision.0.to_be_bytes()) {
            write.remove(&self.log, entry.key().expect("it is sound"));
        }
        write.insert(&self.objects, FLOOR, image.revision.0.to_be_bytes());
        write.commit().expect("it commits");
    }

    fn settle(&mut self, _image: &Image) {
        for keyspace in [&self.log, &self.objects] {
            keyspace.rotate_memtable_and_wait().expect("it is written");
        }
        while self.database.active_compactions() > 0 || self.database.outstanding_flushes() > 0 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn head(&self) -> Revision {
        match self.log.last_key_value().map(|entry| entry.value().expect("it is sound")) {
            Some(value) => decode_batch(&value).expect("it is sound").head(),
            None => self.objects.get(FLOOR).expect("it is sound").map_or(Revision::GENESIS, |floor| {
                Revision(u64::from_be_bytes((*floor).try_into().expect("eight bytes")))
            }),
        }
    }

    fn scan(&self) -> Vec<Object> {
        let middle: &[u8] = b"namespace-500";
        std::thread::scope(|scope| {
            let second = scope.spawn(|| self.read((Bound::Included(middle), Bound::Unbounded)));
            let mut objects = self.read((Bound::Unbounded, Bound::Excluded(middle)));
            objects.append(&mut second.join().expect("it does not panic"));
            objects
        })
    }
}
