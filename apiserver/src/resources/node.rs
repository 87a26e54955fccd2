//! The resources of the node.k8s.io group.

pub(crate) mod runtimeclasses;
