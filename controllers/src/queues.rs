//! The queues of all controllers, for whoever wants to see how they get on.

use std::sync::Arc;

use keelson_client::Key;
use keelson_client::queue::{Figures, Queue};
use parking_lot::Mutex;

/// The queues of controllers, by their names. Cheap to clone; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Queues {
    known: Arc<Mutex<Vec<(&'static str, Queue<Key>)>>>,
}

impl Queues {
    /// A controller works on the keys of this queue.
    pub(crate) fn show(&self, name: &'static str, queue: &Queue<Key>) {
        self.known.lock().push((name, queue.clone()));
    }

    /// What each queue has done.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, Figures)> {
        self.known.lock().iter().map(|(name, queue)| (*name, queue.figures())).collect()
    }
}
