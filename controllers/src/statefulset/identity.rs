//! Who a pod of a stateful set is: its number, its names, its labels.

use serde_json::{Value, json};

use super::volumes;
use crate::making;
use crate::plan::{Action, Word, prefix};
use crate::views::pod::{PODS, Pod};
use crate::views::statefulset::{STATEFULSETS, StatefulSet};
use crate::views::template::Template;

/// The label that says of which revision a pod is.
const REVISION: &str = "controller-revision-hash";
const NAME: &str = "statefulset.kubernetes.io/pod-name";
const INDEX: &str = "apps.kubernetes.io/pod-index";

/// The number in a pod's name, if it is one of the set's.
pub(super) fn ordinal(set: &str, pod: &str) -> Option<i32> {
    let (name, digits) = pod.rsplit_once('-')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if name == set && is_number { digits.parse().ok() } else { None }
}

/// The name of a pod.
pub(super) fn name(set: &StatefulSet, ordinal: i32) -> String {
    format!("{}-{ordinal}", set.metadata.name)
}

/// The revision that a pod is of.
pub(super) fn revision(pod: &Pod) -> &str {
    pod.metadata.labels.get(REVISION).unwrap_or_default()
}

/// What is told of something done to a pod.
pub(super) fn words(set: &StatefulSet, pod: &str, verb: Verb) -> (Word, Word) {
    let (done, failed, action) = match verb {
        Verb::Create => ("SuccessfulCreate", "FailedCreate", "Create"),
        Verb::Update => ("SuccessfulUpdate", "FailedUpdate", "Update"),
        Verb::Delete => ("SuccessfulDelete", "FailedDelete", "Delete"),
    };
    let note = format!("{action} Pod {pod} in StatefulSet {}", set.metadata.name);
    (
        Word::new(done, action, format!("{note} successful")),
        Word::new(failed, action, format!("{note} failed error: {{error}}")),
    )
}

/// What is done to a pod.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verb {
    Create,
    Update,
    Delete,
}

fn telling(action: Action, set: &StatefulSet, pod: &str, verb: Verb) -> Action {
    let (done, failed) = words(set, pod, verb);
    action.telling((&STATEFULSETS, &set.metadata), vec![done], Some(failed))
}

/// Makes the pod of a number, of a template that is a revision's.
pub(super) fn create(set: &StatefulSet, ordinal: i32, template: &Template, revision: &str) -> Action {
    let name = name(set, ordinal);
    let mut pod = making::of_template(template.with_labels(&template.labels), &prefix(&set.metadata.name));
    let metadata = &mut pod["metadata"];
    metadata["name"] = json!(name);
    metadata["labels"][NAME] = json!(name);
    metadata["labels"][INDEX] = json!(ordinal.to_string());
    metadata["labels"][REVISION] = json!(revision);
    pod["spec"]["hostname"] = json!(name);
    if !set.spec.service_name.is_empty() {
        pod["spec"]["subdomain"] = json!(set.spec.service_name);
    }
    let own: Vec<Value> = volumes::volumes(set, ordinal);
    let is_replaced = |volume: &Value| {
        set.spec.volume_claim_templates.iter().any(|claim| volume["name"] == claim.name.as_str())
    };
    let rest = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let all: Vec<Value> =
        own.into_iter().chain(rest.into_iter().filter(|volume| !is_replaced(volume))).collect();
    if all.is_empty() {
        pod["spec"].as_object_mut().map(|spec| spec.remove("volumes"));
    } else {
        pod["spec"]["volumes"] = json!(all);
    }
    telling(making::create((&STATEFULSETS, &set.metadata), pod), set, &name, Verb::Create)
}

/// Deletes a pod.
pub(super) fn delete(set: &StatefulSet, pod: &Pod) -> Action {
    telling(Action::delete(&PODS, &pod.metadata), set, &pod.metadata.name, Verb::Delete)
}

/// Gives a pod the labels that say who it is, if it lost them.
pub(super) fn repair(set: &StatefulSet, pod: &Pod) -> Option<Action> {
    let meta = &pod.metadata;
    if meta.labels.get(NAME) == Some(&meta.name) {
        return None;
    }
    let ordinal = ordinal(&set.metadata.name, &meta.name)?;
    let labels = json!({NAME: meta.name, INDEX: ordinal.to_string()});
    let action = Action::merge(&PODS, meta, "", json!({"metadata": {"labels": labels}}));
    Some(telling(action, set, &meta.name, Verb::Update))
}
