//! One step of a field path, and the path: what they are, their order, their serialized and their readable form.

use std::cmp::Ordering;
use std::fmt;

use thin_vec::ThinVec;

use super::scalar::{self, Shown};
use crate::json::decode_any;
use crate::tree::{Str, Value};

/// One step of a field path. Steps are ordered as upstream orders them.
#[derive(Clone, Debug)]
pub enum Element {
    /// A struct's field or a map's entry.
    Field(Str),
    /// The item of a list that has these values under its keys; rising by key.
    Key(ThinVec<(Str, Value)>),
    /// A set's item.
    Value(Value),
    /// A list's item by its place.
    Index(i64),
}

/// Why a text is no path element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElementError {
    /// Shorter than a letter and a colon.
    #[error("key must be 2 characters long:")]
    Short,
    /// No colon behind the letter.
    #[error("missing colon: {0}")]
    Colon(String),
    /// What follows the colon does not fit the letter.
    #[error("{0}")]
    Content(String),
}

impl Element {
    /// A field or map entry.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self::Field(Str::new(name))
    }

    /// The item with these values under its keys.
    #[must_use]
    pub fn key(fields: impl IntoIterator<Item = (Str, Value)>) -> Self {
        let mut fields: ThinVec<_> =
            fields.into_iter().map(|(name, value)| (name, scalar::settled(value))).collect();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        Self::Key(fields)
    }

    /// A set's item.
    #[must_use]
    pub fn value(value: Value) -> Self {
        Self::Value(scalar::settled(value))
    }

    /// The element that `text` stands for; `None` if it is of a sort that nobody knows, which readers pass over.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Option<Self>, ElementError> {
        let Some((sort, rest)) = text.as_bytes().split_at_checked(2) else { return Err(ElementError::Short) };
        if sort[1] != b':' {
            return Err(ElementError::Colon(text.to_owned()));
        }
        let rest = std::str::from_utf8(rest).map_err(|error| ElementError::Content(error.to_string()))?;
        let json = |rest: &str| {
            decode_any(rest.as_bytes()).map_err(|error| ElementError::Content(error.to_string()))
        };
        match sort[0] {
            b'f' => Ok(Some(Self::field(rest))),
            b'v' => Ok(Some(Self::value(json(rest)?))),
            b'i' => {
                let wrong = |error: std::num::ParseIntError| ElementError::Content(error.to_string());
                Ok(Some(Self::Index(rest.parse().map_err(wrong)?)))
            }
            b'k' => match plain_key(rest).map_or_else(|| json(rest), Ok)? {
                Value::Map(entries) => Ok(Some(Self::key(entries.into_pairs()))),
                Value::Null => Ok(Some(Self::Key(ThinVec::new()))),
                _ => Err(ElementError::Content("a key has to be an object".to_owned())),
            },
            _ => Ok(None),
        }
    }

    /// Appends the serialized form: `f:spec`, `k:{"name":"web"}`, `v:"a"`, `i:0`.
    pub fn push(&self, out: &mut Vec<u8>) {
        match self {
            Self::Field(name) => {
                out.extend_from_slice(b"f:");
                out.extend_from_slice(name.as_bytes());
            }
            Self::Key(fields) => {
                out.extend_from_slice(b"k:{");
                for (at, (name, value)) in fields.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    push_quoted(name, out);
                    out.push(b':');
                    scalar::push_json(value, out);
                }
                out.push(b'}');
            }
            Self::Value(value) => {
                out.extend_from_slice(b"v:");
                scalar::push_json(value, out);
            }
            Self::Index(index) => out.extend_from_slice(format!("i:{index}").as_bytes()),
        }
    }

    /// Appends the serialized form as a JSON string.
    pub(super) fn push_member(&self, out: &mut Vec<u8>) {
        if let Self::Field(name) = self {
            out.extend_from_slice(b"\"f:");
            push_escaped(name, out);
        } else {
            let mut text = Vec::with_capacity(64);
            self.push(&mut text);
            out.push(b'"');
            push_escaped(&String::from_utf8_lossy(&text), out);
        }
        out.push(b'"');
    }
}

