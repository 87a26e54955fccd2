//! What must hold of a service, beyond what its addresses have to: `families.rs` says that.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_api::golang::JsonText;
use keelson_api::names::address::{Strictness, check_legacy_cidr, check_legacy_ip, parse_ip};
use keelson_api::names::{dns, label, number};
use keelson_schema::tree::{Object, View};

use super::families;
use super::kind;
use super::linked::{HEADLESS, is_reached_from_outside, needs_health_port};
use crate::edit::Edit;
use crate::meta::meta;
use crate::rules::{At, IMMUTABLE, address, number_or_name, selector};

/// How long a client may be sent to the same pod: a day.
const AFFINITY_SECONDS_MAX: i64 = 86_400;
const ONLY_BALANCED: &str = "may only be used when `type` is 'LoadBalancer'";
const UNCHANGED: &str = "may not change once set";
/// The annotations that say what fields say now.
const RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const MODE: &str = "service.kubernetes.io/topology-mode";

/// What is wrong with a service, in the place of `old` if there is one.
pub(super) fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let before = old.map(|old| old.view().field("spec"));
    // Addresses are given before anything else is looked at: if they cannot be, nothing else is.
    let found = addresses(new, before);
    if !found.is_empty() {
        return errors.extend(found);
    }
    let spec = At::root(new, "spec");
    if let Some(old) = before {
        families::check_unchanged(spec.view, old, errors);
        balancer_class_stays(&spec, old, errors);
        let health = spec.field("healthCheckNodePort");
        if needs_health_port(old)
            && needs_health_port(spec.view)
            && health.view.value() != old.field("healthCheckNodePort").value()
        {
            health.forbidden(IMMUTABLE, errors);
        }
    }
    topology(new, errors);
    let is_headless =
        spec.field("clusterIPs").len() == 1 && spec.field("clusterIPs").index(0).text() == HEADLESS;
    if spec.field("ports").is_empty() && !is_headless && spec.field("type").text() != kind::EXTERNAL_NAME {
        spec.field("ports").missing("", errors);
    }
    of_kind(&spec, errors);
    ports(&spec.field("ports"), errors);
    selector::labels(&spec.field("selector"), errors);
    affinity(&spec, errors);
    external_addresses(&spec.field("externalIPs"), before, errors);
    spec.field("type")
        .one_of(&[kind::CLUSTER_IP, kind::EXTERNAL_NAME, kind::LOAD_BALANCER, kind::NODE_PORT], errors);
    repeated_ports(&spec, errors);
    source_ranges(new, &spec, old, errors);
    let allocates = spec.field("allocateLoadBalancerNodePorts");
    let is_balanced = spec.field("type").text() == kind::LOAD_BALANCER;
    if allocates.is_present() && !is_balanced {
        allocates.forbidden(ONLY_BALANCED, errors);
    }
    balancer_class(&spec, errors);
    traffic(&spec, errors);
}

/// What is wrong with the addresses that are asked for, as far as it can be told without knowing the cluster's.
fn addresses(new: &Object, old: Option<View<'_>>) -> Errors {
    let mut tried = new.clone();
    let mut edit = Edit::object(&mut tried);
    let mut spec = edit.made("spec");
    if old.is_some_and(|old| !families::differ(spec.view(), old)) {
        return Errors::new();
    }
    families::settle(&mut spec, old, &[families::IPV4, families::IPV6]).err().unwrap_or_default()
}

/// What is wrong with the status.
pub(super) fn check_status(new: &Object, old: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    let balancer = status.field("loadBalancer");
    let ingress = balancer.field("ingress");
    if new.view().path("spec.type").text() != kind::LOAD_BALANCER && !ingress.is_empty() {
        return ingress.forbidden("may only be used when `spec.type` is 'LoadBalancer'", errors);
    }
    let before = old.view().path("status.loadBalancer.ingress");
    let before: Vec<&str> = before.items().map(|one| one.field("ip").text()).collect();
    for place in ingress.items() {
        let (ip, mode, name) = (place.field("ip"), place.field("ipMode"), place.field("hostname"));
        if !ip.is_empty() {
            check_legacy_ip(&ip.path, ip.text(), Strictness::Strict, &before, errors);
        }
        match (mode.is_present(), ip.is_empty()) {
            (false, false) => mode.missing("must be specified when `ip` is set", errors),
            (true, true) => mode.forbidden("may not be specified when `ip` is not set", errors),
            (true, false) => mode.one_of(&["Proxy", "VIP"], errors),
            (false, true) => {}
        }
        if !name.is_empty() {
            name.keep_to(dns::subdomain, errors);
            if parse_ip(name.text()).is_some() {
                name.invalid("must be a DNS name, not an IP address", errors);
            }
        }
    }
}

