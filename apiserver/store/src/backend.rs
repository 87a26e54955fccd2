//! The seam to what keeps bytes: an ordered log with one atomic, conditional append, and a base that its past is
//! folded into.
//!
//! **The log is the truth.** A history is the sequence of batches ever appended. A backend keeps it in two parts: the
//! *base*, which holds the objects as they stood at the *floor*, and the *log*, every batch after the floor. The
//! latest state is never written separately: base plus log *is* the state, each write goes to the backend once, and
//! [`Backend::compact`] moves the floor up by folding the oldest part of the log into the base.
//!
//! **The head is a fence.** A batch names the head it extends and is committed only while that is the head. So two
//! writers can never both extend the same history, and safety needs no lock, lease or clock. A writer that lost the
//! reply simply appends the same batch again: if the first try had its effect, the head has moved and the log says
//! whose batch it was.
//!
//! What a backend must keep to is tested for all of them alike by the suite in `contract`.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::batch::Batch;
use crate::image::Image;
use crate::key::ResourceName;
use crate::object::Object;
use crate::revision::Revision;

/// An ordered log with a fence, kept somewhere.
///
/// An append may block the calling thread while it waits for a disk: whoever commits has a thread of its own.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Whether somebody else may append to the same history while this is open.
    fn sharing(&self) -> Sharing;

    /// The revision of the last committed write; [`Revision::GENESIS`] if there never was one.
    async fn head(&self) -> Result<Revision, BackendError>;

    /// Makes `batch` durable, whole, if the head is still `batch.base`.
    async fn append(&self, batch: &Arc<Batch>) -> Appended;

    /// The committed batches after revision `after` in order, up to the head at the time of the call. A batch that
    /// holds `after` in its middle comes whole.
    ///
    /// # Errors
    /// [`BackendError::Compacted`] if `after` lies before the floor.
    async fn log(&self, after: Revision) -> Result<Batches, BackendError>;

    /// The base: all objects as they stood at the floor.
    async fn scan(&self) -> Result<Scan, BackendError>;

    /// Moves the floor to `image.revision`, which lies between the floor and the head: afterwards the base is
    /// `image` and the log begins behind it. A backend may keep the log longer than asked, never shorter; the floor
    /// it then reports is the lower one.
    async fn compact(&self, image: &Image) -> Result<(), BackendError>;

    /// Waits until the head is past `past`, and returns it; forever where nobody else writes.
    async fn advanced(&self, past: Revision) -> Result<Revision, BackendError>;

    /// What it takes up.
    async fn usage(&self) -> Result<Usage, BackendError>;
}

/// Who else may write to a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody: what this process has not written is not there.
    Exclusive,
    /// Other processes: a most recent read has to ask for the head.
    Shared,
}

/// How an append ended.
#[derive(Debug)]
#[must_use]
pub enum Appended {
    /// It is durable.
    Committed,
    /// Somebody else has extended the history; it had no effect and never will.
    Conflict {
        /// The head it met.
        head: Revision,
    },
    /// It had no effect and never will; trying again later may help.
    Refused(Refusal),
    /// It may have had its effect, or may have it later: look into the log.
    Unknown(BackendError),
}

/// Why a backend takes no writes at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no room for it.
    #[error("the storage is full: {0}")]
    Full(String),
    /// Something else that says for certain that there was no effect.
    #[error("the storage takes no writes: {0}")]
    ReadOnly(String),
}

/// What can go wrong between the store and its bytes.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BackendError {
    /// Bytes are not what was written.
    #[error("corrupt data in {place}: {what}; {remedy}")]
    Corrupt {
        /// The file and offset, or the key.
        place: String,
        /// What does not fit.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// The part of the history that was asked for is folded into the base.
    #[error("the history before revision {floor} is compacted")]
    Compacted {
        /// The lowest revision that [`Backend::log`] can begin after.
        floor: Revision,
    },
    /// The system refused.
    #[error("{doing}: {cause}")]
    Io {
        /// What was being done, and to what.
        doing: String,
        /// What the system said.
        cause: Arc<std::io::Error>,
    },
    /// It cannot be reached or has been closed.
    #[error("the storage is unavailable: {0}")]
    Unavailable(String),
}

/// Committed batches, in order.
pub type Batches = BoxStream<'static, Result<Arc<Batch>, BackendError>>;

/// All objects at a revision.
pub struct Scan {
    /// The floor: the revision at which the objects stood so.
    pub at: Revision,
    /// The objects in runs. The parts may be read side by side; no object is in two of them.
    pub parts: Vec<BoxStream<'static, Result<Run, BackendError>>>,
}

/// Some objects of one resource, in order of their paths.
#[derive(Debug)]
pub struct Run {
    /// Their resource.
    pub resource: ResourceName,
    /// The objects.
    pub objects: Vec<Object>,
}

/// What a backend takes up, in bytes on its medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The floor: history is kept from here on.
    pub floor: Revision,
    /// The log, folded or not.
    pub log_bytes: u64,
    /// The base.
    pub base_bytes: u64,
    /// What the medium has left; absent where that cannot be told.
    pub free_bytes: Option<u64>,
}
