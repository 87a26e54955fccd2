//! Fields of features that are off: what is written there is dropped, unless the object already has some of it.
//!
//! Which features those are follows from upstream's stages at this version, and from what whoever starts the server says.

use std::collections::BTreeSet;

use keelson_schema::tree::{Entries, Object, Value, View};

use crate::edit::Edit;
use crate::features::Features;
use crate::resources::RESOURCES;

/// A feature, and the fields that belong to it, as paths from the `spec` or `status` where they are. Lists on the way are
/// passed through, and `|` parts alternatives.
pub(crate) struct Gate {
    feature: &'static str,
    /// Whether it is on by itself.
    is_on: bool,
    paths: &'static [&'static str],
}

impl Gate {
    /// One that is off by itself.
    pub(crate) const fn off(feature: &'static str, paths: &'static [&'static str]) -> Self {
        Self { feature, is_on: false, paths }
    }

    /// Fields of a feature that there was once.
    pub(crate) const fn gone(paths: &'static [&'static str]) -> Self {
        Self { feature: "", is_on: false, paths }
    }

    /// One that is on by itself, and can be switched off.
    pub(crate) const fn on(feature: &'static str, paths: &'static [&'static str]) -> Self {
        Self { feature, is_on: true, paths }
    }
}

/// Of the `spec` of pods and templates.
const POD_SPEC: &[Gate] = &[
    Gate::off("GenericWorkload", &["schedulingGroup"]),
    Gate::off("EvictionRequestAPI", &["evictionResponders"]),
    Gate::off("EmptyDirVolumeMode", &["volumes.emptyDir.mode"]),
    Gate::off(
        "VolumeBindMountOptions",
        &["containers|initContainers|ephemeralContainers.volumeMounts.bindMountOptions"],
    ),
    Gate::off(STOP_SIGNALS, &["containers|initContainers|ephemeralContainers.lifecycle.stopSignal"]),
    Gate::off(
        "H2CContainerProbe",
        &[
            "containers|initContainers|ephemeralContainers.livenessProbe|readinessProbe|startupProbe.httpGet.protocol",
            "containers|initContainers|ephemeralContainers.lifecycle.postStart|preStop.httpGet.protocol",
        ],
    ),
    Gate::off(
        "GRPCContainerProbeTLS",
        &[
            "containers|initContainers|ephemeralContainers.livenessProbe|readinessProbe|startupProbe.grpc.mode",
        ],
    ),
    Gate::off(
        "AtomicWriteVolumeUserFields",
        &[
            "volumes.secret|configMap|downwardAPI|projected.defaultUser",
            "volumes.secret|configMap|downwardAPI.items.user",
            "volumes.projected.sources.secret|downwardAPI|configMap.items.user",
            "volumes.projected.sources.serviceAccountToken|clusterTrustBundle|podCertificate.user",
        ],
    ),
    Gate::on("PodLevelResources", &["resources"]),
    Gate::on("EnvFiles", &["containers|initContainers|ephemeralContainers.env.valueFrom.fileKeyRef"]),
    Gate::on("MatchLabelKeysInPodTopologySpread", &["topologySpreadConstraints.matchLabelKeys"]),
    Gate::on("ClusterTrustBundleProjection", &["volumes.projected.sources.clusterTrustBundle"]),
    Gate::on("PodCertificateRequest", &["volumes.projected.sources.podCertificate"]),
];

/// The feature that a container may say which signal ends it.
const STOP_SIGNALS: &str = "ContainerStopSignals";

/// The feature that an attribute of a device may have several values.
pub(crate) const LISTS_OF_VALUES: &str = "DRAListTypeAttributes";

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
pub(crate) fn template(features: &Features, new: &mut Object, old: Option<&Object>, path: &[&str]) {
    let mut old = old.map(Object::view);
    let mut template = Edit::object(new);
    walk(&mut template, path, &mut |template| {
        for name in path {
            old = old.map(|old| old.field(name));
        }
        pod(features, template, old);
    });
}

/// Does that for a pod, or the template of one.
pub(crate) fn pod(features: &Features, pod: &mut Edit<'_>, old: Option<View<'_>>) {
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
        drop(features, &mut spec, old.map(|old| old.field("spec")), POD_SPEC);
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

/// Drops from `part` what belongs to those features of `gates` that are off.
pub(crate) fn drop(features: &Features, part: &mut Edit<'_>, old: Option<View<'_>>, gates: &[Gate]) {
    for Gate { paths, .. } in gates.iter().filter(|gate| !features.is_on(gate.feature, gate.is_on)) {
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

/// The features that decide on some field.
pub(crate) fn features() -> BTreeSet<&'static str> {
    let own = RESOURCES.iter().flat_map(|resource| resource.gates()).copied().chain([POD_SPEC]);
    own.flatten().map(|gate| gate.feature).chain([LISTS_OF_VALUES]).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_by_themselves_as_their_features_are() {
        let gates =
            RESOURCES.iter().flat_map(|resource| resource.gates()).copied().chain([POD_SPEC]).flatten();
        for gate in gates.filter(|gate| !gate.feature.is_empty()) {
            assert_eq!(Features::by_itself(gate.feature), Some(gate.is_on), "{}", gate.feature);
        }
        assert_eq!(Features::by_itself(LISTS_OF_VALUES), Some(false));
    }
}
