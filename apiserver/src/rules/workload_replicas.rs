//! Rules for kinds that keep so many pods running: replication controllers, replica sets and deployments.

use keelson_api::field::Errors;
use keelson_schema::tree::Object;

use super::At;
use super::pod_leniency::Leniency;
use super::workload::{
    collisions, count_or_share, counts, lasting_template, leniency, not_more, not_more_than_all, selector,
    selects, size,
};

const OF_REPLICAS: &str = "cannot be greater than status.replicas";
const OF_READY: &str = "cannot be greater than readyReplicas";

/// A replication controller, and the stored one it replaces.
pub(crate) fn controller(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let lenient = old.map(|old| leniency(old.view().field("spec"))).unwrap_or_default();
    let (wanted, template) = (spec.field("selector"), spec.field("template"));
    wanted.require(errors);
    if template.is_present() {
        let metadata = template.field("metadata");
        let own = metadata.field("labels");
        let is_own = wanted.entries().all(|(key, value)| {
            let label = own.key(key);
            label.is_present() && label.text() == value.text()
        });
        if !is_own {
            own.invalid("`selector` does not match template `labels`", errors);
        }
        lasting_template(&template, "ReplicationController", &lenient, errors);
    } else {
        template.missing("", errors);
    }
    // These come last, as upstream checks them apart.
    counts(&spec, &["replicas", "minReadySeconds"], errors);
}

/// The status of a replication controller or a replica set.
pub(crate) fn set_status(new: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    let names = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "observedGeneration",
        "terminatingReplicas",
    ];
    counts(&status, &names, errors);
    for name in ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] {
        not_more(&status, name, "replicas", OF_REPLICAS, errors);
    }
    not_more(&status, "availableReplicas", "readyReplicas", OF_READY, errors);
}

/// A replica set, and the stored one it replaces.
pub(crate) fn set(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let lenient = old.map(|old| leniency(old.view().field("spec"))).unwrap_or_default();
    counts(&spec, &["replicas", "minReadySeconds"], errors);
    selected_template(&spec, "ReplicaSet", &lenient, errors);
    if let Some(old) = old {
        spec.field("selector").immutable(old.view().path("spec.selector"), errors);
    }
}

/// Selector and template, of replica sets and of deployments, which are made of these.
fn selected_template(spec: &At<'_, '_>, kind: &str, lenient: &Leniency, errors: &mut Errors) {
    let (wanted, template) = (spec.field("selector"), spec.field("template"));
    selector(&wanted, "deployment", errors);
    if selects(&wanted, &template, errors) {
        lasting_template(&template, kind, lenient, errors);
    } else {
        wanted.invalid("invalid label selector", errors);
    }
}

/// A deployment, and the stored one it replaces.
pub(crate) fn deployment(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let lenient = old.map(|old| leniency(old.view().field("spec"))).unwrap_or_default();
    counts(&spec, &["replicas"], errors);
    selected_template(&spec, "ReplicaSet", &lenient, errors);
    strategy(&spec.field("strategy"), errors);
    counts(&spec, &["minReadySeconds", "revisionHistoryLimit"], errors);
    let deadline = spec.field("progressDeadlineSeconds");
    deadline.non_negative(errors);
    if deadline.int().is_some_and(|seconds| seconds <= spec.field("minReadySeconds").int().unwrap_or(0)) {
        deadline.invalid("must be greater than minReadySeconds", errors);
    }
    if let Some(old) = old {
        spec.field("selector").immutable(old.view().path("spec.selector"), errors);
    }
}

/// How a deployment replaces its pods.
fn strategy(strategy: &At<'_, '_>, errors: &mut Errors) {
    let rolling = strategy.field("rollingUpdate");
    match strategy.field("type").text() {
        "Recreate" if rolling.is_present() => {
            rolling.forbidden("may not be specified when strategy `type` is 'Recreate'", errors);
        }
        "Recreate" => {}
        "RollingUpdate" if !rolling.is_present() => {
            rolling.missing("this should be defaulted and never be nil", errors);
        }
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.field("maxUnavailable"), rolling.field("maxSurge"));
            count_or_share(&unavailable, errors);
            count_or_share(&surge, errors);
            if size(&unavailable) == 0 && size(&surge) == 0 {
                unavailable.invalid("may not be 0 when `maxSurge` is 0", errors);
            }
            not_more_than_all(&unavailable, errors);
        }
        _ => strategy.not_supported(&["Recreate", "RollingUpdate"], errors),
    }
}

/// The status of a deployment, in the place of the stored one.
pub(crate) fn deployment_status(new: &Object, old: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    let names = [
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
    ];
    counts(&status, &names, errors);
    for name in ["updatedReplicas", "readyReplicas", "availableReplicas"] {
        not_more(&status, name, "replicas", OF_REPLICAS, errors);
    }
    not_more(&status, "availableReplicas", "readyReplicas", OF_READY, errors);
    collisions(&status, old.view().field("status"), errors);
}
