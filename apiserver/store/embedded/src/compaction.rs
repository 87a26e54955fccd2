//! Folds the older part of the log into the base, off the path of the appends: only the manifest's switch and letting
//! go of segments take a lock that an append could meet, for as long as it takes to swap a pointer.
//!
//! **What is written anew.** A partition without a write since the floor stays as it is. The others are written from
//! the image; one that has become small is joined with its neighbours, one that has grown is split.
//!
//! **When it pays.** A fold writes what lives in the changed partitions (the cost) and gives back the folded log and
//! what has died in those partitions (the waste). It is done when the waste has reached half of the cost, and at
//! least `fold_bytes_min`; until then the floor stays lower than was asked for. So each byte that is ever written is
//! written again a bounded number of times on average, and waste is a bounded part of what the disk holds: just
//! before a fold ends, base, waste and the new partitions beside the old ones, about 2.6 times what lives.
//!
//! **Every step may be the last.** New partitions count when the manifest names them, all at once; files that it does
//! not name are removed when the directory is opened.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keelson_store::backend::BackendError;
use keelson_store::image::Image;
use keelson_store::key::ResourceName;
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use parking_lot::Mutex;

use crate::base::Base;
use crate::log::Log;
use crate::manifest::Manifest;
use crate::options::Options;
use crate::partition::{Partition, Writer, stored_bytes};
use crate::reader::{Place, Reader};

/// Decides when to fold, and does it.
#[derive(Debug)]
pub(crate) struct Compactor {
    options: Options,
    /// Held while a compaction runs: one at a time.
    dirt: Mutex<Dirt>,
    stopped: AtomicBool,
}

/// When to fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    ItPays,
    AtOnce,
}

/// What the writes since the floor have done to the partitions. Counted from the log when a compaction is asked for,
/// so that appends need not care.
#[derive(Debug)]
struct Dirt {
    /// The writes up to here are counted,
    counted: Revision,
    /// and the log goes on here.
    place: Option<Place>,
    /// What those writes take up in the log.
    log_bytes: u64,
    /// More waste than this there cannot be.
    waste_max: u64,
    /// While it is below this, it is not worth while to find out how much waste there really is.
    due: u64,
    /// Which partitions have been written to. There is always one.
    touched: Vec<bool>,
}

/// Neighbouring partitions that are written anew together.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    places: Range<usize>,
    old_bytes: u64,
    new_bytes: u64,
}

impl Compactor {
    pub(crate) fn new(options: Options, manifest: &Manifest) -> Self {
        Self { dirt: Mutex::new(Dirt::none(&options, manifest)), options, stopped: AtomicBool::new(false) }
    }

    /// Makes a running compaction give up.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Makes `image` the base of a new store.
    pub(crate) fn fill(&self, base: &Base, image: &Image) -> Result<(), BackendError> {
        let nothing = base.manifest();
        let all = plan(&nothing, &[true], image, self.options.partition_bytes);
        self.fold(base, &nothing, &all, image).map(drop)
    }

    /// Folds the log up to `image.revision` into the base.
    pub(crate) fn compact(
        &self,
        base: &Base,
        log: &Log,
        image: &Image,
        when: When,
    ) -> Result<(), BackendError> {
        let mut dirt = self.dirt.lock();
        let old = base.manifest();
        if image.revision < old.floor {
            return Err(BackendError::Compacted { floor: old.floor });
        }
        if image.revision > log.head()? {
            return Err(BackendError::Unavailable(format!("revision {} is not committed", image.revision)));
        }
        if image.revision == old.floor {
            return self.let_go(log, &old, when);
        }
        dirt.count(&old, log, image.revision)?;
        if when == When::ItPays && dirt.waste_max < dirt.due {
            return Ok(());
        }
        let groups = plan(&old, &dirt.touched, image, self.options.partition_bytes);
        let cost: u64 = groups.iter().map(|group| group.new_bytes).sum();
        let dead: u64 = groups.iter().map(|group| group.old_bytes.saturating_sub(group.new_bytes)).sum();
        let (waste, enough) = (dirt.log_bytes + dead, self.options.fold_bytes_min.max(cost / 2));
        if when == When::ItPays && waste < enough {
            // What dies is waste and no cost any more: the two may come together in two thirds of the way.
            dirt.due = dirt.waste_max + ((enough - waste) / 3 * 2).max(enough / 8);
            return Ok(());
        }
        // The new partitions need room for a while; and what the log leaves are spare files again.
        log.spares().set_max(1);
        let new = self.fold(base, &old, &groups, image)?;
        *dirt = Dirt::none(&self.options, &new);
        tracing::debug!(floor = %new.floor, written = cost, freed = waste, "folded the log into the base");
        self.let_go(log, &new, when)
    }

    /// Lets the log go of what is folded.
    fn let_go(&self, log: &Log, new: &Manifest, when: When) -> Result<(), BackendError> {
        // As many files as the log grows by until the next fold, so that it can use them again.
        let spares = new.bytes() / 2 / self.options.segment_bytes;
        log.spares().set_max(usize::try_from(spares).unwrap_or(usize::MAX));
        if when == When::AtOnce {
            log.spares().set_max(1);
            log.move_past(new.floor)?;
        }
        log.trim(new.floor);
        Ok(())
    }

