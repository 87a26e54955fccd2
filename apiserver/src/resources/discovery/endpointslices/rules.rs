//! What slices of endpoints keep to.

use std::collections::BTreeSet;

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::address::{Strictness, check_ip, check_legacy_ip, parse_ip};
use keelson_api::names::{dns, label, object};
use keelson_schema::tree::Object;

use crate::rules::{At, PROTOCOLS, address, marked, selector};

const ENDPOINTS_MAX: usize = 1_000;
const PORTS_MAX: usize = 20_000;
const TOPOLOGY_LABELS_MAX: usize = 16;
const ADDRESSES_MAX: usize = 100;
const HINTS_MAX: usize = 8;

/// What is wrong with a slice, in the place of `old` if there is one.
pub(super) fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let kind = At::root(new, "addressType");
    marked::covered(errors, |errors| {
        if kind.require(errors) {
            kind.one_of(&["FQDN", "IPv4", "IPv6"], errors);
        }
    });
    check_ports(&At::root(new, "ports"), errors);
    let endpoints = At::root(new, "endpoints");
    let is_same = |old: &Object| old.view().field("endpoints").value() == endpoints.view.value();
    if old.is_some_and(is_same) {
        // What is there already is not looked at again.
    } else if endpoints.len() > ENDPOINTS_MAX {
        errors.push(Error::too_many(&endpoints.path, endpoints.len(), ENDPOINTS_MAX));
    } else {
        for endpoint in endpoints.items() {
            check_endpoint(&endpoint, kind.text(), errors);
        }
    }
    if let Some(old) = old {
        marked::covered(errors, |errors| kind.immutable(old.view().field("addressType"), errors));
    }
}

fn check_ports(ports: &At<'_, '_>, errors: &mut Errors) {
    if ports.len() > PORTS_MAX {
        errors.push(Error::too_many(&ports.path, ports.len(), PORTS_MAX));
        return;
    }
    let mut names = BTreeSet::new();
    for port in ports.items() {
        let name = port.field("name");
        if !name.is_empty() {
            name.keep_to(dns::label, errors);
        }
        if !names.insert(name.text()) {
            errors.push(Error::duplicate(&name.path, Shown::Named(name.text())));
        }
        let protocol = port.field("protocol");
        if protocol.is_present() {
            protocol.one_of(&PROTOCOLS, errors);
        } else {
            protocol.missing("", errors);
        }
        let application = port.field("appProtocol");
        if application.is_present() {
            errors.push_invalid(&application.path, application.text(), label::key(application.text()));
        }
    }
}

fn check_endpoint(endpoint: &At<'_, '_>, kind: &str, errors: &mut Errors) {
    let addresses = endpoint.field("addresses");
    marked::covered(errors, |errors| {
        addresses.require_saying("must contain at least 1 address", errors);
        if addresses.len() > ADDRESSES_MAX {
            errors.push(Error::too_many(&addresses.path, addresses.len(), ADDRESSES_MAX));
        }
    });
    for address in addresses.items() {
        check_address(&addresses, &address, kind, errors);
    }
    let node = endpoint.field("nodeName");
    if node.is_present() {
        errors.push_invalid(&node.path, node.text(), object::subdomain(node.text(), object::Part::Whole));
    }
    let topology = endpoint.field("deprecatedTopology");
    if topology.len() > TOPOLOGY_LABELS_MAX {
        errors.push(Error::too_many(&topology.path, topology.len(), TOPOLOGY_LABELS_MAX));
    }
    selector::labels(&topology, errors);
    let hostname = endpoint.field("hostname");
    if hostname.is_present() {
        errors.push_invalid(&hostname.path, hostname.text(), dns::label(hostname.text()));
    }
    check_hints(&endpoint.field("hints"), errors);
}

fn check_address(all: &At<'_, '_>, one: &At<'_, '_>, kind: &str, errors: &mut Errors) {
    let before = errors.len();
    let (is_v4, words) = match kind {
        "IPv4" => {
            check_legacy_ip(&one.path, one.text(), Strictness::Strict, &[], errors);
            (true, "must be an IPv4 address")
        }
        "IPv6" => {
            check_ip(&one.path, one.text(), errors);
            (false, "must be an IPv6 address")
        }
        "FQDN" => return dns::fully_qualified_domain_name(&one.path, one.text(), errors),
        _ => return,
    };
    if errors.len() > before {
        return;
    }
    if parse_ip(one.text()).is_some_and(|ip| ip.is_ipv4() != is_v4) {
        errors.push(Error::invalid(&all.path, one.text(), words));
    }
    address::reachable(one, errors);
}

fn check_hints(hints: &At<'_, '_>, errors: &mut Errors) {
    for (list, is_node) in [("forZones", false), ("forNodes", true)] {
        let places = hints.field(list);
        if places.len() > HINTS_MAX {
            errors.push(Error::too_many(&places.path, places.len(), HINTS_MAX));
            return;
        }
        let mut names = BTreeSet::new();
        for place in places.items() {
            let name = place.field("name");
            if !names.insert(name.text()) {
                name.duplicate(errors);
            }
            if is_node {
                name.name_of(object::subdomain, errors);
            } else {
                name.keep_to(label::value, errors);
            }
        }
    }
}