/// Two annotations that mean the same say the same.
fn topology(new: &Object, errors: &mut Errors) {
    let said = |key: &str| meta(new).annotations().find(|(name, _)| *name == key).map(|(_, value)| value);
    if let (Some(mode), Some(hints)) = (said(MODE), said(HINTS))
        && mode != hints
    {
        let (path, words) =
            (Path::new("metadata"), format!("must match annotations[{HINTS}] when both are specified"));
        errors.push(Error::invalid(&path.child("annotations").key(MODE), mode, words));
    }
}

fn of_kind(spec: &At<'_, '_>, errors: &mut Errors) {
    match spec.field("type").text() {
        of @ (kind::NODE_PORT | kind::LOAD_BALANCER) if spec.field("clusterIP").text() == HEADLESS => {
            let words = format!("may not be set to 'None' for {of} services");
            spec.field("clusterIPs").index(0).invalid(words, errors);
        }
        kind::EXTERNAL_NAME => {
            for name in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if spec.field(name).is_present() {
                    spec.field(name).forbidden("may not be set for ExternalName services", errors);
                }
            }
            let name = spec.field("externalName");
            // A dot at the end says that nothing is to be put behind it.
            match name.text().strip_suffix('.').unwrap_or(name.text()) {
                "" => name.missing("", errors),
                host => errors.push_invalid(&name.path, host, dns::subdomain(host)),
            }
        }
        _ => {}
    }
}

fn ports(ports: &At<'_, '_>, errors: &mut Errors) {
    let mut names = HashSet::new();
    for port in ports.items() {
        let name = port.field("name");
        if name.is_empty() {
            if ports.len() > 1 {
                name.missing("", errors);
            }
        } else {
            name.keep_to(dns::label, errors);
            if !names.insert(name.text()) {
                name.duplicate(errors);
            }
        }
        let number = port.field("port");
        for reason in number::port(number.int().unwrap_or(0)) {
            number.invalid(reason, errors);
        }
        port.field("protocol").one_of(&["SCTP", "TCP", "UDP"], errors);
        number_or_name(&port.field("targetPort"), errors);
        let protocol = port.field("appProtocol");
        if protocol.is_present() {
            protocol.keep_to_shown(label::key, errors);
        }
    }
}

/// No port is there twice, neither in the cluster nor on its nodes, and only some services have any on the nodes.
fn repeated_ports(spec: &At<'_, '_>, errors: &mut Errors) {
    let list = spec.field("ports");
    let on_nodes = |port: &At<'_, '_>| port.view.field("nodePort").int().filter(|number| *number != 0);
    if spec.field("type").text() == kind::CLUSTER_IP {
        for port in list.items().filter(|port| on_nodes(port).is_some()) {
            port.field("nodePort").forbidden("may not be used when `type` is 'ClusterIP'", errors);
        }
    }
    // Where nodes' ports are given out, that refuses what is asked for twice, in its own words.
    let are_given = matches!(spec.field("type").text(), kind::NODE_PORT | kind::LOAD_BALANCER);
    let mut seen = HashSet::new();
    for port in list.items().filter(|_| !are_given) {
        if let Some(number) = on_nodes(&port)
            && !seen.insert((port.field("protocol").text(), number))
        {
            port.field("nodePort").duplicate(errors);
        }
    }
    let mut seen = HashSet::new();
    for port in list.items() {
        let (protocol, number) = (port.field("protocol").text(), port.field("port").int().unwrap_or(0));
        if !seen.insert((protocol, number)) {
            let shown = format!(
                r#"{{"Name":"","Protocol":{},"AppProtocol":null,"Port":{number},"TargetPort":0,"NodePort":0}}"#,
                JsonText(protocol)
            );
            errors.push(Error::duplicate(&port.path, Shown::Json(shown.into())));
        }
    }
}

fn affinity(spec: &At<'_, '_>, errors: &mut Errors) {
    let (affinity, config) = (spec.field("sessionAffinity"), spec.field("sessionAffinityConfig"));
    affinity.one_of(&["ClientIP", "None"], errors);
    match affinity.text() {
        "ClientIP" => {
            let seconds = config.field("clientIP");
            let seconds = seconds.field("timeoutSeconds");
            if !(1..=AFFINITY_SECONDS_MAX).contains(&seconds.int().unwrap_or(0)) {
                let words = format!("must be greater than 0 and less than {AFFINITY_SECONDS_MAX}");
                seconds.invalid(words, errors);
            }
        }
        "None" if config.is_present() => {
            config.forbidden("must not be set when session affinity is None", errors);
        }
        _ => {}
    }
}

