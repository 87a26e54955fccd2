//! The log: batches in a chain of segments, and the one place where it grows.
//!
//! **Which files count.** A segment counts from the moment the seal of the one before it says that the log goes on;
//! the first one counts because the manifest was written after it. So a segment that was about to be begun when the
//! power failed can be told from one that has been lost, and a lost one is never overlooked.
//!
//! **When in doubt.** If a flush fails, nobody knows what is on the disk; the page cache does not either. The append
//! answers `Unknown`, and before anything else is answered the tail is read back from the disk, compared with what was
//! acknowledged, and whatever follows is made invalid: from then on the batch is known not to be there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use keelson_store::backend::{Appended, BackendError, Refusal};
use keelson_store::batch::{Batch, Write};
use keelson_store::codec::{FRAME_HEADER_BYTES, encode_batch, frame};
use keelson_store::key::{PATH_BYTES_MAX, RESOURCE_BYTES_MAX};
use keelson_store::revision::Revision;
use parking_lot::{Mutex, MutexGuard};

use crate::disk::is_full;
use crate::error::{damaged, failed};
use crate::segment::{self, DATA_START, Seal, Segment};
use crate::spares::Spares;
use crate::survey::Survey;

const PAGE_BYTES: u64 = 4096;
/// No batch may be longer. Limits above this crate keep them far shorter.
const BATCH_BYTES_MAX: usize = 1 << 30;
/// A buffer that a large batch has blown up is not kept.
const BUFFER_BYTES_MAX: usize = 8 << 20;

/// The log of one directory.
#[derive(Debug)]
pub(crate) struct Log {
    spares: Arc<Spares>,
    prepare_segments: bool,
    /// Held while a batch is written and flushed.
    tail: Mutex<Tail>,
    /// What readers may see. Held only for a moment, and after `tail` if both are.
    chain: Mutex<Vec<Piece>>,
    /// Something failed, and what is behind the tail's end on the disk is not known.
    in_doubt: AtomicBool,
    preparing: Mutex<Option<JoinHandle<()>>>,
}

/// A segment and how far it is filled. The last one of the chain grows.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) segment: Arc<Segment>,
    pub(crate) end: u64,
    pub(crate) head: Revision,
}

/// Where the next batch goes.
#[derive(Debug)]
struct Tail {
    segment: Arc<Segment>,
    file: File,
    length: u64,
    end: u64,
    head: Revision,
    buffer: Vec<u8>,
    /// A next segment that was begun and came to nothing. It must not be there when another one is begun.
    unborn: Option<PathBuf>,
    closed: bool,
}

impl Log {
    /// Takes up the log as the survey has found it.
    pub(crate) fn open(
        spares: Arc<Spares>,
        found: Survey,
        prepare_segments: bool,
    ) -> Result<Self, BackendError> {
        let Piece { segment, end, head } = found.pieces.last().expect("there is at least one").clone();
        let file =
            spares.disk().reopen(&segment.path).map_err(|error| failed("open", &segment.path, error))?;
        if found.torn {
            let path = segment.path.display();
            tracing::warn!(file = %path, offset = end, %head, "drops a write that was cut short, which nobody was told is there");
        }
        // The last batch, the last seal and the last name may be in the system's cache only.
        for piece in found.pieces.iter().rev().take(2) {
            let path = &piece.segment.path;
            let synced = spares.disk().reopen(path).and_then(|file| spares.disk().sync(&file));
            synced.map_err(|error| failed("sync", path, error))?;
        }
        spares.disk().sync_dir(spares.dir()).map_err(|error| failed("sync", spares.dir(), error))?;
        let (length, unborn) = (segment.length()?, found.unborn);
        let tail = Tail { segment, file, length, end, head, buffer: Vec::new(), unborn, closed: false };
        let log = Self {
            spares,
            prepare_segments,
            tail: Mutex::new(tail),
            chain: Mutex::new(found.pieces),
            in_doubt: AtomicBool::new(found.torn),
            preparing: Mutex::new(None),
        };
        log.settle(&mut log.tail.lock())?;
        found.unused.iter().for_each(|file| log.spares.take_in(file));
        Ok(log)
    }

    /// Makes `batch` durable if it extends the head.
    pub(crate) fn append(&self, batch: &Batch) -> Appended {
        let mut tail = self.tail.lock();
        if tail.closed {
            return Appended::Refused(Refusal::ReadOnly("it has been closed".to_owned()));
        }
        if let Err(error) = self.settle(&mut tail) {
            return Appended::Refused(Refusal::ReadOnly(error.to_string()));
        }
        if batch.base != tail.head {
            return Appended::Conflict { head: tail.head };
        }
        if let Some(why) = unfit(batch) {
            return Appended::Refused(Refusal::ReadOnly(format!("no such batch can be stored: {why}")));
        }
        let appended = self.write(&mut tail, batch);
        if matches!(appended, Appended::Committed) {
            self.prepare(&tail);
        }
        appended
    }

