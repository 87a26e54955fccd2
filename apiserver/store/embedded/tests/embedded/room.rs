//! The disk is never taken up by more than three times what lives and the history that is kept, not even while a
//! compaction runs. Sizes are a hundredth of the real ones, so that data counts and constants do not.

use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keelson_api::time::UnixMillis;
use keelson_api::uid::Uid;
use keelson_store::backend::{Appended, Backend};
use keelson_store::batch::{Batch, BatchId, Write};
use keelson_store::fault::Random;
use keelson_store::image::Image;
use keelson_store::key::{Key, ResourceName};
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use keelson_store_embedded::{Embedded, Options};

use crate::model::{apply, assert_same, read, run, scratch};

const OPTIONS: Options = Options {
    segment_bytes: 160 << 10,
    partition_bytes: 320 << 10,
    fold_bytes_min: 160 << 10,
    prepare_segments: true,
};
/// What a store takes up whatever it holds: the segment that is written to, one that cannot be let go for the sake
/// of its last batch, a spare one, what is not worth a fold and what that fold writes, and a page for each file.
const CONSTANT_BYTES: u64 = 3 * (160 << 10) + 3 * (160 << 10) + (64 << 10);

/// A change to make: an object's number, and its new length or that it is to go.
type Change = (u64, Option<usize>);

/// How often the floor is asked to move, and how far behind the head.
struct Retention {
    every_batches: u64,
    behind_batches: usize,
}

/// A state, what its objects take, and what had been written until then.
struct Kept {
    image: Image,
    live_bytes: u64,
    written_bytes: u64,
}

struct Life {
    dir: tempfile::TempDir,
    engine: Embedded,
    image: Image,
    /// The states that history may reach back to.
    kept: VecDeque<Kept>,
    live_bytes: u64,
    written_bytes: u64,
    batches: u64,
    worst: f64,
}

impl Life {
    fn new() -> Self {
        let dir = scratch();
        let engine = Embedded::open(dir.path(), OPTIONS).expect("it opens");
        let image = Image { revision: Revision::GENESIS, ..Image::default() };
        Self {
            dir,
            engine,
            image,
            kept: VecDeque::new(),
            live_bytes: 0,
            written_bytes: 0,
            batches: 0,
            worst: 0.0,
        }
    }

    fn append(&mut self, changes: &[Change], retention: &Retention) {
        let base = self.image.revision;
        let mut writes = Vec::new();
        for (place, (number, length)) in (1..).zip(changes) {
            let write = self.write(base.plus(place), *number, *length);
            self.written_bytes += write.size_bytes() as u64;
            apply(&mut self.image, &write, base.plus(place));
            writes.push(write);
        }
        self.batches += 1;
        let id = BatchId { writer: 1, sequence: self.batches };
        let appended = run(self.engine.append(&Batch { id, base, at: UnixMillis(0), writes }.into()));
        assert!(matches!(appended, Appended::Committed), "{appended:?}");
        let (live_bytes, written_bytes) = (self.live_bytes, self.written_bytes);
        self.kept.push_back(Kept { image: self.image.clone(), live_bytes, written_bytes });
        if self.batches.is_multiple_of(retention.every_batches) {
            self.compact(retention.behind_batches);
        }
    }

