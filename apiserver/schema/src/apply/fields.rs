//! FieldsV1: a set as JSON. `{"f:spec":{"f:replicas":{}}}` is the path `.spec.replicas`; where a path both ends and goes
//! on, its node holds `".":{}`. Written byte for byte as upstream writes it; read in any order and spacing.
//!
//! What this program has stored need not be read to be asked: [`hits`] finds the paths of a small set in the bytes.

use super::element::{Element, ElementError};
use super::set::{Entry, Set};
use crate::json::decode_any;
use crate::tree::Value;
use std::borrow::Cow;

/// How deep a set may nest. Objects cannot nest deeper than their decoder lets them, which is far less.
const DEPTH_MAX: u32 = 1024;

/// Why bytes are no set of fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// They are no JSON objects within objects.
    #[error("not a JSON object of objects at byte {0}")]
    Shape(usize),
    /// There is something behind the object.
    #[error("unexpected trailing data after JSON object")]
    Trailing,
    /// A name is no path element.
    #[error("parsing key as path element: {0}")]
    Element(#[from] ElementError),
    /// Objects within objects beyond the limit.
    #[error("exceeded max depth")]
    Depth,
}

impl Set {
    /// Reads FieldsV1.
    ///
    /// # Errors
    /// If the bytes are no set of fields.
    pub fn from_json(json: &[u8]) -> Result<Self, FieldsError> {
        let mut reader = Reader { json, at: 0, depth: 0 };
        let set = reader.node()?.0;
        reader.space();
        if reader.at < json.len() { Err(FieldsError::Trailing) } else { Ok(set) }
    }

    /// It as FieldsV1.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.push_json(&mut out);
        out
    }

    /// Appends it as FieldsV1.
    pub fn push_json(&self, out: &mut Vec<u8>) {
        push_node(self, false, out);
    }
}

fn push_node(set: &Set, member: bool, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut first = true;
    if member && !set.is_empty() {
        out.extend_from_slice(b"\".\":{}");
        first = false;
    }
    for entry in set.entries() {
        if !first {
            out.push(b',');
        }
        first = false;
        entry.element.push_member(out);
        out.push(b':');
        push_node(&entry.children, entry.member, out);
    }
    out.push(b'}');
}

struct Reader<'a> {
    json: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.json.get(self.at) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&mut self) -> u8 {
        self.space();
        self.json.get(self.at).copied().unwrap_or(0)
    }

    fn take(&mut self, byte: u8) -> Result<(), FieldsError> {
        if self.peek() != byte {
            return Err(FieldsError::Shape(self.at));
        }
        self.at += 1;
        Ok(())
    }

    /// Reads an object: the paths below it, and whether its own path is in the set.
    fn node(&mut self) -> Result<(Set, bool), FieldsError> {
        if self.peek() == b'n' && self.json[self.at..].starts_with(b"null") {
            self.at += 4;
            return Ok((Set::new(), true));
        }
        self.take(b'{')?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(FieldsError::Depth);
        }
        let (mut set, mut member) = (Set::new(), false);
        if self.peek() == b'}' {
            self.at += 1;
        } else {
            loop {
                member |= self.member(&mut set)?;
                match self.peek() {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return Err(FieldsError::Shape(self.at)),
                }
            }
            self.at += 1;
        }
        self.depth -= 1;
        member |= set.is_empty();
        Ok((set, member))
    }

    /// Reads a name and what belongs to it; whether it is the dot.
    fn member(&mut self, set: &mut Set) -> Result<bool, FieldsError> {
        self.space();
        let start = self.at;
        let quoted = string(self.json, start).ok_or(FieldsError::Shape(start))?;
        self.at += quoted.len();
        self.take(b':')?;
        let name = unquoted(quoted).ok_or(FieldsError::Shape(start))?;
        if name == "." {
            self.skip()?;
            return Ok(true);
        }
        let Some(element) = Element::parse(&name)? else {
            // Of a sort that a later version may know.
            self.skip()?;
            return Ok(false);
        };
        let (children, member) = self.node()?;
        set.put(Entry { element, member, children });
        Ok(false)
    }

    fn skip(&mut self) -> Result<(), FieldsError> {
        self.space();
        self.at = skip(self.json, self.at).ok_or(FieldsError::Shape(self.at))?;
        Ok(())
    }
}

