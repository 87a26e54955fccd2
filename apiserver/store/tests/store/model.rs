//! The trivial reference: every write there ever was, in a list. Any state is worked out by replaying it from the
//! start, any answer by looking through it. Slow, short, and nothing in it is shared with the store.

use std::collections::BTreeMap;

use keelson_api::uid::Uid;
use keelson_store::event::{Event, EventKind};
use keelson_store::key::{Key, ResourceName};
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use keelson_store::transaction::{Change, Presence, Transaction, Unmet};
use keelson_store::watch::{Part, Scope};

/// An object as the model has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) created: u64,
    pub(crate) revision: u64,
    pub(crate) uid: Uid,
    pub(crate) value: Vec<u8>,
}

/// All objects at a revision.
pub(crate) type State = BTreeMap<Key, Stored>;

/// One write. The first has the revision after genesis, and so on.
#[derive(Clone, Debug)]
struct Version {
    key: Key,
    before: Option<Stored>,
    after: Option<Stored>,
    at: u64,
}

/// A write as a watcher sees it: revision, kind, path, the object, and what it replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen(pub(crate) u64, EventKind, Box<str>, Stored, Option<Stored>);

/// What a transaction that does not happen is told: which operation, why, and what is there.
pub(crate) type Refused = (usize, Unmet, Option<Stored>);

/// Every write, and how much of it is still to be had.
#[derive(Debug, Default)]
pub(crate) struct Model {
    versions: Vec<Version>,
    latest: State,
    pub(crate) floor: u64,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { floor: Revision::GENESIS.0, ..Self::default() }
    }

    pub(crate) fn head(&self) -> u64 {
        Revision::GENESIS.0 + self.versions.len() as u64
    }

    /// What the transaction does, or why it does not happen.
    pub(crate) fn commit(
        &mut self,
        transaction: &Transaction,
        at: u64,
    ) -> Result<Vec<Option<Stored>>, Refused> {
        for (operation, wanted) in transaction.operations.iter().enumerate() {
            let current = self.latest.get(&wanted.key);
            let needed = wanted.expect.presence == Presence::Present
                || wanted.expect.revision.is_some()
                || wanted.expect.uid.is_some()
                || matches!(wanted.change, Change::Delete);
            let unmet = match current {
                None => needed.then_some(Unmet::Missing),
                Some(_) if wanted.expect.presence == Presence::Absent => Some(Unmet::Exists),
                Some(now) if wanted.expect.uid.is_some_and(|uid| uid != now.uid) => Some(Unmet::Uid),
                Some(now) if wanted.expect.revision.is_some_and(|seen| seen.0 != now.revision) => {
                    Some(Unmet::Revision)
                }
                Some(_) => None,
            };
            if let Some(unmet) = unmet {
                return Err((operation, unmet, current.cloned()));
            }
        }
        let operations = transaction.operations.iter();
        Ok(operations.map(|operation| self.write(&operation.key, &operation.change, at)).collect())
    }

    fn write(&mut self, key: &Key, change: &Change, at: u64) -> Option<Stored> {
        let before = self.latest.get(key).cloned();
        let revision = self.head() + 1;
        let after = match change {
            Change::Check => return before,
            Change::Delete => None,
            Change::Put { uid, value } => {
                // Another identity is another object, even where it takes the place of one.
                let created = before.as_ref().filter(|before| before.uid == *uid);
                let created = created.map_or(revision, |before| before.created);
                Some(Stored { created, revision, uid: *uid, value: value.to_vec() })
            }
        };
        match &after {
            Some(after) => self.latest.insert(key.clone(), after.clone()),
            None => self.latest.remove(key),
        };
        self.versions.push(Version { key: key.clone(), before: before.clone(), after: after.clone(), at });
        after.or(before)
    }

    /// Everything as it was.
    pub(crate) fn state(&self, at: u64) -> State {
        let mut state = State::new();
        for version in &self.versions[..(at - Revision::GENESIS.0) as usize] {
            match &version.after {
                Some(after) => state.insert(version.key.clone(), after.clone()),
                None => state.remove(&version.key),
            };
        }
        state
    }

    /// The objects of one resource as they were, by path.
    pub(crate) fn table(&self, resource: &ResourceName, at: u64) -> Vec<(Box<str>, Stored)> {
        let state = self.state(at).into_iter();
        state.filter(|(key, _)| key.resource == *resource).map(|(key, stored)| (key.path, stored)).collect()
    }

    /// What a watch of `scope` sees after `after`, up to and including `to`.
    pub(crate) fn events(&self, scope: &Scope, after: u64, to: u64) -> Vec<Seen> {
        let numbered = (Revision::GENESIS.0 + 1..).zip(&self.versions);
        let wanted = numbered.filter(|(revision, version)| {
            (after + 1..=to).contains(revision)
                && version.key.resource == scope.resource
                && version.concerns(&scope.part)
        });
        wanted.map(|(revision, version)| version.seen(revision)).collect()
    }

    /// When the write of a revision was made; zero for genesis.
    pub(crate) fn time(&self, revision: u64) -> u64 {
        revision.checked_sub(Revision::GENESIS.0 + 1).map_or(0, |write| self.versions[write as usize].at)
    }
}

impl Version {
    fn concerns(&self, part: &Part) -> bool {
        match part {
            Part::All => true,
            Part::Namespace(namespace) => self.key.path.starts_with(&format!("{namespace}/")),
            Part::Path(path) => self.key.path == *path,
            Part::Index { value, .. } => {
                let has = |stored: &Stored| colors(&stored.value).iter().any(|color| **color == **value);
                self.before.iter().chain(&self.after).any(has)
            }
        }
    }

    fn seen(&self, revision: u64) -> Seen {
        let path = self.key.path.clone();
        match (&self.before, &self.after) {
            (None, Some(after)) => Seen(revision, EventKind::Created, path, after.clone(), None),
            (Some(before), Some(after)) => {
                Seen(revision, EventKind::Updated, path, after.clone(), Some(before.clone()))
            }
            (before, None) => {
                let last = before.clone().expect("only what is there can be deleted");
                Seen(revision, EventKind::Deleted, path, last, None)
            }
        }
    }
}

/// What an object's value says it is found by: the words before the bar.
pub(crate) fn colors(value: &[u8]) -> Vec<&str> {
    let text = std::str::from_utf8(value).unwrap_or_default();
    text.split_once('|')
        .map_or(Vec::new(), |(colors, _)| colors.split(',').filter(|color| !color.is_empty()).collect())
}

/// A store's object as the model would have it.
pub(crate) fn stored(object: &Object) -> Stored {
    Stored {
        created: object.created().0,
        revision: object.revision().0,
        uid: object.uid(),
        value: object.value().to_vec(),
    }
}

/// A store's event as the model would have it.
pub(crate) fn seen(event: &Event) -> Seen {
    let previous = event.previous.as_ref().map(stored);
    Seen(event.revision.0, event.kind, event.object.path().into(), stored(&event.object), previous)
}
