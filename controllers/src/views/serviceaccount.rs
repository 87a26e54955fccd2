//! Service accounts, as far as controllers look at them: that they are there, and which secrets they name.

use compact_str::CompactString;
use keelson_client::meta::or_none;
use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;

/// The resource.
pub(crate) const SERVICEACCOUNTS: Resource =
    Resource::namespaced("", "v1", "serviceaccounts", "ServiceAccount");

/// A service account.
#[derive(Debug, Deserialize)]
pub(crate) struct ServiceAccount {
    pub(crate) metadata: Meta,
    #[serde(default, deserialize_with = "or_none")]
    secrets: Vec<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: CompactString,
}

impl ServiceAccount {
    /// The names of the secrets that it names.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|secret| secret.name.as_str())
    }
}

impl Kind for ServiceAccount {
    const RESOURCE: Resource = SERVICEACCOUNTS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
