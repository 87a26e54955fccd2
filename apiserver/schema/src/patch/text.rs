//! Walking JSON text that is known to be well formed, one level at a time, without taking it apart any further.
//!
//! Patches keep the texts of their values to the end, because upstream does and shows them: `2.0` stays `2.0`.

use std::borrow::Cow;

use crate::json;

/// The members of an object, in their order, repeated names included.
pub(super) fn members(object: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let mut walk = Walk { text: object, at: 1 };
    std::iter::from_fn(move || {
        let name = walk.next()?;
        let value = walk.next()?;
        Some((unquoted(name), value))
    })
}

/// The items of a list.
pub(super) fn items(list: &str) -> impl Iterator<Item = &str> {
    let mut walk = Walk { text: list, at: 1 };
    std::iter::from_fn(move || walk.next())
}

/// The text that a string stands for.
pub(super) fn unquoted(string: &str) -> Cow<'_, str> {
    let plain = string.len().checked_sub(1).and_then(|end| string.get(1..end)).unwrap_or("");
    if !plain.contains('\\') {
        return Cow::Borrowed(plain);
    }
    let decoded = json::decode_any(string.as_bytes()).ok();
    Cow::Owned(decoded.as_ref().and_then(|value| value.as_str()).unwrap_or("").to_owned())
}

/// How deep objects and lists are nested.
pub(super) fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut at) = (0_usize, 0, 0);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at) - 1,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// A walk over the strings and values of one object or list.
struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b':') = bytes.get(self.at) {
            self.at += 1;
        }
        let start = self.at;
        match bytes.get(start) {
            None | Some(b'}' | b']') => return None,
            Some(_) => self.at = value_end(bytes, start),
        }
        self.text.get(start..self.at)
    }
}

fn value_end(bytes: &[u8], start: usize) -> usize {
    match bytes[start] {
        b'"' => string_end(bytes, start),
        b'{' | b'[' => {
            let (mut at, mut depth) = (start, 0_usize);
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => at = string_end(bytes, at) - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    break;
                }
            }
            at
        }
        _ => {
            let end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
            start + bytes[start..].iter().position(end).unwrap_or(bytes.len() - start)
        }
    }
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_lists_come_apart_at_their_seams() {
        let object = r#"{ "a" : 1,"b\u0022":"}\"," ,"c":{"d":[1,{}]},"a":null, "":[ ] }"#;
        let found: Vec<_> = members(object).map(|(name, value)| (name.into_owned(), value)).collect();
        let expected =
            [("a", "1"), ("b\"", r#""}\",""#), ("c", r#"{"d":[1,{}]}"#), ("a", "null"), ("", "[ ]")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(
            items("[1 , \"]\",[[]],{\"a\":[1]},true]").collect::<Vec<_>>(),
            ["1", "\"]\"", "[[]]", "{\"a\":[1]}", "true"]
        );
        assert_eq!(items("[]").count() + members("{ }").count(), 0);
    }

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        for (text, expected) in [("1", 0), ("\"[[\"", 0), ("{}", 1), ("[[],{\"a]\":[\"[\"]}]", 3)] {
            assert_eq!(depth(text), expected, "{text}");
        }
    }
}
