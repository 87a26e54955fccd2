//! A piece of a document in memory: JSON values whose members keep their order.
//!
//! Documents are made of many small pieces, each written and dropped at once; nobody holds a whole one.

use std::borrow::Cow;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node<'a> {
    /// `true` or `false`
    Bool(bool),
    /// A number as JSON writes it.
    Number(Cow<'a, str>),
    /// A text.
    Text(Cow<'a, str>),
    /// Items in order.
    List(Vec<Node<'a>>),
    /// Members in order.
    Object(Object<'a>),
}

/// The members of an object, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(pub Vec<(Cow<'a, str>, Node<'a>)>);

impl<'a> Object<'a> {
    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Node<'a>>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// Adds a member, if there is a value for it.
    #[must_use]
    pub fn maybe<T: Into<Node<'a>>>(self, name: &'static str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The member called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl<'a> Node<'a> {
    /// A list of texts.
    pub fn texts<T: Into<Cow<'a, str>>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }

    /// The member called `name`, if it is an object that has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => object.get(name),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same without borrowed parts.
    #[must_use]
    pub fn into_owned(self) -> Node<'static> {
        match self {
            Self::Bool(value) => Node::Bool(value),
            Self::Number(number) => Node::Number(Cow::Owned(number.into_owned())),
            Self::Text(text) => Node::Text(Cow::Owned(text.into_owned())),
            Self::List(items) => Node::List(items.into_iter().map(Node::into_owned).collect()),
            Self::Object(Object(members)) => {
                let members = members
                    .into_iter()
                    .map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned()));
                Node::Object(Object(members.collect()))
            }
        }
    }

    /// Calls `found` with the target of every `$ref` in it.
    pub(super) fn references(&self, found: &mut dyn FnMut(&str)) {
        match self {
            Self::List(items) => items.iter().for_each(|item| item.references(found)),
            Self::Object(Object(members)) => {
                for (name, value) in members {
                    match value {
                        Self::Text(target) if name == "$ref" => found(target),
                        value => value.references(found),
                    }
                }
            }
            _ => {}
        }
    }

    /// Appends it as JSON. With `html`, the characters that HTML gives a meaning are escaped, as Go does by default.
    pub fn write_json(&self, out: &mut Vec<u8>, html: bool) {
        match self {
            Self::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Self::Number(number) => out.extend_from_slice(number.as_bytes()),
            Self::Text(text) => write_text(text, out, html),
            Self::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write_json(out, html);
                }
                out.push(b']');
            }
            Self::Object(Object(members)) => {
                out.push(b'{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(name, out, html);
                    out.push(b':');
                    value.write_json(out, html);
                }
                out.push(b'}');
            }
        }
    }
}

/// Appends `text` as a JSON string.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>, html: bool) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let short: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..0x20 => b"",
            b'<' | b'>' | b'&' if html => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        if short.is_empty() {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.extend_from_slice(short);
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

impl<'a> From<&'a str> for Node<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Node<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<Cow<'a, str>> for Node<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Node<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<'a> From<Vec<Node<'a>>> for Node<'a> {
    fn from(items: Vec<Node<'a>>) -> Self {
        Self::List(items)
    }
}

impl<'a> From<Object<'a>> for Node<'a> {
    fn from(object: Object<'a>) -> Self {
        Self::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped_as_go_does() {
        let node = Node::from(
            Object::default()
                .with("a<b", "x & \"y\"\n\t\u{1}\\é")
                .with("list", vec![Node::from(true), Node::Number("1".into())])
                .maybe("absent", None::<bool>),
        );
        let write = |html| {
            let mut out = Vec::new();
            node.write_json(&mut out, html);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(write(false), r#"{"a<b":"x & \"y\"\n\t\u0001\\é","list":[true,1]}"#);
        assert_eq!(write(true), r#"{"a\u003cb":"x \u0026 \"y\"\n\t\u0001\\é","list":[true,1]}"#);
    }
}
