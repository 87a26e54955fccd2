//! Ranges that addresses of services are given out from, and those that were, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::meta::or_none;
use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;

use super::condition::Condition;

/// The resource.
pub(crate) const SERVICECIDRS: Resource =
    Resource::cluster("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR");

/// A range, or one of each family.
#[derive(Debug, Deserialize)]
pub(crate) struct ServiceCidr {
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: Spec,
    #[serde(default)]
    pub(crate) status: Status,
}

/// What it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spec {
    pub(crate) cidrs: Box<[CompactString]>,
}

/// What is said of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    #[serde(deserialize_with = "or_none")]
    pub(crate) conditions: Vec<Condition>,
}

impl Kind for ServiceCidr {
    const RESOURCE: Resource = SERVICECIDRS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// An address that was given out.
#[derive(Debug, Deserialize)]
pub(crate) struct IpAddress {
    pub(crate) metadata: Meta,
}

impl Kind for IpAddress {
    const RESOURCE: Resource = Resource::cluster("networking.k8s.io", "v1", "ipaddresses", "IPAddress");

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
