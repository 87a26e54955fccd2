//! What the committer, the readers and the background tasks of one store have in common.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use keelson_api::time::Clock;
use parking_lot::RwLock;
use tokio::sync::Notify;

use crate::backend::Backend;
use crate::index::IndexDefinition;
use crate::key::ResourceName;
use crate::options::{Limits, Retention};
use crate::replica::Replica;
use crate::revision::Revision;
use crate::signal::Signal;
use crate::watch::Hub;

/// The store cannot go on; the text says why.
#[derive(Clone, Debug)]
pub(crate) struct Failure(pub(crate) String);

/// The parts of a store that outlive a request.
pub(crate) struct Shared {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) replica: RwLock<Replica>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) definitions: BTreeMap<ResourceName, Vec<IndexDefinition>>,
    pub(crate) clock: Clock,
    pub(crate) writer: u64,
    pub(crate) limits: Limits,
    pub(crate) retention: Retention,
    pub(crate) statistics: Statistics,
    /// Told when much was written since history could last be cut.
    pub(crate) crowded: Notify,
    /// How far the replica is, and whether it goes on.
    pub(crate) progress: Signal<Progress>,
}

/// How far a store is.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) head: Revision,
    /// Why it does not go on, if it does not.
    pub(crate) ended: Option<Arc<str>>,
}

/// What has been counted since the store was opened.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) appends: AtomicU64,
    pub(crate) append_nanos: AtomicU64,
    pub(crate) writes: AtomicU64,
}

impl Shared {
    pub(crate) fn head(&self) -> Revision {
        self.replica.read().head()
    }

    pub(crate) fn advance(&self, head: Revision) {
        self.progress.update(|progress| progress.head = head);
    }

    /// Says that the store does not go on. The first reason stands.
    pub(crate) fn end(&self, why: &str) {
        self.progress.update(|progress| {
            progress.ended.get_or_insert_with(|| Arc::from(why));
        });
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("progress", &self.progress.get()).finish_non_exhaustive()
    }
}
