//! The resources of the events.k8s.io group.

#[expect(clippy::module_inception, reason = "the group has the name of its one resource")]
pub(crate) mod events;
