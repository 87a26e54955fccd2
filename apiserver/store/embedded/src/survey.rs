//! Looks at a log that nobody has open: which files count, where the last one ends, and whether that is a write cut
//! short or damage. Changes nothing; what it finds is acted upon by whoever opens the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keelson_store::backend::BackendError;
use keelson_store::revision::Revision;

use crate::disk::{TEMPORARY, read_up_to};
use crate::error::{damaged, failed, missing, open_to_read};
use crate::frames;
use crate::log::Piece;
use crate::segment::{self, EXTENSION, Seal, Segment};
use crate::spares::{EXTENSION as SPARE, Spares};

/// A log as it lies on the disk.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The segments that count; the last one is where the log goes on.
    pub(crate) pieces: Vec<Piece>,
    /// A write had begun behind the end and was cut short.
    pub(crate) torn: bool,
    /// A file that was about to be the next one.
    pub(crate) unborn: Option<PathBuf>,
    /// Files that hold nothing that is needed.
    pub(crate) unused: Vec<PathBuf>,
}

/// Surveys the log beside the spare files, of which everything up to `floor` is in the base.
pub(crate) fn survey(floor: Revision, spares: &Arc<Spares>) -> Result<Survey, BackendError> {
    let dir = spares.dir();
    let (names, mut unused) = list(dir)?;
    let from = first_needed(&names, floor, spares)?;
    unused.extend(names[..from].iter().map(|first| segment::path(dir, *first)));
    let mut pieces = Vec::new();
    for (place, first) in names.iter().enumerate().skip(from) {
        let (segment, seal) = Segment::open(*first, spares)?;
        match seal {
            Some(Seal { end, head, continued: true }) => {
                let next = names.get(place + 1).copied();
                if next != Some(head.plus(1)) {
                    return Err(missing(&segment::path(dir, head.plus(1))));
                }
                pieces.push(Piece { segment: Arc::new(segment), end, head });
            }
            seal => {
                let (last, torn) = survey_last(segment, seal)?;
                let unborn = unborn(&last, &names[place + 1..], spares)?;
                pieces.push(last);
                return Ok(Survey { pieces, torn, unborn, unused });
            }
        }
    }
    unreachable!("a file whose seal says that the log goes on has a next one")
}

/// The first revisions of the segments, in order; and the other files that are ours.
fn list(dir: &Path) -> Result<(Vec<Revision>, Vec<PathBuf>), BackendError> {
    let (mut names, mut others) = (Vec::new(), Vec::new());
    let io = |error| failed("read the directory", dir, error);
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let first = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok().map(Revision));
        match first {
            Some(first) if path == segment::path(dir, first) => names.push(first),
            _ if path.extension().is_some_and(|extension| extension == EXTENSION) => {
                return Err(damaged(&path, 0, "this is not a name that the log gives its files"));
            }
            _ if path.extension().is_some_and(|extension| extension == SPARE || extension == TEMPORARY) => {
                others.push(path);
            }
            _ => {}
        }
    }
    names.sort_unstable();
    Ok((names, others))
}

/// The place of the segment in which the first write after the floor is or will be.
fn first_needed(names: &[Revision], floor: Revision, spares: &Arc<Spares>) -> Result<usize, BackendError> {
    let begun = names.partition_point(|first| *first <= floor.plus(1));
    let Some(place) = begun.checked_sub(1) else {
        return Err(damaged(spares.dir(), 0, &format!("no file here holds revision {}", floor.plus(1))));
    };
    let Some(before) = place.checked_sub(1) else { return Ok(place) };
    let (segment, seal) = Segment::open(names[before], spares)?;
    match seal.filter(|seal| seal.continued) {
        // Or it is an old one that could not be removed.
        Some(seal) if seal.head.plus(1) == names[place] || seal.head <= floor => Ok(place),
        // It never came to count: it is the one before it that the log goes on in.
        None if place + 1 == names.len() => Ok(before),
        _ => Err(unannounced(&segment, &segment::path(spares.dir(), names[place]))),
    }
}

fn unannounced(segment: &Segment, next: &Path) -> BackendError {
    let what = format!("this file does not say that {} follows", next.display());
    damaged(&segment.path, segment::SEAL_AT as u64, &what)
}

/// Finds the end of the segment that the log goes on in.
fn survey_last(segment: Segment, seal: Option<Seal>) -> Result<(Piece, bool), BackendError> {
    let path = segment.path.clone();
    let io = |error| failed("read", &path, error);
    let (file, length) = (open_to_read(&path)?, segment.length()?);
    let mut batches = segment.batches(length)?;
    // Damage within a sound frame is passed on; a frame that is not sound is the end, or damage: see below.
    let stop = loop {
        let before = batches.offset();
        match batches.next() {
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(error @ BackendError::Corrupt { .. }) if batches.offset() == before => break Some(error),
            Err(error) => return Err(error),
        }
    };
    let (end, head) = (batches.offset(), batches.head());
    if seal.is_some_and(|seal| seal.end > end || seal.head > head) {
        return Err(stop.unwrap_or_else(|| damaged(&path, end, "the file ends before its seal says it does")));
    }
    if let Some(error) = stop
        && frames::find(&file, &path, segment.mark, end, length)?.is_some()
    {
        return Err(error);
    }
    let mut begun = Vec::new();
    read_up_to(&file, end, 4, &mut begun).map_err(io)?;
    let torn = begun == segment.mark.to_le_bytes();
    Ok((Piece { segment: Arc::new(segment), end, head }, torn))
}

/// What is behind the file that the log goes on in: at most one, which was about to be begun.
fn unborn(last: &Piece, names: &[Revision], spares: &Arc<Spares>) -> Result<Option<PathBuf>, BackendError> {
    let Some(first) = names.first() else { return Ok(None) };
    let (segment, _) = Segment::open(*first, spares)?;
    if names.len() > 1 || !segment.is_empty()? {
        return Err(unannounced(&last.segment, &segment.path));
    }
    Ok(Some(segment.path.clone()))
}