/// Reads `{"name":"web"}` and `{"port":80,"protocol":"TCP"}` where nothing is escaped: nearly every key there is.
fn plain_key(text: &str) -> Option<Value> {
    let mut rest = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut entries = crate::tree::Entries::new();
    loop {
        let (name, behind) = rest.strip_prefix('"')?.split_once("\":")?;
        let (value, behind) = match behind.strip_prefix('"') {
            Some(behind) => {
                let (value, behind) = behind.split_once('"')?;
                let plain = !value.bytes().any(|byte| byte == b'\\' || byte < b' ');
                (plain.then(|| Value::from(value))?, behind)
            }
            None => {
                let (digits, behind) = behind.split_at(behind.find(',').unwrap_or(behind.len()));
                let first = digits.bytes().next()?;
                let plain = digits.len() < 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
                let value =
                    (plain && (first != b'0' || digits.len() == 1)).then(|| digits.parse().ok()).flatten()?;
                (Value::Int(value), behind)
            }
        };
        if name.bytes().any(|byte| byte == b'\\' || byte == b'"' || byte < b' ') {
            return None;
        }
        entries.set(name, value);
        match behind.strip_prefix(',') {
            Some(behind) => rest = behind,
            None if behind.is_empty() => return Some(Value::Map(entries)),
            None => return None,
        }
    }
}

fn push_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    push_escaped(text, out);
    out.push(b'"');
}

/// Appends a text as the inside of a JSON string. Nothing is escaped that needs not be.
fn push_escaped(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' => *byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 => 0,
            _ => continue,
        };
        out.extend_from_slice(&bytes[start..at]);
        start = at + 1;
        if short == 0 {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.extend([b'\\', short]);
        }
    }
    out.extend_from_slice(&bytes[start..]);
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Element {}

impl PartialOrd for Element {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Element {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |element: &Self| match element {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        };
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.as_str().cmp(b.as_str()),
            (Self::Key(a), Self::Key(b)) => {
                let pairs = a.iter().zip(b);
                let mut orders = pairs.map(|(a, b)| a.0.cmp(&b.0).then_with(|| scalar::order(&a.1, &b.1)));
                orders.find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (Self::Value(a), Self::Value(b)) => scalar::order(a, b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

/// As messages show it: `.spec`, `[name="web"]`, `[="a"]`, `[0]`.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name}={}", if at > 0 { "," } else { "" }, Shown(value))?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={}]", Shown(value)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// The way from an object to a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(pub Vec<Element>);

impl FieldPath {
    /// The path through fields of these names.
    #[must_use]
    pub fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| Element::field(name)).collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| write!(f, "{element}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, serialized: &str, shown: &str) {
        let element = Element::parse(text).unwrap().unwrap();
        let mut out = Vec::new();
        element.push(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), serialized);
        assert_eq!(element.to_string(), shown);
        assert_eq!(Element::parse(serialized).unwrap().unwrap(), element);
    }

    #[test]
    fn elements_are_read_written_and_shown() {
        for (text, shown) in [
            ("f:spec", ".spec"),
            ("f:", "."),
            ("f:a\"b", ".a\"b"),
            (r#"k:{"name":"web"}"#, r#"[name="web"]"#),
            (r#"k:{"name":"a,\"b\":\"c"}"#, r#"[name="a,\"b\":\"c"]"#),
            (r#"k:{"port":80,"protocol":"TCP"}"#, r#"[port=80,protocol="TCP"]"#),
            (r#"k:{"a":true,"b":null,"c":1.5,"d":[1]}"#, r#"[a=true,b=null,c=1.5,d=[1]]"#),
            (r#"k:{"name":"a\u003cb"}"#, r#"[name="a<b"]"#),
            ("v:\"a\"", "[=\"a\"]"),
            ("v:1", "[=1]"),
            ("i:3", "[3]"),
        ] {
            check(text, text, shown);
        }
        check(r#"k:{ "b":"x", "a":8e1 }"#, r#"k:{"a":80,"b":"x"}"#, r#"[a=80,b="x"]"#);
        check("v:1.0", "v:1", "[=1]");
        assert_eq!(Element::parse("x:abc"), Ok(None));
        assert_eq!(Element::parse("f"), Err(ElementError::Short));
        assert_eq!(Element::parse("spec"), Err(ElementError::Colon("spec".to_owned())));
        for text in ["v:", "v:{", "k:[]", "k:1", "k:{\"a\":01}", "i:x", "v:1 2"] {
            assert!(matches!(Element::parse(text), Err(ElementError::Content(_))), "{text}");
        }
    }

    #[test]
    fn elements_rise_as_upstream_orders_them() {
        let rising = [
            "f:a",
            "f:b",
            "k:{\"a\":\"x\"}",
            "k:{\"a\":\"x\",\"b\":1}",
            "k:{\"a\":\"x\",\"b\":2}",
            "k:{\"a\":\"x\",\"b\":10}",
            "k:{\"b\":1}",
            "v:1",
            "v:2",
            "v:\"a\"",
            "i:0",
            "i:10",
        ];
        let elements: Vec<_> = rising.iter().map(|text| Element::parse(text).unwrap().unwrap()).collect();
        for (i, a) in elements.iter().enumerate() {
            for (j, b) in elements.iter().enumerate() {
                assert_eq!(a.cmp(b), i.cmp(&j), "{a} {b}");
            }
        }
    }
}
