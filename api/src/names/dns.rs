//! Names that fit into the DNS: labels and subdomains by RFC 1123 and RFC 1035, wildcards, domains.
//!
//! Upstream has two copies of the RFC 1123 rules which differ in one word when a name is too long: the old one counts
//! "characters", the new one, which label keys and declarative rules use, "bytes". Both count bytes.

use super::Reasons;
use super::text::{is_lower, is_lower_or_dash, is_word, regex_words};
use crate::field::{Error, Errors, Path};

/// How many bytes a label may have.
pub const LABEL_BYTES_MAX: usize = 63;
/// How many bytes a subdomain may have.
pub const SUBDOMAIN_BYTES_MAX: usize = 253;

macro_rules! label_regex {
    () => {
        "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    };
}

macro_rules! subdomain_regex {
    () => {
        concat!(label_regex!(), "(\\.", label_regex!(), ")*")
    };
}

macro_rules! underscore_label_regex {
    () => {
        "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
    };
}

const LABEL: &str = regex_words!(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    label_regex!(),
    "my-name",
    "123-abc"
);
macro_rules! subdomain_words {
    () => {
        regex_words!(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
            subdomain_regex!(),
            "example.com"
        )
    };
}
const SUBDOMAIN: &str = subdomain_words!();
const SUBDOMAIN_ANY_CASE: &str = regex_words!(
    "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    subdomain_regex!(),
    "Example.com"
);
const SUBDOMAIN_WITH_UNDERSCORE: &str = regex_words!(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
    concat!(underscore_label_regex!(), "(\\.", underscore_label_regex!(), ")*"),
    "example.com"
);
const RFC_1035_LABEL: &str = regex_words!(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    "[a-z]([-a-z0-9]*[a-z0-9])?",
    "my-name",
    "abc-123"
);
const WILDCARD: &str = regex_words!(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    concat!("\\*\\.", subdomain_regex!()),
    "*.example.com"
);

/// Whether `text` has the form of an RFC 1123 label, whatever its length.
#[must_use]
pub fn is_label(text: &str) -> bool {
    is_word(text, is_lower, is_lower_or_dash)
}

/// Whether `text` has the form of an RFC 1123 subdomain, whatever its length.
#[must_use]
pub fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

/// RFC 1123 label.
#[must_use]
pub fn label(text: &str) -> Reasons {
    label_by(text, "must be no more than 63 characters")
}

/// RFC 1123 label, in the words of declarative validation ("short name").
#[must_use]
pub fn short_name(text: &str) -> Reasons {
    label_by(text, "must be no more than 63 bytes")
}

fn label_by(text: &str, too_long: &'static str) -> Reasons {
    let mut reasons = Reasons::new();
    if text.len() > LABEL_BYTES_MAX {
        reasons.push(too_long.into());
    }
    if !is_label(text) {
        // A subdomain that is no label has a point in it.
        reasons.push(if is_subdomain(text) { "must not contain dots" } else { LABEL }.into());
    }
    reasons
}

/// RFC 1123 subdomain.
#[must_use]
pub fn subdomain(text: &str) -> Reasons {
    subdomain_by(text, is_subdomain, "must be no more than 253 characters", SUBDOMAIN)
}

/// RFC 1123 subdomain, in the words of declarative validation ("long name").
#[must_use]
pub fn long_name(text: &str) -> Reasons {
    subdomain_by(text, is_subdomain, "must be no more than 253 bytes", SUBDOMAIN)
}

/// The same as the first part of a label key.
pub(super) fn key_prefix(text: &str, reasons: &mut Reasons) {
    if text.is_empty() {
        reasons.push("prefix part must be non-empty".into());
        return;
    }
    if text.len() > SUBDOMAIN_BYTES_MAX {
        reasons.push("prefix part must be no more than 253 bytes".into());
    }
    if !is_subdomain(text) {
        reasons.push(concat!("prefix part ", subdomain_words!()).into());
    }
}

/// RFC 1123 subdomain in which letters may also be capitals.
#[must_use]
pub fn long_name_any_case(text: &str) -> Reasons {
    /// Capitals, and the two signs that Unicode folds into an ASCII letter, which upstream's expression lets through.
    fn is_edge(c: char) -> bool {
        c.is_ascii_alphanumeric() || matches!(c, '\u{17f}' | '\u{212a}')
    }
    fn is_any_case(text: &str) -> bool {
        text.split('.').all(|label| {
            label.starts_with(is_edge)
                && label.ends_with(is_edge)
                && label.chars().all(|c| is_edge(c) || c == '-')
        })
    }
    subdomain_by(text, is_any_case, "must be no more than 253 bytes", SUBDOMAIN_ANY_CASE)
}

/// RFC 1123 subdomain that may have underscores, as names that a resolver searches do.
#[must_use]
pub fn subdomain_with_underscore(text: &str) -> Reasons {
    fn is_underscored(text: &str) -> bool {
        text.split('.').all(|label| {
            is_word(label.strip_prefix('_').unwrap_or(label), is_lower, |byte| {
                is_lower_or_dash(byte) || byte == b'_'
            })
        })
    }
    subdomain_by(text, is_underscored, "must be no more than 253 characters", SUBDOMAIN_WITH_UNDERSCORE)
}

/// `*.` and an RFC 1123 subdomain.
#[must_use]
pub fn wildcard_subdomain(text: &str) -> Reasons {
    let is_wildcard = |text: &str| text.strip_prefix("*.").is_some_and(is_subdomain);
    subdomain_by(text, is_wildcard, "must be no more than 253 characters", WILDCARD)
}

fn subdomain_by(
    text: &str,
    is_one: fn(&str) -> bool,
    too_long: &'static str,
    words: &'static str,
) -> Reasons {
    let mut reasons = Reasons::new();
    if text.len() > SUBDOMAIN_BYTES_MAX {
        reasons.push(too_long.into());
    }
    if !is_one(text) {
        reasons.push(words.into());
    }
    reasons
}

/// RFC 1035 label: as an RFC 1123 label, but beginning with a letter.
#[must_use]
pub fn rfc_1035_label(text: &str) -> Reasons {
    let mut reasons = Reasons::new();
    if text.len() > LABEL_BYTES_MAX {
        reasons.push("must be no more than 63 characters".into());
    }
    if !(is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase())) {
        reasons.push(RFC_1035_LABEL.into());
    }
    reasons
}

