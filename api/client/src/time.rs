//! Times as objects carry them: whole seconds, or microseconds where the API says so.

use std::fmt;

use k8s_openapi::jiff::Timestamp;
use keelson_api::time::UnixMillis;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds since 1970, as `metav1.Time` has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// The second that `now` lies in.
    #[must_use]
    pub fn of(now: UnixMillis) -> Self {
        Self(i64::try_from(now.0 / 1000).unwrap_or(i64::MAX))
    }

    /// As milliseconds.
    #[must_use]
    pub fn millis(self) -> UnixMillis {
        UnixMillis(u64::try_from(self.0).unwrap_or(0).saturating_mul(1000))
    }

    /// Reads what the API writes, with or without a fraction.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|at| Self(at.as_second()))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => f.write_str("0001-01-01T00:00:00Z"),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no time")))
    }
}

/// As `metav1.MicroTime` is written.
#[must_use]
pub fn micro(now: UnixMillis) -> String {
    let (seconds, millis) = (now.0 / 1000, now.0 % 1000);
    let text = Time(i64::try_from(seconds).unwrap_or(i64::MAX)).to_string();
    format!("{}.{millis:03}000Z", text.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_upstream_writes_them() {
        assert_eq!(Time(1_700_000_000).to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(micro(UnixMillis(1_700_000_000_045)), "2023-11-14T22:13:20.045000Z");
        assert_eq!(Time::parse("2023-11-14T22:13:20.045000Z"), Some(Time(1_700_000_000)));
        assert_eq!(Time::parse("yesterday"), None);
    }
}
