//! What is to be done about the slices that mirror endpoints: one for each list of ports and family of addresses.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::names::address::parse_ip;
use keelson_client::events::Weight;
use keelson_client::{Labels, OwnerReference};
use serde_json::{Value, json};

use super::MANAGER;
use crate::endpointslice::{MANAGED_BY, SERVICE_NAME, TRIGGER_TIME};
use crate::plan::{Action, Plan, Word, prefix};
use crate::views::endpoints::{
    Address, Conditions, ENDPOINTS, Endpoint, Endpoints, Port, SLICES, Slice, Subset,
};
use crate::views::service::Family;

/// Addresses of one list of ports; those on top are left out, and people are told. Upstream's.
const ADDRESSES_MAX: usize = 1000;

/// What a slice is for.
type Place = (Family, Vec<Port>);

/// Nothing is to be mirrored.
pub(super) fn clean(slices: &[Arc<Slice>]) -> Plan {
    Plan::of(slices.iter().map(|slice| Action::delete(&SLICES, &slice.metadata)).collect())
}

/// Mirrors endpoints.
pub(super) fn mirror(endpoints: &Endpoints, slices: &[Arc<Slice>]) -> Plan {
    let mut wanted: BTreeMap<Place, Vec<Endpoint>> = BTreeMap::new();
    let (mut invalid, mut skipped) = (0, 0);
    for (ports, addresses) in packed(&endpoints.subsets) {
        let all = addresses.len();
        let (mut taken, mut wrong) = (0, 0);
        for (address, ready) in addresses {
            if taken == ADDRESSES_MAX {
                break;
            }
            let Some((family, endpoint)) = endpoint(address, ready) else {
                wrong += 1;
                continue;
            };
            wanted.entry((family, ports.clone())).or_default().push(endpoint);
            taken += 1;
        }
        invalid += wrong;
        skipped += all - taken;
    }
    let mut actions = told(endpoints, invalid, skipped);
    let mut gone = Vec::new();
    let mut there: BTreeMap<Place, Vec<&Arc<Slice>>> = BTreeMap::new();
    for slice in slices {
        let mut ports = slice.ports.clone();
        ports.sort_unstable();
        match slice.address_type {
            Some(family) => there.entry((family, ports)).or_default().push(slice),
            None => gone.push(slice),
        }
    }
    let mut made = Vec::new();
    for (place, wanted) in wanted {
        let mut own = there.remove(&place).unwrap_or_default().into_iter();
        match own.next() {
            Some(slice) if says(slice, endpoints, &wanted) => {}
            Some(slice) => actions.push(changed(slice, endpoints, &place.1, &wanted)),
            None => made.push((place, wanted)),
        }
        gone.extend(own);
    }
    gone.extend(there.into_values().flatten());
    for ((family, ports), wanted) in made {
        // What goes makes place for what comes: one write for two.
        match gone.iter().position(|slice| slice.address_type == Some(family)) {
            Some(at) => actions.push(changed(gone.remove(at), endpoints, &ports, &wanted)),
            None if endpoints.metadata.is_deleting() => {}
            None => actions.push(new(endpoints, family, &ports, &wanted)),
        }
    }
    actions.extend(gone.into_iter().map(|slice| Action::delete(&SLICES, &slice.metadata)));
    Plan::of(actions)
}

fn told(endpoints: &Endpoints, invalid: usize, skipped: usize) -> Vec<Action> {
    let tell = |reason: &'static str, note: String| {
        let word = Word::new(reason, "Mirror", note);
        Action::tell(&ENDPOINTS, &endpoints.metadata, Weight::Warning, &word)
    };
    let mut actions = Vec::new();
    if invalid > 0 {
        let note = format!("Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices");
        actions.push(tell("InvalidIPAddress", note));
    }
    if skipped > invalid {
        let note = format!(
            "A max of {ADDRESSES_MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. {skipped} addresses were skipped"
        );
        actions.push(tell("TooManyAddressesToMirror", note));
    }
    actions
}

/// An address by which upstream tells addresses apart: the same one may be of several pods.
type Host = (CompactString, CompactString);

