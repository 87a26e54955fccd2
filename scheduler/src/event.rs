//! What happened in the cluster, as far as it may help a pod that waits.

use std::sync::Arc;

use crate::node::Node;
use crate::pod::PodInfo;

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
}

impl<'a> Event<'a> {
    /// The node, if one came or changed.
    pub(crate) fn node(&self) -> Option<(Option<&'a Node>, &'a Node)> {
        match self {
            Self::NodeCame(new) => Some((None, new)),
            Self::NodeChanged { old, new } => Some((Some(old), new)),
            _ => None,
        }
    }
}

/// Whether a node that did not fulfil something does so now.
pub(crate) fn begins(event: &Event<'_>, holds: impl Fn(&Node) -> bool) -> bool {
    event.node().is_some_and(|(old, new)| holds(new) && !old.is_some_and(&holds))
}
