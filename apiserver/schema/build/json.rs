//! Reads the facts: JSON that is known to be well formed. Members keep their order, which is upstream's field order.

use std::fmt;

/// A JSON value.
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

static NULL: Json = Json::Null;

impl Json {
    /// The member called `name`, or null.
    pub fn get(&self, name: &str) -> &Json {
        match self {
            Json::Object(members) => {
                members.iter().find(|(known, _)| known == name).map_or(&NULL, |(_, value)| value)
            }
            _ => &NULL,
        }
    }

    pub fn members(&self) -> Vec<(&str, &Json)> {
        match self {
            Json::Object(members) => members.iter().map(|(name, value)| (name.as_str(), value)).collect(),
            _ => Vec::new(),
        }
    }

    pub fn items(&self) -> &[Json] {
        match self {
            Json::List(items) => items,
            _ => &[],
        }
    }

    /// The text, or nothing.
    pub fn text(&self) -> &str {
        match self {
            Json::Text(text) => text,
            _ => "",
        }
    }

    pub fn number(&self) -> u16 {
        match self {
            Json::Number(number) => number.parse().expect("a small number"),
            _ => 0,
        }
    }

    pub fn is_true(&self) -> bool {
        matches!(self, Json::Bool(true))
    }

    /// Whether it is what a Go variable holds before anyone writes it.
    pub fn is_zero(&self) -> bool {
        match self {
            Json::Null | Json::Bool(false) => true,
            Json::Number(number) => number == "0",
            Json::Text(text) => text.is_empty(),
            Json::Object(members) => members.is_empty(),
            _ => false,
        }
    }
}

impl fmt::Display for Json {
    /// JSON again; null is nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => Ok(()),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Number(number) => f.write_str(number),
            Json::Text(text) => write!(f, "{text:?}"),
            Json::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Json::Object(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    write!(f, "{}{name:?}:{value}", if at > 0 { "," } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

pub fn parse(text: &str) -> Json {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    reader.value()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> u8 {
        while self.bytes[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        self.at += 1;
        self.bytes[self.at - 1]
    }

    fn peek(&mut self) -> u8 {
        let byte = self.next();
        self.at -= 1;
        byte
    }

    fn value(&mut self) -> Json {
        match self.next() {
            b'{' => {
                let mut members = Vec::new();
                while self.peek() != b'}' {
                    let Json::Text(name) = self.value() else { panic!("a member's name is a text") };
                    assert_eq!(self.next(), b':');
                    members.push((name, self.value()));
                    if self.peek() == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
                Json::Object(members)
            }
            b'[' => {
                let mut items = Vec::new();
                while self.peek() != b']' {
                    items.push(self.value());
                    if self.peek() == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
                Json::List(items)
            }
            b'"' => {
                let mut text = Vec::new();
                loop {
                    match self.bytes[self.at] {
                        b'"' => break,
                        b'\\' => {
                            self.at += 1;
                            assert!(
                                matches!(self.bytes[self.at], b'"' | b'\\' | b'/'),
                                "the facts use no other escape"
                            );
                            text.push(self.bytes[self.at]);
                        }
                        byte => text.push(byte),
                    }
                    self.at += 1;
                }
                self.at += 1;
                Json::Text(String::from_utf8(text).expect("the facts are UTF-8"))
            }
            first => {
                let start = self.at - 1;
                while !matches!(self.bytes[self.at], b',' | b'}' | b']')
                    && !self.bytes[self.at].is_ascii_whitespace()
                {
                    self.at += 1;
                }
                let word = std::str::from_utf8(&self.bytes[start..self.at]).expect("the facts are UTF-8");
                match first {
                    b't' => Json::Bool(true),
                    b'f' => Json::Bool(false),
                    b'n' => Json::Null,
                    _ => Json::Number(word.to_owned()),
                }
            }
        }
    }
}
