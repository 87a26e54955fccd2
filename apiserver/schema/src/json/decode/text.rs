//! Literals: strings, numbers and words.

use std::borrow::Cow;

use super::{Decoder, Stop, Where};
use crate::arena::{Kind, TypeRef};
use crate::json::scan::plain_run;
use crate::tree::Value;

/// The input as UTF-8; bytes that are none become U+FFFD one by one, as Go has it.
pub(crate) fn valid(input: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(input) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut text = String::with_capacity(input.len() + 16);
            for chunk in input.utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend(std::iter::repeat_n('\u{fffd}', chunk.invalid().len()));
            }
            Cow::Owned(text)
        }
    }
}

/// What Go calls a value that begins with `first`.
pub(in crate::json) fn describe(first: u8) -> &'static str {
    match first {
        b'"' => "string",
        b'{' => "object",
        b'[' => "array",
        b't' | b'f' => "bool",
        _ => "number",
    }
}

/// The text of a quoted string that is known to be well formed.
pub(in crate::json) fn unquote(quoted: &[u8]) -> Cow<'_, str> {
    let text = valid(&quoted[1..quoted.len() - 1]);
    if text.contains('\\') { Cow::Owned(unescape(&text).unwrap_or_default()) } else { text }
}

/// Resolves escapes; `None` if one is malformed.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = *rest.as_bytes().get(at + 1)?;
        rest = rest.get(at + 2..)?;
        let plain = match code {
            b'"' | b'\\' | b'/' => char::from(code),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = hex(rest)?;
                rest = &rest[4..];
                match (char::from_u32(unit), rest.strip_prefix("\\u").and_then(|low| Some((hex(low)?, low))))
                {
                    (Some(character), _) => character,
                    (None, Some((low, behind))) if unit < 0xdc00 && (0xdc00..0xe000).contains(&low) => {
                        rest = &behind[4..];
                        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10 | (low - 0xdc00)))?
                    }
                    _ => '\u{fffd}',
                }
            }
            _ => return None,
        };
        out.push(plain);
    }
    out.push_str(rest);
    Some(out)
}

fn hex(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

impl<'a> Decoder<'a> {
    /// Reads a string; borrowed from the input where it has no escapes.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Stop> {
        self.take(b'"')?;
        let start = self.at;
        let end = start + plain_run(&self.bytes()[start..]);
        if self.bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        self.escaped(start, end)
    }

    #[cold]
    fn escaped(&mut self, start: usize, plain: usize) -> Result<Cow<'a, str>, Stop> {
        let bytes = self.bytes();
        let mut end = plain;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                // What follows the backslash is ASCII, or unescaping will refuse it.
                Some(b'\\') if bytes.len() > end + 1 => end += 2,
                _ => return Err(Stop::Syntax),
            }
            end += plain_run(bytes.get(end..).ok_or(Stop::Syntax)?);
        }
        let text = self.text.get(start..end).and_then(unescape).ok_or(Stop::Syntax)?;
        self.at = end + 1;
        Ok(Cow::Owned(text))
    }

    pub(super) fn word(&mut self, word: &str) -> Result<(), Stop> {
        if !self.bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Stop::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    pub(super) fn boolean(&mut self) -> Result<Value, Stop> {
        let value = self.peek()? == b't';
        self.word(if value { "true" } else { "false" })?;
        Ok(Value::Bool(value))
    }

    /// Reads a number's literal.
    pub(super) fn number(&mut self) -> Result<&'a str, Stop> {
        let bytes = self.bytes();
        let start = self.at;
        let digits = |at: usize| at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let wanted = |at: usize| {
            if bytes.get(at).is_some_and(u8::is_ascii_digit) { Ok(at) } else { Err(Stop::Syntax) }
        };
        let mut at = start + usize::from(bytes[start] == b'-');
        at = wanted(at)?;
        at = if bytes[at] == b'0' { at + 1 } else { digits(at) };
        if bytes.get(at) == Some(&b'.') {
            at = digits(wanted(at + 1)?);
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1;
            at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
            at = digits(wanted(at)?);
        }
        self.at = at;
        Ok(&self.text[start..at])
    }

    pub(super) fn integer(
        &mut self,
        ty: TypeRef<'_>,
        path: Where<'_>,
        previous: Option<Value>,
    ) -> Result<Option<Value>, Stop> {
        let literal = self.number()?;
        let number = literal.parse::<i64>().ok();
        let number = number.filter(|number| ty.kind() == Kind::Int64 || i32::try_from(*number).is_ok());
        if let Some(number) = number {
            return Ok(Some(Value::Int(number)));
        }
        if ty.arena().is_untyped() {
            return Ok(self.float_of(literal, path).map(Value::Float));
        }
        self.wrong_type(format!("number {literal}"), ty.go(), path);
        Ok(previous)
    }

    pub(super) fn float(&mut self, path: Where<'_>, previous: Option<Value>) -> Result<Option<Value>, Stop> {
        let literal = self.number()?;
        Ok(self.float_of(literal, path).map(Value::Float).or(previous))
    }

    /// The number of a literal; noted as an error where it is beyond all bounds.
    pub(super) fn float_of(&mut self, literal: &str, path: Where<'_>) -> Option<f64> {
        let number = literal.parse::<f64>().ok().filter(|number| number.is_finite());
        if number.is_none() {
            self.wrong_type(format!("number {literal}"), "float64", path);
        }
        number
    }
}
