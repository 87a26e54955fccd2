//! Texts as Go prints them, because upstream's messages contain them and clients show and compare those.
//!
//! Quoting (`%q`), runes (`%#U`), floats (`%v`), JSON strings and numbers as `encoding/json` writes them, and numbers
//! read with the errors of `strconv`. What a message says is not decided here.

use std::fmt::{self, Write as _};

/// A text in quotes, as `%q` and `strconv.Quote` print it.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                _ if is_printable(c) => f.write_char(c)?,
                '\x07' => f.write_str("\\a")?,
                '\x08' => f.write_str("\\b")?,
                '\x0c' => f.write_str("\\f")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\x0b' => f.write_str("\\v")?,
                '\0'..='\x1f' | '\x7f' => write!(f, "\\x{:02x}", u32::from(c))?,
                '\u{80}'..='\u{ffff}' => write!(f, "\\u{:04x}", u32::from(c))?,
                _ => write!(f, "\\U{:08x}", u32::from(c))?,
            }
        }
        f.write_char('"')
    }
}

/// A text as `encoding/json` writes it: quoted, and safe inside HTML.
#[derive(Clone, Copy, Debug)]
pub struct JsonText<'a>(pub &'a str);

impl fmt::Display for JsonText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut plain = 0;
        for (at, c) in self.0.char_indices() {
            if !needs_json_escape(c) {
                continue;
            }
            f.write_str(&self.0[plain..at])?;
            plain = at + c.len_utf8();
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\x08' => f.write_str("\\b")?,
                '\x0c' => f.write_str("\\f")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                _ => write!(f, "\\u{:04x}", u32::from(c))?,
            }
        }
        f.write_str(&self.0[plain..])?;
        f.write_char('"')
    }
}

fn needs_json_escape(c: char) -> bool {
    matches!(c, '\0'..='\x1f' | '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

/// Texts as a JSON list.
#[derive(Clone, Copy, Debug)]
pub struct JsonTexts<'a>(pub &'a [&'a str]);

impl fmt::Display for JsonTexts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, "[", self.0.iter().map(|text| JsonText(text)), ",", "]")
    }
}

/// Texts as `%#v` prints a `[]string`.
#[derive(Clone, Copy, Debug)]
pub struct SyntaxTexts<'a>(pub &'a [&'a str]);

impl fmt::Display for SyntaxTexts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, "[]string{", self.0.iter().map(|text| Quoted(text)), ", ", "}")
    }
}

fn separated(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    items: impl Iterator<Item = impl fmt::Display>,
    separator: &str,
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.enumerate() {
        if i > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    f.write_str(close)
}

/// A character as `%#U` prints it: `U+0041 'A'`, or `U+0007` where there is nothing to see.
#[derive(Clone, Copy, Debug)]
pub struct Rune(pub char);

impl fmt::Display for Rune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))?;
        if is_printable(self.0) { write!(f, " '{}'", self.0) } else { Ok(()) }
    }
}

/// A float as `%v` prints it.
#[derive(Clone, Copy, Debug)]
pub struct Float(pub f64);

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            v if v.is_nan() => f.write_str("NaN"),
            v if v.is_infinite() => f.write_str(if v > 0.0 { "+Inf" } else { "-Inf" }),
            v => number(f, v, -4, 6, 2),
        }
    }
}

/// A finite float as `encoding/json` writes it; the others have no JSON.
#[derive(Clone, Copy, Debug)]
pub struct JsonFloat(pub f64);

impl fmt::Display for JsonFloat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        number(f, self.0, -6, 21, 1)
    }
}

/// The shortest digits that name `v`: plain where its exponent lies in `from..below`, else with an exponent of at
/// least `width` digits.
fn number(f: &mut fmt::Formatter<'_>, v: f64, from: i32, below: i32, width: usize) -> fmt::Result {
    let scientific = format!("{v:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if v == 0.0 || (from..below).contains(&exponent) {
        return write!(f, "{v}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(f, "{digits}e{sign}{:0width$}", exponent.unsigned_abs())
}

/// Whether Go prints this character as it is: letters, marks, numbers, punctuation, symbols and the plain space.
///
/// Characters that the newer Unicode tables here know and upstream's do not yet are taken for printable.
#[must_use]
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    // Debug output of a text escapes just what has no glyph; behind another character it also lets marks stand.
    let mut bytes = [b'a'; 5];
    let length = 1 + c.encode_utf8(&mut bytes[1..]).len();
    std::str::from_utf8(&bytes[..length]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}

/// Why a text is no number, in the words of `strconv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberError {
    /// Which of Go's functions says so.
    function: &'static str,
    text: Box<str>,
    out_of_range: bool,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = if self.out_of_range { "value out of range" } else { "invalid syntax" };
        write!(f, "strconv.{}: parsing {}: {why}", self.function, Quoted(&self.text))
    }
}

impl std::error::Error for NumberError {}

/// Reads a decimal as `strconv.ParseUint(text, 10, 64)` does.
///
/// # Errors
/// If it is none, or too large.
pub fn parse_uint(text: &str) -> Result<u64, NumberError> {
    digits(text).map_err(|out_of_range| NumberError {
        function: "ParseUint",
        text: text.into(),
        out_of_range,
    })
}

/// Reads a decimal with an optional sign as `strconv.ParseInt(text, 10, 64)` does.
///
/// # Errors
/// If it is none, or too large.
pub fn parse_int(text: &str) -> Result<i64, NumberError> {
    signed(text).map_err(|out_of_range| NumberError { function: "ParseInt", text: text.into(), out_of_range })
}

/// As [`parse_int`], by the name of `strconv.Atoi`.
///
/// # Errors
/// If it is none, or too large.
pub fn atoi(text: &str) -> Result<i64, NumberError> {
    signed(text).map_err(|out_of_range| NumberError { function: "Atoi", text: text.into(), out_of_range })
}

/// The number, or whether it is out of range rather than none at all.
fn signed(text: &str) -> Result<i64, bool> {
    let negative = text.starts_with('-');
    let magnitude = digits(text.strip_prefix(['+', '-']).unwrap_or(text))?;
    if negative {
        0_i64.checked_sub_unsigned(magnitude).ok_or(true)
    } else {
        i64::try_from(magnitude).map_err(|_| true)
    }
}

/// Stops at the first fault, so that a number that is too large is so before a wrong character behind it.
fn digits(text: &str) -> Result<u64, bool> {
    if text.is_empty() {
        return Err(false);
    }
    text.bytes().try_fold(0_u64, |sum, byte| {
        if !byte.is_ascii_digit() {
            return Err(false);
        }
        sum.checked_mul(10).and_then(|sum| sum.checked_add(u64::from(byte - b'0'))).ok_or(true)
    })
}

#[cfg(test)]
mod tests;
