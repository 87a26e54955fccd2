//! Volumes that are directories on a node's own disk: made for claims of classes that ask for it, on the node that the
//! scheduler has chosen, and deleted when their claims are gone.
//!
//! What upstream leaves to a provisioner outside. A node makes the directory when a pod first wants it. Keys are both:
//! claims have namespaces, volumes have none.

mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key};

use crate::driver::{Controller, Inputs};
use crate::plan::Plan;
use crate::views::node::Node;
use crate::views::volume::{Volume, VolumeClass};
use crate::views::volumeclaim::VolumeClaim;

/// What this controller is called, among upstream's.
pub const NAME: &str = "local-path-provisioner";
/// What a class says that wants such volumes.
pub const PROVISIONER: &str = "keelson.dev/local-path";

/// The controller.
pub(crate) struct LocalPaths {
    claims: Arc<Cache<VolumeClaim>>,
    volumes: Arc<Cache<Volume>>,
    classes: Arc<Cache<VolumeClass>>,
    nodes: Arc<Cache<Node>>,
}

impl LocalPaths {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self { claims: caches.of(), volumes: caches.of(), classes: caches.of(), nodes: caches.of() }
    }
}

impl Controller for LocalPaths {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.claims);
        inputs.own(&self.volumes);
        let claims = Arc::clone(&self.claims);
        inputs.map(&self.classes, move |change| {
            let of_class = |claim: &&Arc<VolumeClaim>| {
                change.latest().is_some_and(|class| claim.class() == class.metadata.name)
            };
            claims.list("").iter().filter(of_class).map(|claim| claim.metadata.key()).collect()
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        if key.namespace().is_empty() {
            return self.volumes.get(key).map_or_else(Plan::nothing, |volume| plan::volume(&volume));
        }
        let Some(claim) = self.claims.get(key) else { return Plan::nothing() };
        let class = self.classes.get(&Key::new("", claim.class()));
        let Some(class) = class.filter(|class| class.provisioner == PROVISIONER) else {
            return Plan::nothing();
        };
        let there = self.volumes.get(&Key::new("", &plan::name(&claim))).is_some();
        if there || !claim.spec.volume_name.is_empty() || claim.metadata.is_deleting() {
            return Plan::nothing();
        }
        plan::claim(&claim, &class, &|name| self.nodes.get(&Key::new("", name)))
    }
}
