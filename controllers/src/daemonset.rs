//! Daemon sets: a pod on every node that fits.

mod backoff;
mod eligibility;
mod plan;
mod pods;
mod rollout;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Change, Key, Kind};

use crate::claim::{claim, selects};
use crate::driver::{Controller, Inputs};
use crate::plan::Plan;
use crate::pods::{BY_CONTROLLER, index};
use crate::replicaset::concerned;
use crate::revisions;
use crate::views::daemonset::{DAEMONSETS, DaemonSet};
use crate::views::node::Node;
use crate::views::pod::Pod;
use crate::views::revision::Revision;

/// The controller.
pub(crate) struct DaemonSets {
    sets: Arc<Cache<DaemonSet>>,
    pods: Arc<Cache<Pod>>,
    nodes: Arc<Cache<Node>>,
    revisions: Arc<Cache<Revision>>,
    /// How long failed pods stay before others take their place. A new process begins anew, as upstream's does.
    waits: backoff::Waits,
}

impl DaemonSets {
    pub(crate) fn new(caches: &Caches) -> Self {
        let new = Self {
            sets: caches.of(),
            pods: caches.of(),
            nodes: caches.of(),
            revisions: caches.of(),
            waits: backoff::Waits::default(),
        };
        index(&new.pods);
        revisions::index(&new.revisions);
        new
    }
}

/// Whether a change of a node may change which pods belong on it.
fn matters(change: &Change<'_, Node>) -> bool {
    let (Some(old), Some(new)) = (change.old, change.new) else { return true };
    old.metadata.labels != new.metadata.labels || old.spec.taints != new.spec.taints
}

impl Controller for DaemonSets {
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
        let sets = Arc::clone(&self.sets);
        inputs.map(&self.nodes, move |change| {
            if matters(change) { sets.list("").iter().map(|set| set.key()).collect() } else { Vec::new() }
        });
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let Some(set) = self.sets.get(key) else { return Plan::nothing() };
        let (owner, selection) = ((&DAEMONSETS, set.meta()), &set.spec.selector);
        if selection.selector.is_everything() {
            return plan::selecting_all(&set);
        }
        if set.metadata.is_deleting() {
            return Plan::nothing();
        }
        let mut first = Vec::new();
        let revisions = revisions::of(&self.revisions, owner, selection, &mut first);
        let mut candidates = self.pods.by(BY_CONTROLLER, &set.metadata.uid);
        candidates.extend(self.pods.by(BY_CONTROLLER, &format!("{}/", key.namespace())));
        let pods = claim(owner, &selection.selector, candidates, &mut first);
        let is_taken = |name: &str| self.revisions.get(&Key::new(key.namespace(), name)).is_some();
        let view = plan::View {
            set: &set,
            nodes: self.nodes.list(""),
            pods,
            revisions,
            is_taken: &is_taken,
            waits: &self.waits,
        };
        let made = plan::plan(view, now);
        Plan { first: [first, made.first].concat(), ..made }
    }
}
