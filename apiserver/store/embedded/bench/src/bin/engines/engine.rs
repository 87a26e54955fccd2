//! The three engines behind one face.

mod embedded;
mod fjall;
mod redb;

use std::path::Path;
use std::sync::Arc;

use keelson_store::batch::Batch;
use keelson_store::image::Image;
use keelson_store::object::Object;
use keelson_store::revision::Revision;

/// As they stand in the table.
pub const NAMES: &[&str] = &["embedded", "fjall 3", "redb 4"];

/// A log and a base.
pub trait Engine: Send {
    /// Adds a record to the log, durably.
    fn commit(&mut self, batch: &Arc<Batch>);

    /// Puts the latest objects of `changed` into the base and takes the log's records out.
    fn fold(&mut self, image: &Image, changed: &[Object]);

    /// Whatever has been put off is done now.
    fn settle(&mut self, image: &Image);

    /// The head, as the log and the base tell it.
    fn head(&self) -> Revision;

    /// All objects of the base in order, read by two threads.
    fn scan(&self) -> Vec<Object>;
}

/// Opens the engine of this name.
pub fn open(name: &str, dir: &Path) -> Box<dyn Engine> {
    match name {
        "embedded" => Box::new(embedded::Embedded::open(dir)),
        "fjall 3" => Box::new(fjall::Fjall::open(dir)),
        "redb 4" => Box::new(redb::Redb::open(dir)),
        _ => panic!("no engine is called {name}"),
    }
}

/// Fills a new directory with `objects` objects in a base and an empty log. Returns what an update needs to go on.
pub fn fill(engine: &mut dyn Engine, objects: u64) -> crate::objects::Writer {
    const GROUP: u64 = 256;
    const FOLD_EVERY: usize = 64 << 10;
    let mut writer = crate::objects::Writer::new(Revision::GENESIS, objects);
    let mut changed = Vec::new();
    for first in (0..objects).step_by(GROUP as usize) {
        let batch = writer.load(first..objects.min(first + GROUP));
        engine.commit(&batch);
        changed.extend(puts(&batch));
        if changed.len() >= FOLD_EVERY {
            engine.fold(&writer.image, &changed);
            changed.clear();
        }
    }
    engine.fold(&writer.image, &changed);
    engine.settle(&writer.image);
    writer
}

/// The objects that a batch writes.
pub fn puts(batch: &Batch) -> impl Iterator<Item = Object> + '_ {
    batch.writes.iter().filter_map(|write| match write {
        keelson_store::batch::Write::Put(_, object) => Some(object.clone()),
        keelson_store::batch::Write::Delete(_) => None,
    })
}
