//! Volumes and claims find each other, and are told when one of them is gone.
//!
//! Keys are both: claims have namespaces, volumes have none. A binding is four writes, the volume first, so that no two
//! claims get one volume; whichever of them is not done yet is done the next time. Volumes are made by provisioners, which
//! are outside; what is left of a volume whose claim is gone is theirs to delete, too.

mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, Kind};

use crate::driver::{Controller, Inputs};
use crate::plan::Plan;
use crate::views::volume::{Volume, VolumeClass};
use crate::views::volumeclaim::VolumeClaim;

/// The index of volumes by their class.
const BY_CLASS: &str = "class";
/// The index of claims by their class, as long as they have no volume.
const OPEN: &str = "open";

/// The controller.
pub(crate) struct VolumeBinder {
    claims: Arc<Cache<VolumeClaim>>,
    volumes: Arc<Cache<Volume>>,
    classes: Arc<Cache<VolumeClass>>,
}

impl VolumeBinder {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self::over(caches.of(), caches.of(), caches.of())
    }

    fn over(
        claims: Arc<Cache<VolumeClaim>>,
        volumes: Arc<Cache<Volume>>,
        classes: Arc<Cache<VolumeClass>>,
    ) -> Self {
        volumes.index(BY_CLASS, |volume| vec![volume.class().into()]);
        claims.index(OPEN, |claim| {
            if claim.spec.volume_name.is_empty() { vec![claim.class().into()] } else { Vec::new() }
        });
        Self { claims, volumes, classes }
    }
}

impl Controller for VolumeBinder {
    fn inputs(&self, inputs: &Inputs) {
        inputs.map(&self.claims, |change| {
            let mut keys: Vec<Key> = change.latest().map(|claim| claim.key()).into_iter().collect();
            let names = change.both().map(|claim| claim.spec.volume_name.clone());
            keys.extend(names.filter(|name| !name.is_empty()).map(|name| Key::new("", &name)));
            keys.dedup();
            keys
        });
        let claims = Arc::clone(&self.claims);
        inputs.map(&self.volumes, move |change| {
            let mut keys: Vec<Key> = change.latest().map(|volume| volume.key()).into_iter().collect();
            for volume in change.both() {
                if let Some(owner) = &volume.spec.claim_ref {
                    keys.push(Key::new(&owner.namespace, &owner.name));
                } else {
                    // Somebody may have waited for it.
                    let waiting = claims.by(OPEN, volume.class());
                    keys.extend(waiting.iter().map(|claim| claim.key()));
                }
            }
            keys
        });
        let claims = Arc::clone(&self.claims);
        inputs.map(&self.classes, move |change| {
            let name = change.latest().map(|class| class.metadata.name.clone()).unwrap_or_default();
            claims.by(OPEN, &name).iter().map(|claim| claim.key()).collect()
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        if key.namespace().is_empty() {
            let Some(volume) = self.volumes.get(key) else { return Plan::nothing() };
            let owner = volume.spec.claim_ref.as_ref();
            let claim = owner.and_then(|owner| self.claims.get(&Key::new(&owner.namespace, &owner.name)));
            return plan::volume(&volume, claim.as_deref());
        }
        let Some(claim) = self.claims.get(key).filter(|claim| !claim.metadata.is_deleting()) else {
            return Plan::nothing();
        };
        let named: CompactString = claim.spec.volume_name.clone();
        let own = if named.is_empty() { None } else { self.volumes.get(&Key::new("", &named)) };
        let class = self.classes.get(&Key::new("", claim.class()));
        plan::claim(&claim, own.as_deref(), class.as_deref(), || self.volumes.by(BY_CLASS, claim.class()))
    }
}
