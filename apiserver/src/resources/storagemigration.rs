//! The resources of the storagemigration.k8s.io group.

pub(crate) mod storageversionmigrations;
