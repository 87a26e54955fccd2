//! The resources of the certificates.k8s.io group.

pub(crate) mod certificatesigningrequests;
pub(crate) mod clustertrustbundles;
pub(crate) mod podcertificaterequests;
