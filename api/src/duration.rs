//! Durations as texts: Go's own form, which stands in objects and flags (`1h2m3.5s`), and the short ones for people,
//! which stand in columns (`2d4h`).

use std::fmt;
use std::str::FromStr;

/// A span of time in nanoseconds; it may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl Span {
    /// So many seconds; the longest span there is, if there are too many.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(SECOND))
    }

    /// So many milliseconds; the longest span there is, if there are too many.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Whole seconds, rounded towards zero.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0 / SECOND
    }

    /// For people, two or three digits exact, as in the AGE column. Clocks may differ by a second.
    #[must_use]
    pub fn human(self) -> Human {
        Human(self)
    }

    /// For people, the largest unit alone.
    #[must_use]
    pub fn short_human(self) -> ShortHuman {
        ShortHuman(self)
    }
}

/// Go's form: `1h2m3.5s`, `1.5ms`, `0s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let (unit, digits, suffix) = match span {
            0 => return f.write_str("0s"),
            1..MICROSECOND => (1, 0, "ns"),
            MICROSECOND..MILLISECOND => (MICROSECOND, 3, "µs"),
            MILLISECOND..1_000_000_000 => (MILLISECOND, 6, "ms"),
            _ => (1_000_000_000, 9, "s"),
        };
        let whole = span / unit;
        let (hours, minutes) = (whole / 3600, whole / 60 % 60);
        if whole >= 3600 {
            write!(f, "{hours}h")?;
        }
        // Below a second, the unit is smaller and never reaches 60 seconds.
        let seconds = if digits == 9 { whole % 60 } else { whole };
        if digits == 9 && whole >= 60 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{seconds}")?;
        let fraction = span % unit;
        if fraction > 0 {
            let text = format!("{fraction:0digits$}");
            write!(f, ".{}", text.trim_end_matches('0'))?;
        }
        f.write_str(suffix)
    }
}

/// See [`Span::human`].
#[derive(Clone, Copy, Debug)]
pub struct Human(Span);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span(span) = self.0;
        let (seconds, minutes, hours) = (span / SECOND, span / MINUTE, span / HOUR);
        let (days, years) = (hours / 24, hours / 24 / 365);
        let mut pair = |large: i64, large_unit: char, small: i64, small_unit: char| match small {
            0 => write!(f, "{large}{large_unit}"),
            small => write!(f, "{large}{large_unit}{small}{small_unit}"),
        };
        match () {
            () if seconds < -1 => f.write_str("<invalid>"),
            () if seconds < 0 => f.write_str("0s"),
            () if seconds < 120 => write!(f, "{seconds}s"),
            () if minutes < 10 => pair(minutes, 'm', seconds % 60, 's'),
            () if minutes < 180 => write!(f, "{minutes}m"),
            () if hours < 8 => pair(hours, 'h', minutes % 60, 'm'),
            () if hours < 48 => write!(f, "{hours}h"),
            () if hours < 24 * 8 => pair(days, 'd', hours % 24, 'h'),
            () if days < 365 * 2 => write!(f, "{days}d"),
            () if days < 365 * 8 => pair(years, 'y', days % 365, 'd'),
            () => write!(f, "{years}y"),
        }
    }
}

/// See [`Span::short_human`].
#[derive(Clone, Copy, Debug)]
pub struct ShortHuman(Span);

impl fmt::Display for ShortHuman {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span(span) = self.0;
        let (seconds, minutes, hours) = (span / SECOND, span / MINUTE, span / HOUR);
        match () {
            () if seconds < -1 => f.write_str("<invalid>"),
            () if seconds < 0 => f.write_str("0s"),
            () if seconds < 60 => write!(f, "{seconds}s"),
            () if minutes < 60 => write!(f, "{minutes}m"),
            () if hours < 24 => write!(f, "{hours}h"),
            () if hours < 24 * 365 => write!(f, "{}d", hours / 24),
            () => write!(f, "{}y", hours / 24 / 365),
        }
    }
}

/// Why a text is no duration, in the words of Go's `time`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// It is not written as one, or too long.
    #[error("time: invalid duration {}", TimeQuoted(.0))]
    Invalid(Box<str>),
    /// A number has no unit.
    #[error("time: missing unit in duration {}", TimeQuoted(.0))]
    NoUnit(Box<str>),
    /// A unit is unknown.
    #[error("time: unknown unit {} in duration {}", TimeQuoted(.unit), TimeQuoted(.text))]
    UnknownUnit {
        /// The unit.
        unit: Box<str>,
        /// The whole text.
        text: Box<str>,
    },
}

