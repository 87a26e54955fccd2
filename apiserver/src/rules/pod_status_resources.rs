//! Rules for what the status of a pod says of the devices of its containers.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors};
use keelson_schema::tree::View;

use super::At;
use crate::defaults::quantity::amount;

/// How long the message about a device can be.
const MESSAGE_BYTES_MAX: usize = 1024;

/// What the containers of each list have got.
pub(super) fn allocated(status: &At<'_, '_>, spec: View<'_>, errors: &mut Errors) {
    for (name, list) in [("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")] {
        for one in status.field(name).items() {
            let mut containers = spec.field(list).items();
            let container = containers.find(|it| it.field("name").text() == one.field("name").text());
            for resource in one.field("allocatedResourcesStatus").items() {
                if let Some(container) = container {
                    is_asked_for(&resource.field("name"), container, status.view, errors);
                }
                devices(&resource.field("resources"), errors);
            }
        }
    }
    for one in status.field("ephemeralContainerStatuses").items() {
        let resources = one.field("allocatedResourcesStatus");
        if !resources.is_empty() {
            resources.forbidden("must not be specified in container status", errors);
        }
    }
}

fn is_asked_for(name: &At<'_, '_>, container: View<'_>, status: View<'_>, errors: &mut Errors) {
    let requests = container.path("resources.requests");
    let Some(claim) = name.text().strip_prefix("claim:") else {
        if !requests.key(name.text()).is_present() {
            name.invalid("must match one of the container's resource requests", errors);
        }
        return;
    };
    let is_claimed = container.path("resources.claims").items().any(|one| {
        let (own, request) = (one.field("name").text(), one.field("request").text());
        if request.is_empty() { claim == own } else { claim == format!("{own}/{request}") }
    });
    let extended = status.field("extendedResourceClaimStatus");
    let is_mapped = claim.split_once('/').is_some_and(|(own, request)| {
        !own.is_empty()
            && !request.is_empty()
            && own == extended.field("resourceClaimName").text()
            && extended.field("requestMappings").items().any(|mapping| {
                let much = requests.key(mapping.field("resourceName").text());
                mapping.field("containerName").text() == container.field("name").text()
                    && mapping.field("requestName").text() == request
                    && much.is_present()
                    && !amount(much).is_zero()
            })
    });
    if !is_claimed && !is_mapped {
        let words = "must match one of the container's resource claims as 'claim:<claimName>/<requestName>' when container.resources.claims[*].request is set or 'claim:<claimName>' when it is empty";
        name.invalid(words, errors);
    }
}

fn devices(devices: &At<'_, '_>, errors: &mut Errors) {
    let mut seen = HashSet::new();
    for device in devices.items() {
        device.field("health").one_of(&["Healthy", "Unhealthy", "Unknown"], errors);
        let message = device.field("message");
        if message.is_present() {
            if message.text().is_empty() {
                message.missing("must be non-empty if specified", errors);
            } else if message.text().len() > MESSAGE_BYTES_MAX {
                errors.push(Error::too_long(&message.path, MESSAGE_BYTES_MAX));
            }
        }
        let id = device.field("resourceID");
        if !seen.insert(id.text()) {
            id.duplicate(errors);
        }
    }
}
