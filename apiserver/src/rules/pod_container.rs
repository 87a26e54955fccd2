//! Rules for one container, of whatever list.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors};
use keelson_api::names::dns;

use super::pod_containers::Surroundings;
use super::volume_files::pull_policy;
use super::{At, pod_env, pod_ports, pod_resources, pod_security, volume_mount};

/// What all containers keep to.
pub(super) fn own(container: &At<'_, '_>, around: &Surroundings<'_>, errors: &mut Errors) {
    let name = container.field("name");
    if name.require(errors) {
        name.keep_to(dns::label, errors);
    }
    container.field("image").require(errors);
    let message = container.field("terminationMessagePolicy");
    if message.require(errors) {
        message.one_of(&["File", "FallbackToLogsOnError"], errors);
    }
    pod_ports::ports(&container.field("ports"), errors);
    pod_env::variables(&container.field("env"), errors);
    pod_env::sources(&container.field("envFrom"), errors);
    volume_mount::mounts(container, around.volumes, errors);
    volume_mount::devices(container, around.volumes, errors);
    pull_policy(&container.field("imagePullPolicy"), errors);
    pod_resources::of_container(&container.field("resources"), around.claims, around.lenient, errors);
    resize_policy(&container.field("resizePolicy"), around.restarts_never, errors);
    let context = container.field("securityContext");
    pod_security::of_container(&context, around.host_users, around.lenient, errors);
}

/// What becomes of a container when what it needs changes. Messages do not tell which entry is meant, as upstream.
fn resize_policy(policies: &At<'_, '_>, restarts_never: bool, errors: &mut Errors) {
    let mut seen = HashSet::new();
    for policy in policies.items() {
        let resource = policy.field("resourceName");
        if !seen.insert(resource.text()) {
            errors.push(Error::duplicate(&policy.path, resource.shown()));
        }
        let resource = At { view: resource.view, path: policies.path };
        if resource.require(errors) {
            resource.one_of(&["cpu", "memory"], errors);
        }
        let restart = At { view: policy.view.field("restartPolicy"), path: policies.path };
        if restart.require(errors) {
            restart.one_of(&["NotRequired", "RestartContainer"], errors);
        }
        if restarts_never && restart.text() != "NotRequired" {
            restart.invalid("must be 'NotRequired' when pod `restartPolicy` is 'Never'", errors);
        }
    }
}

/// What containers of pods keep to, and those of templates need not.
pub(super) fn only_of_pods(container: &At<'_, '_>, errors: &mut Errors) {
    let image = container.field("image");
    if image.text().trim() != image.text() {
        image.invalid("must not have leading or trailing whitespace", errors);
    }
}
