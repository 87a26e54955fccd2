//! One file of the log: a head block that says which revisions it holds, then batches.
//!
//! ```text
//! byte 0      frame "KLOG": first revision u64 · mark u32 · length of the file u64
//! byte 512    frame with that mark, the seal: end u64 · head u64 · 1 if the log goes on in another file, else 0
//! byte 4096   frames with that mark, each one batch, up to the end; behind it anything that is not such a frame
//! ```
//!
//! The mark is drawn at random for each use of a file. Files are used again without being emptied: the mark is what
//! tells this life's frames from the last one's, and no client can smuggle one in, as it cannot know the mark.
//!
//! A seal is a promise: the batches reach at least to `end`. It is written when the log moves on to another file, and
//! when the engine is closed in peace; so what is damaged afterwards is not taken for a write that was cut short.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keelson_store::backend::BackendError;
use keelson_store::batch::Batch;
use keelson_store::codec::{Malformed, Reader, decode_batch, frame, unframe};
use keelson_store::revision::Revision;

use crate::disk::read_up_to;
use crate::error::{damaged, failed, open_to_read};
use crate::frames::Frames;
use crate::spares::Spares;

/// Where the batches begin: a whole page behind the start, so that writing them never touches the head block.
pub(crate) const DATA_START: u64 = 4096;
/// The ending of the files' names.
pub(crate) const EXTENSION: &str = "log";

/// Where the seal stands.
pub(crate) const SEAL_AT: usize = 512;
const HEADER_MARK: u32 = u32::from_le_bytes(*b"KLOG");

/// A file of the log. Once it is retired and the last reader has gone, it becomes a spare one.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    /// The revision of the first write in it.
    pub(crate) first: Revision,
    pub(crate) mark: u32,
    spares: Arc<Spares>,
    retired: AtomicBool,
}

/// The promise that a file's batches reach at least to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) end: u64,
    pub(crate) head: Revision,
    /// Whether there is a next file.
    pub(crate) continued: bool,
}

impl Segment {
    /// Turns `file`, whatever it holds, into an empty segment. It has no name yet.
    pub(crate) fn begin(file: &File, first: Revision, length: u64, spares: &Arc<Spares>) -> io::Result<Self> {
        // The standard library seeds this from the system's randomness.
        let mark = RandomState::new().hash_one(first.0) as u32 | 1;
        let mut block = Vec::with_capacity(DATA_START as usize);
        frame(HEADER_MARK, &mut block, |out| {
            out.extend_from_slice(&first.0.to_le_bytes());
            out.extend_from_slice(&mark.to_le_bytes());
            out.extend_from_slice(&length.to_le_bytes());
        });
        block.resize(DATA_START as usize, 0);
        spares.disk().write_at(file, &block, 0)?;
        spares.disk().sync(file)?;
        Ok(Self::new(first, mark, spares))
    }

    fn new(first: Revision, mark: u32, spares: &Arc<Spares>) -> Self {
        let path = path(spares.dir(), first);
        Self { path, first, mark, spares: spares.clone(), retired: AtomicBool::new(false) }
    }

    /// Reads the head block of the file for `first`.
    pub(crate) fn open(first: Revision, spares: &Arc<Spares>) -> Result<(Self, Option<Seal>), BackendError> {
        let path = path(spares.dir(), first);
        let io = |error| failed("read", &path, error);
        let (file, mut block) = (open_to_read(&path)?, Vec::new());
        read_up_to(&file, 0, DATA_START as usize, &mut block).map_err(io)?;
        let there = file.metadata().map_err(io)?.len();
        let (found, mark, length) = read_header(&block).map_err(|what| damaged(&path, 0, &what))?;
        if there < length {
            return Err(damaged(&path, there, &format!("the file ends here and must have {length} bytes")));
        }
        if found != first {
            return Err(damaged(&path, 0, &format!("it begins with revision {found}, unlike its name")));
        }
        let seal = block.get(SEAL_AT..).and_then(|bytes| read_seal(mark, bytes).ok());
        Ok((Self::new(first, mark, spares), seal))
    }

