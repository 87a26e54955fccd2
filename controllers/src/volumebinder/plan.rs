//! What is to be done about a claim, or about a volume.

use std::sync::Arc;

use keelson_client::events::Weight;
use keelson_client::{Kind, Patch};
use serde_json::{Value, json};

use crate::claim::selects;
use crate::plan::{Action, Plan, What, Word};
use crate::views::volume::{VOLUMES, Volume, VolumeClass};
use crate::views::volumeclaim::{VOLUMECLAIMS, VolumeClaim};

/// What says that a claim and its volume know each other.
const COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// What says that nobody but us has brought them together.
const BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// What says on which node a claim's volume is to be.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Who is to make a claim's volume, by both names of the annotation.
const PROVISIONER: [&str; 2] =
    ["volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner"];
/// Who has made a volume.
const PROVISIONED: &str = "pv.kubernetes.io/provisioned-by";

/// About a claim: `own` is the volume that it names, `volumes` are all of its class.
pub(super) fn claim(
    claim: &VolumeClaim,
    own: Option<&Volume>,
    class: Option<&VolumeClass>,
    volumes: impl FnOnce() -> Vec<Arc<Volume>>,
) -> Plan {
    let completed = claim.metadata.annotation(COMPLETED).is_some();
    let Some(volume) = own else {
        return match (claim.spec.volume_name.is_empty(), completed) {
            (true, true) => lost(
                claim,
                "ClaimLost",
                "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!",
            ),
            (false, true) => lost(
                claim,
                "ClaimLost",
                "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
            ),
            (false, false) => Plan::of(pending(claim).into_iter().collect()),
            (true, false) => open(claim, class, volumes),
        };
    };
    let is_own = volume.is_of(claim);
    if completed && volume.spec.claim_ref.is_some() && !is_own {
        return lost(
            claim,
            "ClaimMisbound",
            "Two claims are bound to the same volume, this one is bound incorrectly",
        );
    }
    if is_own || completed {
        return bind(claim, volume);
    }
    if volume.spec.claim_ref.is_some() {
        let note = format!("volume \"{}\" already bound to a different claim.", volume.metadata.name);
        return told(claim, Weight::Warning, "FailedBinding", note);
    }
    match volume.mismatch(claim) {
        Some(why) => {
            let note = format!("Cannot bind to requested volume \"{}\": {why}", volume.metadata.name);
            told(claim, Weight::Warning, "VolumeMismatch", note)
        }
        None => bind(claim, volume),
    }
}

/// A claim that names no volume yet.
fn open(
    claim: &VolumeClaim,
    class: Option<&VolumeClass>,
    volumes: impl FnOnce() -> Vec<Arc<Volume>>,
) -> Plan {
    let waits = class.is_some_and(VolumeClass::waits);
    if let Some(volume) = best(claim, volumes(), waits) {
        return bind(claim, &volume);
    }
    if waits && claim.metadata.annotation(SELECTED_NODE).is_none() {
        let note = "waiting for first consumer to be created before binding";
        return told(claim, Weight::Normal, "WaitForFirstConsumer", note.to_owned());
    }
    if claim.class().is_empty() {
        let note = "no persistent volumes available for this claim and no storage class is set";
        return told(claim, Weight::Normal, "FailedBinding", note.to_owned());
    }
    let Some(class) = class else {
        let note = format!("storageclass.storage.k8s.io \"{}\" not found", claim.class());
        return told(claim, Weight::Warning, "ProvisioningFailed", note);
    };
    if !class.is_provisioned() {
        return Plan::of(pending(claim).into_iter().collect());
    }
    let name = class.provisioner.as_str();
    let note = format!(
        "Waiting for a volume to be created either by the external provisioner '{name}' or manually by the system \
         administrator. If volume creation is delayed, please verify that the provisioner is running and correctly \
         registered."
    );
    let mut plan = told(claim, Weight::Normal, "ExternalProvisioning", note);
    if PROVISIONER.iter().any(|key| claim.metadata.annotation(key) != Some(name)) {
        let change = json!({"metadata": {"annotations": {PROVISIONER[0]: name, PROVISIONER[1]: name}}});
        plan.first.push(Action::merge(&VOLUMECLAIMS, &claim.metadata, "", change));
    }
    plan
}

/// The smallest volume that will do; one that is the claim's, or kept for it, before all others. Where a pod decides, only
/// such a one.
fn best(claim: &VolumeClaim, volumes: Vec<Arc<Volume>>, waits: bool) -> Option<Arc<Volume>> {
    let suits = |volume: &Arc<Volume>| volume.mismatch(claim).is_none();
    let mut suiting: Vec<Arc<Volume>> = volumes.into_iter().filter(suits).collect();
    if let Some(own) = suiting.iter().position(|volume| volume.is_of(claim)) {
        return Some(suiting.swap_remove(own));
    }
    if waits {
        return None;
    }
    suiting.retain(|volume| {
        let labels = &volume.metadata.labels;
        let selected =
            claim.spec.selector.as_ref().is_none_or(|selection| selects(&selection.selector, labels));
        volume.spec.claim_ref.is_none() && volume.status.phase == "Available" && selected
    });
    suiting.into_iter().min_by_key(|volume| volume.size())
}

