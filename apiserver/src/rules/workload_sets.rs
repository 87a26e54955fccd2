//! Rules for kinds whose pods are not like each other: stateful sets, and daemon sets.

use keelson_api::field::{Error, Errors};
use keelson_api::names::dns;
use keelson_schema::tree::{Object, Value};

use super::pod_leniency::Leniency;
use super::selector::{annotations, has_invalid_value, is_everything, label_selector_with, labels};
use super::workload::{
    collisions, count_or_share, counts, lasting_template, leniency, not_more, not_more_than_all,
    runs_for_ever, selector, selects, size,
};
use super::{At, pod_annotations, pod_template, volume_claim};
use crate::edit::Edit;

/// A stateful set, and the stored one it replaces.
pub(crate) fn stateful(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let lenient = old.map(|old| leniency(old.view().field("spec"))).unwrap_or_default();
    // A stored one whose template is wrong is not asked for more.
    let was_wrong = old.is_some_and(|old| {
        let mut of_old = Errors::new();
        stateful_spec(old, false, &lenient, false, &mut of_old);
        !of_old.is_empty()
    });
    stateful_spec(new, old.is_none(), &lenient, was_wrong, errors);
    if let Some(old) = old {
        for name in ["selector", "volumeClaimTemplates", "serviceName", "podManagementPolicy"] {
            spec.field(name).immutable(old.view().field("spec").field(name), errors);
        }
    }
}

fn stateful_spec(
    set: &Object,
    is_new: bool,
    lenient: &Leniency,
    template_is_skipped: bool,
    errors: &mut Errors,
) {
    let spec = At::root(set, "spec");
    let management = spec.field("podManagementPolicy");
    if management.require(errors) && !matches!(management.text(), "OrderedReady" | "Parallel") {
        management.invalid("must be 'OrderedReady' or 'Parallel'", errors);
    }
    stateful_strategy(&spec.field("updateStrategy"), errors);
    let retention = spec.field("persistentVolumeClaimRetentionPolicy");
    if retention.is_present() {
        for name in ["whenDeleted", "whenScaled"] {
            retention.field(name).one_of(&["Retain", "Delete"], errors);
        }
    }
    // What cannot change is only looked at in the beginning.
    let claims = spec.field("volumeClaimTemplates");
    for claim in claims.items().filter(|_| is_new) {
        volume_claim::spec(&claim.field("spec"), volume_claim::Leniency::default(), errors);
    }
    counts(&spec, &["replicas", "minReadySeconds"], errors);
    let first = At { view: spec.view.path("ordinals.start"), path: spec.path.child("ordinals.start") };
    first.non_negative(errors);
    let service = spec.field("serviceName");
    if is_new && !service.is_empty() {
        service.keep_to(dns::label, errors);
    }
    let wanted = spec.field("selector");
    selector(&wanted, "statefulset", errors);
    let changed = effective_template(set);
    let template = At { view: changed.view().path("spec.template"), path: spec.path.child("template") };
    if !selects(&wanted, &template, errors) {
        wanted.invalid("", errors);
    } else {
        if !template_is_skipped {
            pod_template::template(&template, lenient, errors);
        }
        let metadata = At { view: template.view.field("metadata"), path: template.path };
        let notes = metadata.field("annotations");
        labels(&metadata.field("labels"), errors);
        annotations(&notes, errors);
        pod_annotations::annotations(&notes, &template.field("spec"), lenient, errors);
    }
    let template = spec.field("template");
    runs_for_ever(&template, "StatefulSet", errors);
}

/// The set with its template as its pods will have it: names are given, and claims are volumes.
fn effective_template(set: &Object) -> Object {
    let mut changed = set.clone();
    let claims: Vec<String> = set
        .view()
        .path("spec.volumeClaimTemplates")
        .items()
        .map(|claim| claim.path("metadata.name").text().to_owned())
        .collect();
    let mut edit = Edit::object(&mut changed);
    let mut spec = edit.made("spec");
    let mut template = spec.made("template");
    let mut pod = template.made("spec");
    pod.remove("subdomain");
    pod.remove("hostname");
    if claims.is_empty() {
        return changed;
    }
    let own: Vec<Value> = set
        .view()
        .path("spec.template.spec.volumes")
        .items()
        .filter(|volume| !claims.iter().any(|claim| claim == volume.field("name").text()))
        .filter_map(|volume| volume.value().cloned())
        .collect();
    let mut names = claims;
    names.sort_unstable();
    names.dedup();
    let mut volumes: Vec<Value> = names
        .iter()
        .map(|name| {
            pod.item("volumes", |volume| {
                volume.set("name", name.as_str());
                volume.made("persistentVolumeClaim").set("claimName", name.as_str());
            })
        })
        .collect();
    volumes.extend(own);
    pod.set("volumes", Value::List(volumes.into_iter().collect()));
    changed
}

