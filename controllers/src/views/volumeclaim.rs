//! Claims of volumes, as far as controllers look at them: whose they are.

use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;

/// The resource.
pub(crate) const VOLUMECLAIMS: Resource =
    Resource::namespaced("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim");

/// A claim.
#[derive(Debug, Deserialize)]
pub(crate) struct VolumeClaim {
    pub(crate) metadata: Meta,
}

impl Kind for VolumeClaim {
    const RESOURCE: Resource = VOLUMECLAIMS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
