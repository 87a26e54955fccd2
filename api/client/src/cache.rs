//! One shared cache per kind and process: what all who need a kind look into, and are told by of changes.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use compact_str::CompactString;
use futures::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use crate::client::Client;
use crate::reflect::{self, Sink, Source};
use crate::resource::{Key, Kind, Resource};

/// What an index finds objects by.
pub type IndexBy<V> = fn(&V) -> Vec<CompactString>;

/// A change of an object: before, and after.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a, V> {
    /// What it was; `None` if it is new.
    pub old: Option<&'a Arc<V>>,
    /// What it is; `None` if it is gone.
    pub new: Option<&'a Arc<V>>,
}

impl<'a, V> Change<'a, V> {
    /// The object in its latest state.
    #[must_use]
    pub fn latest(&self) -> Option<&'a Arc<V>> {
        self.new.or(self.old)
    }

    /// Both states, the older one first.
    pub fn both(&self) -> impl Iterator<Item = &'a Arc<V>> {
        self.old.into_iter().chain(self.new)
    }
}

type Handler<V> = Box<dyn Fn(&Change<'_, V>) + Send + Sync>;

/// All objects of a kind, as far as they are known.
pub struct Cache<V> {
    state: RwLock<State<V>>,
    handlers: RwLock<Vec<Handler<V>>>,
    /// Up to where it knows everything; zero before the first list.
    revision: AtomicU64,
    /// Told when it has been filled once: whoever waits for it is woken in the order in which they came.
    filled: Notify,
}

struct State<V> {
    objects: BTreeMap<Key, Arc<V>>,
    indexes: Vec<Index<V>>,
}

struct Index<V> {
    name: &'static str,
    by: IndexBy<V>,
    found: HashMap<CompactString, BTreeMap<Key, Arc<V>>>,
}

impl<V: Kind> Default for Cache<V> {
    fn default() -> Self {
        Self {
            state: RwLock::new(State { objects: BTreeMap::new(), indexes: Vec::new() }),
            handlers: RwLock::new(Vec::new()),
            revision: AtomicU64::new(0),
            filled: Notify::new(),
        }
    }
}

impl<V: Kind> Cache<V> {
    /// A cache that holds `objects`, and does not change by itself.
    #[must_use]
    pub fn holding(objects: impl IntoIterator<Item = V>) -> Arc<Self> {
        let cache = Arc::new(Self::default());
        cache.replace(objects.into_iter().collect(), 1);
        cache
    }

    /// Makes objects findable by what `by` says of them. Several may ask for the index of one name.
    pub fn index(&self, name: &'static str, by: IndexBy<V>) {
        let mut state = self.state.write();
        if state.indexes.iter().any(|index| index.name == name) {
            return;
        }
        let mut index = Index { name, by, found: HashMap::new() };
        for (key, object) in &state.objects {
            index.put(key, object);
        }
        state.indexes.push(index);
    }

    /// Has `handler` told of every change from now on. It is called in order, and must not take long.
    pub fn on_change(&self, handler: impl Fn(&Change<'_, V>) + Send + Sync + 'static) {
        self.handlers.write().push(Box::new(handler));
    }

    /// One object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<V>> {
        self.state.read().objects.get(key).cloned()
    }

    /// All of a namespace, or all with an empty one, by key.
    #[must_use]
    pub fn list(&self, namespace: &str) -> Vec<Arc<V>> {
        let state = self.state.read();
        if namespace.is_empty() {
            return state.objects.values().cloned().collect();
        }
        // "0" follows "/".
        let (first, end) = (format!("{namespace}/"), format!("{namespace}0"));
        let range = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
        state.objects.range::<str, _>(range).map(|(_, object)| Arc::clone(object)).collect()
    }

    /// Those that an index finds by `value`, by key.
    ///
    /// # Panics
    /// If nobody asked for that index.
    #[must_use]
    pub fn by(&self, index: &str, value: &str) -> Vec<Arc<V>> {
        let state = self.state.read();
        let found = state.indexes.iter().find(|known| known.name == index);
        let found = found.expect("an index is asked for before it is used");
        found.found.get(value).map(|found| found.values().cloned().collect()).unwrap_or_default()
    }

    /// How many an index finds by `value`.
    #[must_use]
    pub fn count_by(&self, index: &str, value: &str) -> usize {
        let state = self.state.read();
        let found = state.indexes.iter().find(|known| known.name == index);
        found.and_then(|found| found.found.get(value)).map_or(0, BTreeMap::len)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.read().objects.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has been filled once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.reached() > 0
    }

    /// Waits until it has been filled once.
    pub async fn synced(&self) {
        let mut filled = std::pin::pin!(self.filled.notified());
        // What is told from here on is not missed.
        filled.as_mut().enable();
        if !self.is_synced() {
            filled.await;
        }
    }

    fn reached(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Takes over the state of all objects as of `revision`.
    pub fn replace(&self, objects: Vec<V>, revision: u64) {
        let new: BTreeMap<Key, Arc<V>> =
            objects.into_iter().map(|object| (object.key(), Arc::new(object))).collect();
        let old = {
            let mut state = self.state.write();
            let old = std::mem::replace(&mut state.objects, new.clone());
            for index in &mut state.indexes {
                index.found.clear();
                new.iter().for_each(|(key, object)| index.put(key, object));
            }
            old
        };
        self.advance(revision);
        for (key, gone) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
            tracing::trace!(%key, "gone");
            self.tell(&Change { old: Some(gone), new: None });
        }
        for (key, object) in &new {
            let before = old.get(key);
            let same =
                before.is_some_and(|before| before.meta().resource_version == object.meta().resource_version);
            if !same {
                self.tell(&Change { old: before, new: Some(object) });
            }
        }
    }

    /// Takes over the state of one object.
    pub fn apply(&self, object: V) {
        let (key, revision, object) = (object.key(), object.meta().resource_version, Arc::new(object));
        let old = {
            let mut state = self.state.write();
            let old = state.objects.insert(key.clone(), Arc::clone(&object));
            for index in &mut state.indexes {
                if let Some(old) = &old {
                    index.take(&key, old);
                }
                index.put(&key, &object);
            }
            old
        };
        self.advance(revision);
        self.tell(&Change { old: old.as_ref(), new: Some(&object) });
    }

    /// An object is gone.
    pub fn remove(&self, last: V) {
        let (key, last) = (last.key(), Arc::new(last));
        {
            let mut state = self.state.write();
            if let Some(old) = state.objects.remove(&key) {
                state.indexes.iter_mut().for_each(|index| index.take(&key, &old));
            }
        }
        self.advance(last.meta().resource_version);
        self.tell(&Change { old: Some(&last), new: None });
    }

    fn advance(&self, revision: u64) {
        if self.revision.fetch_max(revision, Ordering::AcqRel) == 0 && revision > 0 {
            self.filled.notify_waiters();
        }
    }

    fn tell(&self, change: &Change<'_, V>) {
        self.handlers.read().iter().for_each(|handler| handler(change));
    }
}

impl<V> Index<V> {
    fn put(&mut self, key: &Key, object: &Arc<V>) {
        for value in (self.by)(object) {
            self.found.entry(value).or_default().insert(key.clone(), Arc::clone(object));
        }
    }

    fn take(&mut self, key: &Key, object: &V) {
        for value in (self.by)(object) {
            if let Some(found) = self.found.get_mut(&value) {
                found.remove(key);
                if found.is_empty() {
                    self.found.remove(&value);
                }
            }
        }
    }
}

impl<V> fmt::Debug for Cache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("revision", &self.revision).finish_non_exhaustive()
    }
}

