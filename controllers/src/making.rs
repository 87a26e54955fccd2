//! Making pods of templates, and deleting them, with the events that tell of it.

use keelson_client::{Meta, OwnerReference, Resource};
use serde_json::{Value, json};

use crate::plan::{Action, Word};
use crate::views::pod::{PODS, Pod};

/// A pod of a template as it is written, without an owner, whose name will begin with `prefix`.
pub(crate) fn of_template(mut written: Value, prefix: &str) -> Value {
    let mut metadata = json!({"generateName": prefix});
    for part in ["labels", "annotations", "finalizers"] {
        if !written["metadata"][part].is_null() {
            metadata[part] = written["metadata"][part].take();
        }
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": written["spec"].take()})
}

/// Makes a pod that is the owner's.
pub(crate) fn create((resource, owner): (&Resource, &Meta), mut pod: Value) -> Action {
    pod["metadata"]["ownerReferences"] = json!([OwnerReference::controller(resource, owner)]);
    let failed = Word::new("FailedCreate", "Create", "Error creating: {error}");
    let done = Word::new("SuccessfulCreate", "Create", "Created pod: {name}");
    Action::create(&PODS, &owner.namespace, pod).telling((resource, owner), vec![done], Some(failed))
}

/// Deletes one of the owner's pods.
pub(crate) fn delete(owner: (&Resource, &Meta), pod: &Pod) -> Action {
    let failed = Word::new("FailedDelete", "Delete", "Error deleting: {error}");
    let done = Word::new("SuccessfulDelete", "Delete", "Deleted pod: {name}");
    Action::delete(&PODS, &pod.metadata).telling(owner, vec![done], Some(failed))
}
