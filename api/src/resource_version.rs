//! Resource versions as clients write them: opaque to them, numbers here.

use std::cmp::Ordering;

use crate::field::{Error, Path, Value};
use crate::golang::{self, NumberError};

/// What a request says about the state it wants to read or watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResourceVersion {
    /// Nothing.
    #[default]
    Unset,
    /// `0`: whatever is at hand.
    Any,
    /// This one; how exactly depends on the request.
    At(u64),
}

impl ResourceVersion {
    /// Reads a request's `resourceVersion`.
    ///
    /// # Errors
    /// If it is no number. Upstream answers 422 to a watch, 400 with `invalid resource version: ` in front to a list,
    /// and 500 without a reason to a get.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self::Unset);
        }
        match golang::parse_uint(text) {
            Ok(0) => Ok(Self::Any),
            Ok(version) => Ok(Self::At(version)),
            Err(why) => {
                Err(Error::invalid(&Path::new("resourceVersion"), Value::Text(text), why.to_string()))
            }
        }
    }
}

/// Reads the `metadata.resourceVersion` of an object in a request; zero where there is none.
///
/// # Errors
/// If it is no number. Upstream answers 500 without a reason, with these words alone.
pub fn of_object(text: &str) -> Result<u64, NumberError> {
    if text.is_empty() { Ok(0) } else { golang::parse_uint(text) }
}

/// The text is no resource version that an object can have. The words are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("resource version is not well formed: {0}")]
pub struct NotWellFormed(pub Box<str>);

/// Which of two objects' versions is later. It makes sense within one resource only.
///
/// # Errors
/// If one is not a number above zero, without zeros in front; it may have any length.
pub fn compare(a: &str, b: &str) -> Result<Ordering, NotWellFormed> {
    let (a, b) = (well_formed(a)?, well_formed(b)?);
    Ok(a.len().cmp(&b.len()).then_with(|| a.cmp(b)))
}

fn well_formed(text: &str) -> Result<&str, NotWellFormed> {
    let holds = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if holds { Ok(text) } else { Err(NotWellFormed(text.into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_requests() {
        let invalid = |text: &str, why: &str| {
            Err(format!(
                "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": {why}"
            ))
        };
        for (text, expected) in [
            ("", Ok(ResourceVersion::Unset)),
            ("0", Ok(ResourceVersion::Any)),
            ("00", Ok(ResourceVersion::Any)),
            ("7", Ok(ResourceVersion::At(7))),
            ("18446744073709551615", Ok(ResourceVersion::At(u64::MAX))),
            ("18446744073709551616", invalid("18446744073709551616", "value out of range")),
            ("a", invalid("a", "invalid syntax")),
            ("-1", invalid("-1", "invalid syntax")),
        ] {
            assert_eq!(ResourceVersion::parse(text).map_err(|error| error.to_string()), expected, "{text}");
        }
    }

    #[test]
    fn of_objects() {
        assert_eq!(of_object(""), Ok(0));
        assert_eq!(of_object("12"), Ok(12));
        let error = of_object("x").unwrap_err();
        assert_eq!(error.to_string(), "strconv.ParseUint: parsing \"x\": invalid syntax");
    }

    #[test]
    fn order() {
        let refused = |text: &str| Err(NotWellFormed(text.into()));
        for (a, b, expected) in [
            ("1", "1", Ok(Ordering::Equal)),
            ("9", "10", Ok(Ordering::Less)),
            ("20", "19", Ok(Ordering::Greater)),
            ("99999999999999999999998", "99999999999999999999999", Ok(Ordering::Less)),
            ("0", "1", refused("0")),
            ("1", "01", refused("01")),
            ("", "1", refused("")),
            ("1", "1a", refused("1a")),
        ] {
            assert_eq!(compare(a, b), expected, "{a} {b}");
        }
        assert_eq!(NotWellFormed("0".into()).to_string(), "resource version is not well formed: 0");
    }
}
