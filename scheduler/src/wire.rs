//! Pods and nodes as the API writes them: only what placing looks at.

use compact_str::CompactString;
use keelson_client::{Labels, Meta, Time};
use serde::Deserialize;

use crate::resources::Quantities;
use crate::selectors::{Written, WrittenNodeTerm};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) node_name: CompactString,
    pub(crate) scheduler_name: CompactString,
    pub(crate) priority: i32,
    pub(crate) preemption_policy: CompactString,
    pub(crate) node_selector: Labels,
    pub(crate) affinity: Affinity,
    pub(crate) tolerations: Vec<Toleration>,
    pub(crate) topology_spread_constraints: Vec<Constraint>,
    pub(crate) containers: Vec<Container>,
    pub(crate) init_containers: Vec<Container>,
    pub(crate) overhead: Quantities,
    pub(crate) resources: Option<Needs>,
    pub(crate) scheduling_gates: Vec<Gate>,
    pub(crate) volumes: Vec<Volume>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) phase: CompactString,
    pub(crate) nominated_node_name: CompactString,
    pub(crate) start_time: Option<Time>,
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: CompactString,
    pub(crate) status: CompactString,
    pub(crate) reason: CompactString,
    pub(crate) message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Gate {
    pub(crate) name: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) image: CompactString,
    pub(crate) ports: Vec<Port>,
    pub(crate) resources: Needs,
    pub(crate) restart_policy: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Needs {
    pub(crate) requests: Quantities,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    pub(crate) host_port: u16,
    #[serde(rename = "hostIP")]
    pub(crate) host_ip: CompactString,
    pub(crate) protocol: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Volume {
    pub(crate) name: CompactString,
    pub(crate) image: Option<ImageVolume>,
    pub(crate) persistent_volume_claim: Option<ClaimVolume>,
    pub(crate) ephemeral: Option<serde::de::IgnoredAny>,
    pub(crate) gce_persistent_disk: Option<GceDisk>,
    pub(crate) aws_elastic_block_store: Option<AwsDisk>,
    pub(crate) iscsi: Option<IscsiDisk>,
    pub(crate) rbd: Option<RbdDisk>,
    pub(crate) csi: Option<DriverVolume>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClaimVolume {
    pub(crate) claim_name: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GceDisk {
    pub(crate) pd_name: CompactString,
    pub(crate) read_only: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct AwsDisk {
    #[serde(rename = "volumeID")]
    pub(crate) volume_id: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct IscsiDisk {
    pub(crate) iqn: CompactString,
    pub(crate) read_only: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RbdDisk {
    pub(crate) monitors: Box<[CompactString]>,
    pub(crate) pool: CompactString,
    pub(crate) image: CompactString,
    pub(crate) read_only: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct DriverVolume {
    pub(crate) driver: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ImageVolume {
    pub(crate) reference: CompactString,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub(crate) struct Toleration {
    pub(crate) key: CompactString,
    pub(crate) operator: CompactString,
    pub(crate) value: CompactString,
    pub(crate) effect: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Constraint {
    pub(crate) max_skew: i64,
    pub(crate) topology_key: CompactString,
    pub(crate) when_unsatisfiable: CompactString,
    pub(crate) label_selector: Option<Written>,
    pub(crate) match_label_keys: Vec<CompactString>,
    pub(crate) min_domains: Option<usize>,
    pub(crate) node_affinity_policy: CompactString,
    pub(crate) node_taints_policy: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Affinity {
    pub(crate) node_affinity: NodeAffinity,
    pub(crate) pod_affinity: PodTerms,
    pub(crate) pod_anti_affinity: PodTerms,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub(crate) required: Option<NodeTerms>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
    pub(crate) preferred: Vec<PreferredNodes>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeTerms {
    pub(crate) node_selector_terms: Vec<WrittenNodeTerm>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PreferredNodes {
    pub(crate) weight: i64,
    pub(crate) preference: WrittenNodeTerm,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodTerms {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub(crate) required: Vec<PodTerm>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
    pub(crate) preferred: Vec<WeightedPodTerm>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WeightedPodTerm {
    pub(crate) weight: i64,
    pub(crate) pod_affinity_term: PodTerm,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodTerm {
    pub(crate) label_selector: Option<Written>,
    pub(crate) namespaces: Vec<CompactString>,
    pub(crate) namespace_selector: Option<Written>,
    pub(crate) topology_key: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    pub(crate) metadata: Meta,
    pub(crate) spec: NodeSpec,
    pub(crate) status: NodeStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeSpec {
    pub(crate) unschedulable: bool,
    pub(crate) taints: Vec<Taint>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Taint {
    pub(crate) key: CompactString,
    pub(crate) value: CompactString,
    pub(crate) effect: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeStatus {
    pub(crate) allocatable: Quantities,
    pub(crate) images: Vec<Image>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Image {
    pub(crate) names: Vec<CompactString>,
    pub(crate) size_bytes: i64,
}
