//! What a plain scalar means: the tag resolution of YAML 1.1 with upstream's choices.

/// What a scalar is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// A whole number beyond 63 bits.
    Big(u64),
    Float(f64),
    /// Looks like a point in time; read as text, but written in quotes.
    Timestamp,
    Text,
}

impl Scalar {
    /// The short form of its tag.
    pub(super) fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Big(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::Text => "!!str",
        }
    }
}

/// What `text` means where nothing says it is a text.
pub(super) fn resolve(text: &str) -> Scalar {
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => match text {
            ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" => Scalar::Float(f64::INFINITY),
            _ => float(text),
        },
        b'+' | b'-' | b'0'..=b'9' => match text {
            "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
            "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
            _ => number(text),
        },
        _ => Scalar::Text,
    }
}

fn word(text: &str) -> Scalar {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ => Scalar::Text,
    }
}

fn number(text: &str) -> Scalar {
    if is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let plain = text.replace('_', "");
    if let Some(number) = integer(&plain) {
        return number;
    }
    if is_decimal(&plain)
        && let found @ Scalar::Float(_) = float(&plain)
    {
        return found;
    }
    Scalar::Text
}

/// A whole number, its base told by its prefix as in Go: `0x`, `0o`, `0b`, or `0` for octal.
fn integer(text: &str) -> Option<Scalar> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = digits.len() < text.len();
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (base, digits) = match lower.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(number)) => Some(Scalar::Int(number)),
        (true, Ok(number)) => Some(Scalar::Int(-number)),
        (true, Err(_)) if magnitude == i64::MIN.unsigned_abs() => Some(Scalar::Int(i64::MIN)),
        (false, Err(_)) if !signed => Some(Scalar::Big(magnitude)),
        _ => None,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|text| {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        !unsigned.is_empty() && digits(unsigned)
    });
    mantissa_fits && exponent_fits
}

fn float(text: &str) -> Scalar {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Scalar::Float(number),
        _ => Scalar::Text,
    }
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`: a number to the base of 60, which other readers would see.
pub(super) fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let first = parts.next().unwrap_or("");
    if !first.starts_with(|first: char| first.is_ascii_digit()) || !digits(first) {
        return false;
    }
    let mut rest: Vec<&str> = parts.collect();
    let Some(last) = rest.pop() else { return false };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    rest.push(last);
    let minute = |text: &&str| match text.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [b'0'..=b'5', digit] => digit.is_ascii_digit(),
        _ => false,
    };
    digits(fraction) && rest.iter().all(minute)
}

/// Whether a text is one of the forms of a point in time that upstream knows: a date, or a date and time.
fn is_timestamp(text: &str) -> bool {
    let Some(dash) = text.find('-').filter(|dash| *dash == 4) else { return false };
    let date = &text[..dash];
    if !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let year: i64 = date.parse().unwrap_or(0);
    let mut rest = &text[dash + 1..];
    let Some(month) = take(&mut rest, 2).filter(|month| (1..=12).contains(month)) else { return false };
    let Some(behind) = rest.strip_prefix('-') else { return false };
    rest = behind;
    let Some(day) = take(&mut rest, 2) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if day < 1 || day > days[usize::try_from(month - 1).unwrap_or(0)] {
        return false;
    }
    match rest.chars().next() {
        None => true,
        Some('T' | 't') => clock(&mut &rest[1..], true),
        Some(' ') => clock(&mut &rest[1..], false),
        Some(_) => false,
    }
}

/// Takes up to `most` digits.
fn take(rest: &mut &str, most: usize) -> Option<i64> {
    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, behind) = rest.split_at(digits);
    *rest = behind;
    number.parse().ok()
}

fn clock(rest: &mut &str, zoned: bool) -> bool {
    for (end, mark) in [(24, Some(':')), (60, Some(':')), (60, None)] {
        if take(rest, 2).is_none_or(|number| number >= end) {
            return false;
        }
        if let Some(mark) = mark {
            let Some(behind) = rest.strip_prefix(mark) else { return false };
            *rest = behind;
        }
    }
    if let Some(behind) = rest.strip_prefix(['.', ','])
        && behind.starts_with(|digit: char| digit.is_ascii_digit())
    {
        *rest = behind.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    if !zoned {
        return rest.is_empty();
    }
    match rest.as_bytes() {
        b"Z" => true,
        [b'+' | b'-', a, b, b':', c, d] => {
            let two = |a: u8, b: u8| {
                (a.is_ascii_digit() && b.is_ascii_digit()).then(|| (a - b'0') * 10 + (b - b'0'))
            };
            two(*a, *b).is_some_and(|hours| hours <= 24) && two(*c, *d).is_some_and(|minutes| minutes <= 60)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_upstream_takes_them_for() {
        for (text, scalar) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("yes", Scalar::Bool(true)),
            ("Off", Scalar::Bool(false)),
            ("yEs", Scalar::Text),
            ("0755", Scalar::Int(493)),
            ("0o17", Scalar::Int(15)),
            ("0x1F", Scalar::Int(31)),
            ("-0b11", Scalar::Int(-3)),
            ("1_000", Scalar::Int(1000)),
            ("08", Scalar::Float(8.0)),
            ("18446744073709551615", Scalar::Big(u64::MAX)),
            ("1e3", Scalar::Float(1000.0)),
            (".5", Scalar::Float(0.5)),
            ("1.", Scalar::Float(1.0)),
            ("1.5.2", Scalar::Text),
            ("+", Scalar::Text),
            ("0x", Scalar::Text),
            (".inf", Scalar::Float(f64::INFINITY)),
            ("2020-01-01", Scalar::Timestamp),
            ("2020-1-1T1:2:3Z", Scalar::Timestamp),
            ("2020-02-30", Scalar::Text),
            ("2001-12-14 21:59:43.10", Scalar::Timestamp),
            ("1:30", Scalar::Text),
        ] {
            assert_eq!(resolve(text), scalar, "{text}");
        }
        for (text, expected) in [
            ("1:30", true),
            ("12:30:45.5", true),
            ("1:60", false),
            ("1:", false),
            ("a:1", false),
            ("100", false),
        ] {
            assert_eq!(is_sexagesimal(text), expected, "{text}");
        }
    }
}
