//! Formats that declarative validation knows by name and that are more than one rule of names.

use super::{dns, label, variable};
use crate::field::{Error, Errors, Path};

/// How many bytes the name of a resource pool may have.
pub const POOL_NAME_BYTES_MAX: usize = 253;
const QUOTA_PREFIX: &str = "requests.";
const DEVICE_NAME_BYTES_MAX: usize = 32;
const DEVICE_DOMAIN_BYTES_MAX: usize = 63;

/// A UUID in lower case.
pub fn uuid(path: &Path<'_>, text: &str, errors: &mut Errors) {
    let holds = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    if !holds {
        errors.push(Error::invalid(path, text, "must be a lowercase UUID in 8-4-4-4-12 format"));
    }
}

/// The name of a resource pool: subdomains with slashes between them.
pub fn resource_pool_name(path: &Path<'_>, text: &str, errors: &mut Errors) {
    if text.len() > POOL_NAME_BYTES_MAX {
        errors.push(Error::too_long(path, POOL_NAME_BYTES_MAX));
    }
    for (i, part) in text.split('/').enumerate() {
        if errors.is_full() {
            return;
        }
        if part.is_empty() {
            errors.push(Error::invalid(path, text, format!("segment {i}: must not be empty")));
        } else {
            let reasons = dns::long_name(part);
            errors.push_invalid(
                path,
                part,
                reasons.into_iter().map(|why| format!("segment {i}: {why}").into()),
            );
        }
    }
}

/// The name of an extended resource, such as `example.com/gpu`.
pub fn extended_resource_name(path: &Path<'_>, text: &str, errors: &mut Errors) {
    if !text.contains('/') {
        let words = "a name must be a domain-prefixed path, such as 'example.com/my-prop'";
        errors.push(Error::invalid(path, text, words));
    } else if text.contains("kubernetes.io/") {
        errors.push(Error::invalid(path, text, "must not have \"kubernetes.io/\" domain"));
    }
    if text.starts_with(QUOTA_PREFIX) {
        errors.push(Error::invalid(path, text, "must not have \"requests.\" prefix"));
    }
    if !fits_quota(text) {
        errors.push_invalid(path, text, label::key(&format!("{QUOTA_PREFIX}{text}")));
    }
}

/// Whether a quota can name it, which it does with a prefix in front. It may also do so where this says no.
fn fits_quota(text: &str) -> bool {
    let domain_bytes = text.split_once('/').map_or(usize::MAX, |(domain, _)| domain.len());
    domain_bytes <= dns::SUBDOMAIN_BYTES_MAX - QUOTA_PREFIX.len() && label::key(text).is_empty()
}

/// A domain, `/` and an identifier of C, such as the names of a device's attributes in full.
pub fn resource_fully_qualified_name(path: &Path<'_>, text: &str, errors: &mut Errors) {
    match text.split_once('/') {
        None => identifier(path, text, errors),
        // Upstream looks at neither part where there are three.
        Some((_, name)) if name.contains('/') => {}
        Some((domain, name)) => {
            if domain.is_empty() {
                errors.push(Error::invalid(path, "", "prefix must not be empty"));
            } else {
                if domain.len() > DEVICE_DOMAIN_BYTES_MAX {
                    errors.push(Error::too_long(path, DEVICE_DOMAIN_BYTES_MAX));
                }
                let reasons = dns::long_name(domain);
                errors.push_invalid(
                    path,
                    domain,
                    reasons.into_iter().map(|why| format!("prefix: {why}").into()),
                );
            }
            if name.is_empty() {
                errors.push(Error::invalid(path, "", "name must not be empty"));
            } else {
                identifier(path, name, errors);
            }
        }
    }
    if !text.contains('/') {
        let words = "a fully qualified name must be a domain and a name separated by a slash";
        errors.push(Error::invalid(path, text, words));
    }
}

fn identifier(path: &Path<'_>, text: &str, errors: &mut Errors) {
    if text.len() > DEVICE_NAME_BYTES_MAX {
        errors.push(Error::too_long(path, DEVICE_NAME_BYTES_MAX));
    }
    errors.push_invalid(path, text, variable::c_identifier(text));
}
