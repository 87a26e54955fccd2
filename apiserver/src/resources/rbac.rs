//! The resources of the rbac.authorization.k8s.io group.

pub(crate) mod clusterrolebindings;
pub(crate) mod clusterroles;
mod policy;
pub(crate) mod rolebindings;
pub(crate) mod roles;
mod subjects;
