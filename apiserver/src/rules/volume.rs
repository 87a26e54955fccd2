//! Rules for the volumes of pods.

use std::collections::{BTreeMap, HashSet};

use keelson_api::field::{Error, Errors};
use keelson_api::golang::Quoted;
use keelson_api::names::dns;
use keelson_schema::tree::View;

use super::{At, pod_leniency::Leniency, volume_claim, volume_disk, volume_files, volume_projected};

/// The volumes that are as they should be, by name.
pub(crate) type Volumes<'o> = BTreeMap<&'o str, View<'o>>;

/// The volumes of a pod. `pod_name` is empty in templates, whose pods are still to be named.
pub(crate) fn volumes<'o>(
    volumes: &At<'o, '_>,
    pod_name: &str,
    lenient: &Leniency,
    errors: &mut Errors,
) -> Volumes<'o> {
    let created: HashSet<String> = volumes
        .view
        .items()
        .filter(|volume| !pod_name.is_empty() && volume.field("ephemeral").is_present())
        .map(|volume| format!("{pod_name}-{}", volume.field("name").text()))
        .collect();
    let mut sound = Volumes::new();
    for volume in volumes.items() {
        let mut own = Errors::new();
        source(&volume, pod_name, lenient, &mut own);
        let name = volume.field("name");
        if name.require(&mut own) {
            name.keep_to(dns::label, &mut own);
        }
        if sound.contains_key(name.text()) {
            name.duplicate(&mut own);
        }
        if own.is_empty() {
            sound.insert(name.text(), volume.view);
        }
        errors.extend(own);
        let claim = volume.field("persistentVolumeClaim");
        let claim = claim.field("claimName");
        if created.contains(claim.text()) {
            claim.invalid("must not reference a PVC that gets created for an ephemeral volume", errors);
        }
    }
    sound
}

/// What a kind of volume is checked by.
type Rule = fn(&At<'_, '_>, &Leniency, &mut Errors);

/// The kinds of volumes in the order in which they are looked at: the field, what messages call it where there is
/// another kind beside it, what they call it where its content is wrong, and the rules of its content. Some of these
/// names are upstream's slips of the pen.
const KINDS: &[(&str, &str, &str, Rule)] = &[
    ("emptyDir", "emptyDir", "emptyDir", volume_files::empty_dir),
    ("hostPath", "hostPath", "hostPath", volume_files::host_path),
    ("gitRepo", "gitRepo", "gitRepo", volume_files::git_repo),
    ("gcePersistentDisk", "gcePersistentDisk", "persistentDisk", volume_disk::gce),
    ("awsElasticBlockStore", "awsElasticBlockStore", "awsElasticBlockStore", volume_disk::aws),
    ("secret", "secret", "secret", volume_files::secret),
    ("nfs", "nfs", "nfs", volume_disk::nfs),
    ("iscsi", "iscsi", "iscsi", volume_disk::iscsi),
    ("glusterfs", "glusterfs", "glusterfs", volume_disk::glusterfs),
    ("flocker", "flocker", "flocker", volume_disk::flocker),
    ("persistentVolumeClaim", "persistentVolumeClaim", "persistentVolumeClaim", volume_files::claim),
    ("rbd", "rbd", "rbd", volume_disk::rbd),
    ("cinder", "cinder", "cinder", volume_disk::cinder),
    ("cephfs", "cephFS", "cephfs", volume_disk::cephfs),
    ("quobyte", "quobyte", "quobyte", volume_disk::quobyte),
    ("downwardAPI", "downwarAPI", "downwardAPI", volume_files::downward),
    ("fc", "fc", "fc", volume_disk::fibre_channel),
    ("flexVolume", "flexVolume", "flexVolume", volume_disk::flex),
    ("configMap", "configMap", "configMap", volume_files::config_map),
    ("azureFile", "azureFile", "azureFile", volume_disk::azure_file),
    ("vsphereVolume", "vsphereVolume", "vsphereVolume", volume_disk::vsphere),
    ("photonPersistentDisk", "photonPersistentDisk", "photonPersistentDisk", volume_disk::photon),
    ("portworxVolume", "portworxVolume", "portworxVolume", volume_disk::portworx),
    ("azureDisk", "azureDisk", "azureDisk", volume_disk::azure_disk),
    ("storageos", "storageos", "storageos", volume_disk::storage_os),
    ("projected", "projected", "projected", volume_projected::projected),
    ("scaleIO", "scaleIO", "scaleIO", volume_disk::scale_io),
    ("csi", "csi", "csi", volume_disk::csi),
    ("ephemeral", "ephemeral", "ephemeral", ephemeral),
    ("image", "image", "image", volume_files::image),
];

/// A volume is of one kind, and what is said of that is right.
fn source(volume: &At<'_, '_>, pod_name: &str, lenient: &Leniency, errors: &mut Errors) {
    let mut is_chosen = false;
    for (name, beside, within, rule) in KINDS {
        if !volume.field(name).is_present() {
            continue;
        }
        if is_chosen {
            volume.field_as(name, beside).forbidden("may not specify more than 1 volume type", errors);
        } else {
            rule(&volume.field_as(name, within), lenient, errors);
        }
        match *name {
            "iscsi" => initiator_leaves_room(volume, errors),
            "ephemeral" if !is_chosen => claim_can_be_named(volume, pod_name, errors),
            _ => {}
        }
        is_chosen = true;
    }
    if !is_chosen {
        volume.missing("must specify a volume type", errors);
    }
}

/// The node makes a name of the volume's and the portal's, for which there is not much room.
fn initiator_leaves_room(volume: &At<'_, '_>, errors: &mut Errors) {
    let iscsi = volume.field("iscsi");
    let name = volume.field("name");
    let bytes = name.text().len() + 1 + iscsi.field("targetPortal").text().len();
    if iscsi.field("initiatorName").is_present() && bytes > 64 {
        name.invalid(
            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.",
            errors,
        );
    }
}

/// The claim that is made for the volume gets a name that claims can have.
fn claim_can_be_named(volume: &At<'_, '_>, pod_name: &str, errors: &mut Errors) {
    let name = volume.field("name");
    if pod_name.is_empty() || name.is_empty() {
        return;
    }
    let claim = format!("{pod_name}-{}", name.text());
    for reason in dns::subdomain(&claim) {
        let words = format!("PVC name {}: {reason}", Quoted(&claim));
        errors.push(Error::invalid(&name.path, name.text(), words));
    }
}

fn ephemeral(ephemeral: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    let template = ephemeral.field("volumeClaimTemplate");
    if template.is_present() {
        volume_claim::template(&template, errors);
    } else {
        template.missing("", errors);
    }
}
