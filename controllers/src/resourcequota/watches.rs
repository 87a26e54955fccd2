//! Watches of the kinds that quotas count, begun when a quota names one: what they see is that something goes, or uses
//! other than it did, and then the quotas of its namespace are counted anew. What comes was charged as it came.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use keelson_api::quota::Measure;
use keelson_client::queue::Queue;
use keelson_client::reflect::{self, Sink, Source};
use keelson_client::{Cache, Client, Key, Kind, Resource};
use parking_lot::RwLock;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use super::measured::{Measured, One, OneClaim, OneDeviceClaim, OnePod, OneService};
use crate::views::quota::Quota;

/// What goes together is counted together: so long it is waited for more.
const SETTLE_MILLIS: u64 = 50;

/// What the watches and whoever counts share.
pub(super) struct Shared {
    pub(super) quotas: Arc<Cache<Quota>>,
    pub(super) queue: Queue<Key>,
    /// Kinds that quotas can count, as they are served.
    pub(super) served: RwLock<Vec<(Measure, Resource)>>,
    /// Quotas, or what is served, have changed.
    pub(super) changed: Notify,
}

impl Shared {
    /// Has the quotas of a namespace counted anew that count this; all, with an empty one.
    fn recount(&self, namespace: &str, measure: &Measure) {
        for quota in self.quotas.list(namespace) {
            if quota.hard().iter().any(|(name, _)| measure.counts(name)) {
                self.queue.add_after(quota.key(), Duration::from_millis(SETTLE_MILLIS));
            }
        }
    }

    /// What is to be watched.
    fn wanted(&self) -> BTreeSet<(Measure, Resource)> {
        let (served, quotas) = (self.served.read(), self.quotas.list(""));
        quotas.iter().flat_map(|quota| super::plan::kinds(quota, &served).0).collect()
    }
}

/// Watches what quotas count, for ever.
pub(super) async fn run(client: Client, shared: Arc<Shared>) {
    let mut running = JoinSet::new();
    let mut by_kind: BTreeMap<(Measure, Resource), AbortHandle> = BTreeMap::new();
    loop {
        let changed = shared.changed.notified();
        let wanted = shared.wanted();
        by_kind.retain(|kind, running| {
            let stays = wanted.contains(kind);
            if !stays {
                running.abort();
            }
            stays
        });
        for kind in wanted {
            by_kind.entry(kind).or_insert_with_key(|kind| {
                running.spawn(following(client.clone(), Arc::clone(&shared), kind.clone()))
            });
        }
        while let Some(ended) = running.try_join_next() {
            if let Err(error) = ended
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
        changed.await;
    }
}

fn following(client: Client, shared: Arc<Shared>, kind: (Measure, Resource)) -> BoxFuture<'static, ()> {
    match kind.0 {
        Measure::Pods => follow::<OnePod>(client, shared, kind),
        Measure::Services => follow::<OneService>(client, shared, kind),
        Measure::Claims => follow::<OneClaim>(client, shared, kind),
        Measure::DeviceClaims => follow::<OneDeviceClaim>(client, shared, kind),
        Measure::Count(_) => follow::<One>(client, shared, kind),
    }
}

fn follow<V: Measured>(
    client: Client,
    shared: Arc<Shared>,
    (measure, resource): (Measure, Resource),
) -> BoxFuture<'static, ()> {
    let source = Source { metadata_alone: V::METADATA_ALONE, ..Source::all(resource) };
    let mut feed = Feed { shared, measure, known: HashMap::new() };
    Box::pin(async move { reflect::follow::<V>(&client, &source, &mut feed).await })
}

/// Notices what goes and what changes, of one kind.
struct Feed {
    shared: Arc<Shared>,
    measure: Measure,
    /// What each object was when it was last seen, as a hash.
    known: HashMap<Key, u64>,
}

fn hash(object: &impl Measured) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(object.mark().as_bytes());
    hasher.finish()
}

impl<V: Measured> Sink<V> for Feed {
    fn replaced(&mut self, objects: Vec<V>, _: u64) {
        self.known = objects.iter().map(|object| (object.meta().key(), hash(object))).collect();
        // Something may have gone since it was counted.
        self.shared.recount("", &self.measure);
    }

    fn applied(&mut self, object: V) {
        let new = hash(&object);
        let old = self.known.insert(object.meta().key(), new);
        if old.is_some_and(|old| old != new) {
            self.shared.recount(&object.meta().namespace, &self.measure);
        }
    }

    fn deleted(&mut self, object: V) {
        self.known.remove(&object.meta().key());
        self.shared.recount(&object.meta().namespace, &self.measure);
    }

    fn reached(&mut self, _: u64) {}
}
