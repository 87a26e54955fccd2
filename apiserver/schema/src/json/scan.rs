//! The grammar alone: whether bytes are JSON, and if not, what is wrong in Go's words. Works without recursion, so
//! that depth costs a bit and not a stack frame.

use crate::error::DecodeError;
use crate::scalar::quote::quote_byte;

/// Upstream's limit of nested objects and lists.
pub(crate) const DEPTH_MAX: usize = 10_000;

/// Whether `input` is one JSON value.
///
/// # Errors
/// A syntax error in Go's words.
pub fn check(input: &[u8]) -> Result<(), DecodeError> {
    let end = check_value(input, skip_space(input, 0), 0)?;
    let at = skip_space(input, end);
    match input.get(at) {
        None => Ok(()),
        Some(byte) => Err(invalid(*byte, "after top-level value")),
    }
}

#[inline]
pub(crate) fn skip_space(input: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = input.get(at) {
        at += 1;
    }
    at
}

fn invalid(byte: u8, context: &str) -> DecodeError {
    DecodeError::Syntax(format!("invalid character {} {context}", quote_byte(byte)))
}

fn ended() -> DecodeError {
    DecodeError::Syntax("unexpected end of JSON input".to_owned())
}

/// The end of the input where something had to go on: Go reads a space there, and complains of that.
fn cut(context: &str) -> DecodeError {
    invalid(b' ', context)
}

/// Which containers are open: a bit each, set for objects.
#[derive(Default)]
struct Open {
    bits: Vec<u64>,
    depth: usize,
}

impl Open {
    fn push(&mut self, object: bool) {
        if self.depth.is_multiple_of(64) {
            self.bits.push(0);
        }
        let word = &mut self.bits[self.depth / 64];
        *word = *word & !(1 << (self.depth % 64)) | u64::from(object) << (self.depth % 64);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.bits.truncate(self.depth.div_ceil(64));
    }

    fn in_object(&self) -> bool {
        let at = self.depth - 1;
        self.bits[at / 64] >> (at % 64) & 1 == 1
    }
}

/// Checks the value that begins at `at`, `outside` containers deep; where it ends.
pub(crate) fn check_value(input: &[u8], at: usize, outside: usize) -> Result<usize, DecodeError> {
    let mut open = Open::default();
    let mut at = at;
    loop {
        let byte = *input.get(at).ok_or_else(ended)?;
        match byte {
            b'{' | b'[' => {
                if outside + open.depth >= DEPTH_MAX {
                    return Err(invalid(byte, "exceeded max depth"));
                }
                open.push(byte == b'{');
                at = skip_space(input, at + 1);
                let next = *input.get(at).ok_or_else(ended)?;
                if byte == b'[' && next != b']' {
                    continue;
                }
                if byte == b'{' && next != b'}' {
                    at = check_key(input, at)?;
                    continue;
                }
                open.pop();
                at += 1;
            }
            b'"' => at = check_string(input, at)?,
            b'-' | b'0'..=b'9' => at = check_number(input, at)?,
            b't' => at = check_word(input, at, "true")?,
            b'f' => at = check_word(input, at, "false")?,
            b'n' => at = check_word(input, at, "null")?,
            _ => return Err(invalid(byte, "looking for beginning of value")),
        }
        match after_value(input, at, &mut open)? {
            After::Value(next) => at = next,
            After::End(end) => return Ok(end),
        }
    }
}

/// The bytes of the member called `name` (a name without escapes) of a JSON object; `None` if there is none.
pub fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut at = skip_space(object, 0);
    if object.get(at) != Some(&b'{') {
        return None;
    }
    at = skip_space(object, at + 1);
    while object.get(at) == Some(&b'"') {
        let end = check_string(object, at).ok()?;
        let found = &object[at + 1..end - 1] == name.as_bytes();
        let value = check_key(object, at).ok()?;
        at = check_value(object, value, 1).ok()?;
        if found {
            return Some(&object[value..at]);
        }
        at = skip_space(object, at);
        if object.get(at) != Some(&b',') {
            return None;
        }
        at = skip_space(object, at + 1);
    }
    None
}

enum After {
    Value(usize),
    End(usize),
}

fn after_value(input: &[u8], at: usize, open: &mut Open) -> Result<After, DecodeError> {
    let mut at = at;
    while open.depth > 0 {
        at = skip_space(input, at);
        let byte = *input.get(at).ok_or_else(ended)?;
        match (byte, open.in_object()) {
            (b',', true) => return Ok(After::Value(check_key(input, skip_space(input, at + 1))?)),
            (b',', false) => return Ok(After::Value(skip_space(input, at + 1))),
            (b'}', true) | (b']', false) => {
                open.pop();
                at += 1;
            }
            (_, true) => return Err(invalid(byte, "after object key:value pair")),
            (_, false) => return Err(invalid(byte, "after array element")),
        }
    }
    Ok(After::End(at))
}

