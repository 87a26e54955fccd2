//! Rules for what containers and pods need.

use std::collections::{BTreeSet, HashSet};

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::{dns, label};
use keelson_api::quantity::Quantity;
pub(crate) use keelson_api::quota::{is_extended, is_native};

use super::pod_leniency::Leniency;
use super::{At, NEGATIVE};
use crate::defaults::pod_resources::{
    is_huge_page, is_of_pods, limits_of_containers, requests_of_containers,
};
use crate::defaults::quantity::amount;

/// Whether more may be promised of a resource than there is.
pub(crate) fn can_be_overcommitted(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

/// Resources that there are one by one.
const COUNTED: &[&str] = &[
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// Resources that there are in parts.
const MEASURED: &[&str] = &[
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "storage",
    "requests.storage",
];

fn is_standard(name: &str) -> bool {
    COUNTED.contains(&name)
        || MEASURED.contains(&name)
        || is_huge_page(name)
        || name.starts_with("requests.hugepages-")
}

/// How much of a resource.
pub(crate) fn quantity(resource: &str, quantity: &At<'_, '_>, errors: &mut Errors) {
    let much = amount(quantity.view);
    if much.is_negative() {
        quantity.invalid(NEGATIVE, errors);
    }
    if (COUNTED.contains(&resource) || is_extended(resource)) && much.milli_value() % 1000 != 0 {
        quantity.invalid("must be an integer", errors);
    }
}

/// The name of a resource, if it is well-formed and, without a domain, known.
pub(crate) fn name(name: &str, at: &At<'_, '_>, errors: &mut Errors) {
    let refuse = |reason, errors: &mut Errors| {
        errors.push(Error::invalid(&at.path, Shown::Named(name), reason));
    };
    let reasons = label::key(name);
    if reasons.is_empty() && !name.contains('/') && !is_standard(name) {
        refuse("must be a standard resource type or fully qualified".into(), errors);
    }
    for reason in reasons {
        refuse(reason, errors);
    }
}

/// The name of a resource that containers can have.
pub(crate) fn name_for_containers(text: &str, at: &At<'_, '_>, errors: &mut Errors) {
    name(text, at, errors);
    let words = match text.matches('/').count() {
        0 if !matches!(text, "cpu" | "memory" | "ephemeral-storage") && !is_huge_page(text) => {
            "must be a standard resource for containers"
        }
        1.. if !is_native(text) && !is_extended(text) => "doesn't follow extended resource name standard",
        _ => return,
    };
    errors.push(Error::invalid(&at.path, Shown::Named(text), words));
}

/// The name of a resource that pods can have as a whole.
fn name_for_pods(text: &str, at: &At<'_, '_>, errors: &mut Errors) {
    let before = errors.len();
    name(text, at, errors);
    if errors.len() == before && !is_of_pods(text) {
        let supported = &["cpu", "hugepages-", "memory"];
        errors.push(Error::not_supported(&at.path, Shown::Named(text), supported));
    }
}

/// What a container needs. `claims` are the names of the pod's claims.
pub(super) fn of_container(
    resources: &At<'_, '_>,
    claims: &BTreeSet<&str>,
    lenient: &Leniency,
    errors: &mut Errors,
) {
    requirements(resources, name_for_containers, claims, lenient, errors);
}

/// What a pod takes beside its containers.
pub(crate) fn overhead(overhead: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    // As upstream: it is looked at as limits are.
    let limits = At { view: overhead.view, path: overhead.path.child("limits") };
    let seen = amounts(&limits, name_for_containers, lenient, errors, |_, _, _| {});
    if seen.huge_pages && !seen.computing {
        overhead.forbidden(HUGE_PAGES_ALONE, errors);
    }
}

const HUGE_PAGES_ALONE: &str = "HugePages require cpu or memory";

/// What there is in a list of amounts.
#[derive(Default)]
struct Seen {
    computing: bool,
    huge_pages: bool,
}

type NameRule = fn(&str, &At<'_, '_>, &mut Errors);

fn amounts(
    list: &At<'_, '_>,
    name_rule: NameRule,
    lenient: &Leniency,
    errors: &mut Errors,
    mut also: impl FnMut(&str, &At<'_, '_>, &mut Errors),
) -> Seen {
    let mut seen = Seen::default();
    for (name, much) in list.entries() {
        name_rule(name, &much, errors);
        quantity(name, &much, errors);
        also(name, &much, errors);
        if is_huge_page(name) {
            seen.huge_pages = true;
            if !lenient.indivisible_huge_pages && !is_divisible(name, &amount(much.view)) {
                let words = format!("{} is not positive integer multiple of {name}", much.text());
                much.invalid(words, errors);
            }
        }
        seen.computing |= matches!(name, "cpu" | "memory");
    }
    seen
}

/// Whether an amount of huge pages is a number of pages of the size that the resource's name says.
pub(super) fn is_divisible(name: &str, much: &Quantity) -> bool {
    let size: Option<Quantity> = name.strip_prefix("hugepages-").and_then(|size| size.parse().ok());
    size.is_some_and(|size| {
        !size.is_negative()
            && !size.is_zero()
            && size.milli_value() % 1000 == 0
            && much.value() % size.value() == 0
    })
}

fn requirements(
    resources: &At<'_, '_>,
    name_rule: NameRule,
    claims: &BTreeSet<&str>,
    lenient: &Leniency,
    errors: &mut Errors,
) {
    let (limits, requests) = (resources.field("limits"), resources.field("requests"));
    let limited = amounts(&limits, name_rule, lenient, errors, |_, _, _| {});
    let requested = amounts(&requests, name_rule, lenient, errors, |name, much, errors| {
        within_limit(name, much, &limits, &requests, errors);
    });
    let computes = limited.computing || requested.computing;
    if !computes && (limited.huge_pages || requested.huge_pages) {
        resources.forbidden(HUGE_PAGES_ALONE, errors);
    }
    claimed(&resources.field("claims"), claims, errors);
}

fn within_limit(
    name: &str,
    much: &At<'_, '_>,
    limits: &At<'_, '_>,
    requests: &At<'_, '_>,
    errors: &mut Errors,
) {
    let limit = limits.key(name);
    if !limit.is_present() {
        if !can_be_overcommitted(name) {
            limits.missing("Limit must be set for non overcommitable resources", errors);
        }
        return;
    }
    let (asked, most) = (amount(much.view), amount(limit.view));
    let words = if asked != most && !can_be_overcommitted(name) {
        format!("must be equal to {name} limit of {}", limit.text())
    } else if asked > most {
        format!("must be less than or equal to {name} limit of {}", limit.text())
    } else {
        return;
    };
    errors.push(Error::invalid(&requests.path, much.text(), words));
}

/// What a container uses of the claims of its pod.
fn claimed(used: &At<'_, '_>, claims: &BTreeSet<&str>, errors: &mut Errors) {
    let mut names: HashSet<(&str, &str)> = HashSet::new();
    for claim in used.items() {
        let (name, request) = (claim.field("name").text(), claim.field("request"));
        if name.is_empty() {
            claim.missing("", errors);
            continue;
        }
        let refuse = |shown: &str, errors: &mut Errors| {
            errors.push(Error::duplicate(&claim.path, shown));
        };
        if names.contains(&(name, "")) {
            refuse(name, errors);
        } else {
            if !request.is_empty() {
                request.keep_to(dns::label, errors);
            }
            if !request.is_empty() && names.contains(&(name, request.text())) {
                refuse(&format!("{name}/{}", request.text()), errors);
            } else if request.is_empty() {
                for _ in names.iter().filter(|(other, _)| *other == name) {
                    refuse(name, errors);
                }
            }
            names.insert((name, request.text()));
        }
        if !claims.contains(name) {
            let mut words = "must be one of the names in pod.spec.resourceClaims".to_owned();
            if claims.is_empty() {
                words.push_str(" which is empty");
            } else {
                let all: Vec<&str> = claims.iter().copied().collect();
                words = format!("{words}: {}", all.join(", "));
            }
            errors.push(Error::new(keelson_api::field::Kind::NotFound, &claim.path, name, words));
        }
    }
}

/// What a pod needs as a whole.
pub(super) fn of_pod(spec: &At<'_, '_>, claims: &BTreeSet<&str>, lenient: &Leniency, errors: &mut Errors) {
    let resources = spec.field("resources");
    if !resources.is_present() {
        return;
    }
    if spec.view.path("os.name").text() == "windows" {
        return resources.forbidden("may not be set for a windows pod", errors);
    }
    let own_claims = resources.field("claims");
    if own_claims.is_present() {
        own_claims.forbidden("claims may not be set for Resources at pod-level", errors);
    }
    requirements(&resources, name_for_pods, claims, lenient, errors);
    holds_containers(spec, &resources, errors);
}

/// What the containers need fits into what the pod has.
fn holds_containers(spec: &At<'_, '_>, resources: &At<'_, '_>, errors: &mut Errors) {
    let (limits, requests) = (resources.field("limits"), resources.field("requests"));
    let too_little = |of: &At<'_, '_>, name: &str, sum: &Quantity, what: &str, errors: &mut Errors| {
        let own = of.key(name);
        if own.is_present() && *sum > amount(own.view) {
            let words = format!("must be greater than or equal to aggregate container {what} of {sum}");
            own.invalid(words, errors);
        }
    };
    for (name, sum) in requests_of_containers(spec.view) {
        too_little(&requests, name, &sum, "requests", errors);
    }
    for (name, sum) in limits_of_containers(spec.view).iter().filter(|(name, _)| is_huge_page(name)) {
        too_little(&limits, name, sum, "limits", errors);
    }
    let containers = At { view: spec.view.field("containers"), path: resources.path.child("containers") };
    for container in containers.items() {
        let of_container = container.view.path("resources.limits");
        for name in limits.keys() {
            let (own, of_pod) = (of_container.key(name), limits.key(name));
            if own.is_present() && amount(own) > amount(of_pod.view) {
                let path = container.path.key(name);
                let words = format!("must be less than or equal to pod limits of {}", of_pod.text());
                errors.push(Error::invalid(&path.child("limits"), own.text(), words));
            }
        }
    }
}
