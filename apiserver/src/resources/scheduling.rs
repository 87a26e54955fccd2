//! The resources of the scheduling.k8s.io group.

pub(crate) mod priorityclasses;
