//! A place to try changes in: a store of its own that begins with another's state, and what has become different there.
//!
//! Whoever wants several writes to happen together, each of them judged by what those before it have done, makes them in
//! a fork, and then asks the store for what the fork has come to, in one transaction. That transaction holds only if
//! nobody has touched these objects meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::Event;
use crate::key::Key;
use crate::memory::Memory;
use crate::object::Object;
use crate::options::{CommitterRuns, Options};
use crate::shared::Shared;
use crate::store::Store;
use crate::transaction::{Change, Expect, Operation, Transaction};

/// A state that began as another store's, and goes its own way. It is gone when it is dropped.
#[derive(Debug)]
pub struct Fork {
    store: Store,
}

impl Fork {
    pub(crate) fn of(shared: &Shared) -> Self {
        let replica = shared.replica.read().fork();
        let backend = Memory::from_image(replica.image());
        let options = Options {
            clock: shared.clock.clone(),
            writer: shared.writer,
            committer: CommitterRuns::AsTask,
            limits: shared.limits.clone(),
            retention: shared.retention.clone(),
            indexes: shared.definitions.clone(),
        };
        Self { store: Store::of(replica, Arc::new(backend), options) }
    }

    /// Where the changes are made.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What makes another store's state this one, in the order in which it was first touched, if what has changed here
    /// is there still what it was.
    #[must_use]
    pub fn changes(&self) -> Transaction {
        let replica = self.store.shared().replica.read();
        let mut events: Vec<_> = replica
            .windows()
            .flat_map(|(resource, window)| window.iter().map(move |event| (resource, event)))
            .collect();
        events.sort_unstable_by_key(|(_, event)| event.revision);
        let mut places = HashMap::new();
        let mut changed: Vec<(Key, &Event, &Event)> = Vec::new();
        for (resource, event) in events {
            let key = Key { resource: resource.clone(), path: event.object.path().into() };
            let place = *places.entry(key.clone()).or_insert(changed.len());
            match changed.get_mut(place) {
                Some((_, _, last)) => *last = event,
                None => changed.push((key, event, event)),
            }
        }
        let operations =
            changed.into_iter().filter_map(|(key, first, last)| operation(key, first.before(), last.after()));
        Transaction { operations: operations.collect() }
    }
}

fn operation(key: Key, before: Option<&Object>, after: Option<&Object>) -> Option<Operation> {
    let expect = before.map_or(Expect::ABSENT, |before| Expect::at(before.revision()));
    let change = match (before, after) {
        (None, None) => return None,
        (Some(_), None) => Change::Delete,
        (Some(before), Some(after)) if before.uid() == after.uid() && before.value() == after.value() => {
            Change::Check
        }
        (_, Some(after)) => Change::Put { uid: after.uid(), value: after.bytes() },
    };
    Some(Operation { key, expect, change })
}
