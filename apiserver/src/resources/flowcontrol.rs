//! The resources of the flowcontrol.apiserver.k8s.io group.

pub(crate) mod flowschemas;
pub(crate) mod prioritylevelconfigurations;
