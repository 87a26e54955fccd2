//! Claims, volumes and what goes with them: the kinds that placing looks at, and of each what it looks at.

use compact_str::CompactString;
use keelson_api::quantity::Quantity;
use keelson_api::selector::label::Selector;
use keelson_client::{Kind, Labels, Meta, Resource};
use serde::{Deserialize, Deserializer};

use crate::selectors::{NodeTerm, Written, WrittenNodeTerm};

/// The older way to name a class.
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// What says that a claim and its volume know each other.
const BOUND: &str = "pv.kubernetes.io/bind-completed";
/// What says on which node a claim's volume is to be.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

macro_rules! kind {
    ($kind:ty, $resource:expr) => {
        impl Kind for $kind {
            const RESOURCE: Resource = $resource;

            fn meta(&self) -> &Meta {
                &self.metadata
            }
        }
    };
}

kind!(Claim, Resource::namespaced("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"));
kind!(Volume, Resource::cluster("", "v1", "persistentvolumes", "PersistentVolume"));
kind!(Class, Resource::cluster("storage.k8s.io", "v1", "storageclasses", "StorageClass"));
kind!(Driver, Resource::cluster("storage.k8s.io", "v1", "csidrivers", "CSIDriver"));
kind!(NodeDrivers, Resource::cluster("storage.k8s.io", "v1", "csinodes", "CSINode"));
kind!(Capacity, Resource::namespaced("storage.k8s.io", "v1", "csistoragecapacities", "CSIStorageCapacity"));
kind!(Attachment, Resource::cluster("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment"));

/// Reads a quantity.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = Option::<CompactString>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse::<Quantity>().ok()).map(|quantity| quantity.value()))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Storage {
    #[serde(deserialize_with = "bytes")]
    pub(crate) storage: Option<i64>,
}

