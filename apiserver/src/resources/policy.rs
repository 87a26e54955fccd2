//! The resources of the policy group.

pub(crate) mod poddisruptionbudgets;
