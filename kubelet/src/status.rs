//! What a node says of a pod: the fields of its status that are the kubelet's.

use std::net::IpAddr;

use compact_str::CompactString;
use keelson_client::{Labels, Time};
use serde::{Deserialize, Serialize};

/// A pod's status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) observed_generation: i64,
    pub(crate) phase: Phase,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    pub(crate) reason: CompactString,
    #[serde(rename = "hostIP", skip_serializing_if = "Option::is_none")]
    pub(crate) host_ip: Option<IpAddr>,
    #[serde(rename = "hostIPs", skip_serializing_if = "Vec::is_empty")]
    pub(crate) host_ips: Vec<Address>,
    #[serde(rename = "podIP", skip_serializing_if = "Option::is_none")]
    pub(crate) pod_ip: Option<IpAddr>,
    #[serde(rename = "podIPs", skip_serializing_if = "Vec::is_empty")]
    pub(crate) pod_ips: Vec<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_time: Option<Time>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) init_container_statuses: Vec<Container>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) container_statuses: Vec<Container>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ephemeral_container_statuses: Vec<Container>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in references")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Where a pod stands in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    #[default]
    Pending,
    Running,
    Succeeded,
    Failed,
    #[serde(other)]
    Unknown,
}

impl Phase {
    /// Whether there is nothing behind it.
    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// An address, as lists of them have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) ip: IpAddr,
}

/// What holds of a pod, since when and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: CompactString,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) observed_generation: i64,
    pub(crate) status: CompactString,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_transition_time: Option<Time>,
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    pub(crate) reason: CompactString,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
}

/// What became of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) name: CompactString,
    pub(crate) state: State,
    #[serde(skip_serializing_if = "State::is_empty")]
    pub(crate) last_state: State,
    pub(crate) ready: bool,
    pub(crate) restart_count: u32,
    pub(crate) image: CompactString,
    #[serde(rename = "imageID")]
    pub(crate) image_id: CompactString,
    #[serde(rename = "containerID", skip_serializing_if = "CompactString::is_empty")]
    pub(crate) container_id: CompactString,
    pub(crate) started: Option<bool>,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub(crate) allocated_resources: Labels,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resources: Option<Resources>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) volume_mounts: Vec<Mount>,
}

/// What a container may take, and what is kept for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub(crate) limits: Labels,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub(crate) requests: Labels,
}

/// What is mounted where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Mount {
    pub(crate) name: CompactString,
    pub(crate) mount_path: CompactString,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) read_only: bool,
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    pub(crate) recursive_read_only: CompactString,
}

/// One of three, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waiting: Option<Waiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) running: Option<Running>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) terminated: Option<Terminated>,
}

impl State {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// It does not run yet, or not again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Waiting {
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    pub(crate) reason: CompactString,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
}

/// It runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Running {
    pub(crate) started_at: Option<Time>,
}

/// It has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Terminated {
    pub(crate) exit_code: i32,
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    pub(crate) reason: CompactString,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    pub(crate) started_at: Option<Time>,
    pub(crate) finished_at: Option<Time>,
    #[serde(rename = "containerID", skip_serializing_if = "CompactString::is_empty")]
    pub(crate) container_id: CompactString,
}
