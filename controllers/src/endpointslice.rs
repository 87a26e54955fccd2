//! Endpoints of services, in slices: which pods take a service's traffic.

mod plan;
#[cfg(test)]
mod tests;
mod trigger;

use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Change, Key};

use crate::driver::{Controller, Inputs};
use crate::plan::Plan;
use crate::pods::{self, is_ready, is_terminal};
use crate::views::endpoints::Slice;
use crate::views::node::Node;
use crate::views::pod::Pod;
use crate::views::service::{Port, Service};

pub(crate) use self::trigger::{TRIGGER_TIME, TriggerTimes};

/// The index of slices by their service.
const BY_SERVICE: &str = "service";
/// What says which service a slice belongs to.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// What says whose a slice is.
pub(crate) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// Ours.
const MANAGER: &str = "endpointslice-controller.k8s.io";

/// The controller.
pub(crate) struct EndpointSlices {
    services: Arc<Cache<Service>>,
    pods: Arc<Cache<Pod>>,
    nodes: Arc<Cache<Node>>,
    slices: Arc<Cache<Slice>>,
    triggers: TriggerTimes,
}

impl EndpointSlices {
    pub(crate) fn new(caches: &Caches) -> Self {
        let new = Self {
            services: caches.of(),
            pods: caches.of(),
            nodes: caches.of(),
            slices: caches.of(),
            triggers: TriggerTimes::default(),
        };
        new.index();
        new
    }

    fn index(&self) {
        pods::index_by_node(&self.pods);
        self.slices.index(BY_SERVICE, |slice| {
            let meta = &slice.metadata;
            let ours = meta.labels.get(MANAGED_BY) == Some(MANAGER);
            let service = meta.labels.get(SERVICE_NAME).filter(|_| ours);
            service
                .map(|name| CompactString::from(format!("{}/{name}", meta.namespace)))
                .into_iter()
                .collect()
        });
    }
}

impl Controller for EndpointSlices {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.services);
        let services = Arc::clone(&self.services);
        inputs.map(&self.pods, move |change| of_pod(&services, change));
        inputs.map(&self.slices, |change| {
            let keys = change.both().filter_map(|slice| {
                let meta = &slice.metadata;
                let ours = meta.labels.get(MANAGED_BY) == Some(MANAGER);
                meta.labels.get(SERVICE_NAME).filter(|_| ours).map(|name| Key::new(&meta.namespace, name))
            });
            keys.collect()
        });
        // A pod counts when its node is known, and says where that stands.
        let (services, pods) = (Arc::clone(&self.services), Arc::clone(&self.pods));
        inputs.map(&self.nodes, move |change| {
            let zone = |node: Option<&Arc<Node>>| node.map(|node| node.zone());
            if zone(change.old) == zone(change.new) {
                return Vec::new();
            }
            let name = change.latest().map(|node| node.metadata.name.clone()).unwrap_or_default();
            let on_node = pods.by(pods::BY_NODE, &name);
            on_node.iter().flat_map(|pod| selecting(&services, pod)).collect()
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let Some(service) = self.services.get(key) else {
            self.triggers.forget(key);
            return Plan::nothing();
        };
        let Some(selector) = service.selector() else { return Plan::nothing() };
        let mut pods = self.pods.list(key.namespace());
        pods.retain(|pod| pod.metadata.labels.contain(selector));
        let trigger = self.triggers.of(&service, &pods);
        let nodes = |name: &str| self.nodes.get(&Key::new("", name));
        let slices = self.slices.by(BY_SERVICE, key.as_str());
        plan::plan(&plan::View { service: &service, pods, slices, node: &nodes, trigger })
    }
}

/// The services that a change of a pod concerns: those that select it, before or after, if it changed in what they say
/// of it.
pub(crate) fn of_pod(services: &Cache<Service>, change: &Change<'_, Pod>) -> Vec<Key> {
    if let (Some(old), Some(new)) = (change.old, change.new) {
        let said = |pod: &Pod| (is_ready(pod), is_terminal(pod), pod.metadata.is_deleting());
        let same = said(old) == said(new)
            && old.metadata.labels == new.metadata.labels
            && old.spec.node_name == new.spec.node_name
            && (&old.spec.hostname, &old.spec.subdomain) == (&new.spec.hostname, &new.spec.subdomain)
            && old.status.pod_ip == new.status.pod_ip
            && old.status.pod_ips == new.status.pod_ips;
        if same {
            return Vec::new();
        }
    }
    let mut keys: Vec<Key> = change.both().flat_map(|pod| selecting(services, pod)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn selecting(services: &Cache<Service>, pod: &Pod) -> Vec<Key> {
    let all = services.list(&pod.metadata.namespace);
    let selects = |service: &&Arc<Service>| {
        service.selector().is_some_and(|selector| pod.metadata.labels.contain(selector))
    };
    all.iter().filter(selects).map(|service| service.metadata.key()).collect()
}

/// The number of a pod's port that a service means.
pub(crate) fn find_port(pod: &Pod, port: &Port) -> Option<u16> {
    if let Some(number) = port.target_port.as_u64() {
        return u16::try_from(number).ok();
    }
    let name = port.target_port.as_str()?;
    let sidecars = pod
        .spec
        .init_containers
        .iter()
        .filter(|container| container.restart_policy.as_deref() == Some("Always"));
    let ports = pod.spec.containers.iter().chain(sidecars).flat_map(|container| &container.ports);
    let mut named = ports.filter(|found| found.name == name && found.protocol == port.protocol);
    named.next().map(|found| found.container_port)
}

/// Whether a pod can take traffic at all.
pub(crate) fn has_endpoint(pod: &Pod) -> bool {
    let has_address = !pod.status.pod_ip.is_empty() || !pod.status.pod_ips.is_empty();
    has_address && !is_terminal(pod)
}

/// The name under which a pod is found below a headless service's.
pub(crate) fn hostname(pod: &Pod, service: &Service) -> Option<CompactString> {
    let named = !pod.spec.hostname.is_empty() && pod.spec.subdomain == service.metadata.name;
    named.then(|| pod.spec.hostname.clone())
}
