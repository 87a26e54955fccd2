//! Files that are either there, whole, or not there at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readable {
    /// Its owner alone.
    ByOwner,
    /// Everybody.
    ByAll,
}

/// A file being written beside the place where it will stand. Dropped before [`Draft::keep`], it leaves nothing.
#[derive(Debug)]
pub(crate) struct Draft {
    file: File,
    draft: Option<PathBuf>,
    target: PathBuf,
}

impl Draft {
    /// Begins a file that will stand at `target`.
    pub(crate) fn new(target: &Path, readable: Readable) -> io::Result<Self> {
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let draft = target.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
        let mode = if readable == Readable::ByOwner { 0o600 } else { 0o644 };
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
        Ok(Self { file, draft: Some(draft), target: target.to_owned() })
    }

    /// Makes it durable and puts it in its place, where it replaces what stood there.
    pub(crate) fn keep(self) -> io::Result<()> {
        let target = self.target.clone();
        self.file.sync_all()?;
        self.place()?;
        sync_dir(&target)
    }

    /// Where it lies until then.
    pub(crate) fn path(&self) -> &Path {
        self.draft.as_deref().unwrap_or(&self.target)
    }

    fn place(mut self) -> io::Result<()> {
        if let Some(draft) = &self.draft {
            fs::rename(draft, &self.target)?;
        }
        self.draft = None;
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(draft) = &self.draft {
            // The error that led here matters more than this one.
            let _ = fs::remove_file(draft);
        }
    }
}

/// Puts `contents` at `target`, durably.
pub(crate) fn put(target: &Path, contents: &[u8], readable: Readable) -> io::Result<()> {
    put_all(&[(target.to_owned(), contents, readable)])
}

/// Puts files of one directory in their places, in this order: after a crash none is there without those before it.
pub(crate) fn put_all(files: &[(PathBuf, &[u8], Readable)]) -> io::Result<()> {
    let mut drafts = Vec::with_capacity(files.len());
    for (target, contents, readable) in files {
        let mut draft = Draft::new(target, *readable)?;
        draft.write_all(contents)?;
        drafts.push(draft);
    }
    sync_all(&drafts)?;
    drafts.into_iter().try_for_each(Draft::place)?;
    files.last().map_or(Ok(()), |(target, ..)| sync_dir(target))
}

/// Makes all contents durable side by side: a disk flushes for many at once about as fast as for one.
fn sync_all(drafts: &[Draft]) -> io::Result<()> {
    std::thread::scope(|scope| {
        let syncs: Vec<_> = drafts.iter().map(|draft| scope.spawn(|| draft.file.sync_all())).collect();
        syncs
            .into_iter()
            .try_for_each(|sync| sync.join().map_err(|_| io::Error::other("a flush panicked"))?)
    })
}

/// The contents of `path`; absent if there is no such file.
pub(crate) fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether files can be made in `dir`, or it can be made itself: whether the nearest directory that exists is writable.
pub(crate) fn can_write(dir: &Path) -> bool {
    let there = dir.ancestors().find(|dir| dir.exists()).filter(|dir| !dir.as_os_str().is_empty());
    let there = there.unwrap_or(Path::new("."));
    let access = Access::WRITE_OK | Access::EXEC_OK;
    there.is_dir() && rustix::fs::accessat(CWD, there, access, AtFlags::EACCESS).is_ok()
}

/// Makes the name of `path` in its directory durable.
fn sync_dir(path: &Path) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("f");
        let mut draft = Draft::new(&target, Readable::ByOwner).unwrap();
        draft.write_all(b"half").unwrap();
        drop(draft);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        put(&target, b"one", Readable::ByOwner).unwrap();
        put(&target, b"two", Readable::ByOwner).unwrap();
        assert_eq!(read_if_there(&target).unwrap().as_deref(), Some("two"));
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(read_if_there(&dir.path().join("none")).unwrap(), None);
    }
}
