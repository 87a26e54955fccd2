//! The base as it stands in memory: the manifest, and the switch to another one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keelson_store::backend::BackendError;
use parking_lot::Mutex;

use crate::disk::Disk;
use crate::error::failed;
use crate::manifest::Manifest;
use crate::partition::{self, EXTENSION, Partition, Writer};

#[derive(Debug)]
pub(crate) struct Base {
    dir: PathBuf,
    /// Where the partitions lie.
    files: PathBuf,
    disk: Arc<Disk>,
    manifest: Mutex<Arc<Manifest>>,
    /// The next partition's id. Ids given to partitions that came to nothing are not given again.
    next_id: AtomicU64,
}

impl Base {
    pub(crate) fn new(dir: &Path, files: &Path, disk: &Arc<Disk>, manifest: Manifest) -> Self {
        let next_id = AtomicU64::new(manifest.next_id);
        Self {
            dir: dir.into(),
            files: files.into(),
            disk: disk.clone(),
            manifest: Mutex::new(Arc::new(manifest)),
            next_id,
        }
    }

    /// The base as it is now; whoever holds it can go on reading it.
    pub(crate) fn manifest(&self) -> Arc<Manifest> {
        self.manifest.lock().clone()
    }

    /// Begins a partition, which counts for nothing yet.
    pub(crate) fn begin_partition(&self) -> Result<Writer, BackendError> {
        Writer::create(&self.disk, &self.files, self.next_id.fetch_add(1, Ordering::SeqCst))
    }

    /// The id that the next partition gets.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.load(Ordering::SeqCst)
    }

    /// Removes the partitions from `first_id` on, which no manifest has ever named.
    pub(crate) fn abandon(&self, first_id: u64) {
        for id in first_id..self.next_id.load(Ordering::SeqCst) {
            // What cannot be removed now is removed when the directory is opened.
            let _ = self.disk.remove(&partition::path(&self.files, id));
        }
    }

    /// Makes `new` the base. If this fails, the new manifest may still be the one that is found after a crash: so
    /// the files of both are left alone then, and the log, which the old one needs, as well.
    pub(crate) fn switch(&self, mut new: Manifest) -> Result<Arc<Manifest>, BackendError> {
        new.next_id = self.next_id();
        self.disk.sync_dir(&self.files).map_err(|error| failed("sync", &self.files, error))?;
        new.write(&self.disk, &self.dir)?;
        let new = Arc::new(new);
        let old = std::mem::replace(&mut *self.manifest.lock(), new.clone());
        let kept = |one: &&Arc<Partition>| !new.partitions.iter().any(|other| other.id == one.id);
        old.partitions.iter().filter(kept).for_each(|partition| partition.retire());
        Ok(new)
    }

    /// The files that look like partitions and are none.
    pub(crate) fn orphans(&self) -> Result<Vec<PathBuf>, BackendError> {
        let manifest = self.manifest();
        let io = |error| failed("read the directory", &self.files, error);
        let mut orphans = Vec::new();
        for entry in std::fs::read_dir(&self.files).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let ours = path.extension().is_some_and(|extension| extension == EXTENSION);
            if ours && !manifest.partitions.iter().any(|partition| partition.path == path) {
                orphans.push(path);
            }
        }
        Ok(orphans)
    }
}
