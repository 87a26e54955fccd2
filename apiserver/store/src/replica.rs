//! The state machine that applies the log: tables, indexes, and the window of events back to the floor.
//!
//! Pure: it knows no backend, no lock and no clock. The same batches always give the same replica.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use keelson_api::time::UnixMillis;

use crate::batch::{Batch, Write};
use crate::event::{Event, EventKind};
use crate::image::Image;
use crate::index::{Index, IndexDefinition};
use crate::key::ResourceName;
use crate::object::Object;
use crate::revision::Revision;
use crate::table::Table;

/// Everything the store holds, and what happened since the floor.
#[derive(Debug)]
pub struct Replica {
    head: Revision,
    floor: Revision,
    collections: BTreeMap<ResourceName, Collection>,
    /// States to come back to, oldest first: where history may be cut, and from where old states are worked out.
    pins: VecDeque<Pin>,
    /// What the window amounts to.
    history_bytes: u64,
    /// What was ever applied; only grows.
    written_bytes: u64,
}

/// The objects of one resource and their recent past.
#[derive(Debug, Default)]
struct Collection {
    table: Table,
    indexes: Vec<Index>,
    window: VecDeque<Arc<Event>>,
}

/// A state that was kept on the way.
#[derive(Clone, Debug)]
struct Pin {
    image: Image,
    at: UnixMillis,
    written_bytes: u64,
}

/// A batch does not fit the state it is applied to: the history is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log does not fit together at revision {revision}: {what}")]
pub struct Divergence {
    /// Where.
    pub revision: Revision,
    /// What is wrong.
    pub what: String,
}

/// The revision asked for is not one that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfRange {
    /// It lies before the floor.
    #[error("the history before revision {floor} is compacted")]
    Compacted {
        /// The floor.
        floor: Revision,
    },
    /// It lies beyond the head.
    #[error("revision {head} is the latest there is")]
    Future {
        /// The head.
        head: Revision,
    },
}

/// One applied batch, as its events.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The head before it.
    pub base: Revision,
    /// The head after it.
    pub head: Revision,
    /// Its events in order.
    pub events: Vec<(ResourceName, Arc<Event>)>,
}

impl Replica {
    /// A replica that holds `base`, to which the log after it will be applied.
    #[must_use]
    pub fn new(base: &Image, definitions: &BTreeMap<ResourceName, Vec<IndexDefinition>>) -> Self {
        let mut collections: BTreeMap<ResourceName, Collection> = BTreeMap::new();
        for (resource, definitions) in definitions {
            let indexes = definitions.iter().cloned().map(Index::new).collect();
            collections.insert(resource.clone(), Collection { indexes, ..Collection::default() });
        }
        for (resource, table) in &base.tables {
            let collection = collections.entry(resource.clone()).or_default();
            for index in &mut collection.indexes {
                table.iter().for_each(|object| index.replace(None, Some(object)));
            }
            collection.table = table.clone();
        }
        Self {
            head: base.revision,
            floor: base.revision,
            collections,
            pins: VecDeque::new(),
            history_bytes: 0,
            written_bytes: 0,
        }
    }

    /// The same state without a past. Costs nothing that grows with the number of objects.
    #[must_use]
    pub fn fork(&self) -> Self {
        let collections = self.collections.iter().map(|(resource, collection)| {
            let Collection { table, indexes, window: _ } = collection;
            let fork = Collection { table: table.clone(), indexes: indexes.clone(), window: VecDeque::new() };
            (resource.clone(), fork)
        });
        Self {
            head: self.head,
            floor: self.head,
            collections: collections.collect(),
            pins: VecDeque::new(),
            history_bytes: 0,
            written_bytes: 0,
        }
    }

    /// What happened since the floor, by resource, oldest first.
    pub fn windows(&self) -> impl Iterator<Item = (&ResourceName, &VecDeque<Arc<Event>>)> {
        self.collections.iter().map(|(resource, collection)| (resource, &collection.window))
    }

