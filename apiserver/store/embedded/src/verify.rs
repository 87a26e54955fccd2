//! Reads everything there is and checks it, as `keelson storage check` does. Goes on behind damage to find the rest,
//! and changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keelson_store::backend::BackendError;
use keelson_store::revision::Revision;

use crate::disk::Disk;
use crate::engine::{BASE, LOG};
use crate::error::{OpenError, damaged, missing};
use crate::format::{self, Found};
use crate::lock;
use crate::log::Piece;
use crate::manifest::{self, Manifest};
use crate::partition::Partition;
use crate::spares::Spares;
use crate::survey::survey;

/// What a check has found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What the base holds is the state at this revision.
    pub floor: Revision,
    /// The last revision of the log.
    pub head: Revision,
    /// Files of the base.
    pub partitions: u64,
    /// Objects in the base.
    pub objects: u64,
    /// Bytes of the base.
    pub base_bytes: u64,
    /// Files of the log.
    pub segments: u64,
    /// Batches in the log.
    pub batches: u64,
    /// Writes in the log.
    pub writes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Where the log ends: the file and the offset in it.
    pub end: Option<(PathBuf, u64)>,
    /// Whether a write behind the end was cut short, and will be dropped when the directory is opened. This is no
    /// damage: it had not been acknowledged.
    pub torn: bool,
    /// All the damage that was found; none if the store is sound.
    pub problems: Vec<BackendError>,
}

impl Report {
    /// Whether there is no damage.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn check_base(&mut self, manifest: &Manifest) {
        self.floor = manifest.floor;
        for partition in &manifest.partitions {
            self.partitions += 1;
            if let Err(problem) = self.check_partition(partition, manifest.floor) {
                self.problems.push(problem);
            }
        }
    }

    fn check_partition(&mut self, partition: &Arc<Partition>, floor: Revision) -> Result<(), BackendError> {
        for run in partition.runs(floor) {
            self.objects += run?.objects.len() as u64;
        }
        self.base_bytes += partition.bytes;
        Ok(())
    }

    fn check_log(&mut self, pieces: &[Piece]) {
        self.end = pieces.last().map(|last| (last.segment.path.clone(), last.end));
        for piece in pieces {
            self.segments += 1;
            if let Err(problem) = self.check_piece(piece) {
                self.problems.push(problem);
            }
        }
    }

    fn check_piece(&mut self, piece: &Piece) -> Result<(), BackendError> {
        let mut batches = piece.segment.batches(piece.end)?;
        while let Some(batch) = batches.next()? {
            self.batches += 1;
            self.writes += batch.writes.len() as u64;
        }
        self.log_bytes += piece.end;
        self.head = batches.head();
        if batches.head() != piece.head {
            let what = format!("it ends with revision {} and must reach {}", batches.head(), piece.head);
            return Err(damaged(&piece.segment.path, piece.end, &what));
        }
        Ok(())
    }
}

/// Checks what an open engine has.
pub(crate) fn check(manifest: &Manifest, pieces: &[Piece]) -> Report {
    let mut report = Report::default();
    report.check_base(manifest);
    report.check_log(pieces);
    report
}

/// Checks a directory that nobody has open.
pub(crate) fn check_dir(dir: &Path) -> Result<Report, OpenError> {
    if format::look(dir)? == Found::Nothing {
        return Err(OpenError::Missing { dir: dir.into() });
    }
    let _lock = lock::take(dir)?;
    let (disk, mut report) = (Arc::new(Disk::default()), Report::default());
    // Whatever is let go of from here on stays where it is.
    disk.close();
    let manifest = match Manifest::read(&disk, dir, &dir.join(BASE)) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => {
            report.problems.push(missing(&manifest::path(dir)));
            return Ok(report);
        }
        Err(problem) => {
            report.problems.push(problem);
            return Ok(report);
        }
    };
    report.check_base(&manifest);
    match survey(manifest.floor, &Arc::new(Spares::new(&dir.join(LOG), &disk, 0))) {
        Ok(found) => {
            report.check_log(&found.pieces);
            report.torn = found.torn;
        }
        Err(problem) => report.problems.push(problem),
    }
    Ok(report)
}
