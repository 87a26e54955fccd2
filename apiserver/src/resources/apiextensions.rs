//! The resources of the apiextensions.k8s.io group.

pub(crate) mod customresourcedefinitions;
