//! What is appended to the log: some writes that become durable together or not at all.

use keelson_api::time::UnixMillis;

use crate::key::{Key, ResourceName};
use crate::object::Object;
use crate::revision::Revision;

/// Tells batches apart, also between processes: a writer that does not know whether its batch was committed looks
/// for this in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchId {
    /// Drawn at random by each opened store.
    pub writer: u64,
    /// Counted by that store.
    pub sequence: u64,
}

/// Consecutive writes that extend a history from `base`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Unique in the history.
    pub id: BatchId,
    /// The head this extends; the batch can be committed only while that is the head.
    pub base: Revision,
    /// When it was made, by the writer's clock. Never decides about order.
    pub at: UnixMillis,
    /// At least one. The write at index `i` has the revision `base + 1 + i`.
    pub writes: Vec<Write>,
}

impl Batch {
    /// The head after this batch.
    #[must_use]
    pub fn head(&self) -> Revision {
        self.base.plus(self.writes.len() as u64)
    }
}

/// One change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The object is now this.
    Put(ResourceName, Object),
    /// The object is gone.
    Delete(Key),
}

impl Write {
    /// The resource it touches.
    #[must_use]
    pub fn resource(&self) -> &ResourceName {
        match self {
            Self::Put(resource, _) => resource,
            Self::Delete(key) => &key.resource,
        }
    }

    /// The path within the resource.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Put(_, object) => object.path(),
            Self::Delete(key) => &key.path,
        }
    }

    /// About how many bytes it takes in a log.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        const FIXED_BYTES: usize = 40;
        let resource = self.resource().as_str().len();
        match self {
            Self::Put(_, object) => FIXED_BYTES + resource + object.path_and_value().len(),
            Self::Delete(key) => FIXED_BYTES + resource + key.path.len(),
        }
    }
}
