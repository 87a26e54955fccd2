//! Endpoints of services, in the form that has been there always and in slices.

use compact_str::CompactString;
use keelson_client::meta::or_none;
use keelson_client::{Kind, Meta, Resource};
use serde::{Deserialize, Serialize};

use super::service::Family;

/// The resource.
pub(crate) const ENDPOINTS: Resource = Resource::namespaced("", "v1", "endpoints", "Endpoints");
/// The resource of slices.
pub(crate) const SLICES: Resource =
    Resource::namespaced("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice");

/// All endpoints of a service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Endpoints {
    pub(crate) metadata: Meta,
    pub(crate) subsets: Vec<Subset>,
}

impl Kind for Endpoints {
    const RESOURCE: Resource = ENDPOINTS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// Addresses that have the same ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Subset {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) addresses: Vec<Address>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_ready_addresses: Vec<Address>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ports: Vec<Port>,
}

/// An address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Address {
    pub(crate) ip: CompactString,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hostname: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node_name: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_ref: Option<Target>,
}

/// What is behind an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Target {
    pub(crate) kind: CompactString,
    pub(crate) namespace: CompactString,
    pub(crate) name: CompactString,
    pub(crate) uid: CompactString,
    /// What only others than controllers say of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_path: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_version: Option<Box<str>>,
}

impl Target {
    /// A pod.
    pub(crate) fn pod(meta: &Meta) -> Self {
        Self {
            kind: "Pod".into(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            uid: meta.uid.clone(),
            ..Self::default()
        }
    }
}

/// A port, in either form.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<CompactString>,
    pub(crate) port: u16,
    pub(crate) protocol: CompactString,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_protocol: Option<CompactString>,
}

/// Some endpoints of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Slice {
    pub(crate) metadata: Meta,
    /// `FQDN` is nothing that controllers write.
    #[serde(default, deserialize_with = "family")]
    pub(crate) address_type: Option<Family>,
    #[serde(default, deserialize_with = "or_none")]
    pub(crate) endpoints: Vec<Endpoint>,
    #[serde(default, deserialize_with = "or_none")]
    pub(crate) ports: Vec<Port>,
}

impl Kind for Slice {
    const RESOURCE: Resource = SLICES;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

fn family<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Family>, D::Error> {
    let text = CompactString::deserialize(deserializer)?;
    Ok(match text.as_str() {
        "IPv4" => Some(Family::IPv4),
        "IPv6" => Some(Family::IPv6),
        _ => None,
    })
}

/// An endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Endpoint {
    pub(crate) addresses: Vec<CompactString>,
    pub(crate) conditions: Conditions,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hostname: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_ref: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node_name: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hints: Option<Box<Hints>>,
}

/// Whose traffic an endpoint should take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Hints {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) for_zones: Vec<Named>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) for_nodes: Vec<Named>,
}

/// A zone, or a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: CompactString,
}

impl Endpoint {
    /// Whether it is the same one, whatever is said of it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.addresses == other.addresses
            && self.hostname == other.hostname
            && self.target_ref == other.target_ref
    }
}

/// What holds of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Conditions {
    pub(crate) ready: Option<bool>,
    pub(crate) serving: Option<bool>,
    pub(crate) terminating: Option<bool>,
}
