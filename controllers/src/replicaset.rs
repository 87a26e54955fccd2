//! Replica sets and replication controllers: so many pods of a template, no more and no fewer.

mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, Kind, Meta};

use crate::claim::selects;
use crate::driver::{Controller, Inputs};
use crate::plan::Plan;
use crate::pods;
use crate::views::pod::Pod;
use crate::views::replicaset::{ReplicaSet, ReplicationController};

/// The index of sets by who decides over them.
pub(crate) const BY_CONTROLLER: &str = "controller";

/// What both kinds have in common.
pub(crate) trait Set: Kind {
    /// Whether the status counts pods on their way out.
    const COUNTS_TERMINATING: bool;

    /// As a replica set.
    fn set(&self) -> &ReplicaSet;
}

impl Set for ReplicaSet {
    const COUNTS_TERMINATING: bool = true;

    fn set(&self) -> &ReplicaSet {
        self
    }
}

impl Set for ReplicationController {
    const COUNTS_TERMINATING: bool = false;

    fn set(&self) -> &ReplicaSet {
        &self.0
    }
}

/// The controller of one of the kinds.
pub(crate) struct Sets<V> {
    sets: Arc<Cache<V>>,
    pods: Arc<Cache<Pod>>,
}

impl<V: Set> Sets<V> {
    pub(crate) fn new(caches: &Caches) -> Self {
        let (sets, pods) = (caches.of::<V>(), caches.of::<Pod>());
        pods::index(&pods);
        index(&sets);
        Self { sets, pods }
    }
}

/// Makes sets findable by who decides over them.
pub(crate) fn index<V: Kind>(cache: &Cache<V>) {
    cache.index(BY_CONTROLLER, |set| {
        set.meta().controller().map(|owner| owner.uid.clone()).into_iter().collect()
    });
}

/// Keys of the owners of a kind that a change of something owned concerns: whoever decides over it, before and after,
/// and if nobody does, all who could adopt it.
pub(crate) fn concerned<O: Kind>(
    owners: &Cache<O>,
    change: [Option<&Meta>; 2],
    could_adopt: impl Fn(&O, &Meta) -> bool,
) -> Vec<Key> {
    let mut keys = Vec::new();
    for meta in change.into_iter().flatten() {
        match meta.controller() {
            Some(owner) if owner.kind == O::RESOURCE.kind && owner.group() == O::RESOURCE.group => {
                let key = Key::new(&meta.namespace, &owner.name);
                if owners.get(&key).is_some_and(|found| found.meta().uid == owner.uid) {
                    keys.push(key);
                }
            }
            Some(_) => {}
            None => {
                let all = owners.list(&meta.namespace);
                keys.extend(all.iter().filter(|owner| could_adopt(owner, meta)).map(|owner| owner.key()));
            }
        }
    }
    keys.dedup();
    keys
}

impl<V: Set> Controller for Sets<V> {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.sets);
        let sets = Arc::clone(&self.sets);
        inputs.map(&self.pods, move |change| {
            let metas = [change.old, change.new].map(|pod| pod.map(|pod| &pod.metadata));
            concerned(&sets, metas, |set, pod| selects(&set.set().spec.selector.selector, &pod.labels))
        });
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let Some(set) = self.sets.get(key) else { return Plan::nothing() };
        let set = set.set();
        let mut own = self.pods.by(pods::BY_CONTROLLER, &set.metadata.uid);
        own.extend(self.pods.by(pods::BY_CONTROLLER, &format!("{}/", set.metadata.namespace)));
        let view = plan::View {
            resource: &V::RESOURCE,
            set,
            counts_terminating: V::COUNTS_TERMINATING,
            pods: own,
            related: self.related(set),
        };
        plan::plan(view, now)
    }
}

impl<V: Set> Sets<V> {
    /// All pods of sets with the same owner: they do the same work.
    fn related(&self, set: &ReplicaSet) -> Vec<Arc<Pod>> {
        let Some(owner) = set.metadata.controller() else { return Vec::new() };
        let siblings = self.sets.by(BY_CONTROLLER, &owner.uid);
        let of = |sibling: &Arc<V>| self.pods.by(pods::BY_CONTROLLER, &sibling.meta().uid);
        siblings.iter().flat_map(of).collect()
    }
}
