//! Stateful sets: pods with names of their own, in order, each with its claims of volumes.

mod identity;
mod plan;
mod rollout;
mod status;
#[cfg(test)]
mod tests;
mod volumes;

use std::sync::Arc;

use keelson_api::selector::label::Selector;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, Kind};

use crate::claim::{claim, selects};
use crate::driver::{Controller, Inputs};
use crate::plan::Plan;
use crate::pods::{BY_CONTROLLER, index};
use crate::replicaset::concerned;
use crate::revisions;
use crate::views::pod::Pod;
use crate::views::revision::Revision;
use crate::views::statefulset::{STATEFULSETS, StatefulSet};
use crate::views::volumeclaim::VolumeClaim;

/// The controller.
pub(crate) struct StatefulSets {
    sets: Arc<Cache<StatefulSet>>,
    pods: Arc<Cache<Pod>>,
    claims: Arc<Cache<VolumeClaim>>,
    revisions: Arc<Cache<Revision>>,
}

impl StatefulSets {
    pub(crate) fn new(caches: &Caches) -> Self {
        let new = Self { sets: caches.of(), pods: caches.of(), claims: caches.of(), revisions: caches.of() };
        index(&new.pods);
        revisions::index(&new.revisions);
        new
    }
}

impl Controller for StatefulSets {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.sets);
        let sets = Arc::clone(&self.sets);
        inputs.map(&self.pods, move |change| {
            let metas = [change.old, change.new].map(|pod| pod.map(|pod| &pod.metadata));
            concerned(&sets, metas, |set, pod| selects(&set.spec.selector.selector, &pod.labels))
        });
        let sets = Arc::clone(&self.sets);
        inputs.map(&self.revisions, move |change| {
            let metas = [change.old, change.new].map(|revision| revision.map(|revision| &revision.metadata));
            concerned(&sets, metas, |set, revision| selects(&set.spec.selector.selector, &revision.labels))
        });
        // A claim that is gone makes room for the one that a pod waits for.
        let sets = Arc::clone(&self.sets);
        inputs.map(&self.claims, move |change| {
            let gone = change.old.filter(|_| change.new.is_none());
            let of = |claim: &Arc<VolumeClaim>| {
                let all = sets.list(&claim.metadata.namespace);
                let mine = |set: &&Arc<StatefulSet>| volumes::is_of(set, &claim.metadata.name);
                all.iter().filter(mine).map(|set| set.key()).collect()
            };
            gone.map(of).unwrap_or_default()
        });
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let Some(set) = self.sets.get(key) else { return Plan::nothing() };
        let owner = (&STATEFULSETS, set.meta());
        let mut first = Vec::new();
        let revisions = revisions::of(&self.revisions, owner, &set.spec.selector, &mut first);
        let mut candidates = self.pods.by(BY_CONTROLLER, &set.metadata.uid);
        candidates.extend(self.pods.by(BY_CONTROLLER, &format!("{}/", key.namespace())));
        let (members, others): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .partition(|pod| identity::ordinal(&set.metadata.name, &pod.metadata.name).is_some());
        // Whatever has no name of ours is none of ours, however it is labeled.
        claim(owner, &Selector::nothing(), others, &mut first);
        let pods = claim(owner, &set.spec.selector.selector, members, &mut first);
        let claim_named = |name: &str| self.claims.get(&Key::new(key.namespace(), name));
        let is_taken = |name: &str| self.revisions.get(&Key::new(key.namespace(), name)).is_some();
        let view = plan::View { set: &set, pods, revisions, claim: &claim_named, is_taken: &is_taken };
        let made = plan::plan(&view, now);
        Plan { first: [first, made.first].concat(), ..made }
    }
}