/// In quotes as Go's `time` sets them, which is simpler than what the rest of Go does: anything but ASCII as bytes.
struct TimeQuoted<'a>(&'a str);

impl fmt::Display for TimeQuoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for byte in self.0.bytes() {
            match byte {
                b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                b' '..=0x7f => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_str("\"")
    }
}

/// The most that a span may be below zero; above it is one less.
const MAGNITUDE_MAX: u64 = 1 << 63;

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let invalid = || SpanError::Invalid(text.into());
        let is_negative = text.starts_with('-');
        let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut sum = 0_u64;
        while !rest.is_empty() {
            let number = Number::take(&mut rest).ok_or_else(invalid)?;
            let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            rest = behind;
            if name.is_empty() {
                return Err(SpanError::NoUnit(text.into()));
            }
            let unit =
                unit(name).ok_or_else(|| SpanError::UnknownUnit { unit: name.into(), text: text.into() })?;
            let part = number.times(unit).ok_or_else(invalid)?;
            sum = sum.checked_add(part).filter(|sum| *sum <= MAGNITUDE_MAX).ok_or_else(invalid)?;
        }
        let span = if is_negative { 0_i64.checked_sub_unsigned(sum) } else { i64::try_from(sum).ok() };
        span.map(Self).ok_or_else(invalid)
    }
}

fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND.unsigned_abs(),
        "m" => MINUTE.unsigned_abs(),
        "h" => HOUR.unsigned_abs(),
        _ => return None,
    })
}

/// `whole` and `fraction / scale`.
struct Number {
    whole: u64,
    fraction: u64,
    scale: f64,
}

impl Number {
    /// Takes a number off the front, if there is one that fits.
    fn take(rest: &mut &str) -> Option<Self> {
        let whole = take_digits(rest);
        let fraction = rest.strip_prefix('.').map(|behind| {
            *rest = behind;
            take_digits(rest)
        });
        if whole.is_empty() && fraction.is_none_or(str::is_empty) {
            return None;
        }
        let mut number = Self { whole: 0, fraction: 0, scale: 1.0 };
        for digit in whole.bytes() {
            let sum = number.whole.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            number.whole = (sum <= MAGNITUDE_MAX).then_some(sum)?;
        }
        // Digits that do not fit any more add nothing.
        for digit in fraction.unwrap_or_default().bytes() {
            if number.fraction > (MAGNITUDE_MAX - 1) / 10 {
                break;
            }
            let sum = number.fraction * 10 + u64::from(digit - b'0');
            if sum > MAGNITUDE_MAX {
                break;
            }
            number.fraction = sum;
            number.scale *= 10.0;
        }
        Some(number)
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the fraction is cut as Go cuts it"
    )]
    fn times(&self, unit: u64) -> Option<u64> {
        let whole = self.whole.checked_mul(unit)?;
        let fraction = (self.fraction as f64 * (unit as f64 / self.scale)) as u64;
        whole.checked_add(fraction).filter(|sum| *sum <= MAGNITUDE_MAX)
    }
}

fn take_digits<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, behind) = rest.split_at(end);
    *rest = behind;
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::rows;

    #[test]
    fn texts_are_read_and_written_as_by_go() {
        for [text, nanoseconds, written] in rows(include_str!("duration/vectors.txt")) {
            match text.parse::<Span>() {
                Ok(span) => {
                    assert_eq!((span.0.to_string(), span.to_string()), (nanoseconds, written), "{text}");
                }
                Err(error) => {
                    assert_eq!(("error".to_owned(), error.to_string()), (nanoseconds, written), "{text}");
                }
            }
        }
    }

    #[test]
    fn ages_are_shown_as_upstream_shows_them() {
        for [nanoseconds, human, short] in rows(include_str!("duration/human.txt")) {
            let span = Span(nanoseconds.parse().unwrap());
            assert_eq!((span.human().to_string(), span.short_human().to_string()), (human, short), "{span}");
        }
    }

    #[test]
    fn units() {
        assert_eq!(Span::from_seconds(90).to_string(), "1m30s");
        assert_eq!(Span::from_millis(1500).seconds(), 1);
        assert_eq!(Span::from_seconds(i64::MAX), Span(i64::MAX));
    }
}
