//! What the base consists of: the floor, and the partitions in order. One small file, which is replaced as a whole;
//! that is the moment at which a compaction takes effect.
//!
//! ```text
//! frame "KMAN": floor u64 · next id u64 · count varint · partition*
//! partition = id varint · resource · path · bytes varint · largest varint
//! resource, path = length varint · bytes
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use keelson_store::backend::BackendError;
use keelson_store::codec::{Malformed, Reader, frame, put_text, put_varint, unframe};
use keelson_store::key::{Key, ResourceName};
use keelson_store::revision::Revision;

use crate::disk::Disk;
use crate::error::{damaged, failed};
use crate::partition::{self, Partition};

const NAME: &str = "manifest";
const MARK: u32 = u32::from_le_bytes(*b"KMAN");

/// The base as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) floor: Revision,
    /// No partition ever had this id or a higher one.
    pub(crate) next_id: u64,
    /// In order of their keys, which do not overlap.
    pub(crate) partitions: Vec<Arc<Partition>>,
}

impl Manifest {
    /// That of a new store.
    pub(crate) fn empty() -> Self {
        Self { floor: Revision::GENESIS, next_id: 1, partitions: Vec::new() }
    }

    /// What the partitions take up.
    pub(crate) fn bytes(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.bytes).sum()
    }

    /// The place of the partition that `resource` and `path` belong to. What comes before the first one's first
    /// key belongs to the first one too.
    pub(crate) fn place(&self, resource: &str, path: &str) -> usize {
        let key = (resource, path);
        let begun =
            self.partitions.partition_point(|one| (one.first.resource.as_str(), &*one.first.path) <= key);
        begun.saturating_sub(1)
    }

    /// Replaces the file.
    pub(crate) fn write(&self, disk: &Disk, dir: &Path) -> Result<(), BackendError> {
        let mut bytes = Vec::new();
        frame(MARK, &mut bytes, |out| {
            out.extend_from_slice(&self.floor.0.to_le_bytes());
            out.extend_from_slice(&self.next_id.to_le_bytes());
            put_varint(out, self.partitions.len() as u64);
            for partition in &self.partitions {
                put_varint(out, partition.id);
                put_text(out, partition.first.resource.as_str());
                put_text(out, &partition.first.path);
                put_varint(out, partition.bytes);
                put_varint(out, partition.largest);
            }
        });
        let path = path(dir);
        disk.replace(&path, &bytes).map_err(|error| failed("write", &path, error))
    }

    /// Reads the file, if it is there. The partitions lie in `base`.
    pub(crate) fn read(disk: &Arc<Disk>, dir: &Path, base: &Path) -> Result<Option<Self>, BackendError> {
        let path = path(dir);
        match std::fs::read(&path) {
            Ok(bytes) => decode(disk, base, &bytes).map(Some).map_err(|what| damaged(&path, 0, &what)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path, error)),
        }
    }
}

pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

fn decode(disk: &Arc<Disk>, base: &Path, mut bytes: &[u8]) -> Result<Manifest, Malformed> {
    let mut reader = Reader { rest: unframe(MARK, &mut bytes)? };
    let (floor, next_id, count) = (Revision(reader.u64()?), reader.u64()?, reader.varint()?);
    let mut manifest = Manifest { floor, next_id, partitions: Vec::new() };
    for _ in 0..count {
        let id = reader.varint()?;
        let first = Key { resource: ResourceName::new(reader.text()?), path: reader.text()?.into() };
        manifest.partitions.push(Arc::new(Partition {
            id,
            first,
            bytes: reader.varint()?,
            largest: reader.varint()?,
            path: partition::path(base, id),
            disk: disk.clone(),
            retired: AtomicBool::new(false),
        }));
    }
    let in_order = manifest.partitions.is_sorted_by(|one, next| one.first < next.first);
    let known = manifest.partitions.iter().all(|partition| partition.id < next_id);
    match in_order && known && floor >= Revision::GENESIS && reader.rest.is_empty() && bytes.is_empty() {
        true => Ok(manifest),
        false => Err(Malformed("the manifest makes no sense")),
    }
}