/// What an expectation asks of a cache, whatever its kind.
pub trait Seen: Send + Sync {
    /// Whether it knows everything up to `revision`.
    fn has_reached(&self, revision: u64) -> bool;
    /// Whether the object of this key and uid is gone, or on its way out.
    fn is_going(&self, key: &Key, uid: &str) -> bool;
    /// Waits until it has been filled once.
    fn filled(&self) -> BoxFuture<'_, ()>;
}

impl<V: Kind> Seen for Cache<V> {
    fn has_reached(&self, revision: u64) -> bool {
        self.reached() >= revision
    }

    fn is_going(&self, key: &Key, uid: &str) -> bool {
        self.get(key).is_none_or(|object| object.meta().uid != uid || object.meta().is_deleting())
    }

    fn filled(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.synced())
    }
}

struct Filling<'a, V>(&'a Cache<V>);

impl<V: Kind> Sink<V> for Filling<'_, V> {
    fn replaced(&mut self, objects: Vec<V>, revision: u64) {
        self.0.replace(objects, revision);
    }

    fn applied(&mut self, object: V) {
        self.0.apply(object);
    }

    fn deleted(&mut self, object: V) {
        self.0.remove(object);
    }

    fn reached(&mut self, revision: u64) {
        self.0.advance(revision);
    }
}

/// The caches of a process: one per kind, however many want it.
#[derive(Default)]
pub struct Caches {
    by_type: Mutex<BTreeMap<TypeId, Entry>>,
}

struct Entry {
    resource: Resource,
    cache: Arc<dyn Any + Send + Sync>,
    seen: Arc<dyn Seen>,
    run: Option<Box<dyn FnOnce(Client) -> BoxFuture<'static, ()> + Send>>,
}