    fn write(&self, tail: &mut Tail, batch: &Batch) -> Appended {
        tail.encode(batch);
        if tail.end + tail.buffer.len() as u64 > tail.length {
            if let Err(refusal) = self.move_on(tail, tail.buffer.len() as u64) {
                return Appended::Refused(refusal);
            }
            tail.encode(batch);
        }
        let path = &tail.segment.path;
        if let Err(error) = self.spares.disk().write_at(&tail.file, &tail.buffer, tail.end) {
            self.doubt();
            if is_full(&error) {
                // Only where room cannot be set aside. A frame without its end is none: there is no doubt about it.
                return Appended::Refused(refusal("write", path, error));
            }
            return Appended::Unknown(failed("write", path, error));
        }
        if let Err(error) = self.spares.disk().sync(&tail.file) {
            self.doubt();
            return Appended::Unknown(failed("flush", path, error));
        }
        tail.end += frame_bytes(&tail.buffer);
        tail.head = batch.head();
        tail.buffer.shrink_to(BUFFER_BYTES_MAX);
        let mut chain = self.chain.lock();
        let last = chain.last_mut().expect("the chain is never empty");
        (last.end, last.head) = (tail.end, tail.head);
        Appended::Committed
    }

    /// Makes room for `needed` bytes, which is in another segment.
    fn move_on(&self, tail: &mut Tail, needed: u64) -> Result<(), Refusal> {
        if tail.end == DATA_START {
            // Nothing is in it yet, so another one would have the same name: this one becomes longer.
            return self.lengthen(tail, (DATA_START + needed).next_multiple_of(PAGE_BYTES));
        }
        let first = tail.head.plus(1);
        let path = segment::path(self.spares.dir(), first);
        tail.unborn = Some(path.clone());
        let begun = self.spares.begin(first, DATA_START + needed.next_multiple_of(PAGE_BYTES));
        let (segment, file, length) = begun.map_err(|error| refusal("create", &path, error))?;
        let seal = Seal { end: tail.end, head: tail.head, continued: true };
        if let Err(error) = tail.segment.seal(&tail.file, Some(seal)) {
            self.doubt();
            return Err(refusal("seal", &tail.segment.path, error));
        }
        self.chain.lock().push(Piece { segment: segment.clone(), end: DATA_START, head: tail.head });
        (tail.segment, tail.file, tail.length, tail.end) = (segment, file, length, DATA_START);
        tail.unborn = None;
        Ok(())
    }

    fn lengthen(&self, tail: &mut Tail, length: u64) -> Result<(), Refusal> {
        let lengthened = self.spares.disk().allocate(&tail.file, length);
        lengthened.map_err(|error| refusal("lengthen", &tail.segment.path, error))?;
        tail.length = length;
        Ok(())
    }

    /// Fills a spare segment with zeros while the current one's second half is written, if there is none.
    fn prepare(&self, tail: &Tail) {
        if !self.prepare_segments || tail.end < tail.length / 2 || !self.spares.is_empty() {
            return;
        }
        let mut preparing = self.preparing.lock();
        if preparing.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let spares = self.spares.clone();
        let thread = std::thread::Builder::new().name("log-spare".to_owned());
        *preparing = thread.spawn(move || spares.make()).ok();
    }

    fn doubt(&self) {
        self.in_doubt.store(true, Ordering::SeqCst);
    }

    /// Makes certain what is true, if that is in doubt.
    fn settle(&self, tail: &mut Tail) -> Result<(), BackendError> {
        if self.in_doubt.load(Ordering::SeqCst) {
            self.restore(tail)?;
            self.in_doubt.store(false, Ordering::SeqCst);
        }
        if let Some(path) = &tail.unborn {
            let removed =
                self.spares.disk().remove(path).and_then(|()| self.spares.disk().sync_dir(self.spares.dir()));
            removed.map_err(|error| failed("remove", path, error))?;
            tail.unborn = None;
        }
        Ok(())
    }

    /// Makes the disk hold what was acknowledged, and nothing behind it.
    fn restore(&self, tail: &mut Tail) -> Result<(), BackendError> {
        let path = tail.segment.path.clone();
        let io = |error| failed("restore", &path, error);
        let file = self.spares.disk().reopen(&path).map_err(io)?;
        // After a failed flush the cache may hold what the disk does not: ask the disk.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        let mut batches = tail.segment.batches(tail.end)?;
        while batches.next()?.is_some() {}
        if batches.head() != tail.head {
            let what = format!("the log ends with revision {} and must reach {}", batches.head(), tail.head);
            return Err(damaged(&path, tail.end, &what));
        }
        tail.segment.seal(&file, None).map_err(io)?;
        self.spares.disk().set_length(&file, tail.end).map_err(io)?;
        if self.spares.disk().allocate(&file, tail.length).is_err() {
            // There is no room for the rest of it: it keeps its length, and the next batch goes elsewhere.
            self.spares.disk().set_length(&file, tail.length).map_err(io)?;
            tail.length = tail.end;
        }
        self.spares.disk().sync(&file).map_err(io)?;
        tail.file = file;
        Ok(())
    }