    /// The last revision that was made at `at` or before; nothing if that is not known.
    #[must_use]
    pub fn revision_as_of(&self, at: UnixMillis) -> Option<Revision> {
        let last = |window: &VecDeque<Arc<Event>>| {
            let end = window.partition_point(|event| event.at <= at);
            end.checked_sub(1).map(|last| window[last].revision)
        };
        self.windows().filter_map(|(_, window)| last(window)).max()
    }

    /// The revision of the last write applied.
    #[must_use]
    pub fn head(&self) -> Revision {
        self.head
    }

    /// The oldest revision that can be read, and watched from.
    #[must_use]
    pub fn floor(&self) -> Revision {
        self.floor
    }

    /// What the log since the floor amounts to.
    #[must_use]
    pub fn history_bytes(&self) -> u64 {
        self.history_bytes
    }

    /// How many events the window holds.
    #[must_use]
    pub fn history_events(&self) -> usize {
        self.collections.values().map(|collection| collection.window.len()).sum()
    }

    /// The objects of a resource as they are now.
    #[must_use]
    pub fn table(&self, resource: &str) -> Option<&Table> {
        self.collections.get(resource).map(|collection| &collection.table)
    }

    /// The object at `path` as it is now.
    #[must_use]
    pub fn get(&self, resource: &str, path: &str) -> Option<&Object> {
        self.table(resource)?.get(path)
    }

    pub(crate) fn indexes(&self, resource: &str) -> &[Index] {
        self.collections.get(resource).map_or(&[], |collection| &collection.indexes)
    }

    /// Applies the batch that extends this state. Where history was cut in the middle of a batch, the part of it that
    /// the base already holds is passed over.
    ///
    /// # Errors
    /// [`Divergence`], after which the replica must not be used any more.
    pub fn apply(&mut self, batch: &Batch) -> Result<Applied, Divergence> {
        if batch.base > self.head {
            let what = format!("a batch extends revision {}, not the head {}", batch.base, self.head);
            return Err(Divergence { revision: batch.base, what });
        }
        let base = self.head;
        let mut events = Vec::with_capacity(batch.writes.len());
        for (revision, write) in (batch.base.0 + 1..).map(Revision).zip(&batch.writes) {
            if revision <= base {
                continue;
            }
            if !self.collections.contains_key(write.resource()) {
                self.collections.insert(write.resource().clone(), Collection::default());
            }
            let collection = self.collections.get_mut(write.resource()).expect("inserted above");
            let event = collection.apply(write, revision, batch.at)?;
            self.history_bytes += event.size_bytes();
            self.written_bytes += event.size_bytes();
            self.head = revision;
            events.push((write.resource().clone(), event));
        }
        Ok(Applied { base, head: self.head, events })
    }

    /// Everything as it is now.
    #[must_use]
    pub fn image(&self) -> Image {
        let tables = self
            .collections
            .iter()
            .map(|(resource, collection)| (resource.clone(), collection.table.clone()));
        Image { revision: self.head, tables: tables.collect() }
    }

    /// Everything as it was at `revision`.
    ///
    /// # Errors
    /// [`OutOfRange`] where that is not known.
    pub fn image_at(&self, revision: Revision) -> Result<Image, OutOfRange> {
        self.check(revision)?;
        let resources = self.collections.keys();
        let tables = resources.map(|resource| (resource.clone(), self.undo(resource.as_str(), revision)));
        Ok(Image { revision, tables: tables.collect() })
    }

    /// The objects of `resource` as they were at `revision`.
    ///
    /// # Errors
    /// [`OutOfRange`] where that is not known.
    pub fn table_at(&self, resource: &str, revision: Revision) -> Result<Table, OutOfRange> {
        self.check(revision)?;
        Ok(self.undo(resource, revision))
    }

    fn check(&self, revision: Revision) -> Result<(), OutOfRange> {
        if revision < self.floor {
            Err(OutOfRange::Compacted { floor: self.floor })
        } else if revision > self.head {
            Err(OutOfRange::Future { head: self.head })
        } else {
            Ok(())
        }
    }

