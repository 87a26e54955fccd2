//! What a worker still has to see of its own writes before it decides again.
//!
//! A worker that decides on a cache which does not show yet what it did a moment ago does it twice. Upstream counts the
//! creations and deletions that are to be seen; here every write says by itself what will show it: the revision that
//! the server gave it, which the kind's cache reaches, or the object that is gone. So nothing has to be counted, nothing
//! leaks when an event is lost, and all kinds of writes are covered.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::cache::Seen;
use crate::resource::Key;

/// What shows a write.
#[derive(Clone)]
pub enum Expected {
    /// The kind's cache has come to this revision.
    Reached(Arc<dyn Seen>, u64),
    /// The object of this key and uid is gone, or on its way out.
    Going(Arc<dyn Seen>, Key, String),
}

impl Expected {
    fn is_seen(&self) -> bool {
        match self {
            Self::Reached(cache, revision) => cache.has_reached(*revision),
            Self::Going(cache, key, uid) => cache.is_going(key, uid),
        }
    }
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reached(_, revision) => write!(f, "revision {revision}"),
            Self::Going(_, key, uid) => write!(f, "{key} ({uid}) gone"),
        }
    }
}

/// What is expected, by the key whose work it was.
#[derive(Debug, Default)]
pub struct Expectations {
    open: Mutex<HashMap<Key, Vec<Expected>>>,
}

impl Expectations {
    /// From now on, `key` waits for this.
    pub fn expect(&self, key: &Key, what: Expected) {
        if !what.is_seen() {
            self.open.lock().entry(key.clone()).or_default().push(what);
        }
    }

    /// Whether everything that `key` waits for is seen.
    #[must_use]
    pub fn are_met(&self, key: &Key) -> bool {
        let mut open = self.open.lock();
        let Some(expected) = open.get_mut(key) else { return true };
        expected.retain(|expected| !expected.is_seen());
        let met = expected.is_empty();
        if met {
            open.remove(key);
        }
        met
    }

    /// Forgets a key.
    pub fn forget(&self, key: &Key) {
        self.open.lock().remove(key);
    }
}