    fn write(&mut self, revision: Revision, number: u64, length: Option<usize>) -> Write {
        let resource = ResourceName::new("configmaps");
        // Neighbours in number are no neighbours in order.
        let path = format!("namespace/object-{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let old = self.image.tables.get(&resource).and_then(|table| table.get(&path));
        self.live_bytes -= old.map_or(0, |old| old.path_and_value().len() as u64);
        let Some(length) = length else { return Write::Delete(Key { resource, path: path.into() }) };
        let mut bytes = path.clone().into_bytes();
        bytes.resize(path.len() + length, number as u8);
        self.live_bytes += bytes.len() as u64;
        Write::Put(resource, Object::new(revision, revision, Uid::default(), path.len(), &bytes))
    }

    /// Asks for the floor to move, and measures while that is done.
    fn compact(&mut self, behind: usize) {
        let keep = self.kept.len().saturating_sub(behind + 1);
        self.kept.drain(..keep);
        let floor = &self.kept[0];
        let (done, most) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    most.fetch_max(taken(self.dir.path()), Ordering::SeqCst);
                }
            });
            run(self.engine.compact(&floor.image)).expect("nothing is in the way");
            done.store(true, Ordering::SeqCst);
        });
        let most = most.load(Ordering::SeqCst).max(taken(self.dir.path()));
        // What lived when history begins is part of it.
        let kept = self.live_bytes.max(floor.live_bytes) + self.written_bytes - floor.written_bytes;
        let allowed = 3 * kept + CONSTANT_BYTES;
        assert!(most <= allowed, "batch {}: {most} bytes for {kept} that live and are kept", self.batches);
        if kept > 4 << 20 {
            self.worst = self.worst.max(most as f64 / kept as f64);
        }
    }

    fn end(self, name: &str) {
        run(async { assert_same(&read(&self.engine).await.expect("all is sound"), &self.image, name) });
        println!("{name}: at most {:.2} times what lives and is kept", self.worst);
    }
}

const KIB: usize = 1 << 10;
const OBJECTS: u64 = 8_000;
/// The floor follows the head.
const CLOSE: Retention = Retention { every_batches: 16, behind_batches: 0 };
/// Some history is kept.
const BEHIND: Retention = Retention { every_batches: 16, behind_batches: 300 };

fn load(life: &mut Life, objects: u64, length: impl Fn(u64) -> usize) {
    let all: Vec<Change> = (0..objects).map(|number| (number, Some(length(number)))).collect();
    all.chunks(16).for_each(|changes| life.append(changes, &CLOSE));
}

#[test]
fn objects_written_over_and_over() {
    for retention in [CLOSE, BEHIND] {
        let (mut life, mut random) = (Life::new(), Random::new(1));
        load(&mut life, OBJECTS, |_| KIB);
        for _ in 0..1500 {
            let changes: Vec<Change> = (0..16).map(|_| (random.below(OBJECTS), Some(KIB))).collect();
            life.append(&changes, &retention);
        }
        life.end("written over and over");
    }
}

#[test]
fn few_of_many_written_all_the_time() {
    let (mut life, mut random) = (Life::new(), Random::new(2));
    load(&mut life, OBJECTS, |_| KIB);
    for _ in 0..1500 {
        let changes: Vec<Change> = (0..16).map(|_| (random.below(20), Some(KIB))).collect();
        life.append(&changes, &CLOSE);
    }
    life.end("few of many");
}

#[test]
fn a_queue() {
    let mut life = Life::new();
    load(&mut life, OBJECTS, |_| KIB);
    for turn in 0..2 * OBJECTS / 8 {
        let old = (turn * 8..).take(8).map(|number| (number, None));
        let new = (OBJECTS + turn * 8..).take(8).map(|number| (number, Some(KIB)));
        life.append(&old.chain(new).collect::<Vec<_>>(), &CLOSE);
    }
    life.end("a queue");
}

#[test]
fn everything_deleted() {
    let mut life = Life::new();
    load(&mut life, OBJECTS, |_| KIB);
    let all: Vec<Change> = (0..OBJECTS).map(|number| (number, None)).collect();
    all.chunks(16).for_each(|changes| life.append(changes, &CLOSE));
    assert_eq!(life.live_bytes, 0);
    life.end("everything deleted");
}

#[test]
fn large_ones_deleted_among_small_ones() {
    let mut life = Life::new();
    let large = |number: u64| number.is_multiple_of(64);
    load(&mut life, 2 * OBJECTS, |number| if large(number) { 100 * KIB } else { 200 });
    let all: Vec<Change> =
        (0..2 * OBJECTS).filter(|number| large(*number)).map(|number| (number, None)).collect();
    all.chunks(2).for_each(|changes| life.append(changes, &CLOSE));
    life.end("large ones among small ones");
}

/// What the files below `dir` take up on the disk.
fn taken(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let data = entry.metadata().ok()?;
        Some(if data.is_dir() { taken(&entry.path()) } else { data.blocks() * 512 })
    };
    entries.filter_map(size).sum()
}
