//! Volumes and their classes, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::{Kind, Labels, Meta, Resource};
use serde::Deserialize;

use super::volumeclaim::{BETA_CLASS, VolumeClaim, storage};

/// The resources.
pub(crate) const VOLUMES: Resource = Resource::cluster("", "v1", "persistentvolumes", "PersistentVolume");
pub(crate) const CLASSES: Resource =
    Resource::cluster("storage.k8s.io", "v1", "storageclasses", "StorageClass");

/// A volume.
#[derive(Debug, Deserialize)]
pub(crate) struct Volume {
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: Spec,
    #[serde(default)]
    pub(crate) status: Status,
}

/// What is wanted of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) access_modes: Box<[CompactString]>,
    pub(crate) capacity: Labels,
    pub(crate) claim_ref: Option<ClaimRef>,
    storage_class_name: CompactString,
    volume_mode: Option<CompactString>,
    pub(crate) volume_attributes_class_name: Option<CompactString>,
    pub(crate) persistent_volume_reclaim_policy: CompactString,
}

/// Whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ClaimRef {
    pub(crate) namespace: CompactString,
    pub(crate) name: CompactString,
    pub(crate) uid: CompactString,
}

/// What became of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) phase: CompactString,
}

impl Kind for Volume {
    const RESOURCE: Resource = VOLUMES;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Volume {
    /// Its class; empty for none.
    pub(crate) fn class(&self) -> &str {
        self.metadata.annotation(BETA_CLASS).unwrap_or(&self.spec.storage_class_name)
    }

    /// How much it holds, in bytes.
    pub(crate) fn size(&self) -> i64 {
        storage(&self.spec.capacity)
    }

    /// Whether it is this claim's, or kept for it.
    pub(crate) fn is_of(&self, claim: &VolumeClaim) -> bool {
        let meta = &claim.metadata;
        self.spec.claim_ref.as_ref().is_some_and(|owner| {
            owner.name == meta.name
                && owner.namespace == meta.namespace
                && (owner.uid.is_empty() || owner.uid == meta.uid)
        })
    }

    /// Why it cannot be this claim's, whosever it is.
    pub(crate) fn mismatch(&self, claim: &VolumeClaim) -> Option<String> {
        let mode = |mode: &Option<CompactString>| mode.clone().unwrap_or_else(|| "Filesystem".into());
        let attributes = |class: &Option<CompactString>| class.clone().unwrap_or_default();
        let (own, asked) = (&self.spec, &claim.spec);
        if self.metadata.is_deleting() {
            return Some(format!("the volume is marked for deletion \"{}\"", self.metadata.name));
        }
        let why = if self.size() < claim.size() {
            "requested PV is too small"
        } else if self.class() != claim.class() {
            "storageClassName does not match"
        } else if attributes(&own.volume_attributes_class_name)
            != attributes(&asked.volume_attributes_class_name)
        {
            "volumeAttributesClassName does not match"
        } else if mode(&own.volume_mode) != mode(&asked.volume_mode) {
            "incompatible volumeMode"
        } else if !asked.access_modes.iter().all(|mode| own.access_modes.contains(mode)) {
            "incompatible accessMode"
        } else {
            return None;
        };
        Some(why.to_owned())
    }
}

/// A class of volumes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VolumeClass {
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) provisioner: CompactString,
    #[serde(default)]
    volume_binding_mode: CompactString,
    #[serde(default)]
    reclaim_policy: CompactString,
    #[serde(default)]
    pub(crate) mount_options: Option<Box<[CompactString]>>,
    #[serde(default)]
    pub(crate) parameters: Labels,
}

impl Kind for VolumeClass {
    const RESOURCE: Resource = CLASSES;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl VolumeClass {
    /// Whether volumes are chosen only when a pod wants them.
    pub(crate) fn waits(&self) -> bool {
        self.volume_binding_mode == "WaitForFirstConsumer"
    }

    /// What becomes of its volumes when nobody claims them any more.
    pub(crate) fn reclaim_policy(&self) -> &str {
        if self.reclaim_policy.is_empty() { "Delete" } else { &self.reclaim_policy }
    }

    /// Whether somebody makes volumes of it.
    pub(crate) fn is_provisioned(&self) -> bool {
        !self.provisioner.is_empty() && self.provisioner != "kubernetes.io/no-provisioner"
    }
}

/// A class of attributes that volumes can have.
#[derive(Debug, Deserialize)]
pub(crate) struct AttributesClass {
    pub(crate) metadata: Meta,
}

impl Kind for AttributesClass {
    const RESOURCE: Resource =
        Resource::cluster("storage.k8s.io", "v1", "volumeattributesclasses", "VolumeAttributesClass");

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
