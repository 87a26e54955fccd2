//! Deployments: replica sets of one template after another, so that pods are replaced at a pace that somebody chose.

mod plan;
mod revision;
mod rollout;
mod scale;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, OwnerReference};

use crate::claim::{claim, selects};
use crate::driver::{Controller, Inputs};
use crate::plan::Plan;
use crate::pods;
use crate::replicaset;
use crate::views::deployment::{DEPLOYMENTS, Deployment, StrategyKind};
use crate::views::pod::Pod;
use crate::views::replicaset::ReplicaSet;

/// The controller.
pub(crate) struct Deployments {
    deployments: Arc<Cache<Deployment>>,
    sets: Arc<Cache<ReplicaSet>>,
    pods: Arc<Cache<Pod>>,
}

impl Deployments {
    pub(crate) fn new(caches: &Caches) -> Self {
        let new = Self { deployments: caches.of(), sets: caches.of(), pods: caches.of() };
        pods::index(&new.pods);
        replicaset::index(&new.sets);
        new
    }
}

impl Controller for Deployments {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.deployments);
        let deployments = Arc::clone(&self.deployments);
        inputs.map(&self.sets, move |change| {
            let metas = [change.old, change.new].map(|set| set.map(|set| &set.metadata));
            replicaset::concerned(&deployments, metas, |deployment, set| {
                let selector = &deployment.spec.selector.selector;
                !selector.is_everything() && selects(selector, &set.labels)
            })
        });
        // A deployment that recreates waits until the old pods are gone.
        let (deployments, sets) = (Arc::clone(&self.deployments), Arc::clone(&self.sets));
        inputs.map(&self.pods, move |change| {
            let gone = change.old.filter(|_| change.new.is_none());
            gone.and_then(|pod| recreating(pod, &sets, &deployments)).into_iter().collect()
        });
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let Some(deployment) = self.deployments.get(key) else { return Plan::nothing() };
        let mut first = Vec::new();
        let candidates = self.sets.list(key.namespace());
        let owner = (&DEPLOYMENTS, &deployment.metadata);
        let selector = &deployment.spec.selector.selector;
        let sets = if selector.is_everything() {
            Vec::new()
        } else {
            claim(owner, selector, candidates, &mut first)
        };
        let pods = |set: &ReplicaSet| self.pods.by(pods::BY_CONTROLLER, &set.metadata.uid);
        let is_taken = |name: &str| self.sets.get(&Key::new(key.namespace(), name)).is_some();
        let made =
            plan::plan(plan::View { deployment: &deployment, sets, pods: &pods, is_taken: &is_taken }, now);
        Plan { first: [first, made.first].concat(), ..made }
    }
}

/// The deployment that a pod belongs to, if it waits for its pods to go.
fn recreating(pod: &Pod, sets: &Cache<ReplicaSet>, deployments: &Cache<Deployment>) -> Option<Key> {
    let namespace = &pod.metadata.namespace;
    let of = |owner: &OwnerReference| Key::new(namespace, &owner.name);
    let owner = pod.metadata.controller().filter(|owner| owner.kind == "ReplicaSet")?;
    let set = sets.get(&of(owner)).filter(|set| set.metadata.uid == owner.uid)?;
    let owner = set.metadata.controller().filter(|owner| owner.kind == "Deployment")?;
    let deployment = deployments.get(&of(owner))?;
    let recreates = deployment.spec.strategy.kind == StrategyKind::Recreate;
    (recreates && deployment.metadata.uid == owner.uid).then(|| of(owner))
}
