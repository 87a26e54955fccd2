//! The resources of the batch group.

pub(crate) mod cronjobs;
pub(crate) mod jobs;
