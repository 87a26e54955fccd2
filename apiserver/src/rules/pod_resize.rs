//! Rules for changing what a pod needs while it runs.

use keelson_api::field::{Error, Errors, Path};
use keelson_schema::tree::{Entries, Object, Value, View};

use super::same::is_same;
use super::{At, pod, pod_update};
use crate::defaults::pod_resources::quality_of_service;
use crate::edit::Edit;

/// What of a container's resources can change.
const CHANGEABLE: [&str; 2] = ["cpu", "memory"];

/// A pod that needs something else.
pub(crate) fn update(new: &Object, old: &Object, errors: &mut Errors) {
    let refusal = if pod_update::mirrors(old) {
        Some("static pods cannot be resized")
    } else if old.text("spec.os.name") == "windows" {
        Some("windows pods cannot be resized")
    } else {
        None
    };
    if let Some(words) = refusal {
        *errors = [Error::forbidden(&Path::new(""), words)].into_iter().collect();
        return;
    }
    pod::own(new, &pod_update::leniency(old), errors);
    let (spec, was) = (At::root(new, "spec"), old.view().field("spec"));
    let quality = |of: View<'_>| match of.path("status.qosClass").text() {
        "" => quality_of_service(of.field("spec")).to_owned(),
        stored => stored.to_owned(),
    };
    if quality(old.view()) != quality_of_service(spec.view) {
        let shown = keelson_api::field::Value::Named(new.view().path("status.qosClass").text());
        errors.push(Error::invalid(
            &spec.path,
            shown,
            "Pod QOS Class may not change as a result of resizing",
        ));
    }
    if !is_supported(old.view()) {
        spec.forbidden("Pod running on node without support for resize", errors);
    }
    let mut rest = new.clone();
    of_pod(&mut rest, &spec, was, errors);
    if !is_ordered(&spec, was, errors) {
        return;
    }
    for list in ["initContainers", "containers"] {
        for (container, was) in spec.field(list).items().zip(was.field(list).items()) {
            nothing_removed(&container.field("resources"), was.field("resources"), "resource", errors);
        }
    }
    containers(&mut rest, &spec, was, errors);
    let volumes = spec.field("volumes");
    if !is_same(volumes.view, was.field("volumes")) {
        let words = "volumes are immutable on resize when InPlacePodVerticalScalingMemoryBackedVolumes feature gate is disabled";
        volumes.forbidden(words, errors);
    }
    if errors.is_empty() && !is_same(rest.view().field("spec"), was) {
        spec.forbidden("only cpu and memory resources are mutable", errors);
    }
}

/// Whether the node tells what containers have got, as those do that can give them more.
fn is_supported(pod: View<'_>) -> bool {
    let mut statuses = pod.path("status.containerStatuses").items();
    let running = statuses.find(|status| status.path("state.running").is_present());
    running.is_none_or(|status| status.field("resources").is_present())
}

/// What the pod has as a whole.
fn of_pod(rest: &mut Object, spec: &At<'_, '_>, was: View<'_>, errors: &mut Errors) {
    let (now, old) = (spec.field("resources"), was.field("resources"));
    let is_said = |resources: View<'_>| {
        ["requests", "limits"].iter().any(|list| {
            resources.field(list).value().and_then(Value::as_map).is_some_and(|list| !list.is_empty())
        })
    };
    if !is_said(now.view) && !is_said(old) {
        return;
    }
    if old.is_present() && !now.is_present() {
        return now.forbidden("pod-level resources cannot be removed", errors);
    }
    if old.is_present() {
        nothing_removed(&now, old, "pod-level resource", errors);
    }
    if let Some(mut resources) = Edit::object(rest).made("spec").part("resources") {
        keep_changeable(&mut resources, old);
    }
    let left = rest.view().path("spec.resources");
    let is_empty = !is_said(left) && left.field("claims").items().len() == 0;
    if !old.is_present() && is_empty {
        Edit::object(rest).made("spec").remove("resources");
    }
    if !is_same(rest.view().path("spec.resources"), old) {
        spec.forbidden("only cpu and memory resources are mutable at pod-level", errors);
    }
}

/// What was asked for still is, in whatever amount.
fn nothing_removed(now: &At<'_, '_>, was: View<'_>, what: &str, errors: &mut Errors) {
    for list in ["requests", "limits"] {
        let (now, was) = (now.field(list), At { view: was.field(list), path: now.path });
        if was.len() > now.len() || was.keys().any(|name| !now.key(name).is_present()) {
            now.forbidden(format!("{what} {list} cannot be removed"), errors);
        }
    }
}

/// Containers stay where they are, with their names.
fn is_ordered(spec: &At<'_, '_>, was: View<'_>, errors: &mut Errors) -> bool {
    let before = errors.len();
    for name in ["containers", "initContainers"] {
        let (list, was) = (spec.field(name), was.field(name));
        if list.len() != was.items().len() {
            list.forbidden(format!("{name} may not be added or removed on resize"), errors);
            continue;
        }
        for (container, was) in list.items().zip(was.items()) {
            let own = container.field("name");
            if own.text() != was.field("name").text() {
                own.forbidden(format!("{name} may not be renamed or reordered on resize"), errors);
            }
        }
    }
    errors.len() == before
}

/// Of containers, only processors and memory change; `rest` gets them back as they were.
fn containers(rest: &mut Object, spec: &At<'_, '_>, was: View<'_>, errors: &mut Errors) {
    for list in ["containers", "initContainers"] {
        let mut pod = Edit::object(rest);
        let mut edited = pod.made("spec");
        for (mut container, was) in edited.items(list).zip(was.field(list).items()) {
            keep_changeable(&mut container.made("resources"), was.field("resources"));
            if container.part("resources").is_some_and(|left| left.names().next().is_none()) {
                container.remove("resources");
            }
        }
    }
    let left = rest.view().field("spec");
    let changed = |list: &str, at: usize| !is_same(left.field(list).item(at), was.field(list).item(at));
    for at in 0..spec.field("containers").len() {
        if changed("containers", at) {
            spec.forbidden("only cpu and memory resources are mutable", errors);
        }
    }
    for (at, container) in spec.field("initContainers").items().enumerate() {
        if changed("initContainers", at) {
            let words = "only cpu and memory resources for init or sidecar containers are mutable";
            container.forbidden(words, errors);
        }
        let lasts = container.field("restartPolicy").text() == "Always";
        if !lasts && !is_same(container.view, was.field("initContainers").item(at)) {
            let policies = container.view.field("resizePolicy");
            for _ in policies.items().filter(|one| one.field("restartPolicy").text() == "RestartContainer") {
                let words =
                    "non-sidecar init containers with a resize policy of RestartContainer cannot be resized";
                container.forbidden(words, errors);
            }
        }
    }
}

/// Gives back to resources what they had of what can change.
fn keep_changeable(resources: &mut Edit<'_>, was: View<'_>) {
    for list in ["limits", "requests"] {
        let mut amounts = resources.get(list).and_then(Value::as_map).cloned().unwrap_or_else(Entries::new);
        for name in CHANGEABLE {
            match was.field(list).key(name).value() {
                Some(value) => _ = amounts.set(name, value.clone()),
                None => _ = amounts.remove(name),
            }
        }
        resources.put(list, (!amounts.is_empty()).then_some(Value::Map(amounts)));
    }
}
