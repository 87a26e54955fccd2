//! How a wrong value is shown. Upstream goes by the Go type of what it was given, so a caller here says what that was.

use std::borrow::Cow;

use crate::golang::{Float, JsonText, JsonTexts, Quoted};

/// A wrong value, as it is to be shown.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Not shown at all.
    Omitted,
    /// A pointer, list or map that is not there.
    Null,
    /// A `bool`.
    Bool(bool),
    /// An integer of any width.
    Int(i64),
    /// A `float64`.
    Float(f64),
    /// A `string`.
    Text(&'a str),
    /// A text of a type of its own, such as a `types.UID` or a `v1.Protocol`, or a pointer to a `string`: these are
    /// escaped by JSON's rules rather than Go's.
    Named(&'a str),
    /// A list of texts.
    Texts(&'a [&'a str]),
    /// Anything else, as the JSON it has upstream.
    Json(Cow<'a, str>),
}

impl Value<'_> {
    /// The value's text, if it is shown.
    pub(super) fn shown(self) -> Option<Box<str>> {
        let text: String = match self {
            Self::Omitted => return None,
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => Float(value).to_string(),
            Self::Text(value) => Quoted(value).to_string(),
            Self::Named(value) => JsonText(value).to_string(),
            Self::Texts(values) => JsonTexts(values).to_string(),
            Self::Json(value) => value.into_owned(),
        };
        Some(text.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [&'a str]> for Value<'a> {
    fn from(texts: &'a [&'a str]) -> Self {
        Self::Texts(texts)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<usize> for Value<'_> {
    fn from(count: usize) -> Self {
        Self::Json(count.to_string().into())
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

/// A pointer: what it points at, or `null`.
impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        match value.map(Into::into) {
            None => Self::Null,
            Some(Self::Text(text)) => Self::Named(text),
            Some(value) => value,
        }
    }
}
