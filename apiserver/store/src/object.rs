//! One stored object: everything about it in a single allocation.

use std::fmt;

use bytes::Bytes;
use keelson_api::uid::Uid;
use triomphe::ThinArc;

use crate::key::{name_of, namespace_of};
use crate::revision::Revision;

/// An object as it stands at some revision. Immutable, shared, one pointer wide.
///
/// Header, path and value lie in one allocation, because there are millions of these: the same bytes serve the
/// table, the event window and every reader.
#[derive(Clone)]
pub struct Object(ThinArc<Header, u8>);

struct Header {
    created: Revision,
    revision: Revision,
    uid: Uid,
    path_len: u16,
}

impl Object {
    /// Bytes that an object of this crate takes beyond its path and value, before the allocator's rounding.
    pub const OVERHEAD_BYTES: usize = size_of::<Header>() + 2 * size_of::<usize>();

    /// Puts an object together from `path_and_value`, whose first `path_len` bytes are the path.
    ///
    /// # Panics
    /// If the path is longer than a key may be, or is not UTF-8: callers have checked their input.
    #[must_use]
    pub fn new(
        created: Revision,
        revision: Revision,
        uid: Uid,
        path_len: usize,
        path_and_value: &[u8],
    ) -> Self {
        assert!(std::str::from_utf8(&path_and_value[..path_len]).is_ok(), "a path is UTF-8");
        let path_len = u16::try_from(path_len).expect("a path is shorter than PATH_BYTES_MAX");
        Self(ThinArc::from_header_and_slice(Header { created, revision, uid, path_len }, path_and_value))
    }

    /// The same, as of another revision: that of its removal.
    #[must_use]
    pub fn as_of(&self, revision: Revision) -> Self {
        Self::new(self.created(), revision, self.uid(), self.path_len(), self.path_and_value())
    }

    /// The revision that created it.
    #[must_use]
    pub fn created(&self) -> Revision {
        self.0.header.header.created
    }

    /// The revision that last wrote it.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.header.header.revision
    }

    /// Its identity.
    #[must_use]
    pub fn uid(&self) -> Uid {
        self.0.header.header.uid
    }

    /// `namespace/name`, or `name`.
    #[must_use]
    pub fn path(&self) -> &str {
        std::str::from_utf8(&self.0.slice[..self.path_len()]).expect("checked in `new`")
    }

    /// The namespace; empty where there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        namespace_of(self.path())
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        name_of(self.path())
    }

    /// The stored bytes, opaque to the store.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.0.slice[self.path_len()..]
    }

    /// The stored bytes as a shared buffer that keeps the object alive.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        Bytes::from_owner(Value(self.clone()))
    }

    /// Path and value, as they lie in memory.
    #[must_use]
    pub fn path_and_value(&self) -> &[u8] {
        &self.0.slice
    }

    pub(crate) fn path_bytes(&self) -> &[u8] {
        &self.0.slice[..self.path_len()]
    }

    pub(crate) fn path_len(&self) -> usize {
        usize::from(self.0.header.header.path_len)
    }
}

struct Value(Object);

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self.0.value()
    }
}

/// Equal in everything that is stored.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.revision() == other.revision()
            && self.created() == other.created()
            && self.uid() == other.uid()
            && self.path_len() == other.path_len()
            && self.path_and_value() == other.path_and_value()
    }
}

impl Eq for Object {}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} ({} bytes)", self.path(), self.revision(), self.value().len())
    }
}
