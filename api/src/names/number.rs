//! Numbers, and texts that stand for numbers: ports, user and group ids, percentages, decimals.

use super::Reasons;
use super::text::regex_words;

/// The largest user or group id: what the kernel's tools take.
pub const ID_MAX: i64 = i32::MAX as i64;

/// A number between `low` and `high`, both included.
#[must_use]
pub fn in_range(number: i64, low: i64, high: i64) -> Reasons {
    if (low..=high).contains(&number) {
        return Reasons::new();
    }
    vec![format!("must be between {low} and {high}, inclusive").into()]
}

/// The number of a port, zero not being one.
#[must_use]
pub fn port(number: i64) -> Reasons {
    in_range(number, 1, 65535)
}

/// The id of a user.
#[must_use]
pub fn user_id(number: i64) -> Reasons {
    in_range(number, 0, ID_MAX)
}

/// The id of a group.
#[must_use]
pub fn group_id(number: i64) -> Reasons {
    in_range(number, 0, ID_MAX)
}

const PERCENT: &str = regex_words!(
    "a valid percent string must be a numeric string followed by an ending '%'",
    "[0-9]+%",
    "1%",
    "93%"
);

/// A percentage, such as `93%`.
#[must_use]
pub fn percent(text: &str) -> Reasons {
    let digits = text.strip_suffix('%').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Reasons::new();
    }
    vec![PERCENT.into()]
}

/// A whole number as people write it: no plus, no leading zero, any length.
#[must_use]
pub fn decimal(text: &str) -> Reasons {
    if text.is_empty() {
        return vec!["must be non-empty".into()];
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_one = text == "0"
        || (digits.starts_with(|c: char| matches!(c, '1'..='9'))
            && digits.bytes().all(|byte| byte.is_ascii_digit()));
    if is_one { Reasons::new() } else { vec!["must be a valid decimal integer in canonical form".into()] }
}
