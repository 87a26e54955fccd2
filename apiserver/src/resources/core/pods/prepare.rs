//! What becomes of a pod that is written: what the server says of a new one, and what each way to change it leaves.

use keelson_schema::tree::{Object, Value, View};

use crate::condition::Condition;
use crate::defaults::gated::{self, Gate};
use crate::defaults::pod_resources;
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::Resource;
use crate::warnings::pod::{APP_ARMOR, app_armor};

/// What belongs to features that are off.
pub(super) const OF_STATUS: &[Gate] = &[
    Gate::off("DRANodeAllocatableResources", &["nodeAllocatableResourceClaimStatuses"]),
    Gate::off("CSIVolumeHealth", &["volumeHealth"]),
    Gate::on(
        "ResourceHealthStatus",
        &["containerStatuses|initContainerStatuses|ephemeralContainerStatuses.allocatedResourcesStatus"],
    ),
    Gate::on(
        "ResourceHealthStatusMessage",
        &[
            "containerStatuses|initContainerStatuses|ephemeralContainerStatuses.allocatedResourcesStatus.resources.message",
        ],
    ),
];

/// A new pod waits, and is treated as well as it asks for.
pub(super) fn create(new: &mut Object, write: &Write<'_>) {
    let labels = labels(new);
    let mut pod = Edit::object(new);
    pod.remove("status");
    gated::pod(write.features, &mut pod, None);
    let mut spec = pod.made("spec");
    let is_gated = spec.view().field("schedulingGates").items().len() > 0;
    merge_label_keys(&mut spec, &labels);
    pod_resources::fill(&mut spec);
    let quality = pod_resources::quality_of_service(spec.view());
    let mut status = pod.made("status");
    status.set("phase", "Pending");
    status.set("qosClass", quality);
    if is_gated {
        let waits = Condition {
            kind: "PodScheduled",
            reason: "SchedulingGated",
            message: "Scheduling is blocked due to non-empty scheduling gates",
            ..Condition::default()
        };
        waits.say(&mut status, write.now);
    }
    take_app_armor(new);
}

/// The pod itself is written.
pub(super) fn update(new: &mut Object, old: &Object, write: &Write<'_>) {
    keep_status(new, old);
    keep_resources(new, old);
    gated::pod(write.features, &mut Edit::object(new), Some(old.view()));
}

/// The pod's status is written.
pub(super) fn status(new: &mut Object, old: &Object, write: &Write<'_>) {
    parts::keep_content(new, old);
    let owners = old.view().path("metadata.ownerReferences").value().cloned();
    let mut pod = Edit::object(new);
    pod.made("metadata").put("ownerReferences", owners);
    let Some(mut status) = pod.part("status") else { return };
    let old = old.view().field("status");
    // Programs that do not know these fields do not mean to take them away.
    let lasting = [
        "qosClass",
        "resourceClaimStatuses",
        "extendedResourceClaimStatus",
        "nodeAllocatableResourceClaimStatuses",
        "observedGeneration",
    ];
    for name in lasting {
        if let Some(value) = old.field(name).value() {
            status.default(name, value.clone());
        }
    }
    keep_observed(&mut status, old);
    gated::drop(write.features, &mut status, Some(old), OF_STATUS);
}

/// Conditions keep the generation they were observed of, where the writer does not say any.
fn keep_observed(status: &mut Edit<'_>, old: View<'_>) {
    let mut before: Vec<View<'_>> = old.field("conditions").items().collect();
    for mut condition in status.items("conditions") {
        // Types may be there several times: the first is the first's.
        let same = before.iter().position(|one| one.field("type").text() == condition.text("type"));
        let same = same.map(|at| before.remove(at));
        if let Some(generation) = same.and_then(|one| one.field("observedGeneration").int()) {
            condition.default("observedGeneration", generation);
        }
    }
}

/// Only ephemeral containers are written.
pub(super) fn ephemeral_containers(new: &mut Object, old: &Object, write: &Write<'_>) {
    let written = new.view().path("spec.ephemeralContainers").value().cloned();
    keep_all(new, old);
    Edit::object(new).made("spec").put("ephemeralContainers", written);
    gated::pod(write.features, &mut Edit::object(new), Some(old.view()));
}

