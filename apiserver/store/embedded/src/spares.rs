//! Files for the log to go on in, made ready beforehand.
//!
//! To overwrite a file changes its bytes and nothing else, while to write behind its end, or into room that was only
//! set aside, also changes what the file system knows of it, which costs every flush a second round trip to the disk
//! (the README has figures). So files that the log no longer needs are kept and used again, and where there is none,
//! one is filled with zeros in the background before it is needed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keelson_store::revision::Revision;
use parking_lot::Mutex;

use crate::disk::{Disk, TEMPORARY, is_full};
use crate::segment::Segment;

/// The ending of the files' names.
pub(crate) const EXTENSION: &str = "spare";

/// How much is filled between two flushes. A flush of more would hold up those of the appends.
const ZEROS_BYTES: usize = 1 << 20;
/// How long a segment is where there is no room for a whole one.
const SMALL_BYTES: u64 = 64 << 10;

#[derive(Debug)]
pub(crate) struct Spares {
    dir: PathBuf,
    disk: Arc<Disk>,
    /// Files of any other length are not kept.
    file_bytes: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    files: Vec<PathBuf>,
    /// No more than this many are kept.
    files_max: usize,
    /// The number in the next one's name.
    next: u64,
}

impl Spares {
    pub(crate) fn new(dir: &Path, disk: &Arc<Disk>, file_bytes: u64) -> Self {
        let kept = Mutex::new(Kept { files: Vec::new(), files_max: 1, next: 0 });
        Self { dir: dir.into(), disk: disk.clone(), file_bytes, kept }
    }

    /// Where they lie, and the segments too.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn disk(&self) -> &Arc<Disk> {
        &self.disk
    }

    /// A durable, empty segment of at least `needed` bytes: a spare one, a new one, or a small one if there is no
    /// room for more. It gets its name last: whatever has the name of a segment has a sound head.
    pub(crate) fn begin(
        self: &Arc<Self>,
        first: Revision,
        needed: u64,
    ) -> io::Result<(Arc<Segment>, File, u64)> {
        let spare = if needed <= self.file_bytes { self.kept.lock().files.pop() } else { None };
        let nameless = spare.clone().unwrap_or_else(|| self.dir.join(format!("{}.{TEMPORARY}", first.0)));
        let begin = || {
            let (file, length) = match &spare {
                Some(spare) => (self.disk.reopen(spare)?, self.file_bytes),
                None => self.create(&nameless, needed)?,
            };
            let segment = Segment::begin(&file, first, length, self)?;
            self.disk.rename(&nameless, &segment.path)?;
            self.disk.sync_dir(&self.dir)?;
            Ok((Arc::new(segment), file, length))
        };
        begin().inspect_err(|_| self.take_in(&nameless))
    }

    fn create(&self, path: &Path, needed: u64) -> io::Result<(File, u64)> {
        let file = self.disk.create(path)?;
        let mut length = needed.max(self.file_bytes);
        if let Err(error) = self.disk.allocate(&file, length) {
            if !is_full(&error) {
                return Err(error);
            }
            length = needed.max(SMALL_BYTES.min(self.file_bytes));
            self.disk.allocate(&file, length)?;
        }
        Ok((file, length))
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.lock().files.is_empty()
    }

    /// How many may be kept from now on; one always.
    pub(crate) fn set_max(&self, files_max: usize) {
        let surplus = {
            let mut kept = self.kept.lock();
            kept.files_max = files_max.max(1);
            let keep = kept.files_max.min(kept.files.len());
            kept.files.split_off(keep)
        };
        for file in surplus {
            self.remove(&file);
        }
    }

    /// Keeps a file that is no longer needed where it is, or removes it.
    pub(crate) fn take_in(&self, file: &Path) {
        if self.disk.is_closed() {
            return;
        }
        let fits = std::fs::metadata(file).is_ok_and(|data| data.len() == self.file_bytes);
        let place = fits.then(|| self.place(file)).flatten();
        // The new name must be on the disk before the content is another one's, or a crash would bring the old name
        // back with the new content.
        let kept = place.map(|place| {
            self.disk.rename(file, &place).and_then(|()| self.disk.sync_dir(&self.dir)).map(|()| place)
        });
        match kept {
            Some(Ok(place)) => self.kept.lock().files.push(place),
            _ => self.remove(file),
        }
    }

    /// A name for one more, if there is room for it.
    fn place(&self, file: &Path) -> Option<PathBuf> {
        let mut kept = self.kept.lock();
        if kept.files.len() >= kept.files_max {
            return None;
        }
        loop {
            let place = self.dir.join(format!("{}.{EXTENSION}", kept.next));
            if place == file || !place.exists() {
                kept.next += 1;
                return Some(place);
            }
            kept.next += 1;
        }
    }

    fn remove(&self, file: &Path) {
        if let Err(error) = self.disk.remove(file) {
            tracing::warn!(file = %file.display(), %error, "cannot remove a file of the log that is no longer needed");
        }
    }

    /// Makes one out of nothing. Where there is no room for it, there is none.
    pub(crate) fn make(&self) {
        let temporary = self.dir.join(format!("{EXTENSION}.{TEMPORARY}"));
        match self.fill(&temporary) {
            Ok(()) => self.take_in(&temporary),
            Err(error) => {
                tracing::debug!(%error, "no file of the log can be made ready beforehand");
                self.remove(&temporary);
            }
        }
    }

    fn fill(&self, path: &Path) -> io::Result<()> {
        let file = self.disk.create(path)?;
        self.disk.allocate(&file, self.file_bytes)?;
        let zeros = vec![0; ZEROS_BYTES];
        let mut at = 0;
        while at < self.file_bytes && !self.disk.is_closed() {
            let length = self.file_bytes.saturating_sub(at).min(ZEROS_BYTES as u64);
            self.disk.write_at(&file, &zeros[..length as usize], at)?;
            self.disk.sync(&file)?;
            at += length;
        }
        Ok(())
    }
}
