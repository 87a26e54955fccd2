//! Names that programs give: environment variables, keys of ConfigMaps, ports, HTTP headers, C identifiers, reasons of
//! conditions.

use super::Reasons;
use super::dns::SUBDOMAIN_BYTES_MAX;
use super::text::{is_lower_or_dash, regex_words};

const ENVIRONMENT_VARIABLE: &str = regex_words!(
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
    "[-._a-zA-Z][-._a-zA-Z0-9]*",
    "my.env-name",
    "MY_ENV.NAME",
    "MyEnvName1"
);
const CONFIG_MAP_KEY: &str = regex_words!(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    "[-._a-zA-Z0-9]+",
    "key.name",
    "KEY_NAME",
    "key-name"
);
const HTTP_HEADER: &str = regex_words!(
    "a valid HTTP header must consist of alphanumeric characters or '-'",
    "[-A-Za-z0-9]+",
    "X-Header-Name"
);
const C_IDENTIFIER: &str = regex_words!(
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
    "[A-Za-z_][A-Za-z0-9_]*",
    "my_name",
    "MY_NAME",
    "MyName"
);
const CONDITION_REASON: &str = regex_words!(
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
    "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?",
    "my_name",
    "MY_NAME",
    "MyName",
    "ReasonA,ReasonB",
    "ReasonA:ReasonB"
);

/// Whether `text` is not empty and made of letters, digits and `others`.
fn is_made_of(text: &str, others: &[u8]) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

fn reason_unless(holds: bool, words: &'static str) -> Reasons {
    if holds { Reasons::new() } else { vec![words.into()] }
}

fn refuse_parent_directory(text: &str, reasons: &mut Reasons) {
    match text {
        "." => reasons.push("must not be '.'".into()),
        ".." => reasons.push("must not be '..'".into()),
        _ if text.starts_with("..") => reasons.push("must not start with '..'".into()),
        _ => {}
    }
}

/// The name of an environment variable by the strict rule.
#[must_use]
pub fn environment_variable(text: &str) -> Reasons {
    let holds = is_made_of(text, b"-._") && !text.starts_with(|c: char| c.is_ascii_digit());
    let mut reasons = reason_unless(holds, ENVIRONMENT_VARIABLE);
    refuse_parent_directory(text, &mut reasons);
    reasons
}

/// The name of an environment variable by the relaxed rule: printable ASCII without `=`.
#[must_use]
pub fn relaxed_environment_variable(text: &str) -> Reasons {
    if text.is_empty() {
        return vec!["environment variable name must be non-empty".into()];
    }
    let holds = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=');
    let words =
        "a valid environment variable name must consist only of printable ASCII characters other than '='";
    reason_unless(holds, words)
}

/// A key of a ConfigMap or a Secret.
#[must_use]
pub fn config_map_key(text: &str) -> Reasons {
    let mut reasons = Reasons::new();
    if text.len() > SUBDOMAIN_BYTES_MAX {
        reasons.push("must be no more than 253 characters".into());
    }
    if !is_made_of(text, b"-._") {
        reasons.push(CONFIG_MAP_KEY.into());
    }
    refuse_parent_directory(text, &mut reasons);
    reasons
}

/// The name of a header of HTTP.
#[must_use]
pub fn http_header(text: &str) -> Reasons {
    reason_unless(is_made_of(text, b"-"), HTTP_HEADER)
}

/// An identifier of C, of any length.
#[must_use]
pub fn c_identifier(text: &str) -> Reasons {
    let holds = is_made_of(text, b"_") && !text.starts_with(|c: char| c.is_ascii_digit());
    reason_unless(holds, C_IDENTIFIER)
}

/// The reason of a condition, of any length.
#[must_use]
pub fn condition_reason(text: &str) -> Reasons {
    let holds = is_made_of(text, b"_,:")
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with([',', ':']);
    reason_unless(holds, CONDITION_REASON)
}

/// The name of a port, which is a service name by IANA's rules in lower case.
#[must_use]
pub fn port_name(text: &str) -> Reasons {
    let mut reasons = Reasons::new();
    if text.len() > 15 {
        reasons.push("must be no more than 15 characters".into());
    }
    if text.is_empty() || !text.bytes().all(is_lower_or_dash) {
        reasons.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        reasons.push("must contain at least one letter (a-z)".into());
    }
    if text.contains("--") {
        reasons.push("must not contain consecutive hyphens".into());
    }
    if text.starts_with('-') || text.ends_with('-') {
        reasons.push("must not begin or end with a hyphen".into());
    }
    reasons
}