/// Brings a claim and a volume together: whatever of it is not done yet.
fn bind(claim: &VolumeClaim, volume: &Volume) -> Plan {
    let (own, meta) = (&volume.metadata, &claim.metadata);
    let mut actions = Vec::new();
    if volume.spec.claim_ref.as_ref().is_none_or(|owner| owner.uid != meta.uid) {
        let owner = json!({
            "apiVersion": "v1", "kind": VolumeClaim::RESOURCE.kind, "namespace": meta.namespace, "name": meta.name,
            "uid": meta.uid, "resourceVersion": meta.resource_version.to_string(),
        });
        let mut change = json!({"metadata": {}, "spec": {"claimRef": owner}});
        if volume.spec.claim_ref.is_none() {
            change["metadata"]["annotations"] = json!({BY_CONTROLLER: "yes"});
        }
        actions.push(Action::merge(&VOLUMES, own, "", change));
    }
    actions.extend(phase(volume, "Bound"));
    if claim.spec.volume_name != own.name || meta.annotation(COMPLETED).is_none() {
        let mut annotations = json!({COMPLETED: "yes"});
        if claim.spec.volume_name != own.name {
            annotations[BY_CONTROLLER] = json!("yes");
        }
        let change = json!({"metadata": {"annotations": annotations}, "spec": {"volumeName": own.name}});
        actions.push(Action::merge(&VOLUMECLAIMS, meta, "", change));
    }
    let (status, spec) = (&claim.status, &volume.spec);
    if status.phase != "Bound" || status.access_modes != spec.access_modes {
        let mut status = json!({"phase": "Bound", "accessModes": spec.access_modes});
        if claim.status.phase != "Bound" {
            status["capacity"] = json!(spec.capacity);
        }
        actions.push(of_status(claim, &status));
    }
    Plan::of(actions)
}

/// Whatever became of the rest of the claim.
fn of_status(claim: &VolumeClaim, status: &Value) -> Action {
    let change = json!({"metadata": {"uid": claim.metadata.uid}, "status": status});
    Action::new(What::Patch {
        resource: VOLUMECLAIMS,
        key: claim.key(),
        part: "status",
        form: Patch::Merge,
        change,
    })
}

fn pending(claim: &VolumeClaim) -> Option<Action> {
    let status = &claim.status;
    let done = status.phase == "Pending" && status.access_modes.is_empty() && status.capacity.is_empty();
    (!done).then(|| of_status(claim, &json!({"phase": "Pending", "accessModes": null, "capacity": null})))
}

/// It waits, and people are told for what.
fn told(claim: &VolumeClaim, weight: Weight, reason: &'static str, note: String) -> Plan {
    let word = Word::new(reason, reason, note);
    let mut actions = vec![Action::tell(&VOLUMECLAIMS, &claim.metadata, weight, &word)];
    actions.extend(pending(claim));
    Plan::of(actions)
}

fn lost(claim: &VolumeClaim, reason: &'static str, note: &str) -> Plan {
    if claim.status.phase == "Lost" {
        return Plan::nothing();
    }
    let status = json!({"phase": "Lost", "accessModes": null, "capacity": null});
    let word = Word::new(reason, reason, note);
    let tell = Action::tell(&VOLUMECLAIMS, &claim.metadata, Weight::Warning, &word);
    Plan::of(vec![of_status(claim, &status), tell])
}

/// About a volume: `claim` is the one that it names.
pub(super) fn volume(volume: &Volume, claim: Option<&VolumeClaim>) -> Plan {
    let Some(owner) = volume.spec.claim_ref.as_ref().filter(|owner| !owner.uid.is_empty()) else {
        return Plan::of(phase(volume, "Available").into_iter().collect());
    };
    let Some(claim) = claim.filter(|claim| claim.metadata.uid == owner.uid) else {
        return released(volume);
    };
    let named = &claim.spec.volume_name;
    if named.is_empty() {
        // Its claim goes on with it.
        return Plan::nothing();
    }
    if *named == volume.metadata.name {
        return Plan::of(phase(volume, "Bound").into_iter().collect());
    }
    let made = volume.metadata.annotation(PROVISIONED).is_some();
    if made && volume.spec.persistent_volume_reclaim_policy == "Delete" {
        return released(volume);
    }
    // The claim has found another one.
    let change = if volume.metadata.annotation(BY_CONTROLLER).is_some() {
        json!({"metadata": {"annotations": {BY_CONTROLLER: null}}, "spec": {"claimRef": null}})
    } else {
        json!({"spec": {"claimRef": {"uid": null}}})
    };
    let mut actions = vec![Action::merge(&VOLUMES, &volume.metadata, "", change)];
    actions.extend(phase(volume, "Available"));
    Plan::of(actions)
}

fn released(volume: &Volume) -> Plan {
    if volume.status.phase == "Failed" {
        return Plan::nothing();
    }
    // Whoever has made it deletes it, if that is wanted.
    Plan::of(phase(volume, "Released").into_iter().collect())
}

fn phase(volume: &Volume, phase: &str) -> Option<Action> {
    if volume.status.phase == phase {
        return None;
    }
    let change =
        json!({"metadata": {"uid": volume.metadata.uid}, "status": {"phase": phase, "message": null}});
    Some(Action::new(What::Patch {
        resource: VOLUMES,
        key: volume.key(),
        part: "status",
        form: Patch::Merge,
        change,
    }))
}