/// A claim of a volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Claim {
    pub(crate) metadata: Meta,
    pub(crate) spec: ClaimSpec,
    status: Phase,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClaimSpec {
    pub(crate) access_modes: Box<[CompactString]>,
    storage_class_name: CompactString,
    pub(crate) volume_name: CompactString,
    volume_mode: Option<CompactString>,
    volume_attributes_class_name: Option<CompactString>,
    resources: Requests,
    selector: Option<Written>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Requests {
    requests: Storage,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Phase {
    phase: CompactString,
}

impl Claim {
    /// Its class; empty for none.
    pub(crate) fn class(&self) -> &str {
        self.metadata.annotation(BETA_CLASS).unwrap_or(&self.spec.storage_class_name)
    }

    /// Whether its volume is there and knows it.
    pub(crate) fn is_bound(&self) -> bool {
        !self.spec.volume_name.is_empty() && self.metadata.annotation(BOUND).is_some()
    }

    /// Whether its volume was, and is not any more.
    pub(crate) fn is_lost(&self) -> bool {
        self.status.phase == "Lost"
    }

    /// How much it asks for.
    pub(crate) fn size(&self) -> Option<i64> {
        self.spec.resources.requests.storage
    }

    /// Whether only one pod may have it.
    pub(crate) fn is_for_one_pod(&self) -> bool {
        self.spec.access_modes.iter().any(|mode| mode == "ReadWriteOncePod")
    }
}

/// A volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Volume {
    pub(crate) metadata: Meta,
    pub(crate) spec: VolumeSpec,
    status: Phase,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VolumeSpec {
    access_modes: Box<[CompactString]>,
    capacity: Storage,
    pub(crate) claim_ref: Option<ClaimRef>,
    storage_class_name: CompactString,
    volume_mode: Option<CompactString>,
    volume_attributes_class_name: Option<CompactString>,
    node_affinity: Affinity,
    pub(crate) csi: Option<Csi>,
}

/// Whose a volume is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ClaimRef {
    pub(crate) namespace: CompactString,
    pub(crate) name: CompactString,
    pub(crate) uid: CompactString,
}

impl ClaimRef {
    /// Whether it is this claim.
    pub(crate) fn is(&self, claim: &Claim) -> bool {
        let meta = &claim.metadata;
        self.name == meta.name
            && self.namespace == meta.namespace
            && (self.uid.is_empty() || self.uid == meta.uid)
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Affinity {
    required: Option<Terms>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Terms {
    #[serde(deserialize_with = "terms")]
    node_selector_terms: Box<[NodeTerm]>,
}

fn terms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[NodeTerm]>, D::Error> {
    let written = Option::<Vec<WrittenNodeTerm>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(written.iter().map(NodeTerm::read).collect())
}

/// What a driver knows a volume by.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Csi {
    pub(crate) driver: CompactString,
    pub(crate) volume_handle: CompactString,
}

impl Volume {
    /// Its class; empty for none.
    pub(crate) fn class(&self) -> &str {
        self.metadata.annotation(BETA_CLASS).unwrap_or(&self.spec.storage_class_name)
    }

    /// Whether it can be reached from a node of these labels.
    pub(crate) fn reaches(&self, labels: &Labels) -> bool {
        let Some(required) = &self.spec.node_affinity.required else { return true };
        required.node_selector_terms.iter().any(|term| term.holds("", labels))
    }

    /// How much it holds.
    pub(crate) fn size(&self) -> i64 {
        self.spec.capacity.storage.unwrap_or(0)
    }

    /// Whether it would do for a claim, wherever both are and whosever it is.
    pub(crate) fn suits(&self, claim: &Claim) -> bool {
        let mode = |mode: &Option<CompactString>| mode.clone().unwrap_or_else(|| "Filesystem".into());
        let class = |class: &Option<CompactString>| class.clone().unwrap_or_default();
        let (own, asked) = (&self.spec, &claim.spec);
        self.size() >= claim.size().unwrap_or(0)
            && mode(&own.volume_mode) == mode(&asked.volume_mode)
            && class(&own.volume_attributes_class_name) == class(&asked.volume_attributes_class_name)
            && !self.metadata.is_deleting()
    }

    /// Whether a claim that nobody has promised it to may take it.
    pub(crate) fn is_free_for(&self, claim: &Claim) -> bool {
        let selector = claim.spec.selector.as_ref().map_or(Selector::everything(), Written::read);
        let modes = &self.spec.access_modes;
        self.status.phase == "Available"
            && self.class() == claim.class()
            && selector.matches(|key| self.metadata.labels.get(key))
            && claim.spec.access_modes.iter().all(|mode| modes.contains(mode))
    }
}

/// A class of volumes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Class {
    pub(crate) metadata: Meta,
    pub(crate) provisioner: CompactString,
    volume_binding_mode: CompactString,
    pub(crate) allowed_topologies: Vec<Topology>,
}

/// Where volumes of a class may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Topology {
    match_label_expressions: Vec<OneOf>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct OneOf {
    key: CompactString,
    values: Vec<CompactString>,
}

impl Class {
    /// Whether volumes are chosen only when a pod wants them.
    pub(crate) fn waits(&self) -> bool {
        self.volume_binding_mode == "WaitForFirstConsumer"
    }

    /// Whether somebody makes volumes of it.
    pub(crate) fn is_provisioned(&self) -> bool {
        !self.provisioner.is_empty() && self.provisioner != "kubernetes.io/no-provisioner"
    }

    /// Whether volumes of it may be where nodes have these labels.
    pub(crate) fn allows(&self, labels: &Labels) -> bool {
        let holds =
            |one: &OneOf| labels.get(&one.key).is_some_and(|value| one.values.iter().any(|one| one == value));
        self.allowed_topologies.is_empty()
            || self.allowed_topologies.iter().any(|topology| {
                let all = &topology.match_label_expressions;
                !all.is_empty() && all.iter().all(holds)
            })
    }
}

/// What makes and mounts volumes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Driver {
    pub(crate) metadata: Meta,
    pub(crate) spec: DriverSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DriverSpec {
    /// Whether it says how much room is left.
    pub(crate) storage_capacity: bool,
}

/// The drivers of a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeDrivers {
    pub(crate) metadata: Meta,
    spec: NodeDriversSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NodeDriversSpec {
    drivers: Vec<NodeDriver>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct NodeDriver {
    name: CompactString,
    allocatable: Option<Count>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Count {
    count: Option<usize>,
}

impl NodeDrivers {
    /// How many volumes of a driver the node takes, if that is limited.
    pub(crate) fn limit(&self, driver: &str) -> Option<usize> {
        self.limits().find(|(name, _)| *name == driver).map(|(_, limit)| limit)
    }

    /// All limits.
    pub(crate) fn limits(&self) -> impl Iterator<Item = (&str, usize)> {
        self.spec.drivers.iter().filter_map(|driver| Some((driver.name.as_str(), driver.allocatable?.count?)))
    }
}

/// How much room there is for volumes of a class, and for which nodes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Capacity {
    pub(crate) metadata: Meta,
    pub(crate) storage_class_name: CompactString,
    #[serde(deserialize_with = "bytes")]
    capacity: Option<i64>,
    #[serde(deserialize_with = "bytes")]
    maximum_volume_size: Option<i64>,
    node_topology: Option<Written>,
}

impl Capacity {
    /// The largest volume that can be made.
    pub(crate) fn largest(&self) -> Option<i64> {
        self.maximum_volume_size.or(self.capacity)
    }

    /// Whether it is there for a node of these labels.
    pub(crate) fn reaches(&self, labels: &Labels) -> bool {
        Written::read_option(self.node_topology.as_ref()).matches(|key| labels.get(key))
    }
}

/// A volume that is attached to a node, or is to be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Attachment {
    pub(crate) metadata: Meta,
    pub(crate) spec: AttachmentSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AttachmentSpec {
    pub(crate) attacher: CompactString,
    pub(crate) node_name: CompactString,
    pub(crate) source: Source,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Source {
    pub(crate) persistent_volume_name: Option<CompactString>,
}
