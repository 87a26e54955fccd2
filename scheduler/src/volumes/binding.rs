//! Which volumes a pod's claims get on a node: bound ones have to be reachable, others are chosen or made.
//!
//! The choice is made node by node while a place is looked for, and once more when the place is decided: then it is
//! promised, and later written. Somebody else, the volumes' controller or a provisioner, completes it.

use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::{Key, Kind, Resource};
use serde_json::{Value, json};

use super::Volumes;
use super::objects::{Claim, SELECTED_NODE, Volume};
use crate::framework::{Reason, Rejection, Reserved, Write};
use crate::node::Node;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;

const FAR: &str = "node(s) didn't match PersistentVolume's node affinity";
const NONE: &str = "node(s) didn't find available persistent volumes to bind";
const FULL: &str = "node(s) did not have enough free storage";
const GONE: &str = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
/// What says that no person has given a volume to its claim.
const BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";

/// A pod's claims.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    bound: Vec<Arc<Claim>>,
    /// Those that get a volume only now, the smallest first.
    open: Vec<Arc<Claim>>,
}

/// What a pod's claims get on a node, beyond what they have.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    node: CompactString,
    /// Volumes that are there.
    pub(super) volumes: Vec<(Arc<Volume>, Arc<Claim>)>,
    /// Claims that somebody is to make a volume for.
    pub(super) claims: Vec<Arc<Claim>>,
}

fn refused(reason: impl Into<Reason>) -> Rejection {
    Rejection { resolvable: false, reasons: [reason.into()].into_iter().collect() }
}

/// A pod's claims; or why it can be nowhere, whatever the nodes are like.
pub(crate) fn wanted(pod: &PodInfo, volumes: &Volumes) -> Result<Wanted, Rejection> {
    let mut wanted = Wanted::default();
    for used in &pod.claims {
        let claim = volumes.claim(&pod.meta.namespace, &used.name).ok_or_else(|| {
            refused(if used.ephemeral {
                format!(
                    "waiting for ephemeral volume controller to create the persistentvolumeclaim \"{}\"",
                    used.name
                )
            } else {
                missing(&used.name)
            })
        })?;
        if claim.is_lost() {
            let (name, volume) = (&used.name, &claim.spec.volume_name);
            return Err(refused(format!(
                "persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \"{volume}\""
            )));
        }
        if claim.metadata.is_deleting() {
            return Err(refused(format!("persistentvolumeclaim \"{}\" is being deleted", used.name)));
        }
        if used.ephemeral && !claim.metadata.is_controlled_by(&pod.meta.uid) {
            let (space, name) = (&pod.meta.namespace, &pod.meta.name);
            return Err(refused(format!(
                "PVC {space}/{} was not created for pod {space}/{name} (pod is not owner)",
                used.name
            )));
        }
        if claim.is_bound() {
            wanted.bound.push(Arc::clone(claim));
        } else if claim.spec.volume_name.is_empty()
            && volumes.classes.get("", claim.class()).is_some_and(|class| class.waits())
        {
            wanted.open.push(Arc::clone(claim));
        } else {
            return Err(refused("pod has unbound immediate PersistentVolumeClaims"));
        }
    }
    wanted.open.sort_by_key(|claim| claim.size().unwrap_or(0));
    Ok(wanted)
}

/// What is said where a claim is not there.
pub(crate) fn missing(claim: &str) -> String {
    format!("persistentvolumeclaim \"{claim}\" not found")
}

/// What the claims get on a node; or why they cannot be there.
pub(crate) fn find(wanted: &Wanted, volumes: &Volumes, node: &Node) -> Result<Binding, Rejection> {
    let mut binding = Binding { node: node.name().into(), volumes: Vec::new(), claims: Vec::new() };
    let mut reasons: Vec<Reason> = Vec::new();
    let mut gone = false;
    for claim in &wanted.bound {
        match volumes.volume(&claim.spec.volume_name) {
            None => {
                gone = true;
                break;
            }
            Some(volume) if !volume.reaches(node.labels()) => {
                reasons.push(FAR.into());
                break;
            }
            Some(_) => {}
        }
    }
    if let Err(reason) = choose(wanted, volumes, node, &mut binding) {
        reasons.push(reason);
    }
    if gone {
        reasons.push(GONE.into());
    }
    if reasons.is_empty() {
        return Ok(binding);
    }
    Err(Rejection { resolvable: false, reasons: reasons.into_iter().collect() })
}

fn choose(wanted: &Wanted, volumes: &Volumes, node: &Node, binding: &mut Binding) -> Result<(), Reason> {
    for claim in &wanted.open {
        if let Some(chosen) = volumes.chosen_node(claim) {
            if chosen != node.name() {
                return Err(NONE.into());
            }
            binding.claims.push(Arc::clone(claim));
            continue;
        }
        match smallest(claim, volumes, node, &binding.volumes) {
            Some(volume) => binding.volumes.push((volume, Arc::clone(claim))),
            None => binding.claims.push(Arc::clone(claim)),
        }
    }
    binding.claims.iter().try_for_each(|claim| provision(claim, volumes, node))
}

