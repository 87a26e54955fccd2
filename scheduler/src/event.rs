//! What happened in the cluster, as far as it may help a pod that waits.

use std::sync::Arc;

use crate::node::Node;
use crate::pod::PodInfo;
use crate::volumes::objects::{Capacity, Claim, Class, Driver, NodeDrivers, Volume};

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A node came.
    NodeCame(&'a Arc<Node>),
    /// A node says something else of itself.
    NodeChanged {
        /// Before.
        old: &'a Arc<Node>,
        /// After.
        new: &'a Arc<Node>,
    },
    /// A node is gone.
    NodeGone(&'a Arc<Node>),
    /// A pod is on a node now.
    PodPlaced(&'a Arc<PodInfo>),
    /// A pod on a node is another now.
    PodChanged {
        /// Before.
        old: &'a Arc<PodInfo>,
        /// After.
        new: &'a Arc<PodInfo>,
    },
    /// A pod that was on a node, or had room made for it, is gone.
    PodGone(&'a Arc<PodInfo>),
    /// The waiting pod itself is another now.
    ItselfChanged {
        /// Before.
        old: &'a Arc<PodInfo>,
    },
    /// Labels of a namespace are others now.
    NamespaceChanged(&'a str),
    /// A claim came or changed.
    ClaimChanged {
        /// Before; `None` if it is new.
        old: Option<&'a Arc<Claim>>,
        /// After.
        new: &'a Arc<Claim>,
    },
    /// A volume came or changed.
    VolumeChanged {
        /// Before; `None` if it is new.
        old: Option<&'a Arc<Volume>>,
        /// After.
        new: &'a Arc<Volume>,
    },
    /// A class of volumes came or changed.
    ClassChanged {
        /// Before; `None` if it is new.
        old: Option<&'a Arc<Class>>,
        /// After.
        new: &'a Arc<Class>,
    },
    /// A driver came or changed.
    DriverChanged {
        /// Before; `None` if it is new.
        old: Option<&'a Arc<Driver>>,
        /// After.
        new: &'a Arc<Driver>,
    },
    /// A node has drivers, or others.
    NodeDriversChanged {
        /// Before; `None` if it is new.
        old: Option<&'a Arc<NodeDrivers>>,
        /// After.
        new: &'a Arc<NodeDrivers>,
    },
    /// There is room for volumes, or more or less of it.
    CapacityChanged {
        /// Before; `None` if it is new.
        old: Option<&'a Arc<Capacity>>,
        /// After.
        new: &'a Arc<Capacity>,
    },
    /// A volume is attached no more.
    AttachmentGone,
}

impl<'a> Event<'a> {
    /// Upstream's name of it.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::NodeCame(_) => "NodeAdd",
            Self::NodeChanged { .. } => "NodeUpdate",
            Self::NodeGone(_) => "NodeDelete",
            Self::PodPlaced(_) => "AssignedPodAdd",
            Self::PodChanged { .. } => "AssignedPodUpdate",
            Self::PodGone(_) => "AssignedPodDelete",
            Self::ItselfChanged { .. } => "UnscheduledPodUpdate",
            Self::NamespaceChanged(_) => "NamespaceUpdate",
            Self::ClaimChanged { old, .. } => {
                named(*old, "PersistentVolumeClaimAdd", "PersistentVolumeClaimUpdate")
            }
            Self::VolumeChanged { old, .. } => named(*old, "PersistentVolumeAdd", "PersistentVolumeUpdate"),
            Self::ClassChanged { old, .. } => named(*old, "StorageClassAdd", "StorageClassUpdate"),
            Self::DriverChanged { old, .. } => named(*old, "CSIDriverAdd", "CSIDriverUpdate"),
            Self::NodeDriversChanged { old, .. } => named(*old, "CSINodeAdd", "CSINodeUpdate"),
            Self::CapacityChanged { old, .. } => {
                named(*old, "CSIStorageCapacityAdd", "CSIStorageCapacityUpdate")
            }
            Self::AttachmentGone => "VolumeAttachmentDelete",
        }
    }

    /// The node, if one came or changed.
    pub(crate) fn node(&self) -> Option<(Option<&'a Node>, &'a Node)> {
        match self {
            Self::NodeCame(new) => Some((None, new)),
            Self::NodeChanged { old, new } => Some((Some(old), new)),
            _ => None,
        }
    }
}

fn named<V>(old: Option<&Arc<V>>, came: &'static str, changed: &'static str) -> &'static str {
    if old.is_none() { came } else { changed }
}

/// Whether a node that did not fulfil something does so now.
pub(crate) fn begins(event: &Event<'_>, holds: impl Fn(&Node) -> bool) -> bool {
    event.node().is_some_and(|(old, new)| holds(new) && !old.is_some_and(&holds))
}
