//! Rules for changes of pods: what of a pod can change, and what not.

use keelson_api::difference;
use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_schema::tree::{Object, View};

use super::pod_leniency::Leniency;
use super::same::is_same;
use super::{At, internal, pod, pod_annotations};
use crate::edit::Edit;

/// The fields that can change, as messages list them.
const CHANGEABLE: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
    `spec.tolerations` (only additions to existing tolerations),\
    `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// What is let through of a pod because the stored one is so already.
pub(super) fn leniency(old: &Object) -> Leniency {
    Leniency::of(old.view().field("spec"), old.view().path("metadata.annotations"))
}

/// A changed pod.
pub(crate) fn update(new: &Object, old: &Object, errors: &mut Errors) {
    let lenient = leniency(old);
    pod::own(new, &lenient, errors);
    annotations(new, old, &lenient, errors);
    let (spec, was) = (At::root(new, "spec"), At::root(old, "spec"));
    for list in ["containers", "initContainers"] {
        let (list, was) = (spec.field(list), was.field(list));
        if list.len() != was.len() {
            return list.forbidden("pod updates may not add or remove containers", errors);
        }
        for container in list.items() {
            container.field("image").require(errors);
            super::pod_container::only_of_pods(&container, errors);
        }
    }
    if !deadline(&spec, &was, errors) {
        return;
    }
    only_more_tolerations(&spec, &was, &lenient, errors);
    only_fewer_gates(&spec, &was, errors);
    if !is_same(spec.view, was.view) {
        nothing_else(new, old, errors);
    }
}

/// Annotations that mean something, and those that stay.
pub(super) fn annotations(new: &Object, old: &Object, lenient: &Leniency, errors: &mut Errors) {
    let metadata = At::root(new, "metadata");
    let annotations = metadata.field("annotations");
    pod_annotations::kept(&annotations, old.view().path("metadata.annotations"), errors);
    pod_annotations::annotations(&annotations, &At::root(new, "spec"), lenient, errors);
}

/// A pod can be given less time, but not more. Tells whether the rest is looked at.
fn deadline(spec: &At<'_, '_>, was: &At<'_, '_>, errors: &mut Errors) -> bool {
    let (deadline, was) = (spec.field("activeDeadlineSeconds"), was.field("activeDeadlineSeconds"));
    match (deadline.int(), was.int()) {
        (Some(seconds), _) if !(0..=i64::from(i32::MAX)).contains(&seconds) => {
            deadline.in_range(0, i32::MAX.into(), errors);
            false
        }
        (Some(seconds), Some(was)) if was < seconds => {
            deadline.invalid("must be less than or equal to previous value", errors);
            false
        }
        (None, Some(_)) => {
            let words = "must not update from a positive integer to nil value";
            errors.push(Error::invalid(&deadline.path, Shown::Null, words));
            true
        }
        _ => true,
    }
}

fn only_more_tolerations(spec: &At<'_, '_>, was: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    let (tolerations, was) = (spec.field("tolerations"), was.field("tolerations"));
    let is_kept = |old: View<'_>| {
        tolerations.view.items().any(|new| {
            let same = |name: &&str| new.field(name).value() == old.field(name).value();
            ["key", "operator", "value", "effect"].iter().all(same)
        })
    };
    if !was.view.items().all(is_kept) {
        let words = "existing toleration can not be modified except its tolerationSeconds";
        return tolerations.forbidden(words, errors);
    }
    super::pod_tolerations::tolerations(&tolerations, lenient, errors);
}

fn only_fewer_gates(spec: &At<'_, '_>, was: &At<'_, '_>, errors: &mut Errors) {
    let (gates, was) = (spec.field("schedulingGates"), was.field("schedulingGates"));
    for gate in gates.items() {
        let name = gate.field("name");
        if !was.view.items().any(|old| old.field("name").text() == name.text()) {
            let words = format!("only deletion is allowed, but found new scheduling gate '{}'", name.text());
            name.forbidden(words, errors);
        }
    }
}

/// With what can change as it was, all is as it was.
fn nothing_else(new: &Object, old: &Object, errors: &mut Errors) {
    let mut rest = new.clone();
    let was = old.view().field("spec");
    {
        let mut pod = Edit::object(&mut rest);
        let mut spec = pod.made("spec");
        for list in ["containers", "initContainers"] {
            for (mut container, was) in spec.items(list).zip(was.field(list).items()) {
                container.put("image", was.field("image").value().cloned());
            }
        }
        for name in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
            spec.put(name, was.field(name).value().cloned());
        }
        let grace = was.field("terminationGracePeriodSeconds");
        if grace.int().is_some_and(|seconds| seconds < 0)
            && spec.int("terminationGracePeriodSeconds") == Some(1)
        {
            spec.put("terminationGracePeriodSeconds", grace.value().cloned());
        }
        if was.field("schedulingGates").items().len() > 0 {
            placing_of_gated(&mut spec, was, errors);
        }
    }
    let now = rest.view().field("spec");
    if !is_same(now, was) {
        let path = Path::new("spec");
        let words = format!(
            "pod updates may not change fields other than {CHANGEABLE}\n{}",
            difference::unified(&internal::pretty(was), &internal::pretty(now))
        );
        errors.push(Error::forbidden(&path, words));
    }
}

/// While a pod waits to be let in, it can be told more of where it is to be.
fn placing_of_gated(spec: &mut Edit<'_>, was: View<'_>, errors: &mut Errors) {
    let path = Path::new("spec");
    let selector = At { view: spec.view().field("nodeSelector"), path: path.child("nodeSelector") };
    let old = At { view: was.field("nodeSelector"), path };
    if old.entries().any(|(key, value)| {
        let now = selector.key(key);
        !now.is_present() || now.text() != value.text()
    }) {
        selector
            .invalid("only additions to spec.nodeSelector are allowed (no mutations or deletions)", errors);
    }
    spec.put("nodeSelector", old.view.value().cloned());
    let old = was.path("affinity.nodeAffinity");
    let affinity = spec.view().field("affinity");
    if is_same(affinity.field("nodeAffinity"), old) {
        return;
    }
    affinity_of_gated(affinity.field("nodeAffinity"), old, errors);
    let has_others = ["podAffinity", "podAntiAffinity"].iter().any(|name| affinity.field(name).is_present());
    if !was.field("affinity").is_present() && !has_others {
        spec.remove("affinity");
    } else {
        spec.made("affinity").put("nodeAffinity", old.value().cloned());
    }
}

fn affinity_of_gated(new: View<'_>, old: View<'_>, errors: &mut Errors) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let spec = Path::new("spec");
    let (affinity, nodes) = (spec.child("affinity"), "nodeAffinity");
    let nodes = affinity.child(nodes);
    let required = nodes.child(REQUIRED);
    let terms = At {
        view: new.field(REQUIRED).field("nodeSelectorTerms"),
        path: required.child("nodeSelectorTerms"),
    };
    let old = old.field(REQUIRED).field("nodeSelectorTerms");
    if old.items().len() > 0 && old.items().len() != terms.len() {
        let words = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        return terms.invalid(words, errors);
    }
    for (term, old) in terms.items().zip(old.items()) {
        if !only_adds(term.view, old) {
            term.invalid("only additions are allowed (no mutations or deletions)", errors);
        }
    }
}

fn only_adds(term: View<'_>, old: View<'_>) -> bool {
    const LISTS: [&str; 2] = ["matchExpressions", "matchFields"];
    let count = |of: View<'_>| LISTS.iter().map(|list| of.field(list).items().len()).sum::<usize>();
    if count(old) == 0 {
        return count(term) == 0;
    }
    LISTS.iter().all(|list| {
        let (new, old) = (term.field(list), old.field(list));
        new.items().len() >= old.items().len()
            && new.items().zip(old.items()).all(|(new, old)| is_same(new, old))
    })
}

/// A pod with other containers that look into it.
pub(crate) fn ephemeral_containers(new: &Object, old: &Object, errors: &mut Errors) {
    let lenient = leniency(old);
    if mirrors(old) {
        let words = "static pods do not support ephemeral containers";
        *errors = [Error::forbidden(&Path::new(""), words)].into_iter().collect();
        return;
    }
    pod::own(new, &lenient, errors);
    annotations(new, old, &lenient, errors);
    let spec = At::root(new, "spec");
    let containers = spec.field("ephemeralContainers");
    for was in old.view().path("spec.ephemeralContainers").items() {
        let name = was.field("name").text();
        let quoted = keelson_api::golang::Quoted(name);
        match containers.view.items().filter(|one| one.field("name").text() == name).last() {
            None => {
                let words = format!("existing ephemeral containers {quoted} may not be removed\n");
                containers.forbidden(words, errors);
            }
            Some(now) if !is_same(now, was) => {
                let difference = difference::unified(&internal::pretty(was), &internal::pretty(now));
                let words =
                    format!("existing ephemeral containers {quoted} may not be changed\n{difference}");
                containers.forbidden(words, errors);
            }
            Some(_) => {}
        }
    }
}

/// Whether a pod mirrors one that a node has of its own.
pub(super) fn mirrors(pod: &Object) -> bool {
    pod.view().path("metadata.annotations").key(pod_annotations::MIRROR).is_present()
}