/// A domain with at least three labels.
pub fn fully_qualified_name(path: &Path<'_>, text: &str, errors: &mut Errors) {
    if qualified(path, text, text, errors) && text.split('.').count() < 3 {
        let words = "should be a domain with at least three segments separated by dots";
        errors.push(Error::invalid(path, text, words));
    }
}

/// A domain with at least two labels, and possibly a point at its end.
pub fn fully_qualified_domain_name(path: &Path<'_>, text: &str, errors: &mut Errors) {
    let domain = text.strip_suffix('.').unwrap_or(text);
    if !qualified(path, text, domain, errors) {
        return;
    }
    if domain.split('.').count() < 2 {
        let words = "should be a domain with at least two segments separated by dots";
        errors.push(Error::invalid(path, domain, words));
        return;
    }
    // Upstream stops at the first label that is too long.
    if let Some((part, reasons)) =
        domain.split('.').map(|part| (part, label(part))).find(|(_, reasons)| !reasons.is_empty())
    {
        errors.push(Error::invalid(path, part, reasons.join(",")));
    }
}

/// Whether `domain` is a subdomain; if not, says so of `text`.
fn qualified(path: &Path<'_>, text: &str, domain: &str, errors: &mut Errors) -> bool {
    if text.is_empty() {
        errors.push(Error::required(path, ""));
        return false;
    }
    let reasons = subdomain(domain);
    if !reasons.is_empty() {
        errors.push(Error::invalid(path, domain, reasons.join(",")));
    }
    reasons.is_empty()
}
