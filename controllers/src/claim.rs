//! Whose an object is: what matches a selector and belongs to nobody is adopted, what no longer matches is let go.

use std::sync::Arc;

use keelson_api::selector::label::Selector;
use keelson_client::{Kind, Labels, Meta, OwnerReference, Resource};
use serde_json::json;

use crate::plan::Action;

/// Whether a selector selects an object of these labels.
pub(crate) fn selects(selector: &Selector, labels: &Labels) -> bool {
    selector.matches(|key| labels.get(key))
}

/// Which of `candidates` are the owner's. What has to be done to make it so is put into `actions`.
pub(crate) fn claim<V: Kind>(
    owner: (&Resource, &Meta),
    selector: &Selector,
    candidates: impl IntoIterator<Item = Arc<V>>,
    actions: &mut Vec<Action>,
) -> Vec<Arc<V>> {
    claim_with(owner, None, selector, candidates, actions)
}

/// The same; what is adopted gets `finalizer`, what is let go loses it.
pub(crate) fn claim_with<V: Kind>(
    (resource, owner): (&Resource, &Meta),
    finalizer: Option<&str>,
    selector: &Selector,
    candidates: impl IntoIterator<Item = Arc<V>>,
    actions: &mut Vec<Action>,
) -> Vec<Arc<V>> {
    let mut claimed = Vec::new();
    for candidate in candidates {
        let meta = candidate.meta();
        let matches = selects(selector, &meta.labels);
        match meta.controller() {
            Some(controller) if controller.uid == owner.uid => {
                if matches {
                    claimed.push(candidate);
                } else if !owner.is_deleting() {
                    actions.push(release::<V>(owner, meta, finalizer));
                }
            }
            Some(_) => {}
            None if matches && !owner.is_deleting() && !meta.is_deleting() => {
                actions.push(adopt::<V>((resource, owner), meta, finalizer));
                claimed.push(candidate);
            }
            None => {}
        }
    }
    claimed
}

fn adopt<V: Kind>((resource, owner): (&Resource, &Meta), meta: &Meta, finalizer: Option<&str>) -> Action {
    let reference = OwnerReference::controller(resource, owner);
    let mut change = json!({"metadata": {"ownerReferences": [reference], "uid": meta.uid}});
    if let Some(finalizer) = finalizer {
        change["metadata"]["finalizers"] = json!([finalizer]);
    }
    Action::strategic(&V::RESOURCE, meta.key(), change).while_alive(resource, owner)
}

fn release<V: Kind>(owner: &Meta, meta: &Meta, finalizer: Option<&str>) -> Action {
    let gone = json!({"$patch": "delete", "uid": owner.uid});
    let mut change = json!({"metadata": {"ownerReferences": [gone], "uid": meta.uid}});
    if let Some(finalizer) = finalizer {
        change["metadata"]["$deleteFromPrimitiveList/finalizers"] = json!([finalizer]);
    }
    Action { may_be_invalid: true, ..Action::strategic(&V::RESOURCE, meta.key(), change) }
}
