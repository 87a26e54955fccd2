//! The resources of the coordination.k8s.io group.

pub(crate) mod leases;
