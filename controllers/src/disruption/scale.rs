//! How many pods there should be, by those who decide over them.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::{Cache, Caches, Key, Kind, OwnerReference};

use crate::views::deployment::Deployment;
use crate::views::pod::Pod;
use crate::views::replicaset::{ReplicaSet, ReplicationController};
use crate::views::statefulset::StatefulSet;

/// Kinds of owners that have no scale, by their plural, as upstream names them where it says so.
const WITHOUT_SCALE: [(&str, &str, &str); 3] =
    [("apps", "DaemonSet", "daemonsets.apps"), ("batch", "Job", "jobs.batch"), ("", "Node", "nodes")];

/// Who decides over pods.
pub(super) struct Owners {
    pub(super) deployments: Arc<Cache<Deployment>>,
    pub(super) sets: Arc<Cache<ReplicaSet>>,
    pub(super) controllers: Arc<Cache<ReplicationController>>,
    pub(super) stateful: Arc<Cache<StatefulSet>>,
}

/// How many pods there should be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) count: i32,
    /// Whether some of those that are there are nobody's.
    pub(super) some_unmanaged: bool,
}

fn found<V: Kind>(cache: &Cache<V>, namespace: &str, owner: &OwnerReference) -> Option<Arc<V>> {
    let is = owner.kind == V::RESOURCE.kind && owner.group() == V::RESOURCE.group;
    let found = cache.get(&Key::new(namespace, &owner.name)).filter(|_| is);
    found.filter(|found| found.meta().uid == owner.uid)
}

impl Owners {
    pub(super) fn of(caches: &Caches) -> Self {
        Self { deployments: caches.of(), sets: caches.of(), controllers: caches.of(), stateful: caches.of() }
    }

    /// Who wants pods of this owner, and how many.
    fn scale(&self, namespace: &str, owner: &OwnerReference) -> Option<(CompactString, i32)> {
        if let Some(set) = found(&self.sets, namespace, owner) {
            let own = (set.metadata.uid.clone(), set.spec.replicas);
            return match set.metadata.controller().filter(|above| above.kind == "Deployment") {
                None => Some(own),
                Some(above) => {
                    let deployment = found(&self.deployments, namespace, above)?;
                    Some((deployment.metadata.uid.clone(), deployment.spec.replicas))
                }
            };
        }
        if let Some(controller) = found(&self.controllers, namespace, owner) {
            return Some((controller.0.metadata.uid.clone(), controller.0.spec.replicas));
        }
        let set = found(&self.stateful, namespace, owner)?;
        Some((set.metadata.uid.clone(), set.spec.replicas))
    }

    /// How many pods there should be of those that decide over `pods`; or why that cannot be said.
    pub(super) fn expected(&self, pods: &[Arc<Pod>]) -> Result<Expected, String> {
        let mut scales: BTreeMap<CompactString, i32> = BTreeMap::new();
        let mut some_unmanaged = false;
        for pod in pods {
            let meta = &pod.metadata;
            let Some(owner) = meta.controller() else {
                some_unmanaged = true;
                continue;
            };
            if scales.contains_key(&owner.uid) {
                continue;
            }
            let Some((uid, scale)) = self.scale(&meta.namespace, owner) else {
                let without = WITHOUT_SCALE
                    .iter()
                    .find(|(group, kind, _)| owner.group() == *group && owner.kind == *kind);
                return Err(match without {
                    Some((_, _, plural)) => format!("{plural} does not implement the scale subresource"),
                    None => format!("found no controllers for pod {:?}", meta.name),
                });
            };
            scales.insert(uid, scale);
        }
        Ok(Expected { count: scales.values().sum(), some_unmanaged })
    }
}
