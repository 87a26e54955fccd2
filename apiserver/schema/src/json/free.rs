//! JSON as it is: members in their order, numbers as their literals. For whoever rewrites JSON without a schema.

use std::borrow::Cow;

use super::decode::unquote;
use super::scan::{check_value, skip_space};

/// A value of JSON that is known to be well formed.
#[derive(Debug, PartialEq)]
pub(crate) enum Free<'a> {
    Null,
    Bool(bool),
    /// The literal.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Free<'a>>),
    Object(Vec<(Cow<'a, str>, Free<'a>)>),
}

impl<'a> Free<'a> {
    /// Reads well-formed JSON; `None` if it nests too deeply. What is not well formed reads as null.
    pub(crate) fn read(json: &'a [u8]) -> Option<Self> {
        let mut reader = Reader { json, at: 0, depth: 0 };
        reader.value()
    }
}

/// How deep what is read may nest.
const DEPTH_MAX: usize = 1000;

struct Reader<'a> {
    json: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> u8 {
        self.at = skip_space(self.json, self.at);
        self.json.get(self.at).copied().unwrap_or(0)
    }

    /// Takes a string, number or word.
    fn literal(&mut self) -> &'a [u8] {
        let start = self.at;
        self.at = check_value(self.json, start, 0).unwrap_or(self.json.len());
        &self.json[start..self.at]
    }

    fn text(&mut self) -> Cow<'a, str> {
        match self.literal() {
            quoted @ [b'"', .., b'"'] => unquote(quoted),
            _ => Cow::Borrowed(""),
        }
    }

    fn value(&mut self) -> Option<Free<'a>> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let value = match self.peek() {
            b'{' => {
                let mut members = Vec::new();
                self.at += 1;
                while self.peek() == b'"' {
                    let name = self.text();
                    self.peek();
                    self.at += 1;
                    members.push((name, self.value()?));
                    if self.peek() == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
                Free::Object(members)
            }
            b'[' => {
                let mut items = Vec::new();
                self.at += 1;
                while !matches!(self.peek(), b']' | 0) {
                    items.push(self.value()?);
                    if self.peek() == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
                Free::List(items)
            }
            b'"' => Free::Text(self.text()),
            b't' | b'f' => Free::Bool(self.literal() == b"true"),
            b'-' | b'0'..=b'9' => Free::Number(std::str::from_utf8(self.literal()).unwrap_or("0")),
            _ => {
                self.literal();
                Free::Null
            }
        };
        self.depth -= 1;
        Some(value)
    }
}
