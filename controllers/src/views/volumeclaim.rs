//! Claims of volumes, as far as controllers look at them.

use compact_str::CompactString;
use keelson_api::quantity::Quantity;
use keelson_client::{Kind, Labels, Meta, Resource};
use serde::Deserialize;

use super::labels::Selection;

/// The resource.
pub(crate) const VOLUMECLAIMS: Resource =
    Resource::namespaced("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim");
/// The older way to name a class.
pub(crate) const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// A claim.
#[derive(Debug, Deserialize)]
pub(crate) struct VolumeClaim {
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
    storage_class_name: CompactString,
    pub(crate) volume_name: CompactString,
    pub(crate) volume_mode: Option<CompactString>,
    pub(crate) volume_attributes_class_name: Option<CompactString>,
    resources: Resources,
    pub(crate) selector: Option<Selection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    requests: Labels,
}

/// What became of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) phase: CompactString,
    pub(crate) access_modes: Box<[CompactString]>,
    pub(crate) capacity: Labels,
    current_volume_attributes_class_name: Option<CompactString>,
    modify_volume_status: Option<Box<Modification>>,
}

/// A change of attributes that is under way.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Modification {
    target_volume_attributes_class_name: CompactString,
}

impl Kind for VolumeClaim {
    const RESOURCE: Resource = VOLUMECLAIMS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// The bytes of `storage` among amounts.
pub(crate) fn storage(amounts: &Labels) -> i64 {
    amounts.get("storage").and_then(|text| text.parse::<Quantity>().ok()).map_or(0, |amount| amount.value())
}

impl VolumeClaim {
    /// Its class; empty for none.
    pub(crate) fn class(&self) -> &str {
        self.metadata.annotation(BETA_CLASS).unwrap_or(&self.spec.storage_class_name)
    }

    /// The classes of attributes that it names, wherever it does.
    pub(crate) fn attributes_classes(&self) -> impl Iterator<Item = &CompactString> {
        let status = &self.status;
        let target =
            status.modify_volume_status.as_ref().map(|status| &status.target_volume_attributes_class_name);
        let named = [&self.spec.volume_attributes_class_name, &status.current_volume_attributes_class_name];
        named.into_iter().flatten().chain(target).filter(|class| !class.is_empty())
    }

    /// How much it asks for, as it is written.
    pub(crate) fn amount(&self) -> &str {
        self.spec.resources.requests.get("storage").unwrap_or("0")
    }

    /// How much it asks for, in bytes.
    pub(crate) fn size(&self) -> i64 {
        storage(&self.spec.resources.requests)
    }
}
