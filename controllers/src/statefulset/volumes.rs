//! The claims of volumes that pods of a stateful set have: made before the pod, kept or taken along when it goes.

use std::sync::Arc;

use keelson_client::events::Weight;
use keelson_client::{Meta, OwnerReference, Resource};
use serde_json::{Value, json};

use super::identity::{self, Verb, ordinal};
use crate::plan::{Action, Word};
use crate::views::pod::{PODS, Pod};
use crate::views::statefulset::{ClaimTemplate, Keeping, STATEFULSETS, StatefulSet};
use crate::views::volumeclaim::{VOLUMECLAIMS, VolumeClaim};

/// Looks a claim up by its name.
pub(super) type Claims<'a> = &'a dyn Fn(&str) -> Option<Arc<VolumeClaim>>;

fn name(template: &ClaimTemplate, set: &StatefulSet, ordinal: i32) -> String {
    format!("{}-{}-{ordinal}", template.name, set.metadata.name)
}

/// Whether a claim of this name belongs to a pod of the set.
pub(super) fn is_of(set: &StatefulSet, claim: &str) -> bool {
    let templates = set.spec.volume_claim_templates.iter();
    let mut rests =
        templates.filter_map(|template| claim.strip_prefix(template.name.as_str())?.strip_prefix('-'));
    rests.any(|rest| ordinal(&set.metadata.name, rest).is_some())
}

/// The volumes of a pod that are claims.
pub(super) fn volumes(set: &StatefulSet, ordinal: i32) -> Vec<Value> {
    let volume = |template: &ClaimTemplate| json!({"name": template.name, "persistentVolumeClaim": {"claimName": name(template, set, ordinal)}});
    set.spec.volume_claim_templates.iter().map(volume).collect()
}

/// What stands between a pod and its claims.
#[derive(Debug)]
pub(super) enum Missing {
    /// Nothing.
    None,
    /// These have to be made.
    Create(Vec<Action>),
    /// One is on its way out; that is told.
    Waits(Box<Action>),
}

/// The claims that a pod does not have yet.
pub(super) fn missing(set: &StatefulSet, ordinal: i32, claims: Claims<'_>) -> Missing {
    let mut creations = Vec::new();
    for template in &set.spec.volume_claim_templates {
        let name = name(template, set, ordinal);
        match claims(&name) {
            None => creations.push(create(set, ordinal, template, &name)),
            Some(claim) if claim.metadata.is_deleting() => {
                let (_, mut failed) = identity::words(set, &identity::name(set, ordinal), Verb::Create);
                failed.note = failed.note.replace("{error}", &format!("pvc {name} is being deleted"));
                let told = Action::tell(&STATEFULSETS, &set.metadata, Weight::Warning, &failed);
                return Missing::Waits(Box::new(told));
            }
            Some(_) => {}
        }
    }
    if creations.is_empty() { Missing::None } else { Missing::Create(creations) }
}

fn create(set: &StatefulSet, ordinal: i32, template: &ClaimTemplate, name: &str) -> Action {
    let meta = &set.metadata;
    let mut claim = template.written();
    claim["apiVersion"] = json!(VOLUMECLAIMS.api_version());
    claim["kind"] = json!(VOLUMECLAIMS.kind);
    claim["metadata"]["name"] = json!(name);
    claim["metadata"]["namespace"] = json!(meta.namespace);
    for (key, value) in set.spec.selector.written["matchLabels"].as_object().into_iter().flatten() {
        claim["metadata"]["labels"][key] = value.clone();
    }
    claim.as_object_mut().map(|claim| claim.remove("status"));
    let (pod, of) = (identity::name(set, ordinal), &meta.name);
    let done = Word::new(
        "SuccessfulCreate",
        "Create",
        format!("Create Claim {name} Pod {pod} in StatefulSet {of} success"),
    );
    let failed = Word::new(
        "FailedCreate",
        "Create",
        format!("Create Claim {name} for Pod {pod} in StatefulSet {of} failed error: {{error}}"),
    );
    let action = Action::create(&VOLUMECLAIMS, &meta.namespace, claim).once();
    action.telling((&STATEFULSETS, meta), vec![done], Some(failed))
}

