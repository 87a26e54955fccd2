//! Service accounts, as far as controllers look at them: that they are there.

use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;

/// The resource.
pub(crate) const SERVICEACCOUNTS: Resource =
    Resource::namespaced("", "v1", "serviceaccounts", "ServiceAccount");

/// A service account.
#[derive(Debug, Deserialize)]
pub(crate) struct ServiceAccount {
    pub(crate) metadata: Meta,
}

impl Kind for ServiceAccount {
    const RESOURCE: Resource = SERVICEACCOUNTS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
