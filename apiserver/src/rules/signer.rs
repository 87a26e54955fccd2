//! Names of signers and of the trust bundles that are named after them.

use keelson_api::field::{Detail, Error, Errors, Path};
use keelson_api::golang::Quoted;
use keelson_api::names::dns::{self, LABEL_BYTES_MAX, SUBDOMAIN_BYTES_MAX};
use keelson_api::names::{Reasons, object};

/// A signer is called by a domain and a path: `example.com/signer`.
pub(crate) fn name(path: &Path<'_>, name: &str, errors: &mut Errors) {
    const FORM: &str = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    if name.is_empty() {
        errors.push(Error::required(path, ""));
        return;
    }
    let Some((domain, rest)) = name.split_once('/').filter(|(_, rest)| !rest.contains('/')) else {
        errors.push(Error::invalid(path, name, FORM));
        return;
    };
    if domain.len() > SUBDOMAIN_BYTES_MAX {
        errors.push(Error::too_long(path, SUBDOMAIN_BYTES_MAX));
    }
    first_wrong(path, domain, dns::label, errors);
    if !domain.contains('.') {
        errors.push(Error::invalid(
            path,
            domain,
            "should be a domain with at least two segments separated by dots",
        ));
    }
    first_wrong(path, rest, dns::subdomain, errors);
    let max = SUBDOMAIN_BYTES_MAX + 1 + SUBDOMAIN_BYTES_MAX + LABEL_BYTES_MAX + 1;
    if name.len() > max {
        errors.push(Error::too_long(path, max));
    }
}

/// Tells of the first part between points that breaks a rule.
fn first_wrong(path: &Path<'_>, text: &str, rule: fn(&str) -> Reasons, errors: &mut Errors) {
    let wrong = text.split('.').map(|part| (part, rule(part))).find(|(_, reasons)| !reasons.is_empty());
    if let Some((part, reasons)) = wrong {
        for reason in reasons {
            let words = format!("validating label {}: {reason}", Quoted(part));
            errors.push(Error::invalid(path, text, words));
        }
    }
}

/// Whether a signer is one of Kubernetes' own.
pub(crate) fn is_own(name: &str) -> bool {
    let host = name.split('/').next().unwrap_or_default();
    host == "kubernetes.io" || host.ends_with(".kubernetes.io")
}

/// The name of a trust bundle, which begins with the name of its signer if it has one.
pub(crate) fn bundle_name(name: &str, signer: &str, part: object::Part) -> Reasons {
    if signer.is_empty() {
        if name.contains(':') {
            return vec![r#"ClusterTrustBundle without signer name must not have ":" in its name"#.into()];
        }
        return object::subdomain(name, part);
    }
    let prefix = format!("{}:", signer.replace('/', ":"));
    match name.strip_prefix(&prefix) {
        Some(rest) => object::subdomain(rest, part),
        None => vec![Detail::Owned(format!(
            "ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}"
        ))],
    }
}

/// The signer after which a trust bundle is named; empty if it is named after none.
pub(crate) fn of_bundle(name: &str) -> String {
    name.rsplit_once(':').map_or_else(String::new, |(signer, _)| signer.replace(':', "/"))
}
