//! What nodes keep to.

use std::collections::BTreeSet;

use keelson_api::field::{Error, Errors, Kind, Path, Value as Shown};
use keelson_api::golang::Quoted;
use keelson_api::names::address::{Strictness, check_legacy_cidr, parse_cidr};
use keelson_api::names::{dns, label, object, variable};
use keelson_schema::tree::{Object, View};

use crate::rules::pod_tolerations::EFFECTS;
use crate::rules::{At, internal, pod_resources};

const ONE_REFERENCE: &str = "exactly one reference subfield must be non-nil";

/// What is wrong with a node.
pub(super) fn check_create(new: &Object, errors: &mut Errors) {
    check_taints(new, errors);
    check_amounts(new, errors);
    let capacity = At { view: new.view().path("status.nodeInfo.swap.capacity"), path: Path::NOWHERE };
    if capacity.is_present() {
        let path = Path::new("metadata.nodeSwapStatus.capacity");
        At { path, ..capacity }.positive(errors);
    }
    let status = At::root(new, "status");
    check_features(&status.field("declaredFeatures"), errors);
    let spec = At::root(new, "spec");
    check_ranges(&spec.field("podCIDRs"), errors);
}

/// What is wrong with a node in the place of `old`.
pub(super) fn check_update(new: &Object, old: &Object, errors: &mut Errors) {
    check_amounts(new, errors);
    let (spec, status) = (At::root(new, "spec"), At::root(new, "status"));
    check_features(&status.field("declaredFeatures"), errors);
    check_addresses(&status.field("addresses"), errors);
    keep_ranges(&spec.field("podCIDRs"), old.view().path("spec.podCIDRs"), errors);
    keep_provider(&spec.field("providerID"), old.view().path("spec.providerID").text(), errors);
    let source = spec.field("configSource");
    if source.is_present() {
        check_source(&source, false, errors);
    }
    let config = status.field("config");
    for name in ["assigned", "active", "lastKnownGood"] {
        let source = config.field(name);
        if source.is_present() {
            check_source(&source, true, errors);
        }
    }
    check_taints(new, errors);
    let external = spec.field("externalID");
    if external.text() != old.view().path("spec.externalID").text() {
        external.forbidden("may not be updated", errors);
    }
}

fn check_taints(new: &Object, errors: &mut Errors) {
    let taints = new.view().path("spec.taints");
    // The path is not where the taints are, but where upstream says they are.
    let taints = At { view: taints, path: Path::new("metadata.taints") };
    let mut known = BTreeSet::new();
    for taint in taints.items() {
        let (key, value, effect) = (taint.field("key"), taint.field("value"), taint.field("effect"));
        key.keep_to(label::key, errors);
        let reasons = label::value(value.text());
        if !reasons.is_empty() {
            value.invalid(reasons.join(";"), errors);
        }
        if effect.require(errors) {
            effect.one_of(EFFECTS, errors);
        }
        if !known.insert((effect.text(), key.text())) {
            let words = "taints must be unique by key and effect pair";
            errors.push(Error::new(Kind::Duplicate, &taint.path, internal::shown(taint.view), words));
        }
    }
}

fn check_amounts(new: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    for name in ["capacity", "allocatable"] {
        let amounts = status.field(name);
        for key in amounts.keys() {
            let amount = At { view: amounts.view.key(key), path: amounts.path.child(key) };
            pod_resources::quantity(key, &amount, errors);
        }
    }
}

fn check_features(features: &At<'_, '_>, errors: &mut Errors) {
    let mut before: Option<&str> = None;
    for feature in features.items() {
        let name = feature.text();
        match before {
            Some(before) if before == name => feature.duplicate(errors),
            Some(before) if before > name => feature.invalid("list must be sorted alphabetically", errors),
            _ => {}
        }
        if name.len() > dns::SUBDOMAIN_BYTES_MAX {
            let max = dns::SUBDOMAIN_BYTES_MAX;
            let words =
                format!("invalid feature name {}: must be no more than {max} characters", Quoted(name));
            feature.invalid(words, errors);
        } else if !is_feature(name) {
            let words = format!(
                "invalid feature name {}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes",
                Quoted(name)
            );
            feature.invalid(words, errors);
        }
        before = Some(name);
    }
}

fn is_feature(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name
            .split('/')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn check_ranges(ranges: &At<'_, '_>, errors: &mut Errors) {
    for range in ranges.items() {
        check_legacy_cidr(&range.path, range.text(), Strictness::Strict, &[], errors);
    }
    if ranges.len() < 2 {
        return;
    }
    let families: Option<Vec<bool>> =
        ranges.view.items().map(|range| parse_cidr(range.text()).map(|(ip, _)| ip.is_ipv4())).collect();
    let is_dual = match &families {
        Some(families) => families.contains(&true) && families.contains(&false),
        None => {
            let bad = ranges.view.items().enumerate().find(|(_, range)| parse_cidr(range.text()).is_none());
            let (index, text) = bad.map_or((0, ""), |(index, range)| (index, range.text()));
            let why = format!("invalid CIDR[{index}]: <nil> (invalid CIDR address: {text})");
            let words = format!("invalid PodCIDRs. failed to check with dual stack with error:{why}");
            errors.push(Error::internal(&ranges.path, words));
            false
        }
    };
    if !is_dual || ranges.len() > 2 {
        ranges.invalid("may specify no more than one CIDR for each IP family", errors);
    }
}

fn check_addresses(addresses: &At<'_, '_>, errors: &mut Errors) {
    let mut known = BTreeSet::new();
    for address in addresses.items() {
        if !known.insert((address.view.field("type").text(), address.view.field("address").text())) {
            errors.push(Error::duplicate(&address.path, internal::shown(address.view)));
        }
    }
}

fn keep_ranges(ranges: &At<'_, '_>, old: View<'_>, errors: &mut Errors) {
    const WORDS: &str = "node updates may not change podCIDR except from \"\" to valid";
    if old.items().len() == 0 {
        return;
    }
    let changes = if old.items().len() == ranges.len() {
        ranges.view.items().zip(old.items()).filter(|(new, old)| new.text() != old.text()).count()
    } else {
        1
    };
    for _ in 0..changes {
        ranges.forbidden(WORDS, errors);
    }
}

fn keep_provider(provider: &At<'_, '_>, old: &str, errors: &mut Errors) {
    let words = match provider.text() {
        _ if old.is_empty() => return,
        "" => "field cannot be cleared once set",
        new if new != old => "field cannot be modified once set",
        _ => return,
    };
    errors.push(Error::invalid(&provider.path, Shown::Null, words));
}

/// Where a kubelet's configuration comes from; in the status it is known which version of it.
fn check_source(source: &At<'_, '_>, is_status: bool, errors: &mut Errors) {
    let map = source.field("configMap");
    if !map.is_present() {
        errors.push(Error::invalid(&source.path, internal::shown(source.view), ONE_REFERENCE));
        return;
    }
    for name in ["uid", "resourceVersion"] {
        let field = map.field(name);
        match (is_status, field.is_empty()) {
            (true, true) => field.missing("", errors),
            (false, false) => field.forbidden(format!("{name} must not be set in spec"), errors),
            _ => {}
        }
    }
    let namespace = map.field("namespace");
    if namespace.require(errors) {
        namespace.name_of(object::label, errors);
    }
    let name = map.field("name");
    if name.require(errors) {
        name.name_of(object::subdomain, errors);
    }
    let key = map.field("kubeletConfigKey");
    if key.require(errors) {
        key.keep_to(variable::config_map_key, errors);
    }
}