/// The smallest volume that will do; the one that was kept for the claim, if there is one.
fn smallest(
    claim: &Arc<Claim>,
    volumes: &Volumes,
    node: &Node,
    taken: &[(Arc<Volume>, Arc<Claim>)],
) -> Option<Arc<Volume>> {
    let mut best: Option<&Arc<Volume>> = None;
    for volume in volumes.of_class(claim.class()) {
        let is_taken = taken.iter().any(|(other, _)| other.metadata.name == volume.metadata.name);
        if is_taken || !volume.suits(claim) {
            continue;
        }
        let reaches = volume.reaches(node.labels());
        match volumes.owner(volume) {
            Some(owner) if owner.is(claim) => return reaches.then(|| Arc::clone(volume)),
            Some(_) => {}
            None if reaches
                && best.is_none_or(|best| best.size() > volume.size())
                && volume.is_free_for(claim) =>
            {
                best = Some(volume);
            }
            None => {}
        }
    }
    best.cloned()
}

/// Whether somebody can make a volume for a claim on a node.
fn provision(claim: &Claim, volumes: &Volumes, node: &Node) -> Result<(), Reason> {
    let Some(class) = volumes.classes.get("", claim.class()) else {
        return Err(format!("failed to find storage class \"{}\"", claim.class()).into());
    };
    if !class.is_provisioned() || !class.allows(node.labels()) {
        return Err(NONE.into());
    }
    let Some(size) = claim.size() else { return Ok(()) };
    // Only some drivers say how much room is left.
    if !volumes.drivers.get("", &class.provisioner).is_some_and(|driver| driver.spec.storage_capacity) {
        return Ok(());
    }
    let enough = volumes.capacities.all().any(|capacity| {
        capacity.storage_class_name == class.metadata.name
            && capacity.largest().is_some_and(|largest| largest >= size)
            && capacity.reaches(node.labels())
    });
    if enough { Ok(()) } else { Err(FULL.into()) }
}

impl Binding {
    /// Promises it, if there is anything to promise.
    pub(crate) fn reserve(self, volumes: &mut Volumes) -> Option<Arc<dyn Reserved>> {
        if self.volumes.is_empty() && self.claims.is_empty() {
            return None;
        }
        self.volumes.iter().for_each(|(volume, claim)| volumes.promise(&volume.metadata.name, claim));
        self.claims.iter().for_each(|claim| volumes.choose(claim, &self.node));
        Some(Arc::new(self))
    }
}

fn write<V: Kind>(object: &V, mut change: Value) -> Write {
    let meta = object.meta();
    change["metadata"]["resourceVersion"] = json!(meta.resource_version.to_string());
    Write { resource: V::RESOURCE, key: object.key(), change }
}

impl Reserved for Binding {
    fn plugin(&self) -> &'static str {
        "VolumeBinding"
    }

    fn release(&self, snapshot: &mut Snapshot) {
        snapshot.volumes_mut().release(self);
    }

    fn writes(&self) -> Vec<Write> {
        let volumes = self.volumes.iter().map(|(volume, claim)| {
            let meta = &claim.metadata;
            let resource: Resource = Claim::RESOURCE;
            let owner = json!({
                "apiVersion": "v1", "kind": resource.kind, "namespace": meta.namespace, "name": meta.name,
                "uid": meta.uid, "resourceVersion": meta.resource_version.to_string(),
            });
            let mut change = json!({"metadata": {}, "spec": {"claimRef": owner}});
            if volume.spec.claim_ref.is_none() {
                change["metadata"]["annotations"] = json!({BY_CONTROLLER: "yes"});
            }
            write(&**volume, change)
        });
        let claims = self
            .claims
            .iter()
            .map(|claim| write(&**claim, json!({"metadata": {"annotations": {SELECTED_NODE: self.node}}})));
        volumes.chain(claims).collect()
    }

    fn is_done(&self, snapshot: &Snapshot, written: &[u64]) -> Result<bool, String> {
        let volumes = snapshot.volumes();
        let node =
            snapshot.node(&self.node).ok_or_else(|| format!("failed to get node \"{}\"", self.node))?;
        let near = |volume: &Volume| match volume.reaches(node.node.labels()) {
            true => Ok(()),
            false => Err(format!(
                "pv \"{}\" node affinity doesn't match node \"{}\": no matching NodeSelectorTerms",
                volume.metadata.name, self.node
            )),
        };
        let claimed = |key: &Key| {
            let claim = volumes.claim(key.namespace(), key.name());
            claim.ok_or_else(|| format!("failed to check binding: {}", missing(key.name())))
        };
        let (of_volumes, of_claims) = written.split_at(self.volumes.len().min(written.len()));
        for ((volume, claim), revision) in self.volumes.iter().zip(of_volumes) {
            let name = &volume.metadata.name;
            let volume = volumes.volume(name);
            let volume = volume
                .ok_or_else(|| format!("failed to check binding: persistentvolume \"{name}\" not found"))?;
            let claim = claimed(&claim.key())?;
            if volume.metadata.resource_version < *revision {
                return Ok(false);
            }
            near(volume)?;
            if volume.spec.claim_ref.as_ref().is_none_or(|owner| owner.uid.is_empty()) {
                return Err(format!("ClaimRef got reset for pv \"{name}\""));
            }
            if !claim.is_bound() {
                return Ok(false);
            }
        }
        for (claim, revision) in self.claims.iter().zip(of_claims) {
            let claim = claimed(&claim.key())?;
            if claim.metadata.resource_version < *revision {
                return Ok(false);
            }
            // Who cannot make a volume there takes the node off the claim.
            if claim.metadata.annotation(SELECTED_NODE) != Some(&self.node) {
                return Err(format!("provisioning failed for PVC \"{}\"", claim.metadata.name));
            }
            if !claim.spec.volume_name.is_empty() {
                let Some(volume) = volumes.volume(&claim.spec.volume_name) else { return Ok(false) };
                near(volume)?;
            }
            if !claim.is_bound() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
