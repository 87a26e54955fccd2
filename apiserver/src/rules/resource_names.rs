//! Names of what quotas and limits are about, such as `requests.storage` or `count/pods`.

use keelson_api::field::{Error, Errors, Path, Value};

use super::{At, pod_resources};
use crate::defaults::pod_resources::is_huge_page;

/// What a quota can have, by a name without a domain.
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

/// Whether a quota can have this, as everybody knows it.
pub(crate) fn is_of_quotas(name: &str) -> bool {
    OF_QUOTAS.contains(&name) || is_huge_page(name) || name.starts_with("requests.hugepages-")
}

/// A name is one that a quota can have.
pub(crate) fn check_of_quota(name: &str, at: &At<'_, '_>, errors: &mut Errors) {
    pod_resources::name(name, at, errors);
    if !name.contains('/') && !is_of_quotas(name) {
        refuse(name, &at.path, "must be a standard resource for quota", errors);
    }
}

fn refuse(name: &str, path: &Path<'_>, words: &'static str, errors: &mut Errors) {
    errors.push(Error::invalid(path, Value::Named(name), words));
}
