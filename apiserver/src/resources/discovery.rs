//! The resources of the discovery.k8s.io group.

pub(crate) mod endpointslices;