/// The string that begins at `at`, with its quotes.
#[inline]
fn string(json: &[u8], at: usize) -> Option<&[u8]> {
    if json.get(at) != Some(&b'"') {
        return None;
    }
    let mut end = at + 1;
    loop {
        match json.get(end)? {
            b'"' => return Some(&json[at..=end]),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

/// The text that a string with quotes stands for.
fn unquoted(quoted: &[u8]) -> Option<Cow<'_, str>> {
    let inside = &quoted[1..quoted.len() - 1];
    if !inside.iter().any(|byte| *byte == b'\\' || *byte < b' ') {
        return std::str::from_utf8(inside).ok().map(Cow::Borrowed);
    }
    // The keys of lists are JSON within JSON: quotes are escaped, and nothing else.
    let mut text = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'"') => text.push(b'"'),
                _ => return any_text(quoted),
            },
            0..0x20 => return any_text(quoted),
            _ => text.push(*byte),
        }
    }
    String::from_utf8(text).ok().map(Cow::Owned)
}

fn any_text(quoted: &[u8]) -> Option<Cow<'_, str>> {
    match decode_any(quoted) {
        Ok(Value::Str(text)) => Some(Cow::Owned(text.to_string())),
        _ => None,
    }
}

/// Where the value that begins at `at` ends. Looks at strings and brackets only.
fn skip(json: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut depth) = (at, 0_u32);
    loop {
        match json.get(at)? {
            b'"' => at += string(json, at)?.len(),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            _ => at += 1,
        }
        let ended = matches!(json.get(at), None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
        if depth == 0 && (ended || matches!(json[at - 1], b'"' | b'}' | b']')) {
            return Some(at);
        }
    }
}

/// How many of the paths of `set` are in the FieldsV1 `json`, which has to be as this program writes it; `None` if that
/// takes reading it.
pub(super) fn hits(json: &[u8], set: &Set) -> Option<usize> {
    let mut wanted = Vec::with_capacity(64);
    let (hits, end) = node_hits(json, 0, set, &mut wanted)?;
    (end == json.len()).then_some(hits)
}

/// The same for the object that begins at `at`, and where it ends.
fn node_hits(json: &[u8], at: usize, set: &Set, wanted: &mut Vec<u8>) -> Option<(usize, usize)> {
    if json.get(at) != Some(&b'{') {
        return None;
    }
    let mut at = at + 1;
    let mut hits = 0;
    let starts = names(set, wanted)?;
    let begin = wanted.len() - starts.iter().map(|name| name.0).sum::<usize>();
    while json.get(at) == Some(&b'"') {
        let name = string(json, at)?;
        at += name.len() + 1;
        let mut from = begin;
        let mut found = None;
        for (len, entry) in &starts {
            if wanted[from..from + len] == *name {
                found = Some(*entry);
            }
            from += len;
        }
        at = match found {
            None => skip(json, at)?,
            Some(entry) => {
                let inside = json.get(at..)?;
                if entry.member && (inside.starts_with(b"{}") || inside.starts_with(b"{\".\":{}")) {
                    hits += 1;
                }
                if entry.children.is_empty() && !inside.starts_with(b"{}") {
                    // Parts are owned of what now is one: a schema has changed.
                    return None;
                }
                if entry.children.is_empty() {
                    skip(json, at)?
                } else {
                    let (below, end) = node_hits(json, at, &entry.children, wanted)?;
                    hits += below;
                    end
                }
            }
        };
        if json.get(at) == Some(&b',') {
            at += 1;
        }
    }
    wanted.truncate(begin);
    (json.get(at) == Some(&b'}')).then_some((hits, at + 1))
}

