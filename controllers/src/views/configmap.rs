//! Config maps, as far as controllers look at them.

use std::sync::Arc;

use keelson_client::{Kind, Labels, Meta, Resource};
use serde::{Deserialize, Deserializer};

/// The resource.
pub(crate) const CONFIGMAPS: Resource = Resource::namespaced("", "v1", "configmaps", "ConfigMap");
/// The one that holds the certificates by which to know the API server.
pub(crate) const ROOT_CA: &str = "kube-root-ca.crt";

/// A config map. Only one name is read, of which every namespace has one.
#[derive(Debug)]
pub(crate) struct ConfigMap {
    pub(crate) metadata: Meta,
    pub(crate) data: Option<Arc<Labels>>,
}

impl<'de> Deserialize<'de> for ConfigMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Whole {
            metadata: Meta,
            #[serde(default)]
            data: Labels,
        }
        let whole = Whole::deserialize(deserializer)?;
        let data = (whole.metadata.name == ROOT_CA).then(|| Arc::new(whole.data));
        Ok(Self { metadata: whole.metadata, data })
    }
}

impl Kind for ConfigMap {
    const RESOURCE: Resource = CONFIGMAPS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