/// Only what containers need is written.
pub(super) fn resize(new: &mut Object, old: &Object, write: &Write<'_>) {
    // Whoever adds, takes away or renames containers is to be told so: that is left as it is.
    let names = |of: &Object, list: &str| -> Vec<String> {
        let containers = of.view().field("spec").field(list);
        containers.items().map(|container| container.field("name").text().to_owned()).collect()
    };
    let lists = ["containers", "initContainers"];
    if lists.iter().all(|list| names(new, list).len() == names(old, list).len()) {
        let written = new.view().field("spec");
        let own = written.field("resources").value().cloned();
        let containers = lists.map(|list| {
            (names(new, list) == names(old, list))
                .then(|| needs(written.field(list)))
                .ok_or_else(|| written.field(list).value().cloned())
        });
        keep_all(new, old);
        let mut pod = Edit::object(new);
        let mut spec = pod.made("spec");
        spec.put("resources", own);
        for (list, written) in lists.into_iter().zip(containers) {
            match written {
                Ok(needs) => set_needs(&mut spec, list, needs),
                Err(other) => spec.put(list, other),
            }
        }
    }
    keep_resources(new, old);
    if let Some(mut spec) = Edit::object(new).part("spec") {
        pod_resources::fill(&mut spec);
    }
    gated::pod(write.features, &mut Edit::object(new), Some(old.view()));
}

/// What each container needs, and what becomes of it when that changes.
type Needs = Vec<[Option<Value>; 2]>;

const NEEDS: [&str; 2] = ["resources", "resizePolicy"];

fn needs(containers: View<'_>) -> Needs {
    containers.items().map(|container| NEEDS.map(|name| container.field(name).value().cloned())).collect()
}

fn set_needs(spec: &mut Edit<'_>, list: &str, needs: Needs) {
    for (mut container, needs) in spec.items(list).zip(needs) {
        for (name, value) in NEEDS.into_iter().zip(needs) {
            container.put(name, value);
        }
    }
}

fn keep_status(new: &mut Object, old: &Object) {
    parts::keep_status(super::Pods.facts(), new, old);
}

fn keep_all(new: &mut Object, old: &Object) {
    parts::keep_content(new, old);
    keep_status(new, old);
    parts::keep_metadata(new, old);
}

/// Programs that do not know that a pod can claim resources as a whole do not mean to take them away.
fn keep_resources(new: &mut Object, old: &Object) {
    if let Some(value) = old.view().path("spec.resources").value() {
        Edit::object(new).made("spec").default("resources", value.clone());
    }
}