/// Whether a claim waits to be taken along by an earlier pod of that name.
pub(super) fn is_stale(set: &StatefulSet, ordinal: i32, claims: Claims<'_>) -> bool {
    let retention = &set.spec.persistent_volume_claim_retention_policy;
    if retention.when_scaled == Keeping::Retain {
        return false;
    }
    let pod = identity::name(set, ordinal);
    set.spec.volume_claim_templates.iter().any(|template| {
        claims(&name(template, set, ordinal)).is_some_and(|claim| {
            claim.metadata.owner_references.iter().any(|owner| refers(owner, &PODS, &pod))
        })
    })
}

/// Whether a reference names an object of this kind and name, whichever it is.
fn refers(owner: &OwnerReference, resource: &Resource, name: &str) -> bool {
    owner.api_version == resource.api_version() && owner.kind == resource.kind && owner.name == name
}

/// Makes a pod's claims belong to whom they are to go with.
pub(super) fn owned(set: &StatefulSet, pod: &Pod, is_surplus: bool, claims: Claims<'_>) -> Vec<Action> {
    let Some(ordinal) = ordinal(&set.metadata.name, &pod.metadata.name) else { return Vec::new() };
    let names = set.spec.volume_claim_templates.iter().map(|template| name(template, set, ordinal));
    let there = names.filter_map(|name| claims(&name));
    there.flat_map(|claim| own(set, &pod.metadata, is_surplus, &claim.metadata)).collect()
}

fn own(set: &StatefulSet, pod: &Meta, is_surplus: bool, claim: &Meta) -> Vec<Action> {
    let set_meta = &set.metadata;
    let retention = &set.spec.persistent_volume_claim_retention_policy;
    let goes = [retention.when_deleted, retention.when_scaled].map(|keeping| keeping == Keeping::Delete);
    let is_ours = |owner: &OwnerReference| {
        refers(owner, &STATEFULSETS, &set_meta.name) || refers(owner, &PODS, &pod.name)
    };
    let is_stale =
        |owner: &OwnerReference| is_ours(owner) && owner.uid != set_meta.uid && owner.uid != pod.uid;
    let has = claim.owner_references.iter();
    // What an earlier one left behind is the garbage collector's.
    if has.clone().any(is_stale) {
        return Vec::new();
    }
    let conflicts =
        goes != [false, false] && has.clone().any(|owner| !is_ours(owner) && owner.controller == Some(true));
    let wanted = match goes {
        _ if conflicts => None,
        [_, true] if is_surplus => Some(OwnerReference::controller(&PODS, pod)),
        [true, _] => Some(OwnerReference::controller(&STATEFULSETS, set_meta)),
        _ => None,
    };
    let rest = has.clone().filter(|owner| !is_ours(owner)).cloned();
    let owners: Vec<OwnerReference> = rest.chain(wanted).collect();
    let mut actions = Vec::new();
    if conflicts {
        let note = format!(
            "PersistentVolumeClaim {} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim",
            claim.name
        );
        let word = Word::new("ConflictingController", "Update", note);
        actions.push(Action::tell(&STATEFULSETS, set_meta, Weight::Warning, &word));
    }
    let is_same = |owner: &OwnerReference| {
        has.clone().any(|known| known.uid == owner.uid && known.controller == owner.controller)
    };
    if owners.len() != claim.owner_references.len() || !owners.iter().all(is_same) {
        let owners = if owners.is_empty() { Value::Null } else { json!(owners) };
        let change = json!({"metadata": {"ownerReferences": owners}});
        actions.push(Action::merge(&VOLUMECLAIMS, claim, "", change));
    } else if conflicts {
        // Nothing to clean up: it was told when there was.
        actions.clear();
    }
    actions
}
