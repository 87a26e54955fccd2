//! Pods, as far as controllers look at them.

use std::fmt;

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource, Time};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The resource.
pub(crate) const PODS: Resource = Resource::namespaced("", "v1", "pods", "Pod");

/// A pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

impl Kind for Pod {
    const RESOURCE: Resource = PODS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// What is wanted of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) node_name: CompactString,
    pub(crate) hostname: CompactString,
    pub(crate) subdomain: CompactString,
    pub(crate) restart_policy: RestartPolicy,
    /// Containers that name ports.
    #[serde(deserialize_with = "with_ports")]
    pub(crate) containers: Box<[Container]>,
    /// Initial containers that name ports and stay.
    #[serde(deserialize_with = "with_ports")]
    pub(crate) init_containers: Box<[Container]>,
}

/// Whether it is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum RestartPolicy {
    #[default]
    Always,
    OnFailure,
    Never,
}

/// A container's ports.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) ports: Box<[Port]>,
    pub(crate) restart_policy: Option<CompactString>,
}

/// A port.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    pub(crate) name: CompactString,
    pub(crate) container_port: u16,
    pub(crate) protocol: CompactString,
}

/// What became of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) phase: Phase,
    #[serde(rename = "conditions", deserialize_with = "readiness")]
    pub(crate) ready: Ready,
    #[serde(rename = "podIP")]
    pub(crate) pod_ip: CompactString,
    #[serde(rename = "podIPs")]
    pub(crate) pod_ips: Box<[Address]>,
    /// The most that one of its containers was started again.
    #[serde(rename = "containerStatuses", deserialize_with = "most_restarts")]
    pub(crate) restarts: u32,
    /// The same, of its initial containers: those that are no sidecars are not started again once they are done.
    #[serde(rename = "initContainerStatuses", deserialize_with = "most_restarts")]
    pub(crate) sidecar_restarts: u32,
}

/// An address.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    pub(crate) ip: CompactString,
}

/// Where it stands in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Phase {
    #[default]
    Pending,
    Running,
    Succeeded,
    Failed,
    #[serde(other)]
    Unknown,
}

/// Whether it is ready, and since when it is so or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) is: bool,
    pub(crate) since: Option<Time>,
}

/// Folds a list into something smaller, element by element.
struct Folding<T, R>(R, fn(&mut R, T));

impl<'de, T: Deserialize<'de>, R> Visitor<'de> for Folding<T, R> {
    type Value = R;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<R, E> {
        Ok(self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<R, A::Error> {
        while let Some(element) = list.next_element()? {
            (self.1)(&mut self.0, element);
        }
        Ok(self.0)
    }
}

fn with_ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[Container]>, D::Error> {
    let fold: fn(&mut Vec<Container>, Container) = |all, container| {
        if !container.ports.is_empty() {
            all.push(container);
        }
    };
    Ok(deserializer.deserialize_any(Folding(Vec::new(), fold))?.into())
}

fn readiness<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ready, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Condition<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
        #[serde(borrow)]
        status: std::borrow::Cow<'a, str>,
        #[serde(default)]
        last_transition_time: Option<Time>,
    }
    let fold: fn(&mut Ready, Condition<'de>) = |ready, condition| {
        if condition.kind == "Ready" {
            *ready = Ready { is: condition.status == "True", since: condition.last_transition_time };
        }
    };
    deserializer.deserialize_any(Folding(Ready::default(), fold))
}

fn most_restarts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct ContainerStatus {
        restart_count: u32,
    }
    let fold: fn(&mut u32, ContainerStatus) = |most, status| *most = status.restart_count.max(*most);
    deserializer.deserialize_any(Folding(0, fold))
}
