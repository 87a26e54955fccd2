//! What the rules of names are made of: character classes, the shape `first (inner* last)?`, and the words of a refusal.

/// The words of a refusal by a regular expression, with examples where there are any.
macro_rules! regex_words {
    ($words:expr, $regex:expr) => {
        concat!($words, " (regex used for validation is '", $regex, "')")
    };
    ($words:expr, $regex:expr, $first:literal $(, $example:literal)*) => {
        concat!(
            $words, " (e.g. '", $first, "', " $(, " or '", $example, "', ")*, "regex used for validation is '", $regex, "')"
        )
    };
}
pub(super) use regex_words;

pub(super) const fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

pub(super) const fn is_lower_or_dash(byte: u8) -> bool {
    is_lower(byte) || byte == b'-'
}

/// Whether `text` is one byte that is an edge, or several of which the first and the last are edges and all are inner.
/// An edge is always also an inner byte.
pub(super) fn is_word(text: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => edge(*first) && edge(*last) && bytes.iter().all(|byte| inner(*byte)),
        _ => false,
    }
}
