//! Fields of features that are off: what is written there is dropped, unless the object already has some of it.
//!
//! Which features those are follows from upstream's stages at this version; there is no switch for them yet.

use keelson_schema::tree::{Entries, Object, Value, View};

use crate::edit::Edit;

/// A feature that is off: the fields that belong to it, as paths from the `spec` or `status` where they are. Lists on
/// the way are passed through, and `|` parts alternatives.
pub(crate) struct Gate(pub(crate) &'static [&'static str]);

/// Of the `spec` of pods and templates.
const POD_SPEC: &[Gate] = &[
    Gate(&["schedulingGroup"]),
    Gate(&["evictionResponders"]),
    Gate(&["volumes.emptyDir.mode"]),
    Gate(&["containers|initContainers|ephemeralContainers.volumeMounts.bindMountOptions"]),
    Gate(&["containers|initContainers|ephemeralContainers.lifecycle.stopSignal"]),
    Gate(&[
        "containers|initContainers|ephemeralContainers.livenessProbe|readinessProbe|startupProbe.httpGet.protocol",
        "containers|initContainers|ephemeralContainers.lifecycle.postStart|preStop.httpGet.protocol",
    ]),
    Gate(&[
        "containers|initContainers|ephemeralContainers.livenessProbe|readinessProbe|startupProbe.grpc.mode",
    ]),
    Gate(&[
        "volumes.secret|configMap|downwardAPI|projected.defaultUser",
        "volumes.secret|configMap|downwardAPI.items.user",
        "volumes.projected.sources.secret|downwardAPI|configMap.items.user",
        "volumes.projected.sources.serviceAccountToken|clusterTrustBundle|podCertificate.user",
    ]),
];

/// Annotations that once said what `initContainers` says.
const INIT_CONTAINER_ANNOTATIONS: [&str; 4] = [
    "pod.beta.kubernetes.io/init-containers",
    "pod.alpha.kubernetes.io/init-containers",
    "pod.beta.kubernetes.io/init-container-statuses",
    "pod.alpha.kubernetes.io/init-container-statuses",
];

/// The lists of containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Drops from the template of pods at `path` in an object what belongs to features that are off.
pub(crate) fn template(new: &mut Object, old: Option<&Object>, path: &[&str]) {
    let mut old = old.map(Object::view);
    let mut template = Edit::object(new);
    walk(&mut template, path, &mut |template| {
        for name in path {
            old = old.map(|old| old.field(name));
        }
        pod(template, old);
    });
}

/// Does that for a pod, or the template of one.
pub(crate) fn pod(pod: &mut Edit<'_>, old: Option<View<'_>>) {
    if let Some(mut metadata) = pod.part("metadata")
        && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_map_mut)
    {
        annotations.retain(|name, _| !INIT_CONTAINER_ANNOTATIONS.contains(&name));
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    if let Some(mut spec) = pod.part("spec") {
        let stopped = |spec: &Edit<'_>| -> Vec<bool> {
            let containers = CONTAINERS.iter().flat_map(|name| spec.view().field(name).items());
            containers.map(|container| container.path("lifecycle.stopSignal").is_present()).collect()
        };
        let before = stopped(&spec);
        drop(&mut spec, old.map(|old| old.field("spec")), POD_SPEC);
        let mut before = before.into_iter();
        for name in CONTAINERS {
            // A lifecycle that only had a stop signal is none without it.
            for (mut container, had_signal) in spec.items(name).zip(&mut before) {
                let is_empty =
                    container.part("lifecycle").is_some_and(|lifecycle| lifecycle.names().next().is_none());
                if is_empty && had_signal {
                    container.remove("lifecycle");
                }
            }
        }
    }
}

/// Drops from `part` what belongs to the features of `gates`.
pub(crate) fn drop(part: &mut Edit<'_>, old: Option<View<'_>>, gates: &[Gate]) {
    for Gate(paths) in gates {
        let is_in_use = paths.iter().any(|path| old.is_some_and(|old| is_in_use(old, path)));
        if !is_in_use {
            paths.iter().for_each(|path| remove(part, path));
        }
    }
}

fn remove(part: &mut Edit<'_>, path: &str) {
    match path.split_once('.') {
        None => path.split('|').for_each(|name| _ = part.remove(name)),
        Some((names, rest)) => {
            names.split('|').for_each(|name| part.each(name, |mut inner| remove(&mut inner, rest)));
        }
    }
}

fn is_in_use(view: View<'_>, path: &str) -> bool {
    let (names, rest) = path.split_once('.').map_or((path, None), |(names, rest)| (names, Some(rest)));
    names.split('|').any(|name| {
        let inner = view.field(name);
        match (inner.value(), rest) {
            (None, _) => false,
            (Some(value), None) => !value.as_map().is_some_and(Entries::is_empty),
            (Some(Value::List(_)), Some(rest)) => inner.items().any(|item| is_in_use(item, rest)),
            (Some(_), Some(rest)) => is_in_use(inner, rest),
        }
    })
}

/// Calls `then` with the struct at `path` in an object, if there is one.
pub(crate) fn at(object: &mut Object, path: &[&str], then: &mut dyn FnMut(&mut Edit<'_>)) {
    walk(&mut Edit::object(object), path, then);
}

/// Calls `then` with the struct at `path`, if there is one.
fn walk(edit: &mut Edit<'_>, path: &[&str], then: &mut dyn FnMut(&mut Edit<'_>)) {
    match path.split_first() {
        None => then(edit),
        Some((name, rest)) => {
            if let Some(mut inner) = edit.part(name) {
                walk(&mut inner, rest, then);
            }
        }
    }
}
