//! Names of what is counted and measured (`cpu`, `requests.storage`, `example.com/gpu`), and amounts of it.

use keelson_api::field::{Error, Errors, Path, Value};
use keelson_api::names::label;
use keelson_api::quantity::Quantity;

use super::{At, NEGATIVE};

/// What can be counted or measured of a quota, by a name without a domain.
const OF_QUOTAS: [&str; 19] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
];
/// What is counted, so that there are only whole ones.
const COUNTED: [&str; 9] = [
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
const OF_CONTAINERS: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
const HUGE_PAGES: &str = "hugepages-";

/// Whether a quota can have this, as everybody knows it.
pub(crate) fn is_of_quotas(name: &str) -> bool {
    OF_QUOTAS.contains(&name) || name.starts_with(HUGE_PAGES) || name.starts_with("requests.hugepages-")
}

/// Whether the name is Kubernetes' own.
pub(crate) fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether the name is that of a resource somebody else counts.
pub(crate) fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && label::key(&format!("requests.{name}")).is_empty()
}

/// Whether more may be allowed of it than is reserved.
pub(crate) fn can_be_overcommitted(name: &str) -> bool {
    is_native(name) && !name.starts_with(HUGE_PAGES)
}

fn invalid(name: &str, path: &Path<'_>, words: &'static str, errors: &mut Errors) {
    errors.push(Error::invalid(path, Value::Named(name), words));
}

/// A name is well-formed, and known if it has no domain. Tells whether it is.
pub(crate) fn check(name: &str, path: &Path<'_>, errors: &mut Errors) -> bool {
    let before = errors.len();
    for reason in label::key(name) {
        errors.push(Error::invalid(path, Value::Named(name), reason));
    }
    let is_well_formed = errors.len() == before;
    if is_well_formed && !name.contains('/') && name != "storage" && !is_of_quotas(name) {
        invalid(name, path, "must be a standard resource type or fully qualified", errors);
    }
    errors.len() == before
}

/// A name is one that containers can ask for.
pub(crate) fn check_of_container(name: &str, path: &Path<'_>, errors: &mut Errors) {
    check(name, path, errors);
    if !name.contains('/') {
        if !OF_CONTAINERS.contains(&name) && !name.starts_with(HUGE_PAGES) {
            invalid(name, path, "must be a standard resource for containers", errors);
        }
    } else if !is_native(name) && !is_extended(name) {
        invalid(name, path, "doesn't follow extended resource name standard", errors);
    }
}

/// A name is one that a quota can have.
pub(crate) fn check_of_quota(name: &str, path: &Path<'_>, errors: &mut Errors) {
    check(name, path, errors);
    if !name.contains('/') && !is_of_quotas(name) {
        invalid(name, path, "must be a standard resource for quota", errors);
    }
}

/// An amount of `name` is not below zero, and whole where there are only whole ones.
pub(crate) fn check_amount(name: &str, amount: &At<'_, '_>, errors: &mut Errors) {
    let Ok(quantity) = amount.text().parse::<Quantity>() else { return };
    if quantity.is_negative() {
        amount.invalid(NEGATIVE, errors);
    }
    if (COUNTED.contains(&name) || is_extended(name)) && quantity.milli_value() % 1000 != 0 {
        amount.invalid("must be an integer", errors);
    }
}
