//! One file of the base: the objects of a range of keys, in order, as they stood at the floor.
//!
//! ```text
//! frame "KBAS": id u64
//! frame "KRUN": resource (length varint · bytes) · object*        (again and again)
//! ```
//!
//! A file is written once, synced, and never changed. How long it is and with which key it begins stand in the
//! manifest, so that a file that is too short, or another one's, is noticed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keelson_store::backend::{BackendError, Run};
use keelson_store::codec::{
    FRAME_HEADER_BYTES, Malformed, Reader, decode_object, encode_object, frame, put_text,
};
use keelson_store::key::{Key, ResourceName};
use keelson_store::object::Object;
use keelson_store::revision::Revision;

use crate::disk::Disk;
use crate::error::{damaged, failed, open_to_read};
use crate::frames::Frames;

/// The ending of the files' names.
pub(crate) const EXTENSION: &str = "base";

const HEADER_MARK: u32 = u32::from_le_bytes(*b"KBAS");
const RUN_MARK: u32 = u32::from_le_bytes(*b"KRUN");
const HEADER_BYTES: u64 = FRAME_HEADER_BYTES as u64 + 8;
/// About how long a run is: what is read, checked and decoded at once.
const RUN_BYTES: usize = 256 << 10;
/// How much is written between two flushes. A flush of more would hold up those of the log.
const FLUSH_BYTES: u64 = 1 << 20;

/// A file of the base. Once it is retired and the last reader has gone, it is removed.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) id: u64,
    /// The first object's key.
    pub(crate) first: Key,
    /// The file's length.
    pub(crate) bytes: u64,
    /// What the largest object takes.
    pub(crate) largest: u64,
    pub(crate) path: PathBuf,
    pub(crate) disk: Arc<Disk>,
    pub(crate) retired: AtomicBool,
}

impl Partition {
    /// Its objects; none may be later than `floor`.
    pub(crate) fn runs(self: &Arc<Self>, floor: Revision) -> Runs {
        Runs { partition: self.clone(), floor, frames: None, done: false, last: None }
    }

    /// Notices a file that is missing or has another length.
    pub(crate) fn check_length(&self) -> Result<(), BackendError> {
        let file = open_to_read(&self.path)?;
        let length = file.metadata().map_err(|error| failed("read", &self.path, error))?.len();
        if length == self.bytes {
            return Ok(());
        }
        let what = format!("it has {length} bytes and must have {}", self.bytes);
        Err(damaged(&self.path, length.min(self.bytes), &what))
    }

    /// Nobody needs it any more, except for those who are reading it now.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
    }
}

impl Drop for Partition {
    fn drop(&mut self) {
        if !self.retired.load(Ordering::SeqCst) || self.disk.is_closed() {
            return;
        }
        if let Err(error) = self.disk.remove(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "cannot remove a file of the base that is no longer needed");
        }
    }
}

/// The file of the partition with this id.
pub(crate) fn path(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id:010}.{EXTENSION}"))
}

/// About how many bytes an object takes in a file.
pub(crate) fn stored_bytes(object: &Object) -> u64 {
    const FIXED_BYTES: usize = 28;
    (FIXED_BYTES + object.path_and_value().len()) as u64
}

/// Writes a partition, object by object.
pub(crate) struct Writer {
    disk: Arc<Disk>,
    file: File,
    path: PathBuf,
    id: u64,
    first: Option<Key>,
    /// The run that is being put together.
    resource: Option<ResourceName>,
    run: Vec<u8>,
    /// What is to be written next.
    buffer: Vec<u8>,
    written: u64,
    synced: u64,
    largest: u64,
}

impl Writer {
    pub(crate) fn create(disk: &Arc<Disk>, dir: &Path, id: u64) -> Result<Self, BackendError> {
        let path = path(dir, id);
        let file = disk.create(&path).map_err(|error| failed("create", &path, error))?;
        let mut buffer = Vec::new();
        frame(HEADER_MARK, &mut buffer, |out| out.extend_from_slice(&id.to_le_bytes()));
        Ok(Self {
            disk: disk.clone(),
            file,
            path,
            id,
            first: None,
            resource: None,
            run: Vec::new(),
            buffer,
            written: 0,
            synced: 0,
            largest: 0,
        })
    }