    /// How long its file is.
    pub(crate) fn length(&self) -> Result<u64, BackendError> {
        Ok(std::fs::metadata(&self.path).map_err(|error| failed("read", &self.path, error))?.len())
    }

    /// Whether it holds no batch.
    pub(crate) fn is_empty(&self) -> Result<bool, BackendError> {
        Ok(!matches!(self.batches(self.length()?)?.next(), Ok(Some(_))))
    }

    /// Writes and syncs a seal, or with none clears it.
    pub(crate) fn seal(&self, file: &File, seal: Option<Seal>) -> io::Result<()> {
        let mut bytes = Vec::new();
        match seal {
            Some(seal) => frame(self.mark, &mut bytes, |out| {
                out.extend_from_slice(&seal.end.to_le_bytes());
                out.extend_from_slice(&seal.head.0.to_le_bytes());
                out.push(u8::from(seal.continued));
            }),
            None => bytes.resize(64, 0),
        }
        self.spares.disk().write_at(file, &bytes, SEAL_AT as u64)?;
        self.spares.disk().sync(file)
    }

    /// Its batches up to `end`.
    pub(crate) fn batches(&self, end: u64) -> Result<Batches, BackendError> {
        self.batches_from(DATA_START, Revision(self.first.0 - 1), end)
    }

    /// Its batches from `offset` on, which is where one ends and the head is `head`.
    pub(crate) fn batches_from(
        &self,
        offset: u64,
        head: Revision,
        end: u64,
    ) -> Result<Batches, BackendError> {
        let frames = Frames::new(open_to_read(&self.path)?, &self.path, self.mark, offset, end);
        Ok(Batches { frames, head })
    }

    /// Nobody needs it any more, except for those who are reading it now.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.retired.load(Ordering::SeqCst) {
            self.spares.take_in(&self.path);
        }
    }
}

/// The batches of one file in order, each checked to go on where the one before it ended.
pub(crate) struct Batches {
    frames: Frames,
    head: Revision,
}

impl Batches {
    /// The next batch.
    pub(crate) fn next(&mut self) -> Result<Option<Batch>, BackendError> {
        let offset = self.frames.offset();
        let path = self.frames.path().to_owned();
        let Some(payload) = self.frames.next()? else { return Ok(None) };
        let batch = decode_batch(payload).map_err(|what| damaged(&path, offset, &what))?;
        if batch.base != self.head {
            let what = format!("a batch that follows {} stands behind revision {}", batch.base, self.head);
            return Err(damaged(&path, offset, &what));
        }
        self.head = batch.head();
        Ok(Some(batch))
    }

    /// Where the next batch begins.
    pub(crate) fn offset(&self) -> u64 {
        self.frames.offset()
    }

    /// The head after the batches read so far.
    pub(crate) fn head(&self) -> Revision {
        self.head
    }
}

/// The file whose first write has revision `first`.
pub(crate) fn path(dir: &Path, first: Revision) -> PathBuf {
    dir.join(format!("{:020}.{EXTENSION}", first.0))
}

fn read_header(mut block: &[u8]) -> Result<(Revision, u32, u64), Malformed> {
    let mut reader = Reader { rest: unframe(HEADER_MARK, &mut block)? };
    let first = Revision(reader.u64()?);
    let mark = reader.take(4)?.try_into().map(u32::from_le_bytes).expect("four bytes were taken");
    let length = reader.u64()?;
    match reader.rest {
        [] if first > Revision::GENESIS => Ok((first, mark, length)),
        _ => Err(Malformed("the head of the file makes no sense")),
    }
}

fn read_seal(mark: u32, mut bytes: &[u8]) -> Result<Seal, Malformed> {
    let mut reader = Reader { rest: unframe(mark, &mut bytes)? };
    let (end, head) = (reader.u64()?, Revision(reader.u64()?));
    Ok(Seal { end, head, continued: reader.take(1)? == [1] })
}
