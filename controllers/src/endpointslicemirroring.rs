//! Endpoints that people have made themselves, for services that select no pods, in slices: whoever reads slices alone
//! finds those services, too.

mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key};

use crate::driver::{Controller, Inputs};
use crate::endpointslice::{MANAGED_BY, SERVICE_NAME};
use crate::plan::Plan;
use crate::views::endpoints::{Endpoints, Slice};
use crate::views::service::Service;

/// The index of mirrored slices by their service.
const MIRRORED: &str = "mirrored";
/// What says that a slice is a mirrored one.
const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";
/// What says that endpoints are not to be mirrored.
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
/// What endpoints have by which programs elect one of them.
const ELECTION: &str = "control-plane.alpha.kubernetes.io/leader";

/// The controller. Keys are endpoints, and so are services of the same name.
pub(crate) struct EndpointSliceMirroring {
    endpoints: Arc<Cache<Endpoints>>,
    services: Arc<Cache<Service>>,
    slices: Arc<Cache<Slice>>,
}

impl EndpointSliceMirroring {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self::over(caches.of(), caches.of(), caches.of())
    }

    fn over(
        endpoints: Arc<Cache<Endpoints>>,
        services: Arc<Cache<Service>>,
        slices: Arc<Cache<Slice>>,
    ) -> Self {
        slices.index(MIRRORED, |slice| {
            mirrored(slice).map(|key| CompactString::from(key.as_str())).into_iter().collect()
        });
        Self { endpoints, services, slices }
    }
}

/// The endpoints that a slice mirrors.
fn mirrored(slice: &Slice) -> Option<Key> {
    let meta = &slice.metadata;
    let service = meta.labels.get(SERVICE_NAME).filter(|_| meta.labels.get(MANAGED_BY) == Some(MANAGER));
    service.map(|name| Key::new(&meta.namespace, name))
}

fn may_be_mirrored(endpoints: &Endpoints) -> bool {
    let meta = &endpoints.metadata;
    meta.labels.get(SKIP) != Some("true") && meta.annotation(ELECTION).is_none()
}

impl Controller for EndpointSliceMirroring {
    fn inputs(&self, inputs: &Inputs) {
        inputs.map(&self.endpoints, |change| {
            let counts = change.both().any(|endpoints| may_be_mirrored(endpoints));
            let latest = change.latest().filter(|_| counts);
            latest.map(|endpoints| endpoints.metadata.key()).into_iter().collect()
        });
        inputs.map(&self.services, |change| {
            let selects =
                |service: Option<&Arc<Service>>| service.map(|service| service.spec.selector.is_some());
            let (old, new) = (selects(change.old), selects(change.new));
            // One that comes, goes or changes its mind is of interest only where it selects nothing.
            let counts = old != new && (old == Some(false) || new == Some(false));
            let latest = change.latest().filter(|_| counts);
            latest.map(|service| service.metadata.key()).into_iter().collect()
        });
        inputs.map(&self.slices, |change| change.both().filter_map(|slice| mirrored(slice)).collect());
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let slices = self.slices.by(MIRRORED, key.as_str());
        let endpoints = self.endpoints.get(key).filter(|endpoints| may_be_mirrored(endpoints));
        let service = self.services.get(key).filter(|service| service.spec.selector.is_none());
        match endpoints.filter(|_| service.is_some()) {
            Some(endpoints) => plan::mirror(&endpoints, &slices),
            None => plan::clean(&slices),
        }
    }
}