/// Labels, as they were written.
fn labels(object: &Object) -> Vec<(String, String)> {
    meta(object).labels().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Selectors that are to match what this pod's own labels say are made to say so themselves.
fn merge_label_keys(spec: &mut Edit<'_>, labels: &[(String, String)]) {
    if let Some(mut affinity) = spec.part("affinity") {
        for kind in ["podAffinity", "podAntiAffinity"] {
            let Some(mut affinity) = affinity.part(kind) else { continue };
            for mut term in affinity.items("preferredDuringSchedulingIgnoredDuringExecution") {
                if let Some(mut term) = term.part("podAffinityTerm") {
                    merge_into(
                        &mut term,
                        &[("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")],
                        labels,
                    );
                }
            }
            for mut term in affinity.items("requiredDuringSchedulingIgnoredDuringExecution") {
                merge_into(&mut term, &[("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")], labels);
            }
        }
    }
    for mut constraint in spec.items("topologySpreadConstraints") {
        merge_into(&mut constraint, &[("matchLabelKeys", "In")], labels);
    }
}

fn merge_into(term: &mut Edit<'_>, lists: &[(&str, &str)], labels: &[(String, String)]) {
    let mut found = Vec::new();
    for (list, operator) in lists {
        let keys = term.view().field(list);
        let values = keys.items().filter_map(|key| labels.iter().find(|(label, _)| label == key.text()));
        found.extend(values.map(|(key, value)| (key, value, *operator)));
    }
    let Some(mut selector) = term.part("labelSelector").filter(|_| !found.is_empty()) else { return };
    let before = selector.view().field("matchExpressions");
    let mut all: Vec<Value> = before.items().filter_map(|one| one.value().cloned()).collect();
    for (key, value, operator) in found {
        all.push(selector.item("matchExpressions", |expression| {
            expression.set("key", key.as_str());
            expression.set("operator", operator);
            expression.set("values", Value::List([Value::from(value.as_str())].into_iter().collect()));
        }));
    }
    selector.set("matchExpressions", Value::List(all.into_iter().collect()));
}

/// What an old annotation says of a container's `AppArmor` profile is said by its field, unless the pod says it for all.
fn take_app_armor(new: &mut Object) {
    let said: Vec<(String, String)> = meta(new)
        .annotations()
        .filter_map(|(key, value)| Some((key.strip_prefix(APP_ARMOR)?.to_owned(), value.to_owned())))
        .collect();
    if said.is_empty() || new.view().path("spec.os.name").text() == "windows" {
        return;
    }
    let of_all = new.view().path("spec.securityContext.appArmorProfile");
    let of_all = of_all.value().map(|_| {
        (of_all.field("type").text().to_owned(), of_all.field("localhostProfile").text().to_owned())
    });
    let mut pod = Edit::object(new);
    let mut spec = pod.made("spec");
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for mut container in spec.items(list) {
            let profile = said.iter().find(|(name, _)| name == container.text("name"));
            let profile = profile.and_then(|(_, annotation)| app_armor(annotation));
            let has_own = container.view().path("securityContext.appArmorProfile").value().is_some();
            let Some((kind, local)) = profile.filter(|_| !has_own) else { continue };
            if of_all.as_ref().is_some_and(|all| (&*all.0, &*all.1) == (kind, local)) {
                continue;
            }
            let mut context = container.made("securityContext");
            let mut profile = context.made("appArmorProfile");
            profile.set("type", kind);
            if !local.is_empty() {
                profile.set("localhostProfile", local);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Pods;
    use crate::resource::check;

    fn pod(metadata: &Value, spec: &Value, status: &Value) -> String {
        json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": status})
            .to_string()
    }

    fn named() -> Value {
        json!({"name": "a"})
    }

    #[test]
    fn a_new_pod_waits() {
        let full =
            json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}});
        let spec =
            json!({"containers": [{"name": "c", "resources": full}], "schedulingGates": [{"name": "g"}]});
        check::create(
            &Pods,
            &pod(&named(), &spec, &json!({"phase": "Running", "podIP": "10.0.0.1"})),
            &pod(
                &named(),
                &spec,
                &json!({
                    "phase": "Pending", "qosClass": "Guaranteed",
                    "conditions": [{"type": "PodScheduled", "status": "False", "lastTransitionTime": "2030-01-01T00:00:00Z", "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates"}],
                }),
            ),
        );
    }

    #[test]
    fn features_that_are_off_stay_off() {
        let spec = |gated: bool| {
            let mut spec = json!({"containers": [{"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/"}]}], "volumes": [{"name": "v", "emptyDir": {}}]});
            if gated {
                spec["schedulingGroup"] = json!({"podGroupName": "g"});
                spec["volumes"][0]["emptyDir"]["mode"] = json!(1);
                spec["containers"][0]["lifecycle"] = json!({"stopSignal": "SIGTERM"});
                spec["containers"][0]["volumeMounts"][0]["bindMountOptions"] = json!(["a"]);
            }
            spec
        };
        let begun = json!({"phase": "Pending", "qosClass": "BestEffort"});
        check::create(&Pods, &pod(&named(), &spec(true), &json!({})), &pod(&named(), &spec(false), &begun));
        let [with, without] = [true, false].map(|gated| pod(&named(), &spec(gated), &begun));
        check::update(&Pods, "", &without, &with, &without);
        check::update(&Pods, "", &with, &with, &with);
    }

    #[test]
    fn own_labels_are_merged_into_selectors() {
        let spec = |expressions: &Value| {
            json!({"containers": [], "topologySpreadConstraints": [{
                "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                "matchLabelKeys": ["hash", "other"], "labelSelector": {"matchExpressions": expressions},
            }], "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
                "topologyKey": "zone", "mismatchLabelKeys": ["hash"], "labelSelector": {"matchLabels": {"x": "y"}},
            }]}}})
        };
        let before = json!([{"key": "app", "operator": "Exists"}]);
        let mut after = spec(
            &json!([{"key": "app", "operator": "Exists"}, {"key": "hash", "operator": "In", "values": ["1"]}]),
        );
        after["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["labelSelector"] = json!({"matchLabels": {"x": "y"}, "matchExpressions": [{"key": "hash", "operator": "NotIn", "values": ["1"]}]});
        let metadata = json!({"name": "a", "labels": {"hash": "1"}});
        let status = json!({"phase": "Pending", "qosClass": "BestEffort"});
        check::create(&Pods, &pod(&metadata, &spec(&before), &json!({})), &pod(&metadata, &after, &status));
    }

    #[test]
    fn old_annotations_are_heard() {
        let metadata = json!({"name": "a", "annotations": {
            "container.apparmor.security.beta.kubernetes.io/c": "localhost/p",
            "container.apparmor.security.beta.kubernetes.io/d": "nonsense",
            "pod.beta.kubernetes.io/init-containers": "[]",
        }});
        let expected = json!({"name": "a", "annotations": {
            "container.apparmor.security.beta.kubernetes.io/c": "localhost/p",
            "container.apparmor.security.beta.kubernetes.io/d": "nonsense",
        }});
        let profile = json!({"appArmorProfile": {"type": "Localhost", "localhostProfile": "p"}});
        check::create(
            &Pods,
            &pod(&metadata, &json!({"containers": [{"name": "c"}, {"name": "d"}]}), &json!({})),
            &pod(
                &expected,
                &json!({"containers": [{"name": "c", "securityContext": profile}, {"name": "d"}]}),
                &json!({"phase": "Pending", "qosClass": "BestEffort"}),
            ),
        );
    }

    #[test]
    fn each_part_is_written_apart() {
        let spec = |cpu: &str, image: &str| json!({"containers": [{"name": "c", "image": image, "resources": {"requests": {"cpu": cpu}}}]});
        let metadata = |label: &str| json!({"name": "a", "labels": {"l": label}});
        let begun = json!({"phase": "Pending", "qosClass": "Burstable"});
        let running = json!({"phase": "Running"});
        let old = pod(&metadata("1"), &spec("1", "i"), &begun);
        let new = pod(&metadata("2"), &spec("2", "j"), &running);
        check::update(&Pods, "", &old, &new, &pod(&metadata("2"), &spec("2", "j"), &begun));
        let written = json!({"phase": "Running", "qosClass": "Burstable"});
        check::update(&Pods, "status", &old, &new, &pod(&metadata("2"), &spec("1", "i"), &written));
        check::update(&Pods, "resize", &old, &new, &pod(&metadata("1"), &spec("2", "i"), &begun));
        let with = |mut spec: Value| {
            spec["ephemeralContainers"] = json!([{"name": "e", "targetContainerName": "c"}]);
            spec
        };
        check::update(
            &Pods,
            "ephemeralcontainers",
            &old,
            &pod(&metadata("2"), &with(spec("2", "j")), &running),
            &pod(&metadata("1"), &with(spec("1", "i")), &begun),
        );
        let renamed = json!({"containers": [{"name": "d", "image": "j"}]});
        check::update(
            &Pods,
            "resize",
            &old,
            &pod(&metadata("2"), &renamed, &running),
            &pod(&metadata("1"), &renamed, &begun),
        );
    }

    #[test]
    fn what_a_program_does_not_know_stays() {
        let status = |claims: Option<&str>, observed: i64| {
            let mut status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
            if let Some(claim) = claims {
                status["resourceClaimStatuses"] = json!([{"name": claim}]);
            }
            if observed > 0 {
                status["observedGeneration"] = json!(observed);
                status["conditions"][0]["observedGeneration"] = json!(observed);
            }
            status
        };
        let spec = json!({"containers": []});
        let owned = json!({"name": "a", "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]});
        let old = pod(&owned, &spec, &status(Some("c"), 3));
        check::update(&Pods, "status", &old, &pod(&named(), &spec, &status(None, 0)), &old);
        let new = pod(&owned, &spec, &status(Some("d"), 4));
        check::update(&Pods, "status", &old, &new, &new);
    }
}
