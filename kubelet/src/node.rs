//! A node: what it says of itself, and what is read of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use compact_str::CompactString;
use keelson_api::quantity::Quantity;
use keelson_api::time::UnixMillis;
use keelson_client::{Kind, Labels, Meta, Resource, Time};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::hollow::addresses::Range;
use crate::hollow::hex;

/// The resource.
pub(crate) const NODES: Resource = Resource::cluster("", "v1", "nodes", "Node");
/// The annotation that stops a hollow node, as if it had lost its power.
const HOLLOW: (&str, &str) = ("keelson.dev/hollow", "stopped");

/// A node, as far as its own kubelet looks at it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    pub(crate) metadata: Meta,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(rename = "podCIDRs")]
    pod_ranges: Vec<CompactString>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Vec<Condition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    #[serde(rename = "type")]
    kind: CompactString,
    status: CompactString,
    last_transition_time: Option<Time>,
}

impl Kind for Node {
    const RESOURCE: Resource = NODES;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Node {
    /// Whether it is to be as dead.
    pub(crate) fn is_stopped(&self) -> bool {
        self.metadata.annotation(HOLLOW.0) == Some(HOLLOW.1)
    }

    /// Where its pods get addresses from, if that is said.
    pub(crate) fn pod_ranges(&self) -> Vec<Range> {
        self.spec.pod_ranges.iter().filter_map(|text| Range::parse(text)).collect()
    }

    /// Whether all that it says of its state is still what is known of it.
    pub(crate) fn is_as_said(&self) -> bool {
        CONDITIONS.iter().all(|(kind, status, ..)| {
            self.status.conditions.iter().any(|known| known.kind == *kind && known.status == *status)
        })
    }
}

/// What holds of a node that is well: kind, status, reason and message, in upstream's words.
const CONDITIONS: [(&str, &str, &str, &str); 4] = [
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];

/// The conditions as they are written; `known` is the node as it was last seen.
pub(crate) fn conditions(known: Option<&Node>, now: UnixMillis) -> Value {
    let known = known.map(|node| node.status.conditions.as_slice()).unwrap_or_default();
    let now = Time::of(now);
    let all = CONDITIONS.iter().map(|(kind, status, reason, message)| {
        let held = known.iter().find(|known| known.kind == *kind && known.status == *status);
        let since = held.and_then(|held| held.last_transition_time).unwrap_or(now);
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": since,
        })
    });
    all.collect()
}

/// What hollow nodes are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    capacity: BTreeMap<CompactString, CompactString>,
    /// How many zones they are spread over; in none, if zero.
    zones: u32,
}

impl Default for Shape {
    fn default() -> Self {
        // As large as a large server, and room for a thousand pods on three nodes.
        let capacity = [("cpu", "64"), ("memory", "256Gi"), ("ephemeral-storage", "1Ti"), ("pods", "500")];
        Self { capacity: capacity.map(|(name, amount)| (name.into(), amount.into())).into(), zones: 0 }
    }
}

impl FromStr for Shape {
    type Err = String;

    /// Reads `RESOURCE=AMOUNT` with commas between them, and `zones=NUMBER`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut shape = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (word, value) =
                part.split_once('=').ok_or(format!("{part:?} is not of the form WORD=VALUE"))?;
            if word == "zones" {
                shape.zones = value.parse().map_err(|_| format!("zones={value}: give a number"))?;
            } else {
                value.parse::<Quantity>().map_err(|error| format!("{word}={value}: {error}"))?;
                shape.capacity.insert(word.into(), value.into());
            }
        }
        Ok(shape)
    }
}

impl Shape {
    /// What a node has for its pods.
    pub(crate) fn allocatable(&self) -> Labels {
        self.capacity.iter().map(|(name, amount)| (name.clone(), amount.clone())).collect()
    }

    fn labels(&self, name: &str, number: u32) -> Value {
        let architecture = architecture();
        let mut labels = json!({
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture,
            "beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": architecture,
            "keelson.dev/runtime": "hollow",
        });
        if let Some(zone) = number.checked_rem(self.zones) {
            labels["topology.kubernetes.io/region"] = json!("hollow");
            labels["topology.kubernetes.io/zone"] = json!(format!("hollow-{zone}"));
        }
        labels
    }
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A node as it registers itself. `known` is the node as it was last seen.
pub(crate) fn object(
    (name, number, ip): (&str, u32, IpAddr),
    shape: &Shape,
    version: &str,
    known: Option<&Node>,
    now: UnixMillis,
) -> Value {
    let id = |what: &str| hex(&[name, what])[..32].to_owned();
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name, "labels": shape.labels(name, number),
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "status": {
            "capacity": shape.allocatable(), "allocatable": shape.allocatable(),
            "conditions": conditions(known, now),
            "addresses": [{"type": "InternalIP", "address": ip}, {"type": "Hostname", "address": name}],
            "nodeInfo": {
                "machineID": id("machine"), "systemUUID": id("system"), "bootID": id("boot"),
                "kernelVersion": "0.0.0", "osImage": "Keelson, hollow", "operatingSystem": "linux",
                "architecture": architecture(), "containerRuntimeVersion": format!("hollow://{}", env!("CARGO_PKG_VERSION")),
                "kubeletVersion": version, "kubeProxyVersion": "",
            },
        },
    })
}
