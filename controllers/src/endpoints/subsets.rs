//! Addresses by the ports that they have in common.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::endpointslice::{find_port, has_endpoint, hostname};
use crate::pods::is_ready;
use crate::views::endpoints::{Address, Port, Subset, Target};
use crate::views::pod::Pod;
use crate::views::service::Service;

/// The subsets of a service, sorted.
pub(super) fn subsets(service: &Service, pods: &[Arc<Pod>]) -> Vec<Subset> {
    // By port, since pods may give one name to different numbers; then ports with the same addresses together.
    let mut by_port: BTreeMap<Option<Port>, BTreeMap<Address, bool>> = BTreeMap::new();
    let eager = service.spec.publish_not_ready_addresses;
    for pod in pods.iter().filter(|pod| has_endpoint(pod) && (eager || !pod.metadata.is_deleting())) {
        let Some(address) = address(service, pod) else { continue };
        let ready = eager || is_ready(pod);
        let headless = service.spec.ports.is_empty() && service.spec.cluster_ip == "None";
        let ports = service.spec.ports.iter().filter_map(|port| {
            Some(Some(Port {
                name: Some(port.name.clone()).filter(|name| !name.is_empty()),
                port: find_port(pod, port)?,
                protocol: port.protocol.clone(),
                app_protocol: port.app_protocol.clone(),
            }))
        });
        for port in ports.chain(headless.then_some(None)) {
            by_port.entry(port).or_default().insert(address.clone(), ready);
        }
    }
    let mut by_addresses: BTreeMap<BTreeMap<Address, bool>, Vec<Port>> = BTreeMap::new();
    for (port, addresses) in by_port {
        by_addresses.entry(addresses).or_default().extend(port);
    }
    let mut subsets: Vec<Subset> =
        by_addresses.into_iter().map(|(addresses, ports)| subset(addresses, ports)).collect();
    sort(&mut subsets);
    subsets
}

fn subset(all: BTreeMap<Address, bool>, ports: Vec<Port>) -> Subset {
    let (ready, not_ready): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, ready)| *ready);
    let addresses = |list: Vec<(Address, bool)>| list.into_iter().map(|(address, _)| address).collect();
    Subset { addresses: addresses(ready), not_ready_addresses: addresses(not_ready), ports }
}

/// Puts subsets, and what is in them, in order, so that those that say the same are the same.
pub(super) fn sort(subsets: &mut [Subset]) {
    for subset in subsets.iter_mut() {
        subset.addresses.sort_unstable();
        subset.not_ready_addresses.sort_unstable();
        subset.ports.sort_unstable();
    }
    subsets.sort_unstable();
}

fn address(service: &Service, pod: &Pod) -> Option<Address> {
    let family = *service.families().first()?;
    let ips = pod.status.pod_ips.iter().map(|address| &address.ip);
    let ip = ips.chain([&pod.status.pod_ip]).find(|ip| !ip.is_empty() && family.has(ip))?;
    Some(Address {
        ip: ip.clone(),
        hostname: hostname(pod, service),
        node_name: Some(pod.spec.node_name.clone()).filter(|name| !name.is_empty()),
        target_ref: Some(Target::pod(&pod.metadata)),
    })
}

/// Leaves out what is too much, evenly, and what is not ready first; says whether it did.
pub(super) fn truncate(subsets: &mut [Subset], most: usize) -> bool {
    let ready: usize = subsets.iter().map(|subset| subset.addresses.len()).sum();
    let not_ready: usize = subsets.iter().map(|subset| subset.not_ready_addresses.len()).sum();
    if ready + not_ready <= most {
        return false;
    }
    let (whole, room) = if ready > most { (ready, most) } else { (not_ready, most - ready) };
    let mut left = room;
    for subset in subsets {
        let list = if ready > most {
            subset.not_ready_addresses.clear();
            &mut subset.addresses
        } else {
            &mut subset.not_ready_addresses
        };
        let share = (list.len() * room).div_ceil(whole).min(left);
        list.truncate(share);
        left -= list.len();
    }
    true
}