/// Appends the names of a node's entries as they stand in JSON; their lengths. `None` if one may stand there in
/// several ways, escaped or not.
fn names<'a>(set: &'a Set, wanted: &mut Vec<u8>) -> Option<Vec<(usize, &'a Entry)>> {
    let mut names = Vec::with_capacity(set.entries().len());
    for entry in set.entries() {
        let start = wanted.len();
        entry.element.push_member(wanted);
        let name = &wanted[start..];
        if name.iter().any(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xe2)) {
            return None;
        }
        names.push((name.len(), entry));
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, paths: &[&str]) {
        let set = Set::from_json(json.as_bytes()).unwrap();
        let shown: Vec<_> = set.paths().iter().map(ToString::to_string).collect();
        assert_eq!(shown, paths, "{json}");
        assert_eq!(set.len(), paths.len());
        let written = set.to_json();
        assert_eq!(Set::from_json(&written).unwrap(), set);
        assert_eq!(hits(&written, &set), Some(set.len()), "{}", String::from_utf8_lossy(&written));
    }

    #[test]
    fn sets_are_read_in_any_order_and_spacing() {
        check("{}", &[]);
        check("null", &[]);
        check(r#"{"f:a":{}}"#, &[".a"]);
        check(r#"{"f:b":{"f:y":{},"f:x":{}}, "f:a" : { "." : { "x": [1,"}"] } } }"#, &[".a", ".b.x", ".b.y"]);
        check(r#"{"f:a":{".":{},"f:x":null}}"#, &[".a", ".a.x"]);
        check(r#"{"f:a":{"x:later":{"f:b":{}}}}"#, &[".a"]);
        check(
            r#"{"f:a":{"k:{\"n\":\"x\"}":{".":{},"f:n":{}},"v:1":{},"i:0":{}}}"#,
            &[".a[n=\"x\"]", ".a[=1]", ".a[0]", ".a[n=\"x\"].n"],
        );
        check(r#"{"f:a":{},"f:a":{"f:b":{}}}"#, &[".a", ".a.b"]);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for (json, error) in [
            ("", FieldsError::Shape(0)),
            ("[]", FieldsError::Shape(0)),
            ("{\"f:a\":1}", FieldsError::Shape(7)),
            ("{\"f:a\":{}", FieldsError::Shape(9)),
            ("{\"f:a\":{},}", FieldsError::Shape(10)),
            ("{\"f:a\" {}}", FieldsError::Shape(7)),
            ("{\"f:a", FieldsError::Shape(1)),
            ("{} {}", FieldsError::Trailing),
            ("{\"a\":{}}", FieldsError::Element(ElementError::Short)),
            ("{\"abc\":{}}", FieldsError::Element(ElementError::Colon("abc".to_owned()))),
        ] {
            assert_eq!(Set::from_json(json.as_bytes()), Err(error), "{json}");
        }
        let deep = "{\"f:a\":".repeat(2000) + &"}".repeat(2000);
        assert_eq!(Set::from_json(deep.as_bytes()), Err(FieldsError::Depth));
    }

    #[test]
    fn stored_bytes_are_asked_without_reading_them() {
        let stored = br#"{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{"f:ports":{"k:{\"port\":80}":{".":{},"f:port":{}}},"f:x":{}}}"#;
        for (asked, count) in [
            (r#"{"f:metadata":{"f:labels":{".":{},"f:a":{},"f:b":{}}}}"#, Some(2)),
            (r#"{"f:metadata":{"f:labels":{}}}"#, None),
            (r#"{"f:spec":{}}"#, None),
            (r#"{"f:spec":{"f:x":{"f:y":{}}}}"#, Some(0)),
            (r#"{"f:spec":{"f:ports":{"k:{\"port\":80}":{"f:port":{}}}}}"#, Some(1)),
            (
                r#"{"f:spec":{"f:ports":{"k:{\"port\":8}":{},"k:{\"port\":80}":{".":{},"f:port":{}}}}}"#,
                Some(2),
            ),
            (r#"{"f:status":{}}"#, Some(0)),
        ] {
            assert_eq!(hits(stored, &Set::from_json(asked.as_bytes()).unwrap()), count, "{asked}");
        }
        assert_eq!(hits(b"{ }", &Set::new()), None);
        let escaped = Set::from_json(br#"{"f:a<b":{}}"#).unwrap();
        assert_eq!(hits(br#"{"f:a\u003cb":{}}"#, &escaped), None);
    }
}
