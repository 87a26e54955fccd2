//! Service account tokens: made for whoever acts as a service account, and read again when they are shown.
//!
//! A token is a JWT that names the account, the object it is bound to, and whom it is for. [`keys`] signs and checks,
//! [`claims`] says what stands in it, [`verify`] decides what one that is shown proves, [`openid`] tells others how to
//! check them, [`rules`] is what whoever starts the server decides about them. Asking for one is a subresource like any other: `crate::subresources::token`.

pub(crate) mod claims;
pub mod keys;
pub(crate) mod openid;
mod ring;
pub mod rules;
pub(crate) mod used;
pub(crate) mod verify;

#[cfg(test)]
mod tests;

/// Who makes tokens where nobody says: as kubeadm sets it.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// Who made the tokens that lie in secrets, as they say themselves.
pub(crate) const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";
/// How long those who keep what this server says of its keys may believe it, in seconds. Upstream's figure.
pub(crate) const KEYS_HOLD_SECONDS: u32 = 3600;

/// The name under which a service account acts.
pub(crate) fn user_name(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

/// The groups that a service account of this namespace is in.
pub(crate) fn groups(namespace: &str) -> [String; 2] {
    ["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")]
}

/// The namespace and the name in the name under which a service account acts.
pub(crate) fn split_user_name(user: &str) -> Option<(&str, &str)> {
    use keelson_api::names::object::{Part, label, subdomain};
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let fits = label(namespace, Part::Whole).is_empty() && subdomain(name, Part::Whole).is_empty();
    fits.then_some((namespace, name))
}
