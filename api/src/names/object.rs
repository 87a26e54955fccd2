//! Names of objects: the rules that kinds choose among.

use super::{Reasons, dns, path};

/// What a name is looked at as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole name.
    Whole,
    /// A `generateName`, something still to be put behind it: it may end with a dash.
    Prefix,
}

/// The rule a kind's names keep to.
pub type Rule = fn(&str, Part) -> Reasons;

/// RFC 1123 subdomain: the rule of most kinds.
#[must_use]
pub fn subdomain(name: &str, part: Part) -> Reasons {
    masked(name, part, dns::subdomain)
}

/// RFC 1123 label: the rule of namespaces, among others.
#[must_use]
pub fn label(name: &str, part: Part) -> Reasons {
    masked(name, part, dns::label)
}

/// RFC 1035 label: the rule of services.
#[must_use]
pub fn rfc_1035_label(name: &str, part: Part) -> Reasons {
    masked(name, part, dns::rfc_1035_label)
}

/// Anything that fits between two slashes: the rule of roles and their like, and the least that any name keeps to.
#[must_use]
pub fn path_segment(name: &str, part: Part) -> Reasons {
    match part {
        Part::Whole => path::segment(name),
        Part::Prefix => path::segment_prefix(name),
    }
}

/// Applies `rule` to a prefix as upstream does: if it ends with a dash, with its last two characters made one letter.
fn masked(name: &str, part: Part, rule: fn(&str) -> Reasons) -> Reasons {
    match name.strip_suffix('-') {
        Some(rest) if part == Part::Prefix && !rest.is_empty() => {
            // What is a name stays one when its last character becomes a letter.
            if rule(rest).is_empty() {
                return Reasons::new();
            }
            // A character of several bytes stays: upstream leaves a part of it, which no rule takes either.
            let kept = rest.len() - usize::from(rest.as_bytes().last().is_some_and(u8::is_ascii));
            rule(&format!("{}a", &rest[..kept]))
        }
        _ => rule(name),
    }
}
