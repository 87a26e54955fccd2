//! Names as parts of paths: what stands between two slashes of a URL, and paths behind a domain.

use super::text::regex_words;
use super::{Reasons, dns, label};
use crate::field::{Error, Errors, Path};

/// A name that can be one segment of a URL's path. Neither an empty nor a long name is refused.
#[must_use]
pub fn segment(text: &str) -> Reasons {
    match text {
        "." => vec!["may not be '.'".into()],
        ".." => vec!["may not be '..'".into()],
        _ => segment_prefix(text),
    }
}

/// The beginning of such a name.
#[must_use]
pub fn segment_prefix(text: &str) -> Reasons {
    let mut reasons = Reasons::new();
    if text.contains('/') {
        reasons.push("may not contain '/'".into());
    }
    if text.contains('%') {
        reasons.push("may not contain '%'".into());
    }
    reasons
}

const HTTP_PATH: &str = regex_words!("Invalid path", r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+");

/// A domain, `/` and an HTTP path, such as `acme.io/foo`.
pub fn domain_prefixed_path(path: &Path<'_>, text: &str, errors: &mut Errors) {
    if text.is_empty() {
        errors.push(Error::required(path, ""));
        return;
    }
    let Some((host, http)) = text.split_once('/').filter(|(host, http)| !host.is_empty() && !http.is_empty())
    else {
        let words = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.push(Error::invalid(path, text, words));
        return;
    };
    errors.push_invalid(path, host, dns::subdomain(host));
    if !http.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte)) {
        errors.push(Error::invalid(path, http, HTTP_PATH));
    }
}

/// A domain, `/` and a name, such as `acme.io/foo`.
pub fn domain_prefixed_key(path: &Path<'_>, text: &str, errors: &mut Errors) {
    if text.is_empty() {
        errors.push(Error::required(path, ""));
        return;
    }
    let reasons = label::key(text);
    if !reasons.is_empty() {
        errors.push_invalid(path, text, reasons);
    } else if !text.contains('/') {
        let words = "must be a domain-prefixed key (such as \"acme.io/foo\")";
        errors.push(Error::invalid(path, text, words));
    }
}
