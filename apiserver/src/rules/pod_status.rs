//! Rules for the status of pods.

use std::collections::{HashMap, HashSet};

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::address::{Strictness, check_legacy_ip, parse_ip};
use keelson_api::names::{dns, label, number, object};
use keelson_schema::tree::{Object, View};

use super::{At, IMMUTABLE, internal, pod_status_resources, pod_update};

const STATUSES: [&str; 3] = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];

/// A pod whose status has changed.
pub(crate) fn update(new: &Object, old: &Object, errors: &mut Errors) {
    pod_update::annotations(new, old, &pod_update::leniency(old), errors);
    let (status, was) = (At::root(new, "status"), old.view().field("status"));
    let spec = new.view().field("spec");
    conditions(&status.field("conditions"), errors);
    nominated(&status, spec, was, errors);
    observed(&status.field("observedGeneration"), errors);
    let quality = status.field("qosClass");
    if quality.text() != was.field("qosClass").text() {
        quality.invalid(IMMUTABLE, errors);
    }
    stays_terminated(&status, was, old.view().field("spec"), errors);
    claims(&status.field("resourceClaimStatuses"), spec, errors);
    extended_claim(&status.field("extendedResourceClaimStatus"), spec, errors);
    pod_addresses(&status, was, errors);
    host_addresses(&status, was, errors);
    for name in STATUSES {
        users(&status.field(name), spec, errors);
    }
    pod_status_resources::allocated(&status, spec, errors);
}

fn observed(generation: &At<'_, '_>, errors: &mut Errors) {
    if generation.int().is_some_and(|number| number < 0) {
        generation.invalid("must be a non-negative integer", errors);
    }
}

fn conditions(conditions: &At<'_, '_>, errors: &mut Errors) {
    for condition in conditions.items() {
        observed(&condition.field("observedGeneration"), errors);
        // As upstream: called as in Go.
        let kind = condition.field_as("type", "Type");
        if !matches!(kind.text(), "PodScheduled" | "Ready" | "Initialized") {
            kind.keep_to_shown(label::key, errors);
        }
    }
}

fn nominated(status: &At<'_, '_>, spec: View<'_>, was: View<'_>, errors: &mut Errors) {
    let node = status.field("nominatedNodeName");
    if node.is_empty() || node.text() == was.field("nominatedNodeName").text() {
        return;
    }
    node.name_of(object::subdomain, errors);
    if !spec.field("nodeName").text().is_empty() {
        node.forbidden("may not be set on pods that are already bound to a node", errors);
    }
}

/// What has ended, and is not to begin anew, does not run again.
fn stays_terminated(status: &At<'_, '_>, was: View<'_>, spec: View<'_>, errors: &mut Errors) {
    let restarts_all = ["initContainers", "containers"].iter().any(|list| {
        spec.field(list).items().any(|container| {
            let mut rules = container.field("restartPolicyRules").items();
            rules.any(|rule| rule.field("action").text() == "RestartAllContainers")
        })
    });
    for (name, list) in STATUSES.into_iter().zip(["containers", "initContainers", ""]) {
        if restarts_all && !list.is_empty() {
            continue;
        }
        let now = status.field(name);
        for (at, before) in was.field(name).items().enumerate() {
            let ended = before.path("state.terminated");
            if !ended.is_present() {
                continue;
            }
            let container = before.field("name").text();
            let runs = |one: &View<'_>| {
                one.field("name").text() == container && !one.path("state.terminated").is_present()
            };
            let count = now.view.items().filter(runs).count();
            let code = ended.field("exitCode").int().unwrap_or(0);
            let mut containers = spec.field(list).items();
            let may_restart = !list.is_empty()
                && containers
                    .find(|one| one.field("name").text() == container)
                    .is_some_and(|one| restarts(one, spec, code));
            // Of the containers that come later, each status is told of.
            let count = if list.is_empty() { count } else { count.min(1) };
            for _ in (0..count).filter(|_| !may_restart) {
                let of_one = now.path.index(at);
                let words = "may not be transitioned to non-terminated state";
                errors.push(Error::forbidden(&of_one.child("state"), words));
            }
        }
    }
}

/// Whether a container that has ended with this code is started again.
fn restarts(container: View<'_>, spec: View<'_>, code: i64) -> bool {
    let by_policy = |policy: &str| match policy {
        "Always" => Some(true),
        "OnFailure" => Some(code != 0),
        "Never" => Some(false),
        _ => None,
    };
    let own = container.field("restartPolicy");
    if own.is_present() {
        let matches = |rule: &View<'_>| {
            let codes = rule.field("exitCodes");
            let is_listed = codes.field("values").items().any(|value| value.int() == Some(code));
            match codes.field("operator").text() {
                "In" => is_listed,
                "NotIn" => !is_listed,
                _ => false,
            }
        };
        let rule = container.field("restartPolicyRules").items().find(matches);
        let action = rule.map_or("", |rule| rule.field("action").text());
        if matches!(action, "Restart" | "RestartAllContainers") {
            return true;
        }
        if let Some(restarts) = by_policy(own.text()) {
            return restarts;
        }
    }
    by_policy(spec.field("restartPolicy").text()).unwrap_or(true)
}