/// How a stateful set replaces its pods.
fn stateful_strategy(strategy: &At<'_, '_>, errors: &mut Errors) {
    let rolling = strategy.field("rollingUpdate");
    match strategy.field("type").text() {
        "" => strategy.missing("", errors),
        "OnDelete" if rolling.is_present() => {
            rolling.invalid("only allowed for updateStrategy 'RollingUpdate'", errors);
        }
        "OnDelete" => {}
        "RollingUpdate" => {
            rolling.field("partition").non_negative(errors);
            let unavailable = rolling.field("maxUnavailable");
            if unavailable.is_present() {
                count_or_share(&unavailable, errors);
                if size(&unavailable) == 0 {
                    unavailable.invalid("cannot be 0", errors);
                }
                not_more_than_all(&unavailable, errors);
            }
        }
        _ => strategy.invalid("must be 'RollingUpdate' or 'OnDelete'", errors),
    }
}

/// The status of a stateful set, in the place of the stored one.
pub(crate) fn stateful_status(new: &Object, old: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    let names = [
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
        "observedGeneration",
        "collisionCount",
    ];
    counts(&status, &names, errors);
    for name in ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"] {
        not_more(&status, name, "replicas", "cannot be greater than status.replicas", errors);
    }
    let words = "cannot be greater than status.readyReplicas";
    not_more(&status, "availableReplicas", "readyReplicas", words, errors);
    collisions(&status, old.view().field("status"), errors);
}

/// A daemon set, and the stored one it replaces.
pub(crate) fn daemons(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let (wanted, template) = (spec.field("selector"), spec.field("template"));
    let was = old.map(|old| old.view().field("spec"));
    let lenient = was.map(leniency).unwrap_or_default();
    if let Some(was) = was {
        wanted.immutable(was.field("selector"), errors);
    }
    let invalid_values = was.is_some_and(|was| has_invalid_value(was.field("selector")));
    label_selector_with(&wanted, invalid_values || lenient.has_selector_values(), errors);
    selects(&wanted, &template, errors);
    if wanted.is_present() && is_everything(wanted.view) {
        wanted.invalid("empty selector is invalid for daemonset", errors);
    }
    lasting_template(&template, "DaemonSet", &lenient, errors);
    counts(&spec, &["minReadySeconds"], errors);
    daemon_strategy(&spec.field("updateStrategy"), errors);
    counts(&spec, &["revisionHistoryLimit"], errors);
}

/// How a daemon set replaces its pods.
fn daemon_strategy(strategy: &At<'_, '_>, errors: &mut Errors) {
    let rolling = strategy.field("rollingUpdate");
    match strategy.field("type").text() {
        "OnDelete" => {}
        "RollingUpdate" if !rolling.is_present() => rolling.missing("", errors),
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.field("maxUnavailable"), rolling.field("maxSurge"));
            for amount in [&unavailable, &surge] {
                count_or_share(amount, errors);
            }
            for amount in [&unavailable, &surge] {
                not_more_than_all(amount, errors);
            }
            match (size(&unavailable) != 0, size(&surge) != 0) {
                (true, true) => surge.invalid("may not be set when maxUnavailable is non-zero", errors),
                (false, false) => {
                    errors.push(Error::required(&unavailable.path, "cannot be 0 when maxSurge is 0"));
                }
                _ => {}
            }
        }
        _ => strategy.not_supported(&["RollingUpdate", "OnDelete"], errors),
    }
}

/// The status of a daemon set, in the place of the stored one.
pub(crate) fn daemon_status(new: &Object, old: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    let names = [
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ];
    counts(&status, &names, errors);
    collisions(&status, old.view().field("status"), errors);
}