    /// Appends an object; its key is behind those before it.
    pub(crate) fn push(&mut self, resource: &ResourceName, object: &Object) -> Result<(), BackendError> {
        if self.resource.as_ref() != Some(resource) || self.run.len() >= RUN_BYTES {
            self.end_run().map_err(|error| failed("write", &self.path, error))?;
            self.resource = Some(resource.clone());
        }
        let key = || Key { resource: resource.clone(), path: object.path().into() };
        self.first.get_or_insert_with(key);
        encode_object(object, &mut self.run);
        self.largest = self.largest.max(stored_bytes(object));
        Ok(())
    }

    fn end_run(&mut self) -> io::Result<()> {
        if let Some(resource) = self.resource.take() {
            frame(RUN_MARK, &mut self.buffer, |out| {
                put_text(out, resource.as_str());
                out.extend_from_slice(&self.run);
            });
            self.run.clear();
        }
        if self.buffer.len() >= RUN_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.disk.write_at(&self.file, &self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        if self.written - self.synced >= FLUSH_BYTES {
            self.disk.sync(&self.file)?;
            self.synced = self.written;
        }
        Ok(())
    }

    /// Makes the file durable. Its name becomes so when its directory is synced.
    pub(crate) fn finish(mut self) -> Result<Partition, BackendError> {
        let done = self.end_run().and_then(|()| self.write()).and_then(|()| self.disk.sync(&self.file));
        done.map_err(|error| failed("write", &self.path, error))?;
        Ok(Partition {
            id: self.id,
            first: self.first.expect("a partition has at least one object"),
            bytes: self.written,
            largest: self.largest,
            path: self.path,
            disk: self.disk,
            retired: AtomicBool::new(false),
        })
    }
}

/// The objects of a partition. Reads, checks and decodes when it is asked for the next run, on the thread that asks.
pub(crate) struct Runs {
    partition: Arc<Partition>,
    floor: Revision,
    /// Absent until the first run is asked for: a file is not open before it is read.
    frames: Option<Frames>,
    done: bool,
    /// The last run's resource, and its last object.
    last: Option<(ResourceName, Object)>,
}

impl Iterator for Runs {
    type Item = Result<Run, BackendError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let run = self.read();
        self.done = !matches!(run, Ok(Some(_)));
        run.transpose()
    }
}

impl Runs {
    fn read(&mut self) -> Result<Option<Run>, BackendError> {
        let mut frames = match self.frames.take() {
            Some(frames) => frames,
            None => self.open()?,
        };
        let offset = frames.offset();
        let wrong = |what: Malformed| damaged(&self.partition.path, offset, &what);
        let Some(payload) = frames.next()? else { return Ok(None) };
        let run = decode(payload).map_err(wrong)?;
        self.check(&run).map_err(wrong)?;
        self.last = run.objects.last().map(|object| (run.resource.clone(), object.clone()));
        self.frames = Some(frames);
        Ok(Some(run))
    }

    fn open(&self) -> Result<Frames, BackendError> {
        self.partition.check_length()?;
        let Partition { path, id, bytes, .. } = &*self.partition;
        let mut header = Frames::new(open_to_read(path)?, path, HEADER_MARK, 0, HEADER_BYTES.min(*bytes));
        if header.next()? != Some(&id.to_le_bytes()) {
            return Err(damaged(path, 0, "it is another partition's file"));
        }
        Ok(Frames::new(open_to_read(path)?, path, RUN_MARK, HEADER_BYTES, *bytes))
    }

    /// Whether a run is where it belongs.
    fn check(&self, run: &Run) -> Result<(), Malformed> {
        let begin = run.objects.first().ok_or(Malformed("a run has no objects"))?;
        let in_order = run.objects.is_sorted_by(|one, next| one.path() < next.path());
        let follows = match &self.last {
            Some((resource, object)) => (resource, object.path()) < (&run.resource, begin.path()),
            None => {
                (&self.partition.first.resource, &*self.partition.first.path) == (&run.resource, begin.path())
            }
        };
        if !in_order || !follows {
            return Err(Malformed("the keys are not in order, or not those in the manifest"));
        }
        if run.objects.iter().any(|object| object.revision() > self.floor) {
            return Err(Malformed("an object is later than the floor"));
        }
        Ok(())
    }
}

fn decode(payload: &[u8]) -> Result<Run, Malformed> {
    let mut reader = Reader { rest: payload };
    let resource = ResourceName::new(reader.text()?);
    let (mut rest, mut objects) = (reader.rest, Vec::new());
    while !rest.is_empty() {
        objects.push(decode_object(&mut rest)?);
    }
    Ok(Run { resource, objects })
}
