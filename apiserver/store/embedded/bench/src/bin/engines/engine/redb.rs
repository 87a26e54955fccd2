//! redb: copy-on-write B-trees. Two tables, one transaction for both.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use keelson_store::batch::Batch;
use keelson_store::codec::{decode_batch, decode_object, encode_batch, encode_object};
use keelson_store::image::Image;
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::Engine;

const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
const OBJECTS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("objects");
/// Before all paths.
const FLOOR: &[u8] = b"\0";

pub struct Redb(Database);

impl Redb {
    pub fn open(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).expect("a directory");
        let database = Database::create(dir.join("redb")).expect("it opens");
        let write = database.begin_write().expect("it begins");
        write.open_table(LOG).expect("a table");
        write.open_table(OBJECTS).expect("a table");
        write.commit().expect("it commits");
        Self(database)
    }

    fn read(&self, range: (Bound<&[u8]>, Bound<&[u8]>)) -> Vec<Object> {
        let read = self.0.begin_read().expect("it begins");
        let table = read.open_table(OBJECTS).expect("a table");
        let entries = table.range::<&[u8]>(range).expect("a range").map(|entry| entry.expect("it is sound"));
        let objects = entries.filter(|(key, _)| key.value() != FLOOR);
        objects.map(|(_, value)| decode_object(&mut value.value()).expect("it is sound")).collect()
    }
}

impl Engine for Redb {
    fn commit(&mut self, batch: &Arc<Batch>) {
        let mut value = Vec::new();
        encode_batch(batch, &mut value);
        let write = self.0.begin_write().expect("it begins");
        write.open_table(LOG).expect("a table").insert(batch.base.0, value.as_slice()).expect("it is put");
        write.commit().expect("it commits");
    }

    fn fold(&mut self, image: &Image, changed: &[Object]) {
        let write = self.0.begin_write().expect("it begins");
        {
            let mut objects = write.open_table(OBJECTS).expect("a table");
            let table = image.tables.values().next().expect("one resource");
            let mut paths: Vec<&str> = changed.iter().map(Object::path).collect();
            paths.sort_unstable();
            paths.dedup();
            for path in paths {
                let mut value = Vec::new();
                encode_object(table.get(path).expect("it was put"), &mut value);
                objects.insert(path.as_bytes(), value.as_slice()).expect("it is put");
            }
            objects.insert(FLOOR, image.revision.0.to_be_bytes().as_slice()).expect("it is put");
            let mut log = write.open_table(LOG).expect("a table");
            log.retain_in(..image.revision.0, |_, _| false).expect("they are removed");
        }
        write.commit().expect("it commits");
    }

    fn settle(&mut self, _image: &Image) {}

    fn head(&self) -> Revision {
        let read = self.0.begin_read().expect("it begins");
        let log = read.open_table(LOG).expect("a table");
        if let Some((_, value)) = log.last().expect("it is sound") {
            return decode_batch(value.value()).expect("it is sound").head();
        }
        let objects = read.open_table(OBJECTS).expect("a table");
        objects.get(FLOOR).expect("it is sound").map_or(Revision::GENESIS, |floor| {
            Revision(u64::from_be_bytes(floor.value().try_into().expect("eight bytes")))
        })
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