    /// Takes the writes after `revision` back, from the nearest later state that is at hand.
    fn undo(&self, resource: &str, revision: Revision) -> Table {
        let Some(collection) = self.collections.get(resource) else { return Table::default() };
        let pin = self.pins.iter().map(|pin| &pin.image).find(|image| image.revision >= revision);
        let (mut table, from) = match pin {
            Some(image) => (image.tables.get(resource).cloned().unwrap_or_default(), image.revision),
            None => (collection.table.clone(), self.head),
        };
        let end = collection.window.partition_point(|event| event.revision <= from);
        for event in collection.window.range(..end).rev().take_while(|event| event.revision > revision) {
            match event.before() {
                Some(object) => table.insert(object.clone()),
                None => table.remove(event.object.path()),
            };
        }
        table
    }

    /// The events of `resource` after `after` up to and including `to`, oldest first.
    ///
    /// # Errors
    /// [`OutOfRange::Compacted`] if some of them are gone.
    pub fn events(
        &self,
        resource: &str,
        after: Revision,
        to: Revision,
    ) -> Result<impl DoubleEndedIterator<Item = &Arc<Event>>, OutOfRange> {
        if after < self.floor {
            return Err(OutOfRange::Compacted { floor: self.floor });
        }
        let window = self.collections.get(resource).map(|collection| &collection.window);
        Ok(window.into_iter().flat_map(move |window| {
            let start = window.partition_point(|event| event.revision <= after);
            let end = window.partition_point(|event| event.revision <= to);
            window.range(start..end.max(start))
        }))
    }

    /// Keeps the present state as one that history can later be cut at.
    pub fn pin(&mut self, at: UnixMillis) {
        if self.pins.back().map_or(self.floor, |pin| pin.image.revision) < self.head {
            self.pins.push_back(Pin { image: self.image(), at, written_bytes: self.written_bytes });
        }
    }

    /// How much was written since the last pin, or since the replica was made.
    #[must_use]
    pub fn unpinned_bytes(&self) -> u64 {
        self.written_bytes - self.pins.back().map_or(0, |pin| pin.written_bytes)
    }

    /// Where to cut history so that nothing older than `before` and no more than `bytes_max` is kept, as nearly as
    /// the pins allow; nothing if there is nothing to cut.
    #[must_use]
    pub fn cut(&self, before: UnixMillis, bytes_max: u64) -> Option<Image> {
        let aged = self.pins.iter().rev().find(|pin| pin.at <= before);
        let crowded = (self.history_bytes > bytes_max)
            .then(|| self.pins.iter().find(|pin| self.written_bytes - pin.written_bytes <= bytes_max))
            .flatten();
        let latest = aged.into_iter().chain(crowded).max_by_key(|pin| pin.image.revision);
        latest.map(|pin| pin.image.clone())
    }

    /// Forgets what happened up to and including `to`, which becomes the floor if it lies above it.
    pub fn trim(&mut self, to: Revision) {
        let to = to.min(self.head);
        if to <= self.floor {
            return;
        }
        for collection in self.collections.values_mut() {
            let end = collection.window.partition_point(|event| event.revision <= to);
            self.history_bytes -= collection.window.drain(..end).map(|event| event.size_bytes()).sum::<u64>();
            collection.window.shrink_to(2 * collection.window.len());
        }
        while self.pins.front().is_some_and(|pin| pin.image.revision <= to) {
            self.pins.pop_front();
        }
        self.floor = to;
    }
}

impl Collection {
    fn apply(&mut self, write: &Write, revision: Revision, at: UnixMillis) -> Result<Arc<Event>, Divergence> {
        let event = match write {
            Write::Put(_, object) => {
                let previous = self.table.insert(object.clone());
                let kind = if previous.is_some() { EventKind::Updated } else { EventKind::Created };
                Event { revision, at, kind, object: object.clone(), previous }
            }
            Write::Delete(key) => {
                let Some(object) = self.table.remove(&key.path) else {
                    return Err(Divergence {
                        revision,
                        what: format!("{key} is deleted but does not exist"),
                    });
                };
                Event { revision, at, kind: EventKind::Deleted, object, previous: None }
            }
        };
        for index in &mut self.indexes {
            index.replace(event.before(), event.after());
        }
        let event = Arc::new(event);
        self.window.push_back(event.clone());
        Ok(event)
    }
}