fn claims(claims: &At<'_, '_>, spec: View<'_>, errors: &mut Errors) {
    let mut names = HashSet::new();
    for claim in claims.items() {
        let (name, own) = (claim.field("name"), claim.field("resourceClaimName"));
        if !spec.field("resourceClaims").items().any(|one| one.field("name").text() == name.text()) {
            name.invalid("must match the name of an entry in `spec.resourceClaims`", errors);
        }
        if !names.insert(name.text()) {
            name.duplicate(errors);
        }
        if own.is_present() {
            for reason in object::subdomain(own.text(), object::Part::Whole) {
                errors.push(Error::invalid(&own.path, Shown::Named(own.text()), reason));
            }
        }
    }
}

/// The claim that was made for what containers ask for by name.
fn extended_claim(status: &At<'_, '_>, spec: View<'_>, errors: &mut Errors) {
    if !status.is_present() {
        return;
    }
    let all = spec.field("initContainers").items().chain(spec.field("containers").items());
    let containers: HashMap<&str, View<'_>> = all.map(|one| (one.field("name").text(), one)).collect();
    let mappings = status.field("requestMappings");
    mappings.require_saying("at least one request mapping is required", errors);
    let mut seen = HashSet::new();
    for mapping in mappings.items() {
        let (container, resource) = (mapping.field("containerName"), mapping.field("resourceName"));
        let request = mapping.field("requestName");
        match containers.get(container.text()) {
            None => {
                let words =
                    "must match the name of an entry in spec.initContainers.name or spec.containers.name";
                container.invalid(words, errors);
            }
            Some(one) if !one.path("resources.requests").key(resource.text()).is_present() => {
                let words = "must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests";
                resource.invalid(words, errors);
            }
            Some(_) => {}
        }
        // As upstream: the message does not tell which mapping is meant.
        At { view: request.view, path: status.path.child("requestName") }.keep_to(dns::label, errors);
        if !seen.insert((container.text(), resource.text(), request.text())) {
            [container, resource, request].iter().for_each(|field| field.duplicate(errors));
        }
    }
    let name = status.field("resourceClaimName");
    if name.require(errors) {
        name.name_of(object::subdomain, errors);
    }
}

fn pod_addresses(status: &At<'_, '_>, was: View<'_>, errors: &mut Errors) {
    let (all, one) = (status.field("podIPs"), status.field("podIP"));
    addresses(&all, was.field("podIPs"), errors);
    let first = all.view.item(0).field("ip").text();
    if one.is_empty() != all.is_empty() {
        let shown = Shown::Json(internal::json(all.view).into());
        let words = "podIP and podIPs must either both be set or both be unset";
        errors.push(Error::invalid(&all.path, shown, words));
    } else if !all.is_empty() && one.text() != first {
        errors.push(Error::invalid(&all.path.index(0).child("ip"), first, "must be equal to `podIP`"));
    }
}

fn host_addresses(status: &At<'_, '_>, was: View<'_>, errors: &mut Errors) {
    let (all, one) = (status.field("hostIPs"), status.field("hostIP"));
    if all.is_empty() {
        return;
    }
    let first = all.view.item(0).field("ip").text();
    if one.text() != first {
        errors.push(Error::invalid(&all.path.index(0).child("ip"), first, "must be equal to `hostIP`"));
    }
    addresses(&all, was.field("hostIPs"), errors);
}

/// Addresses, one of each family.
fn addresses(all: &At<'_, '_>, was: View<'_>, errors: &mut Errors) {
    let old: Vec<&str> = was.items().map(|one| one.field("ip").text()).collect();
    let texts: Vec<&str> = all.view.items().map(|one| one.field("ip").text()).collect();
    for (at, text) in texts.iter().enumerate() {
        check_legacy_ip(&all.path.index(at), text, Strictness::Strict, &old, errors);
    }
    if texts.len() < 2 {
        return;
    }
    let parsed: Vec<_> = texts.iter().map(|text| parse_ip(text)).collect();
    if let Some(at) = parsed.iter().position(Option::is_none) {
        let words = format!("failed to check for dual stack with error:invalid IP[{}]: {}", at, texts[at]);
        errors.push(Error::internal(&all.path, words));
    }
    let has = |is_six: bool| parsed.iter().flatten().any(|address| address.is_ipv6() == is_six);
    let are_all = parsed.iter().all(Option::is_some);
    if !(are_all && has(true) && has(false)) || texts.len() > 2 {
        let shown = Shown::Json(internal::json(all.view).into());
        let words = "may specify no more than one IP for each IP family";
        errors.push(Error::invalid(&all.path, shown, words));
    }
}

/// Who containers run as.
fn users(statuses: &At<'_, '_>, spec: View<'_>, errors: &mut Errors) {
    let system = spec.field("os");
    let system = if system.is_present() { system.field("name").text() } else { "linux" };
    for status in statuses.items() {
        let user = status.field("user");
        let user = user.field("linux");
        if !user.is_present() {
            continue;
        }
        if system == "windows" {
            user.forbidden("cannot be set for a windows pod", errors);
        } else if system == "linux" {
            user.field("uid").in_range(0, u32::MAX.into(), errors);
            let groups = user.field("supplementalGroups");
            let own = user.field("gid");
            for group in std::iter::once(own).chain(groups.items()) {
                for reason in group.int().map(number::group_id).unwrap_or_default() {
                    group.invalid(reason, errors);
                }
            }
        }
    }
}