    /// Writes the groups anew and switches to the manifest that has them.
    fn fold(
        &self,
        base: &Base,
        old: &Manifest,
        groups: &[Group],
        image: &Image,
    ) -> Result<Arc<Manifest>, BackendError> {
        let (mut partitions, mut place, first_id) = (Vec::new(), 0, base.next_id());
        for group in groups {
            partitions.extend_from_slice(&old.partitions[place..group.places.start]);
            place = group.places.end;
            let written = self.write(base, objects(old, group, image), group.new_bytes);
            partitions.extend(written.inspect_err(|_| base.abandon(first_id))?);
        }
        partitions.extend_from_slice(&old.partitions[place..]);
        base.switch(Manifest { floor: image.revision, next_id: 0, partitions })
    }

    /// Writes `bytes` bytes of objects as partitions of equal size.
    fn write<'a>(
        &self,
        base: &Base,
        objects: impl Iterator<Item = (&'a ResourceName, &'a Object)>,
        bytes: u64,
    ) -> Result<Vec<Arc<Partition>>, BackendError> {
        let share = bytes.div_ceil(bytes.div_ceil(self.options.partition_bytes).max(1));
        let (mut partitions, mut current, mut filled) = (Vec::new(), None, 0);
        for (resource, object) in objects {
            if self.stopped.load(Ordering::Relaxed) {
                return Err(BackendError::Unavailable("it is being closed".to_owned()));
            }
            if filled >= share
                && let Some(full) = current.take()
            {
                partitions.push(Arc::new(Writer::finish(full)?));
                filled = 0;
            }
            let writer = match &mut current {
                Some(writer) => writer,
                none => none.insert(base.begin_partition()?),
            };
            writer.push(resource, object)?;
            filled += stored_bytes(object);
        }
        if let Some(last) = current {
            partitions.push(Arc::new(last.finish()?));
        }
        Ok(partitions)
    }
}

impl Dirt {
    fn none(options: &Options, manifest: &Manifest) -> Self {
        Self {
            counted: manifest.floor,
            place: None,
            log_bytes: 0,
            waste_max: 0,
            due: options.fold_bytes_min,
            touched: vec![false; manifest.partitions.len().max(1)],
        }
    }

    /// Counts the writes up to `until` that are not counted yet.
    fn count(&mut self, manifest: &Manifest, log: &Log, until: Revision) -> Result<(), BackendError> {
        let mut reader = Reader::new(&log.settled()?, self.counted, self.place);
        while self.counted < until {
            let Some(batch) = reader.next().transpose()? else { break };
            for (revision, write) in (batch.base.0 + 1..=until.0).map(Revision).zip(&batch.writes) {
                if revision <= self.counted {
                    continue;
                }
                let place = manifest.place(write.resource().as_str(), write.path());
                // At most it has replaced the largest object.
                let replaced = manifest.partitions.get(place).map_or(0, |partition| partition.largest);
                self.touched[place] = true;
                self.log_bytes += write.size_bytes() as u64;
                self.waste_max += write.size_bytes() as u64 + replaced;
            }
            if batch.head() <= until {
                self.place = reader.place();
            }
            self.counted = batch.head().min(until);
        }
        Ok(())
    }
}

/// The partitions that have been written to, with the small ones beside them.
fn plan(manifest: &Manifest, touched: &[bool], image: &Image, partition_bytes: u64) -> Vec<Group> {
    let count = manifest.partitions.len();
    let small = |place: usize| manifest.partitions[place].bytes < partition_bytes / 4;
    let mut groups: Vec<Range<usize>> = Vec::new();
    for place in (0..touched.len()).filter(|place| touched[*place]) {
        let (mut start, mut end) = (place, (place + 1).min(count));
        while start > 0 && small(start - 1) {
            start -= 1;
        }
        while end < count && small(end) {
            end += 1;
        }
        match groups.last_mut() {
            Some(last) if last.end >= start => last.end = end.max(last.end),
            _ => groups.push(start..end),
        }
    }
    let weigh = |places: Range<usize>| {
        let old_bytes = manifest.partitions[places.clone()].iter().map(|one| one.bytes).sum();
        let mut group = Group { places, old_bytes, new_bytes: 0 };
        group.new_bytes = objects(manifest, &group, image).map(|(_, object)| stored_bytes(object)).sum();
        group
    };
    groups.into_iter().map(weigh).collect()
}

/// The objects of the image that belong to a group of partitions, in order.
fn objects<'a>(
    manifest: &'a Manifest,
    group: &Group,
    image: &'a Image,
) -> impl Iterator<Item = (&'a ResourceName, &'a Object)> + use<'a> {
    // What comes before the first partition belongs to it.
    let from = group.places.start.checked_sub(1).map(|_| &manifest.partitions[group.places.start].first);
    let until = manifest.partitions.get(group.places.end).map(|partition| &partition.first);
    image.tables.iter().flat_map(move |(resource, table)| {
        let outside = from.is_some_and(|from| *resource < from.resource)
            || until.is_some_and(|until| *resource > until.resource);
        let from = from.filter(|from| from.resource == *resource).map_or("", |from| &from.path);
        let until = until.filter(|until| until.resource == *resource).map(|until| &*until.path);
        let objects = (!outside).then(|| table.between(from, until));
        objects.into_iter().flatten().map(move |object| (resource, object))
    })
}
