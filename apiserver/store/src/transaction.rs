//! What a writer asks for: changes of several objects, each under its own conditions, all or none.

use bytes::Bytes;
use keelson_api::uid::Uid;

use crate::backend::{BackendError, Refusal};
use crate::key::{BadKey, Key};
use crate::object::Object;
use crate::revision::Revision;

/// Changes that are made together or not at all. No two may name the same key.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// In the order in which they get their revisions.
    pub operations: Vec<Operation>,
}

/// One object's change, and what must hold of the object before.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The object.
    pub key: Key,
    /// What must hold, or nothing of the transaction happens.
    pub expect: Expect,
    /// What becomes of it.
    pub change: Change,
}

/// What becomes of an object.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is created or replaced.
    Put {
        /// Its identity.
        uid: Uid,
        /// Its new bytes.
        value: Bytes,
    },
    /// It is removed. There must be one.
    Delete,
    /// Nothing; only the conditions count.
    Check,
}

/// What must hold of an object for a transaction to happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// Whether there is one.
    pub presence: Presence,
    /// The revision that last wrote it.
    pub revision: Option<Revision>,
    /// Its identity.
    pub uid: Option<Uid>,
}

/// Whether an object is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Either way.
    #[default]
    Any,
    /// There is none.
    Absent,
    /// There is one.
    Present,
}

impl Expect {
    /// There is no such object.
    pub const ABSENT: Self = Self { presence: Presence::Absent, revision: None, uid: None };
    /// There is one, whatever it is.
    pub const PRESENT: Self = Self { presence: Presence::Present, revision: None, uid: None };

    /// There is one, last written by `revision`.
    #[must_use]
    pub const fn at(revision: Revision) -> Self {
        Self { presence: Presence::Present, revision: Some(revision), uid: None }
    }

    /// What of this does not hold for `current`, if anything.
    #[must_use]
    pub fn unmet(&self, current: Option<&Object>) -> Option<Unmet> {
        let Some(current) = current else {
            let wanted = self.presence == Presence::Present || self.revision.is_some() || self.uid.is_some();
            return wanted.then_some(Unmet::Missing);
        };
        if self.presence == Presence::Absent {
            Some(Unmet::Exists)
        } else if self.uid.is_some_and(|uid| uid != current.uid()) {
            Some(Unmet::Uid)
        } else if self.revision.is_some_and(|revision| revision != current.revision()) {
            Some(Unmet::Revision)
        } else {
            None
        }
    }
}

/// The condition that did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// There is such an object already.
    #[error("it exists already")]
    Exists,
    /// There is no such object.
    #[error("it does not exist")]
    Missing,
    /// It has been written since.
    #[error("it has another revision")]
    Revision,
    /// It is another object of the same name.
    #[error("it has another uid")]
    Uid,
}

impl Transaction {
    /// A transaction of one operation.
    #[must_use]
    pub fn one(key: Key, expect: Expect, change: Change) -> Self {
        Self { operations: vec![Operation { key, expect, change }] }
    }

    /// Creates an object that must not be there.
    #[must_use]
    pub fn create(key: Key, uid: Uid, value: Bytes) -> Self {
        Self::one(key, Expect::ABSENT, Change::Put { uid, value })
    }

    /// Replaces `seen`, if it is still that.
    #[must_use]
    pub fn update(key: Key, seen: &Object, value: Bytes) -> Self {
        Self::one(key, Expect::at(seen.revision()), Change::Put { uid: seen.uid(), value })
    }

    /// Removes an object.
    #[must_use]
    pub fn delete(key: Key, expect: Expect) -> Self {
        Self::one(key, expect, Change::Delete)
    }

    /// With one more operation.
    #[must_use]
    pub fn and(mut self, key: Key, expect: Expect, change: Change) -> Self {
        self.operations.push(Operation { key, expect, change });
        self
    }

    /// About how many bytes it adds to a log.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        const FIXED_BYTES: usize = 64;
        let value = |change: &Change| if let Change::Put { value, .. } = change { value.len() } else { 0 };
        self.operations
            .iter()
            .map(|operation| FIXED_BYTES + operation.key.path.len() + value(&operation.change))
            .sum()
    }
}

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The revision of its last write; of the state it was judged by, if it wrote nothing.
    pub revision: Revision,
    /// For each operation the object it left (`Put`), removed (`Delete`) or found (`Check`).
    pub objects: Vec<Option<Object>>,
}

/// Why a transaction did not happen; or, for one kind alone, why nobody can say whether it did.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// A condition did not hold.
    #[error("{0}")]
    Unmet(Box<UnmetCondition>),
    /// It could never happen as it stands.
    #[error("invalid transaction: {0}")]
    Invalid(&'static str),
    /// It is larger than the store takes.
    #[error("the transaction has {bytes} bytes, more than the {max} that the store takes at once")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The backend takes no writes now.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It may have happened or may still happen: the backend's answer was lost and could not be found out in time.
    #[error("the outcome is unknown: {0}")]
    Unknown(BackendError),
    /// The store has failed or was closed.
    #[error("the store is closed: {0}")]
    Closed(String),
}

/// The condition that stood in a transaction's way.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{key}: {unmet}")]
pub struct UnmetCondition {
    /// Which operation, counted from 0.
    pub operation: usize,
    /// The object.
    pub key: Key,
    /// What did not hold.
    pub unmet: Unmet,
    /// The object as it is.
    pub current: Option<Object>,
}

impl From<BadKey> for CommitError {
    fn from(bad: BadKey) -> Self {
        Self::Invalid(bad.0)
    }
}

impl From<UnmetCondition> for CommitError {
    fn from(condition: UnmetCondition) -> Self {
        Self::Unmet(Box::new(condition))
    }
}