impl Caches {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The cache of a kind; made when it is asked for the first time.
    pub fn of<V: Kind>(&self) -> Arc<Cache<V>> {
        let mut all = self.by_type.lock();
        let entry = all.entry(TypeId::of::<V>()).or_insert_with(|| {
            let cache: Arc<Cache<V>> = Arc::default();
            let filled = Arc::clone(&cache);
            let run = move |client: Client| -> BoxFuture<'static, ()> {
                Box::pin(async move {
                    let source = Source { fields: V::FIELDS.into(), ..Source::all(V::RESOURCE) };
                    reflect::follow(&client, &source, &mut Filling(&filled)).await;
                })
            };
            let seen: Arc<dyn Seen> = cache.clone();
            Entry { resource: V::RESOURCE, cache, seen, run: Some(Box::new(run)) }
        });
        let cache = Arc::clone(&entry.cache).downcast::<Cache<V>>();
        cache.expect("what stands under a type was made of it")
    }

    /// The cache that will show writes to a resource, if there is one.
    #[must_use]
    pub fn seen(&self, resource: &Resource) -> Option<Arc<dyn Seen>> {
        let all = self.by_type.lock();
        all.values().find(|entry| entry.resource == *resource).map(|entry| Arc::clone(&entry.seen))
    }

    /// Waits until all of them have been filled once.
    pub async fn synced(&self) {
        let all: Vec<_> = self.by_type.lock().values().map(|entry| Arc::clone(&entry.seen)).collect();
        for seen in all {
            seen.filled().await;
        }
    }

    /// What fills those caches that nothing fills yet: futures without end, to be run by whoever calls.
    #[must_use]
    pub fn run(&self, client: &Client) -> Vec<BoxFuture<'static, ()>> {
        let mut all = self.by_type.lock();
        all.values_mut().filter_map(|entry| entry.run.take()).map(|run| run(client.clone())).collect()
    }
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_type.lock().values().map(|entry| &entry.resource.plural)).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::meta::Meta;

    #[derive(Debug, Deserialize)]
    struct Thing {
        metadata: Meta,
    }

    impl Kind for Thing {
        const RESOURCE: Resource = Resource::namespaced("g", "v1", "things", "Thing");

        fn meta(&self) -> &Meta {
            &self.metadata
        }
    }

    fn thing(key: &str, revision: u64, label: &str) -> Thing {
        let (namespace, name) = key.split_once('/').unwrap();
        let metadata = Meta {
            name: name.into(),
            namespace: namespace.into(),
            resource_version: revision,
            labels: [("l", label)].into_iter().collect(),
            ..Meta::default()
        };
        Thing { metadata }
    }

    fn by_label(thing: &Thing) -> Vec<CompactString> {
        thing.metadata.labels.get("l").map(CompactString::from).into_iter().collect()
    }

    fn keys(things: &[Arc<Thing>]) -> String {
        things.iter().map(|thing| thing.key().to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn it_finds_and_tells() {
        let cache = Cache::<Thing>::default();
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = Arc::clone(&told);
        cache.on_change(move |change| {
            let at = |thing: Option<&Arc<Thing>>| thing.map_or(0, |thing| thing.metadata.resource_version);
            let key = change.latest().unwrap().key();
            telling.lock().push(format!("{key} {}-{}", at(change.old), at(change.new)));
        });
        cache.replace(vec![thing("a/x", 1, "p"), thing("a-b/y", 2, "p"), thing("a/z", 3, "q")], 5);
        cache.index("label", by_label);
        assert_eq!(keys(&cache.list("a")), "a/x a/z");
        assert_eq!(keys(&cache.list("")), "a-b/y a/x a/z");
        assert_eq!(keys(&cache.by("label", "p")), "a-b/y a/x");
        assert!(cache.has_reached(5) && !cache.has_reached(6) && cache.is_synced());
        cache.apply(thing("a/x", 6, "q"));
        cache.remove(thing("a/z", 7, "q"));
        assert_eq!(
            (keys(&cache.by("label", "p")), keys(&cache.by("label", "q"))),
            ("a-b/y".into(), "a/x".into())
        );
        cache.replace(vec![thing("a/x", 6, "q"), thing("n/n", 8, "p")], 9);
        let expected = ["a-b/y 0-2", "a/x 0-1", "a/z 0-3", "a/x 1-6", "a/z 7-0", "a-b/y 2-0", "n/n 0-8"];
        assert_eq!(*told.lock(), expected);
        assert_eq!(keys(&cache.by("label", "p")), "n/n");
    }
}
