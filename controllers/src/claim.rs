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
    (resource, owner): (&Resource, &Meta),
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
                    actions.push(release::<V>(owner, meta));
                }
            }
            Some(_) => {}
            None if matches && !owner.is_deleting() && !meta.is_deleting() => {
                actions.push(adopt::<V>(resource, owner, meta));
                claimed.push(candidate);
            }
            None => {}
        }
    }
    claimed
}

fn adopt<V: Kind>(resource: &Resource, owner: &Meta, meta: &Meta) -> Action {
    let reference = OwnerReference::controller(resource, owner);
    let change = json!({"metadata": {"ownerReferences": [reference], "uid": meta.uid}});
    Action::strategic(&V::RESOURCE, meta.key(), change).while_alive(resource, owner)
}

fn release<V: Kind>(owner: &Meta, meta: &Meta) -> Action {
    let gone = json!({"$patch": "delete", "uid": owner.uid});
    let change = json!({"metadata": {"ownerReferences": [gone], "uid": meta.uid}});
    Action { may_be_invalid: true, ..Action::strategic(&V::RESOURCE, meta.key(), change) }
}
