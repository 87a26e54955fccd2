//! What a pod, or the template of one, is given that its writer left open.

use keelson_schema::tree::{Entries, Value};

use super::container::container;
use super::quantity::{fill, round_up, round_up_requirements};
use super::volume::volume;
use crate::edit::Edit;

/// How long a pod is given to end, in seconds.
const GRACE_SECONDS: i64 = 30;
/// The two lists of containers that say what they need.
const WITH_RESOURCES: [&str; 2] = ["containers", "initContainers"];

/// Fills in a pod's template: any struct whose `spec` is a pod's.
pub(crate) fn template(template: &mut Edit<'_>) {
    spec(&mut template.made("spec"));
}

/// Fills in the `spec` of a pod or a template.
pub(crate) fn spec(spec: &mut Edit<'_>) {
    // The one name is an old alias of the other.
    if !spec.has("serviceAccountName")
        && let Some(alias) = spec.get("serviceAccount").cloned()
    {
        spec.set("serviceAccountName", alias);
    }
    let account = spec.get("serviceAccountName").cloned();
    spec.put("serviceAccount", account);
    spec.default("dnsPolicy", "ClusterFirst");
    spec.default("restartPolicy", "Always");
    spec.made("securityContext");
    spec.default("terminationGracePeriodSeconds", GRACE_SECONDS);
    spec.default("schedulerName", "default-scheduler");
    spec.items("volumes").for_each(|mut one| volume(&mut one));
    for name in ["initContainers", "containers", "ephemeralContainers"] {
        spec.items(name).for_each(|mut one| container(&mut one));
    }
    round_up(spec, "overhead");
    round_up_requirements(spec, "resources");
}

/// Fills in what only a pod is given, not a template, beyond what [`spec`] does.
pub(crate) fn only_of_pods(spec: &mut Edit<'_>) {
    if spec.int("terminationGracePeriodSeconds").is_some_and(|seconds| seconds < 0) {
        spec.set("terminationGracePeriodSeconds", 1_i64);
    }
    for name in WITH_RESOURCES {
        spec.items(name).for_each(|mut one| request_limits(&mut one));
    }
    spec.default("enableServiceLinks", true);
    if spec.is_true("hostNetwork") {
        for name in WITH_RESOURCES {
            spec.items(name).for_each(|mut one| take_host_ports(&mut one));
        }
    }
}

/// What a container is limited to and does not request otherwise, it requests.
fn request_limits(container: &mut Edit<'_>) {
    let Some(mut resources) = container.part("resources") else { return };
    let limits: Option<Entries> = resources.get("limits").and_then(Value::as_map).cloned();
    if let Some(limits) = limits.filter(|limits| !limits.is_empty()) {
        fill(resources.map("requests"), &limits);
    }
}

/// On the node's own network, the ports of a container are the node's.
fn take_host_ports(container: &mut Edit<'_>) {
    for mut port in container.items("ports") {
        if let Some(number) = port.int("containerPort") {
            port.default("hostPort", number);
        }
    }
}

/// A pod's address and its list of addresses agree; the former decides.
pub(crate) fn addresses(status: &mut Edit<'_>) {
    let first = status.view().path("podIPs[0].ip").text().to_owned();
    let single = status.text("podIP").to_owned();
    if single.is_empty() && !first.is_empty() {
        status.set("podIP", first.as_str());
    } else if !single.is_empty() && first != single {
        let address = status.item("podIPs", |address| address.set("ip", single.as_str()));
        status.set("podIPs", Value::List([address].into_iter().collect()));
    }
}
