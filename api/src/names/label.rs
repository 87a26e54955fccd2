//! Labels and annotations: keys, values, and whole maps of them. A label key is also what Kubernetes calls a
//! qualified name, the form of finalizers, taints, condition types and much else.

use super::text::{is_word, regex_words};
use super::{Reasons, dns};
use crate::field::{Error, Errors, Path};

/// How many bytes the name in a label's key may have, its prefix not counted.
pub const KEY_NAME_BYTES_MAX: usize = 63;
/// How many bytes a label's value may have.
pub const VALUE_BYTES_MAX: usize = 63;
/// How many bytes all keys and values of an object's annotations may have together.
pub const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;

macro_rules! key_regex {
    () => {
        "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
    };
}

macro_rules! key_words {
    () => {
        regex_words!(
            "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            key_regex!(),
            "MyName",
            "my.name",
            "123-abc"
        )
    };
}

const VALUE: &str = regex_words!(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    concat!("(", key_regex!(), ")?"),
    "MyValue",
    "my_value",
    "12345"
);

fn is_name(text: &str) -> bool {
    fn is_inner(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
    }
    is_word(text, |byte| byte.is_ascii_alphanumeric(), is_inner)
}

/// A label's key: a name, or a subdomain, `/` and a name.
#[must_use]
pub fn key(text: &str) -> Reasons {
    let mut reasons = Reasons::new();
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => {
            let words = concat!(
                "a valid label key ",
                key_words!(),
                " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            );
            reasons.push(words.into());
            return reasons;
        }
        Some((prefix, name)) => {
            dns::key_prefix(prefix, &mut reasons);
            name
        }
    };
    if name.is_empty() {
        reasons.push("name part must be non-empty".into());
    } else if name.len() > KEY_NAME_BYTES_MAX {
        reasons.push("name part must be no more than 63 bytes".into());
    }
    if !is_name(name) {
        reasons.push(concat!("name part ", key_words!()).into());
    }
    reasons
}

/// A label's key with a prefix.
#[must_use]
pub fn prefixed_key(text: &str) -> Reasons {
    let mut reasons = key(text);
    if reasons.is_empty() && !text.contains('/') {
        reasons.push("must include a prefix (e.g. 'example.com/key')".into());
    }
    reasons
}

/// A label's value.
#[must_use]
pub fn value(text: &str) -> Reasons {
    let mut reasons = Reasons::new();
    if text.len() > VALUE_BYTES_MAX {
        reasons.push("must be no more than 63 bytes".into());
    }
    if !text.is_empty() && !is_name(text) {
        reasons.push(VALUE.into());
    }
    reasons
}

/// An annotation's key: as a label's, but capitals do not matter.
#[must_use]
pub fn annotation_key(text: &str) -> Reasons {
    let reasons = key(text);
    if reasons.is_empty() {
        return reasons;
    }
    // One character becomes one, as in Go: 'İ' an 'i' without its point.
    let lower: String = text.chars().filter_map(|c| c.to_lowercase().next()).collect();
    key(&lower)
}

/// The key of a label or what else is a qualified name, as a field.
pub fn check_key(text: &str, path: &Path<'_>, errors: &mut Errors) {
    errors.push_invalid(path, text, key(text));
}

/// A map of labels. Upstream checks it in no particular order, this one in the given one.
pub fn check_labels<'a>(
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    for (name, text) in labels {
        check_key(name, path, errors);
        errors.push_invalid(path, text, value(text));
    }
}

/// A map of annotations.
pub fn check_annotations<'a>(
    annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let mut bytes = 0;
    for (name, text) in annotations {
        bytes += name.len() + text.len();
        errors.push_invalid(path, name, annotation_key(name));
    }
    if bytes > ANNOTATIONS_BYTES_MAX {
        errors.push(Error::too_long(path, ANNOTATIONS_BYTES_MAX));
    }
}
