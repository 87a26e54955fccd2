//! The resources of the authentication.k8s.io group.

pub(crate) mod selfsubjectreviews;
pub(crate) mod tokenreviews;
