//! Documents as protobuf: the messages of the gnostic project, which mirror the JSON member by member.
//!
//! The tables in `gnostic/v2.rs` and `gnostic/v3.rs` say which member becomes which field; everything else follows.

mod any;
mod v2;
mod v3;

use super::node::{Node, Object};
use super::path::Shared;
use super::resource::Dialect;

/// How a JSON value becomes a field.
enum Form {
    /// A text.
    Text,
    /// A truth value.
    Bool,
    /// A whole number.
    Whole,
    /// Any number.
    Real,
    /// Texts, a field each.
    Texts,
    /// A text or texts in a message of their own.
    TextsWithin,
    /// An object.
    Message(&'static Message),
    /// Something in a message of which it is the only field.
    Within(u32, &'static Form),
    /// A list, each item a field.
    Each(&'static Form),
    /// An object with members of one form: a message with an entry for each.
    Map(u32, &'static Form),
    /// A schema or a truth value.
    OrBool(&'static Form),
    /// Version 3: something, or a reference to it.
    OrReference(&'static Form),
    /// Version 2: a parameter, or a reference to one.
    ParameterOrReference,
    /// Version 2: a parameter, in a message that depends on where it is.
    Parameter,
    /// Version 3: a scalar, in a field that depends on its type; nothing for an object.
    Scalar,
    /// Anything, as YAML.
    Any,
    /// A list of anything.
    Anys,
}

/// A message: its fields by rising number, and the number for members that begin with `x-`.
struct Message {
    fields: &'static [(&'static str, u32, Form)],
    extensions: u32,
}

/// Calls back with each entry's name and value.
pub(super) type Entries<'a> = &'a mut dyn FnMut(&mut dyn FnMut(&str, &Node<'_>));

/// Writes a document.
pub(super) struct Encoder {
    dialect: Dialect,
    out: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, out: Vec::new() }
    }

    pub(super) fn heading(&mut self, info: &Node<'_>) {
        let (version, message) = match self.dialect {
            Dialect::V2 => ("2.0", &v2::INFO),
            Dialect::V3 => ("3.0.0", &v3::INFO),
        };
        self.text(1, version);
        self.field(2, &Form::Message(message), info);
    }

    pub(super) fn paths(&mut self, entries: Entries<'_>) {
        let (at, within, form) = match self.dialect {
            Dialect::V2 => (8, 2, &v2::PATH),
            Dialect::V3 => (4, 1, &v3::PATH),
        };
        self.nested(at, |out| entries(&mut |name, node| out.entry(within, name, form, node)));
    }

    /// The definitions, and in version 3 what else belongs to the components.
    pub(super) fn definitions(&mut self, security: Option<&Node<'_>>, entries: Entries<'_>) {
        match self.dialect {
            Dialect::V2 => {
                self.nested(9, |out| entries(&mut |name, node| out.entry(1, name, &v2::SCHEMA, node)));
            }
            Dialect::V3 => self.nested(5, |out| {
                let mut schemas = Self::new(Dialect::V3);
                entries(&mut |name, node| schemas.entry(1, name, &v3::SCHEMA_OR_REFERENCE, node));
                if !schemas.out.is_empty() {
                    out.bytes(1, &schemas.out);
                }
                security.iter().for_each(|security| out.field(7, &v3::SECURITY_SCHEMES, security));
            }),
        }
    }

    /// What follows the definitions in version 2.
    pub(super) fn rest(&mut self, shared: &Shared, security: Option<&Node<'_>>) {
        self.nested(10, |out| {
            for (name, parameter) in shared {
                out.entry(1, name, &Form::Parameter, parameter);
            }
        });
        if let Some(security) = security {
            let required = Object::default().with("BearerToken", Vec::new());
            self.field(12, &v2::SECURITY_REQUIREMENT, &required.into());
            self.field(13, &v2::SECURITY_DEFINITIONS, security);
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.out.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
            value >>= 7;
        }
        self.out.push(u8::try_from(value).unwrap_or_default());
    }

    fn tag(&mut self, number: u32, wire: u64) {
        self.varint(u64::from(number) << 3 | wire);
    }

    fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.tag(number, 2);
        self.varint(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn text(&mut self, number: u32, text: &str) {
        self.bytes(number, text.as_bytes());
    }

    /// A message whose length is known only once it is written; it is moved to make room for that.
    fn nested(&mut self, number: u32, write: impl FnOnce(&mut Self)) {
        self.tag(number, 2);
        let start = self.out.len();
        write(self);
        let end = self.out.len();
        self.varint((end - start) as u64);
        self.out[start..].rotate_left(end - start);
    }

    fn entry(&mut self, number: u32, name: &str, form: &Form, node: &Node<'_>) {
        self.nested(number, |out| {
            out.text(1, name);
            out.field(2, form, node);
        });
    }

    fn field(&mut self, number: u32, form: &Form, node: &Node<'_>) {
        match (form, node) {
            (Form::Text, Node::Text(text)) => self.text(number, text),
            (Form::Bool, Node::Bool(true)) => {
                self.tag(number, 0);
                self.out.push(1);
            }
            (Form::Whole, Node::Number(digits)) => {
                // What does not fit was no length to begin with.
                let value: i64 = digits.parse().unwrap_or_default();
                self.tag(number, 0);
                self.varint(value.cast_unsigned());
            }
            (Form::Real, Node::Number(digits)) => self.real(number, digits),
            (Form::Texts, Node::List(items)) => {
                items.iter().filter_map(Node::as_text).for_each(|text| self.text(number, text));
            }
            (Form::TextsWithin, Node::List(items)) => {
                self.nested(number, |out| {
                    items.iter().filter_map(Node::as_text).for_each(|text| out.text(1, text));
                });
            }
            (Form::TextsWithin, Node::Text(text)) => self.nested(number, |out| out.text(1, text)),
            (Form::Message(message), Node::Object(object)) => {
                self.nested(number, |out| out.message(message, object));
            }
            (Form::Within(inside, form), node) => self.nested(number, |out| out.field(*inside, form, node)),
            (Form::Each(form), Node::List(items)) => {
                items.iter().for_each(|item| self.field(number, form, item));
            }
            (Form::Map(inside, form), Node::Object(Object(members))) => self.nested(number, |out| {
                members.iter().for_each(|(name, value)| out.entry(*inside, name, form, value));
            }),
            (Form::OrBool(_), Node::Bool(value)) => self.nested(number, |out| {
                out.tag(2, 0);
                out.out.push(u8::from(*value));
            }),
            (Form::OrBool(form), node) => self.nested(number, |out| out.field(1, form, node)),
            (Form::OrReference(form), node) => self.nested(number, |out| match node.get("$ref") {
                Some(_) => out.field(2, &v3::REFERENCE, node),
                None => out.field(1, form, node),
            }),
            (Form::ParameterOrReference, node) => self.nested(number, |out| match node.get("$ref") {
                Some(_) => out.field(2, &v2::REFERENCE, node),
                None => out.field(1, &Form::Parameter, node),
            }),
            (Form::Parameter, node) => {
                self.nested(number, |out| match node.get("in").and_then(Node::as_text) {
                    Some("body") => out.field(1, &v2::BODY, node),
                    Some("path") => out.nested(2, |out| out.field(4, &v2::PATH_PARAMETER, node)),
                    _ => out.nested(2, |out| out.field(3, &v2::QUERY_PARAMETER, node)),
                });
            }
            (Form::Scalar, node) => self.nested(number, |out| out.scalar(node)),
            (Form::Any, node) => self.nested(number, |out| out.text(2, &any::yaml(node))),
            (Form::Anys, Node::List(items)) => {
                items.iter().for_each(|item| self.field(number, &Form::Any, item));
            }
            // What is not of its form is left out, as is everything that equals nothing.
            _ => {}
        }
    }

    fn real(&mut self, number: u32, digits: &str) {
        let value: f64 = digits.parse().unwrap_or_default();
        self.tag(number, 1);
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    fn scalar(&mut self, node: &Node<'_>) {
        match node {
            Node::Number(digits) => self.real(1, digits),
            Node::Bool(value) => {
                self.tag(2, 0);
                self.out.push(u8::from(*value));
            }
            Node::Text(text) => self.text(3, text),
            Node::List(_) | Node::Object(_) => {}
        }
    }

    fn message(&mut self, message: &Message, object: &Object<'_>) {
        let Object(members) = object;
        for (name, number, form) in message.fields {
            if let Some(node) = object.get(name) {
                self.field(*number, form, node);
            }
        }
        for (name, node) in members.iter().filter(|(name, _)| name.starts_with("x-")) {
            self.entry(message.extensions, name, &Form::Any, node);
        }
    }
}
