//! Services, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::{Kind, Labels, Meta, Resource};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The resource.
pub(crate) const SERVICES: Resource = Resource::namespaced("", "v1", "services", "Service");

/// A service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Service {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
}

impl Kind for Service {
    const RESOURCE: Resource = SERVICES;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// What is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    #[serde(rename = "type")]
    pub(crate) kind: CompactString,
    /// Where its traffic goes; nobody's but its author's business if there is none.
    pub(crate) selector: Option<Labels>,
    #[serde(rename = "clusterIP")]
    pub(crate) cluster_ip: CompactString,
    pub(crate) ip_families: Box<[Family]>,
    pub(crate) ports: Box<[Port]>,
    pub(crate) publish_not_ready_addresses: bool,
    traffic_distribution: CompactString,
}

/// How near to whoever asks an endpoint should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preference {
    SameZone,
    SameNode,
}

/// The older way to ask for endpoints that are near, and the one before that.
const TOPOLOGY: [&str; 2] =
    ["service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"];

impl Service {
    /// Whether traffic comes to it at an address of its own.
    pub(crate) fn has_address(&self) -> bool {
        !self.spec.cluster_ip.is_empty() && self.spec.cluster_ip != "None"
    }

    /// The families that it serves, its own first.
    pub(crate) fn families(&self) -> Vec<Family> {
        if !self.spec.ip_families.is_empty() {
            return self.spec.ip_families.to_vec();
        }
        match (self.has_address(), self.spec.cluster_ip.contains(':')) {
            (true, false) => vec![Family::IPv4],
            (true, true) => vec![Family::IPv6],
            (false, _) => vec![Family::IPv4, Family::IPv6],
        }
    }

    /// How near its endpoints should be to whoever asks, if it says so.
    pub(crate) fn preference(&self) -> Option<Preference> {
        let mode = TOPOLOGY.iter().find_map(|key| self.metadata.annotation(key));
        if matches!(mode, Some("Auto" | "auto")) {
            return None;
        }
        match self.spec.traffic_distribution.as_str() {
            "PreferClose" | "PreferSameZone" => Some(Preference::SameZone),
            "PreferSameNode" => Some(Preference::SameNode),
            _ => None,
        }
    }

    /// Where its traffic goes, if controllers decide that.
    pub(crate) fn selector(&self) -> Option<&Labels> {
        self.spec.selector.as_ref().filter(|_| self.spec.kind != "ExternalName")
    }
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Family {
    IPv4,
    IPv6,
}

impl Family {
    /// Whether an address is of this family.
    pub(crate) fn has(self, address: &str) -> bool {
        address.contains(':') == (self == Self::IPv6)
    }
}

/// A port.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    pub(crate) name: CompactString,
    pub(crate) protocol: CompactString,
    pub(crate) app_protocol: Option<CompactString>,
    /// A number, or the name of a container's port.
    pub(crate) target_port: Value,
}