    /// The chain, once there is no doubt about it. Whoever holds it keeps an append from ending.
    pub(crate) fn settled(&self) -> Result<MutexGuard<'_, Vec<Piece>>, BackendError> {
        if self.in_doubt.load(Ordering::SeqCst) {
            self.settle(&mut self.tail.lock())?;
        }
        Ok(self.chain.lock())
    }

    /// The head, once there is no doubt about it.
    pub(crate) fn head(&self) -> Result<Revision, BackendError> {
        Ok(self.settled()?.last().expect("the chain is never empty").head)
    }

    /// Lets go of the segments that hold nothing after `floor`, all but the last.
    pub(crate) fn trim(&self, floor: Revision) {
        let mut chain = self.chain.lock();
        let last = chain.len() - 1;
        let unneeded = chain[..last].iter().take_while(|piece| piece.head <= floor).count();
        let unneeded: Vec<Piece> = chain.drain(..unneeded).collect();
        drop(chain);
        for piece in unneeded {
            piece.segment.retire();
        }
    }

    /// Moves on to another segment if the current one holds nothing after `floor`, so that it can be let go too.
    pub(crate) fn move_past(&self, floor: Revision) -> Result<(), BackendError> {
        let mut tail = self.tail.lock();
        self.settle(&mut tail)?;
        if tail.head > floor || tail.end == DATA_START || tail.closed {
            return Ok(());
        }
        self.move_on(&mut tail, 0).map_err(|refusal| BackendError::Unavailable(refusal.to_string()))
    }

    /// Seals the log and takes no more batches.
    pub(crate) fn close(&self) {
        let mut tail = self.tail.lock();
        if tail.closed {
            return;
        }
        tail.closed = true;
        let seal = Seal { end: tail.end, head: tail.head, continued: false };
        let sealed = self.settle(&mut tail).is_ok() && tail.segment.seal(&tail.file, Some(seal)).is_ok();
        if !sealed {
            tracing::warn!(file = %tail.segment.path.display(), "the log is closed without its seal");
        }
        self.spares.disk().close();
        if let Some(thread) = self.preparing.lock().take() {
            let _ = thread.join();
        }
    }

    /// What the batches take up, folded or not.
    pub(crate) fn bytes(&self) -> Result<u64, BackendError> {
        Ok(self.settled()?.iter().map(|piece| piece.end).sum())
    }

    pub(crate) fn spares(&self) -> &Spares {
        &self.spares
    }
}

impl Tail {
    /// Puts the batch's frame into the buffer, with zeros up to the end of the page: a page that is written whole
    /// need not be read first, and what follows the frame is clean.
    fn encode(&mut self, batch: &Batch) {
        self.buffer.clear();
        frame(self.segment.mark, &mut self.buffer, |out| encode_batch(batch, out));
        let end = self.end + self.buffer.len() as u64;
        let padding = end.next_multiple_of(PAGE_BYTES) - end;
        self.buffer.resize(self.buffer.len() + padding as usize, 0);
    }
}

/// How long the frame at the front is.
fn frame_bytes(buffer: &[u8]) -> u64 {
    let length = buffer[4..8].try_into().map(u32::from_le_bytes).expect("a frame begins with its header");
    FRAME_HEADER_BYTES as u64 + u64::from(length)
}

fn refusal(doing: &str, path: &Path, error: std::io::Error) -> Refusal {
    let full = is_full(&error);
    let message = failed(doing, path, error).to_string();
    if full { Refusal::Full(message) } else { Refusal::ReadOnly(message) }
}

/// Why a batch could not be read back, if so: whoever sends one has a fault, and it must not reach the log.
fn unfit(batch: &Batch) -> Option<&'static str> {
    if batch.writes.is_empty() {
        return Some("it has no writes");
    }
    if batch.writes.iter().map(Write::size_bytes).sum::<usize>() > BATCH_BYTES_MAX {
        return Some("it is longer than 1 GiB");
    }
    for (revision, write) in (batch.base.0 + 1..).zip(&batch.writes) {
        if write.path().len() > PATH_BYTES_MAX || write.resource().as_str().len() > RESOURCE_BYTES_MAX {
            return Some("a key is too long");
        }
        if matches!(write, Write::Put(_, object) if object.revision() != Revision(revision)) {
            return Some("an object's revision is not that of its place");
        }
    }
    None
}
