//! Requests for certificates: those of kubelets are approved, approved ones are signed, and none stays for ever.
//!
//! Three controllers, as upstream has them. What certificates look like, and the authority's key, are behind
//! [`crate::signing::Certificates`].

pub(crate) mod approving;
pub(crate) mod cleaning;
mod kubelet;
pub(crate) mod signing;
#[cfg(test)]
mod tests;

/// Who signs the certificates by which kubelets ask the server.
const KUBELET_CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";
