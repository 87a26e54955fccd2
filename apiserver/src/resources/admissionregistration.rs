//! The resources of the admissionregistration.k8s.io group.

mod asked;
mod matching;
pub(crate) mod mutatingadmissionpolicies;
pub(crate) mod mutatingadmissionpolicybindings;
pub(crate) mod mutatingwebhookconfigurations;
mod policies;
pub(crate) mod validatingadmissionpolicies;
pub(crate) mod validatingadmissionpolicybindings;
pub(crate) mod validatingwebhookconfigurations;
mod webhooks;
