//! Finding a few values in stored JSON without decoding it.
//!
//! The JSON is our own: no white space, no duplicate keys, sound. On anything else these functions find nothing; they
//! do not panic and do not loop.

use std::borrow::Cow;

use memchr::memchr2;

/// The value at `path`: what lies between the quotes of a string (escapes as they stand), the text of anything else.
pub(crate) fn find<'a>(json: &'a [u8], path: &[&str]) -> Option<&'a [u8]> {
    let mut value = json;
    for name in path {
        value = Members::of(value)?.find(|(key, _)| *key == name.as_bytes())?.1;
    }
    Some(match value {
        [b'"', inner @ .., b'"'] => inner,
        other => other,
    })
}

/// The text of the string at `path`, escapes resolved.
pub(crate) fn text<'a>(json: &'a [u8], path: &[&str]) -> Option<Cow<'a, str>> {
    unescape(find(json, path)?)
}

/// The labels of an object.
pub(crate) fn labels(json: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let metadata = Members::of(json).into_iter().flatten().find(|(key, _)| *key == b"metadata");
    let labels = metadata.and_then(|(_, metadata)| Members::of(metadata)?.find(|(key, _)| *key == b"labels"));
    let labels = labels.and_then(|(_, labels)| Members::of(labels)).into_iter().flatten();
    labels.filter_map(|(key, value)| {
        // Keys and values of labels have no character that would be escaped.
        let value = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        Some((str::from_utf8(key).ok()?, str::from_utf8(value).ok()?))
    })
}

/// What stands in a JSON string, given what lies between its quotes.
pub(crate) fn unescape(inner: &[u8]) -> Option<Cow<'_, str>> {
    let text = str::from_utf8(inner).ok()?;
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    serde_json::from_str(&format!("\"{text}\"")).ok().map(Cow::Owned)
}

/// The members of an object: keys without quotes, values as they stand.
pub(crate) struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Members<'a> {
    /// The members of `json`, if it is an object.
    pub(crate) fn of(json: &'a [u8]) -> Option<Self> {
        json.strip_prefix(b"{").map(|rest| Self { rest })
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.strip_prefix(b",").unwrap_or(self.rest);
        let (key, rest) = rest.split_at_checked(value_len(rest)?)?;
        let key = key.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let rest = rest.strip_prefix(b":")?;
        let (value, rest) = rest.split_at_checked(value_len(rest)?)?;
        self.rest = rest;
        Some((key, value))
    }
}

/// How long the value is that `json` begins with.
fn value_len(json: &[u8]) -> Option<usize> {
    match json.first()? {
        b'"' => string_len(json),
        b'{' | b'[' => nested_len(json),
        b'}' | b']' | b',' | b':' => None,
        _ => Some(json.iter().position(|byte| matches!(byte, b',' | b'}' | b']')).unwrap_or(json.len())),
    }
}

/// How long the string is that `json` begins with, quotes included.
fn string_len(json: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', json.get(at..)?)?;
        if json[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// How long the object or list is that `json` begins with.
fn nested_len(json: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match json.get(at)? {
            b'"' => {
                at += string_len(&json[at..])?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = r#"{"metadata":{"name":"a","labels":{"app":"web","x/y":""},"annotations":{"q\"{":"}\\"}},"spec":{"list":[{"a":"]"},1],"nodeName":"n1","hostNetwork":true},"status":{"phase":"Running","n":-1.5e3}}"#;

    #[test]
    fn values_are_found_where_they_are() {
        for (path, value) in [
            (&["metadata", "name"][..], Some("a")),
            (&["spec", "nodeName"], Some("n1")),
            (&["spec", "hostNetwork"], Some("true")),
            (&["status", "n"], Some("-1.5e3")),
            (&["status", "phase"], Some("Running")),
            (&["spec", "list"], Some(r#"[{"a":"]"},1]"#)),
            (&["metadata", "annotations"], Some(r#"{"q\"{":"}\\"}"#)),
            (&["metadata", "uid"], None),
            (&["metadata", "name", "x"], None),
            (&["nothing"], None),
        ] {
            assert_eq!(find(POD.as_bytes(), path).map(String::from_utf8_lossy).as_deref(), value, "{path:?}");
        }
    }

    #[test]
    fn labels_are_pairs() {
        assert_eq!(labels(POD.as_bytes()).collect::<Vec<_>>(), [("app", "web"), ("x/y", "")]);
        assert_eq!(labels(br#"{"metadata":{}}"#).count(), 0);
    }

    #[test]
    fn nothing_makes_it_panic() {
        for cut in 0..POD.len() {
            let cut = &POD.as_bytes()[..cut];
            find(cut, &["status", "phase"]);
            labels(cut).count();
        }
        let mut bytes = POD.as_bytes().to_vec();
        for at in 0..bytes.len() {
            for byte in *b"{}[]\",:\\x" {
                let before = std::mem::replace(&mut bytes[at], byte);
                find(&bytes, &["status", "phase"]);
                labels(&bytes).count();
                bytes[at] = before;
            }
        }
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(text(br#"{"a":"x\u0026\"y"}"#, &["a"]).as_deref(), Some("x&\"y"));
    }
}
