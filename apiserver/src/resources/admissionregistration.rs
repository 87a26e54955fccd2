//! The resources of the admissionregistration.k8s.io group.

mod asked;
pub(crate) mod mutatingadmissionpolicies;
pub(crate) mod mutatingadmissionpolicybindings;
pub(crate) mod mutatingwebhookconfigurations;
pub(crate) mod validatingadmissionpolicies;
pub(crate) mod validatingadmissionpolicybindings;
pub(crate) mod validatingwebhookconfigurations;
