//! What happened to one object, and how it is shared by all who watch.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use keelson_api::time::UnixMillis;

use crate::object::Object;
use crate::revision::Revision;

/// One write, as seen by a watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The write's own revision.
    pub revision: Revision,
    /// When its batch was made.
    pub at: UnixMillis,
    /// What happened.
    pub kind: EventKind,
    /// The object as the write left it; after a deletion, as it was last.
    pub object: Object,
    /// The object as it was before an update.
    pub previous: Option<Object>,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It is new.
    Created,
    /// It was replaced.
    Updated,
    /// It is gone.
    Deleted,
}

impl Event {
    /// About how many bytes of log it stands for.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        const FIXED_BYTES: usize = 64;
        let value = self.after().map_or(0, |object| object.value().len());
        (FIXED_BYTES + self.object.path().len() + value) as u64
    }

    /// The object before the write, if there was one.
    #[must_use]
    pub fn before(&self) -> Option<&Object> {
        match self.kind {
            EventKind::Created => None,
            EventKind::Updated => self.previous.as_ref(),
            EventKind::Deleted => Some(&self.object),
        }
    }

    /// The object after the write, if there is one.
    #[must_use]
    pub fn after(&self) -> Option<&Object> {
        (self.kind != EventKind::Deleted).then_some(&self.object)
    }
}

/// How many encoded forms of one event can be shared.
pub const FORMS_MAX: usize = 8;

/// An event on its way to its watchers, with the forms it has been encoded in on the way: each is made once, by the
/// first who needs it, and lives only until the last watcher has sent it.
#[derive(Debug)]
pub struct Notification {
    event: Arc<Event>,
    forms: [OnceLock<Bytes>; FORMS_MAX],
}

impl Notification {
    /// Wraps an event that has not been encoded yet.
    #[must_use]
    pub fn new(event: Arc<Event>) -> Self {
        Self { event, forms: [const { OnceLock::new() }; FORMS_MAX] }
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Arc<Event> {
        &self.event
    }

    /// The event in the form number `form` (below [`FORMS_MAX`]; what the numbers mean is the caller's affair), made
    /// by `make` if nobody has asked for it yet.
    #[must_use]
    pub fn form(&self, form: usize, make: impl FnOnce(&Event) -> Bytes) -> Bytes {
        self.forms[form].get_or_init(|| make(&self.event)).clone()
    }
}

impl Deref for Notification {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.event
    }
}