fn check_key(input: &[u8], at: usize) -> Result<usize, DecodeError> {
    match input.get(at) {
        None => return Err(ended()),
        Some(b'"') => {}
        Some(byte) => return Err(invalid(*byte, "looking for beginning of object key string")),
    }
    let at = skip_space(input, check_string(input, at)?);
    match input.get(at) {
        None => Err(ended()),
        Some(b':') => Ok(skip_space(input, at + 1)),
        Some(byte) => Err(invalid(*byte, "after object key")),
    }
}

fn check_string(input: &[u8], start: usize) -> Result<usize, DecodeError> {
    let mut at = start + 1;
    loop {
        at += plain_run(&input[at..]);
        match input.get(at) {
            None => return Err(ended()),
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => {
                at += 1;
                match input.get(at) {
                    None => return Err(cut("in string escape code")),
                    Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => at += 1,
                    Some(b'u') => {
                        for place in 1..5 {
                            match input.get(at + place) {
                                None => return Err(cut("in \\u hexadecimal character escape")),
                                Some(byte) if byte.is_ascii_hexdigit() => {}
                                Some(byte) => {
                                    return Err(invalid(*byte, "in \\u hexadecimal character escape"));
                                }
                            }
                        }
                        at += 5;
                    }
                    Some(byte) => return Err(invalid(*byte, "in string escape code")),
                }
            }
            Some(byte) => return Err(invalid(*byte, "in string literal")),
        }
    }
}

fn check_number(input: &[u8], start: usize) -> Result<usize, DecodeError> {
    let digits = |at: usize| at + input[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let wanted = |at: usize, context: &str| match input.get(at) {
        None => Err(cut(context)),
        Some(byte) if byte.is_ascii_digit() => Ok(()),
        Some(byte) => Err(invalid(*byte, context)),
    };
    let mut at = start;
    if input[at] == b'-' {
        at += 1;
        wanted(at, "in numeric literal")?;
    }
    at = if input[at] == b'0' { at + 1 } else { digits(at) };
    if input.get(at) == Some(&b'.') {
        wanted(at + 1, "after decimal point in numeric literal")?;
        at = digits(at + 1);
    }
    if let Some(b'e' | b'E') = input.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = input.get(at) {
            at += 1;
        }
        wanted(at, "in exponent of numeric literal")?;
        at = digits(at);
    }
    Ok(at)
}

fn check_word(input: &[u8], start: usize, word: &str) -> Result<usize, DecodeError> {
    for (place, wanted) in word.bytes().enumerate() {
        let found = input.get(start + place).copied().unwrap_or(b' ');
        if found != wanted {
            return Err(invalid(found, &format!("in literal {word} (expecting {})", quote_byte(wanted))));
        }
    }
    Ok(start + word.len())
}

/// How many bytes lie in front of the first that ends or escapes a string or must not be in one.
#[inline]
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * 0x22);
        let escape = word ^ (ONES * 0x5c);
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (escape.wrapping_sub(ONES) & !escape)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        if found & HIGHS != 0 {
            return at + ((found & HIGHS).trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_as_go_names_them() {
        for (input, message) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("{\"a\":1", "unexpected end of JSON input"),
            ("x", "invalid character 'x' looking for beginning of value"),
            ("{a", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("[]]", "invalid character ']' after top-level value"),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("01", "invalid character '1' after top-level value"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1ex", "invalid character 'x' in exponent of numeric literal"),
            ("trux", "invalid character 'x' in literal true (expecting 'e')"),
            ("tru", "invalid character ' ' in literal true (expecting 'e')"),
            ("\"\\", "invalid character ' ' in string escape code"),
            ("1.", "invalid character ' ' after decimal point in numeric literal"),
        ] {
            assert_eq!(check(input.as_bytes()), Err(DecodeError::Syntax(message.to_owned())), "{input}");
        }
        for input in ["{}", " [1, 2.5e-3, -0, true, null, {\"a\\u00e9\": [[]]}] ", "\"\\\"\""] {
            assert_eq!(check(input.as_bytes()), Ok(()), "{input}");
        }
    }

    #[test]
    fn depth_is_limited_where_upstream_limits_it() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(check(nested(10_000).as_bytes()), Ok(()));
        let error = DecodeError::Syntax("invalid character '[' exceeded max depth".to_owned());
        assert_eq!(check(nested(10_001).as_bytes()), Err(error));
    }

    #[test]
    fn a_run_ends_at_every_special_byte_and_at_no_other() {
        for byte in 0..=255_u8 {
            for place in 0..20 {
                let mut bytes = vec![b'a'; 20];
                bytes[place] = byte;
                let special = byte < 0x20 || byte == b'"' || byte == b'\\';
                assert_eq!(plain_run(&bytes), if special { place } else { 20 }, "{byte} at {place}");
            }
        }
    }
}
