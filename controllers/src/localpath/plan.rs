//! What is to be done about a claim of a volume on a node's disk, or about such a volume.

use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::Kind;
use keelson_client::events::Weight;
use serde_json::{Value, json};

use super::PROVISIONER;
use crate::plan::{Action, Plan, Word};
use crate::views::node::{NODES, Node};
use crate::views::volume::{VOLUMES, Volume, VolumeClass};
use crate::views::volumeclaim::{VOLUMECLAIMS, VolumeClaim};

/// Where volumes lie on a node, unless their class names another directory.
const DIRECTORY: &str = "/var/lib/keelson/volumes";
/// The parameter of a class that names one.
const PATH: &str = "path";
/// What says on which node a claim's volume is to be.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Who is to make a claim's volume, by both names of the annotation.
const MADE_BY: [&str; 2] =
    ["volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"];
/// Who has made a volume.
const PROVISIONED: &str = "pv.kubernetes.io/provisioned-by";
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The name of a claim's volume.
pub(super) fn name(claim: &VolumeClaim) -> CompactString {
    compact_str::format_compact!("pvc-{}", claim.metadata.uid)
}

/// A claim that has no volume yet.
pub(super) fn claim(
    claim: &VolumeClaim,
    class: &VolumeClass,
    node: &dyn Fn(&str) -> Option<Arc<Node>>,
) -> Plan {
    let meta = &claim.metadata;
    if !MADE_BY.iter().any(|key| meta.annotation(key) == Some(PROVISIONER)) {
        // The controller that binds has not yet said that nobody else has one.
        return Plan::nothing();
    }
    let selected = meta.annotation(SELECTED_NODE).filter(|node| !node.is_empty());
    if selected.is_none() && class.waits() {
        return Plan::nothing();
    }
    if let Some(why) = unfit(claim) {
        return failed(claim, class, why);
    }
    let Some(selected) = selected else {
        return failed(claim, class, "configuration error, no node was specified");
    };
    let Some(node) = node(selected) else {
        // Its pod is to go elsewhere.
        let change = json!({"metadata": {"annotations": {SELECTED_NODE: null}}});
        let again = Action::merge(&VOLUMECLAIMS, meta, "", change);
        let gone = keelson_client::Key::new("", selected);
        return Plan::of(vec![again.while_gone(&NODES, gone)]);
    };
    let note =
        format!("Provisioning a volume on node {selected} for claim \"{}/{}\"", meta.namespace, meta.name);
    let begun = Word::new("Provisioning", "Provision", note);
    let done = Word::new("ProvisioningSucceeded", "Provision", "Successfully provisioned volume {name}");
    let note = format!("failed to provision volume with StorageClass \"{}\": {{error}}", class.metadata.name);
    let failed = Word::new("ProvisioningFailed", "Provision", note);
    let create = Action::create(&VOLUMES, "", volume_for(claim, class, &node)).once();
    Plan::of(vec![
        Action::tell(&VOLUMECLAIMS, meta, Weight::Normal, &begun),
        create.telling((&VOLUMECLAIMS, meta), vec![done], Some(failed)),
    ])
}

/// Why a directory will not do.
fn unfit(claim: &VolumeClaim) -> Option<&'static str> {
    let spec = &claim.spec;
    if spec.selector.is_some() {
        return Some("claim.Spec.Selector is not supported");
    }
    if spec.volume_mode.as_deref() == Some("Block") {
        return Some("block volumes are not supported");
    }
    let one_node = |mode: &CompactString| matches!(mode.as_str(), "ReadWriteOnce" | "ReadWriteOncePod");
    let all = spec.access_modes.iter().all(one_node);
    (!all).then_some("only the access modes ReadWriteOnce and ReadWriteOncePod are supported")
}

fn failed(claim: &VolumeClaim, class: &VolumeClass, why: &str) -> Plan {
    let name = &class.metadata.name;
    let note = format!("failed to provision volume with StorageClass \"{name}\": {why}");
    let word = Word::new("ProvisioningFailed", "Provision", note);
    Plan::of(vec![Action::tell(&VOLUMECLAIMS, &claim.metadata, Weight::Warning, &word)])
}

fn volume_for(claim: &VolumeClaim, class: &VolumeClass, node: &Node) -> Value {
    let (meta, name) = (&claim.metadata, name(claim));
    let directory = class.parameters.get(PATH).unwrap_or(DIRECTORY).trim_end_matches('/');
    let path = format!("{directory}/{name}_{}_{}", meta.namespace, meta.name);
    let hostname = node.metadata.labels.get(HOSTNAME).unwrap_or(&node.metadata.name);
    let term = json!({"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": [hostname]}]});
    let mut spec = json!({
        "capacity": {"storage": claim.amount()},
        "accessModes": claim.spec.access_modes,
        "persistentVolumeReclaimPolicy": class.reclaim_policy(),
        "storageClassName": class.metadata.name,
        "volumeMode": "Filesystem",
        "hostPath": {"path": path, "type": "DirectoryOrCreate"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        "claimRef": {
            "apiVersion": "v1", "kind": VolumeClaim::RESOURCE.kind, "namespace": meta.namespace, "name": meta.name,
            "uid": meta.uid, "resourceVersion": meta.resource_version.to_string(),
        },
    });
    if let Some(options) = &class.mount_options {
        spec["mountOptions"] = json!(options);
    }
    let annotations = json!({PROVISIONED: PROVISIONER});
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": annotations}, "spec": spec,
    })
}

/// A volume of ours goes when its claim is gone, if that is wanted.
pub(super) fn volume(volume: &Volume) -> Plan {
    let meta = &volume.metadata;
    let is_ours = meta.annotation(PROVISIONED) == Some(PROVISIONER);
    let is_left =
        volume.status.phase == "Released" && volume.spec.persistent_volume_reclaim_policy == "Delete";
    if !is_ours || !is_left || meta.is_deleting() {
        return Plan::nothing();
    }
    let failed = Word::new("VolumeFailedDelete", "Delete", "{error}");
    Plan::of(vec![Action::delete(&VOLUMES, meta).telling((&VOLUMES, meta), Vec::new(), Some(failed))])
}