fn external_addresses(list: &At<'_, '_>, old: Option<View<'_>>, errors: &mut Errors) {
    let before = old.map(|old| families::texts(old, "externalIPs")).unwrap_or_default();
    for ip in list.items() {
        let found = errors.len();
        check_legacy_ip(&ip.path, ip.text(), Strictness::Strict, &before, errors);
        if errors.len() == found {
            address::reachable(&ip, errors);
        }
    }
}

/// The ranges that clients may come from, or the annotation that said so once.
fn source_ranges(new: &Object, spec: &At<'_, '_>, old: Option<&Object>, errors: &mut Errors) {
    let is_balanced = spec.field("type").text() == kind::LOAD_BALANCER;
    let ranges = spec.field_as("loadBalancerSourceRanges", "LoadBalancerSourceRanges");
    if !ranges.is_empty() {
        if !is_balanced {
            ranges.forbidden(ONLY_BALANCED, errors);
        }
        let before = old.map(|old| old.view().path("spec.loadBalancerSourceRanges"));
        let before: Vec<&str> =
            before.iter().flat_map(|ranges| ranges.items()).map(|one| one.text().trim()).collect();
        for range in ranges.items() {
            check_legacy_cidr(&range.path, range.text().trim(), Strictness::Strict, &before, errors);
        }
        return;
    }
    let said = |object: &Object| {
        let object = meta(object);
        let mut annotations = object.annotations();
        annotations.find(|(name, _)| *name == RANGES).map(|(_, value)| value.to_owned())
    };
    let Some(text) = said(new) else { return };
    let path = Path::new("metadata");
    let path = path.child("annotations");
    let path = path.key(RANGES);
    if !is_balanced {
        errors.push(Error::forbidden(&path, ONLY_BALANCED));
    }
    if old.and_then(said).as_ref() != Some(&text) && !text.trim().is_empty() {
        for range in text.split(',') {
            check_legacy_cidr(&path, range.trim(), Strictness::Strict, &[], errors);
        }
    }
}

fn balancer_class_stays(spec: &At<'_, '_>, old: View<'_>, errors: &mut Errors) {
    let class = spec.field("loadBalancerClass");
    let are_balanced =
        spec.field("type").text() == kind::LOAD_BALANCER && old.field("type").text() == kind::LOAD_BALANCER;
    if are_balanced && class.view.value() != old.field("loadBalancerClass").value() {
        let shown = if class.is_present() { Shown::Named(class.text()) } else { Shown::Null };
        errors.push(Error::invalid(&class.path, shown, UNCHANGED));
    }
}

fn balancer_class(spec: &At<'_, '_>, errors: &mut Errors) {
    let class = spec.field("loadBalancerClass");
    if !class.is_present() {
        return;
    }
    if spec.field("type").text() == kind::LOAD_BALANCER {
        class.keep_to_shown(label::key, errors);
    } else {
        class.forbidden(ONLY_BALANCED, errors);
    }
}

/// Where what comes from outside goes, from inside, and which of several it prefers.
fn traffic(spec: &At<'_, '_>, errors: &mut Errors) {
    let (outside, health) = (spec.field("externalTrafficPolicy"), spec.field("healthCheckNodePort"));
    if is_reached_from_outside(spec.view) {
        if outside.require(errors) {
            outside.one_of(&["Cluster", "Local"], errors);
        }
    } else if !outside.is_empty() {
        outside.invalid("may only be set for externally-accessible services", errors);
    }
    let port = health.int().unwrap_or(0);
    if needs_health_port(spec.view) {
        // One that is not named is given.
        for reason in number::port(port).into_iter().filter(|_| port != 0) {
            health.invalid(reason, errors);
        }
    } else if port != 0 {
        let words = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        health.invalid(words, errors);
    }
    let inside = spec.field("internalTrafficPolicy");
    if inside.is_present() {
        inside.one_of(&["Cluster", "Local"], errors);
    }
    let preference = spec.field("trafficDistribution");
    if preference.is_present() {
        preference.one_of(&["PreferClose", "PreferSameZone", "PreferSameNode"], errors);
    }
}