/// Addresses by the ports that they have in common, those that are ready first: several subsets may say of one address
/// what one could, and if they do not agree whether it is ready, it is not.
fn packed(subsets: &[Subset]) -> Vec<(Vec<Port>, Vec<(&Address, bool)>)> {
    let mut hosts: BTreeMap<Host, &Address> = BTreeMap::new();
    let mut by_port: BTreeMap<Option<Port>, BTreeMap<Host, bool>> = BTreeMap::new();
    for subset in subsets {
        let ready = subset.addresses.iter().map(|address| (address, true));
        let all = ready.chain(subset.not_ready_addresses.iter().map(|address| (address, false)));
        for (address, ready) in all {
            let uid = address.target_ref.as_ref().map(|target| target.uid.clone()).unwrap_or_default();
            let host = (address.ip.clone(), uid);
            hosts.entry(host.clone()).or_insert(address);
            let ports = subset.ports.iter().map(|port| Some(named(port)));
            for port in ports.chain(subset.ports.is_empty().then_some(None)) {
                let known = by_port.entry(port).or_default().entry(host.clone()).or_insert(true);
                *known &= ready;
            }
        }
    }
    let mut by_hosts: BTreeMap<BTreeMap<Host, bool>, Vec<Port>> = BTreeMap::new();
    for (port, of_port) in by_port {
        by_hosts.entry(of_port).or_default().extend(port);
    }
    let mut packed: Vec<(Vec<Port>, Vec<(&Address, bool)>)> = by_hosts
        .into_iter()
        .map(|(of_ports, ports)| {
            let addresses =
                of_ports.into_iter().filter_map(|(host, ready)| Some((*hosts.get(&host)?, ready)));
            let mut addresses: Vec<(&Address, bool)> = addresses.collect();
            addresses.sort_by_key(|(_, ready)| !ready);
            (ports, addresses)
        })
        .collect();
    packed.sort();
    packed
}

/// Slices' ports always have a name, if only an empty one.
fn named(port: &Port) -> Port {
    Port { name: Some(port.name.clone().unwrap_or_default()), ..port.clone() }
}

fn endpoint(address: &Address, ready: bool) -> Option<(Family, Endpoint)> {
    let ip = parse_ip(&address.ip)?.to_canonical();
    let family = if ip.is_ipv4() { Family::IPv4 } else { Family::IPv6 };
    let endpoint = Endpoint {
        addresses: vec![compact_str::format_compact!("{ip}")],
        conditions: Conditions { ready: Some(ready), ..Conditions::default() },
        hostname: address.hostname.clone().filter(|hostname| !hostname.is_empty()),
        target_ref: address.target_ref.clone(),
        node_name: address.node_name.clone(),
        ..Endpoint::default()
    };
    Some((family, endpoint))
}

fn labels(endpoints: &Endpoints) -> Labels {
    let meta = &endpoints.metadata;
    meta.labels.iter().chain([(SERVICE_NAME, meta.name.as_str()), (MANAGED_BY, MANAGER)]).collect()
}

/// When the endpoints last changed is theirs alone.
fn annotations(endpoints: &Endpoints) -> Labels {
    endpoints.metadata.annotations.iter().filter(|(key, _)| *key != TRIGGER_TIME).collect()
}

/// Whether a slice says all that it should.
fn says(slice: &Slice, endpoints: &Endpoints, wanted: &[Endpoint]) -> bool {
    let meta = &slice.metadata;
    let owner = |owner: &OwnerReference| owner.kind == "Endpoints" && owner.name == endpoints.metadata.name;
    slice.endpoints.len() == wanted.len()
        && wanted.iter().all(|endpoint| slice.endpoints.contains(endpoint))
        && meta.labels == labels(endpoints)
        && meta.annotations == annotations(endpoints)
        && meta
            .owner_references
            .iter()
            .filter(|found| owner(found))
            .all(|found| found.uid == endpoints.metadata.uid)
}

/// A merge that leaves of a list what is wanted.
fn merged(there: &Labels, wanted: &Labels) -> Value {
    let mut merge = json!(wanted);
    for (key, _) in there.iter().filter(|(key, _)| wanted.get(key).is_none()) {
        merge[key] = Value::Null;
    }
    merge
}

fn changed(slice: &Slice, endpoints: &Endpoints, ports: &[Port], wanted: &[Endpoint]) -> Action {
    let meta = &slice.metadata;
    let change = json!({
        "metadata": {
            "labels": merged(&meta.labels, &labels(endpoints)),
            "annotations": merged(&meta.annotations, &annotations(endpoints)),
            "ownerReferences": [OwnerReference::controller(&ENDPOINTS, &endpoints.metadata)],
        },
        "endpoints": wanted,
        "ports": ports,
    });
    Action::merge(&SLICES, meta, "", change)
}

fn new(endpoints: &Endpoints, family: Family, ports: &[Port], wanted: &[Endpoint]) -> Action {
    let meta = &endpoints.metadata;
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": prefix(&meta.name),
            "namespace": meta.namespace,
            "labels": labels(endpoints),
            "annotations": annotations(endpoints),
            "ownerReferences": [OwnerReference::controller(&ENDPOINTS, meta)],
        },
        "addressType": family,
        "endpoints": wanted,
        "ports": ports,
    });
    Action::create(&SLICES, &meta.namespace, slice)
}
