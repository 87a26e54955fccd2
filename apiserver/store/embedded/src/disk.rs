//! Every change this crate makes to the file system. Nothing else here writes, syncs, renames or removes, so that a
//! test can let any single step fail, stop the world before it, or forget what was never made durable.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

#[cfg(test)]
use crate::fault::{Faults, Op};

/// The way to the file system for one opened directory.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    closed: AtomicBool,
    #[cfg(test)]
    pub(crate) faults: std::sync::Arc<Faults>,
}

impl Disk {
    #[cfg(test)]
    pub(crate) fn with(faults: &std::sync::Arc<Faults>) -> Self {
        Self { faults: faults.clone(), ..Self::default() }
    }

    /// Creates a file that only its owner may touch, or empties the one that is there.
    pub(crate) fn create(&self, path: &Path) -> io::Result<File> {
        #[cfg(test)]
        self.faults.before(Op::Create)?;
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
        #[cfg(test)]
        self.faults.created(&file);
        Ok(file)
    }

    /// Opens a file to write into it.
    pub(crate) fn reopen(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(path)
    }

    /// Creates a directory that only its owner may enter, and those above it, if they are not there.
    pub(crate) fn create_dir(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.create_dir(above)?;
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.sync_dir(above),
        }
    }

    pub(crate) fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Err(error) = self.faults.before(Op::Write) {
            // What a process leaves behind that dies here: some of it.
            file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        file.write_all_at(bytes, offset)
    }

    /// Sets room aside up to `length`. Where the file system cannot do that, the file only looks that long.
    pub(crate) fn allocate(&self, file: &File, length: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before(Op::Allocate)?;
        loop {
            match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, length) {
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => return file.set_len(length),
                result => return Ok(result?),
            }
        }
    }

    /// Takes away what a file has behind `length`, or lets it look that long.
    pub(crate) fn set_length(&self, file: &File, length: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before(Op::SetLength)?;
        file.set_len(length)
    }

    /// Makes a file's bytes, and its length if that has changed, survive a loss of power.
    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before(Op::Sync)?;
        file.sync_data()?;
        #[cfg(test)]
        self.faults.synced(file);
        Ok(())
    }

    /// Makes the names in a directory survive a loss of power.
    pub(crate) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before(Op::SyncDir)?;
        File::open(dir)?.sync_all()?;
        #[cfg(test)]
        self.faults.synced_dir(dir);
        Ok(())
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before(Op::Rename)?;
        std::fs::rename(from, to)
    }

    /// Removes a file; no error if it is not there.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before(Op::Remove)?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives the file at `path` a new content: at every moment it has the old one or the new one.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = path.with_extension(TEMPORARY);
        let file = self.create(&temporary)?;
        self.write_at(&file, bytes, 0)?;
        self.sync(&file)?;
        self.rename(&temporary, path)?;
        self.sync_dir(path.parent().expect("every file here lies in a directory"))
    }

    /// From now on the directory may belong to somebody else: late readers must not remove files from it.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// The ending of files that count for nothing until they are renamed.
pub(crate) const TEMPORARY: &str = "tmp";

/// Whether the error says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// The bytes between `offset` and `offset + length`, or as many of them as the file has.
pub(crate) fn read_up_to(file: &File, offset: u64, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
    let start = into.len();
    into.resize(start + length, 0);
    let mut filled = start;
    while filled < into.len() {
        match file.read_at(&mut into[filled..], offset + (filled - start) as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                into.truncate(start);
                return Err(error);
            }
        }
    }
    into.truncate(filled);
    Ok(())
}
