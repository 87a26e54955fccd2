//! The resources of the apiregistration.k8s.io group.

pub(crate) mod apiservices;
