//! Errors in fields: which field of an object is wrong, how, and with which value.
//!
//! Validators take a [`Path`] and push [`Error`]s into an [`Errors`]; where nothing is wrong, nothing is allocated.
//! Texts are upstream's `field.Error`, byte for byte. How they become a `Status` is told in [`crate::status`].

mod errors;
mod path;
mod value;

use std::borrow::Cow;
use std::fmt;

pub use errors::{ERRORS_BYTES_MAX, Errors};
pub use path::Path;
pub use value::Value;

use crate::golang::Quoted;

/// In which way a field is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It names something that is not there.
    NotFound,
    /// It is missing or empty.
    Required,
    /// It has to be unique and is not.
    Duplicate,
    /// It is malformed or out of bounds.
    Invalid,
    /// It is none of the values there are.
    NotSupported,
    /// It is well-formed, but may not be now.
    Forbidden,
    /// It has too many bytes or characters.
    TooLong,
    /// It has too few characters.
    TooShort,
    /// It has too many items.
    TooMany,
    /// It has too few items.
    TooFew,
    /// It could not be checked.
    Internal,
    /// Its type is not the schema's.
    TypeInvalid,
}

impl Kind {
    /// The word for programs, as it stands in a cause's `reason`.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooShort => "FieldValueTooShort",
            Self::TooMany => "FieldValueTooMany",
            Self::TooFew => "FieldValueTooFew",
            Self::Internal => "InternalError",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    /// The words for people.
    const fn words(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooShort => "Too short",
            Self::TooMany => "Too many",
            Self::TooFew => "Too few",
            Self::Internal => "Internal error",
        }
    }

    /// Whether the value is part of the text.
    const fn shows_value(self) -> bool {
        !matches!(self, Self::Required | Self::Forbidden | Self::TooLong | Self::TooShort | Self::Internal)
    }
}

/// What an error says behind the kind and the value.
pub type Detail = Cow<'static, str>;

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    field: Box<str>,
    /// The value as shown; none where it is not.
    value: Option<Box<str>>,
    detail: Detail,
    /// Whether a marker of the field says the same.
    covered: bool,
}

impl Error {
    /// An error of this kind. The constructors below know the words that go with each.
    #[must_use]
    pub fn new<'v>(
        kind: Kind,
        path: &Path<'_>,
        value: impl Into<Value<'v>>,
        detail: impl Into<Detail>,
    ) -> Self {
        let value = if kind.shows_value() { value.into().shown() } else { None };
        Self { kind, field: path.to_string().into(), value, detail: detail.into(), covered: false }
    }

    /// The field is missing.
    #[must_use]
    pub fn required(path: &Path<'_>, detail: impl Into<Detail>) -> Self {
        Self::new(Kind::Required, path, Value::Omitted, detail)
    }

    /// The value is malformed or out of bounds.
    #[must_use]
    pub fn invalid<'v>(path: &Path<'_>, value: impl Into<Value<'v>>, detail: impl Into<Detail>) -> Self {
        Self::new(Kind::Invalid, path, value, detail)
    }

    /// The value has another type than the schema says.
    #[must_use]
    pub fn type_invalid<'v>(path: &Path<'_>, value: impl Into<Value<'v>>, detail: impl Into<Detail>) -> Self {
        Self::new(Kind::TypeInvalid, path, value, detail)
    }

    /// The value is none of `supported`.
    #[must_use]
    pub fn not_supported<'v>(path: &Path<'_>, value: impl Into<Value<'v>>, supported: &[&str]) -> Self {
        let mut detail = String::new();
        for (i, word) in supported.iter().enumerate() {
            detail.push_str(if i == 0 { "supported values: " } else { ", " });
            detail.push_str(&Quoted(word).to_string());
        }
        Self::new(Kind::NotSupported, path, value, detail)
    }

    /// The value may not be now.
    #[must_use]
    pub fn forbidden(path: &Path<'_>, detail: impl Into<Detail>) -> Self {
        Self::new(Kind::Forbidden, path, Value::Omitted, detail)
    }

    /// The value is there more than once.
    #[must_use]
    pub fn duplicate<'v>(path: &Path<'_>, value: impl Into<Value<'v>>) -> Self {
        Self::new(Kind::Duplicate, path, value, "")
    }

    /// What the value names is not there.
    #[must_use]
    pub fn not_found<'v>(path: &Path<'_>, value: impl Into<Value<'v>>) -> Self {
        Self::new(Kind::NotFound, path, value, "")
    }

    /// The value has more than `max` bytes; the value itself is not shown.
    #[must_use]
    pub fn too_long(path: &Path<'_>, max: impl Into<Option<usize>>) -> Self {
        Self::new(Kind::TooLong, path, Value::Omitted, at_most(max.into(), "byte"))
    }

    /// The value has more than `max` characters; the value itself is not shown.
    #[must_use]
    pub fn too_long_characters(path: &Path<'_>, max: impl Into<Option<usize>>) -> Self {
        Self::new(Kind::TooLong, path, Value::Omitted, at_most(max.into(), "character"))
    }

    /// The value has fewer than `min` characters.
    #[must_use]
    pub fn too_short(path: &Path<'_>, min: impl Into<Option<usize>>) -> Self {
        let detail: Detail = match min.into() {
            Some(min) => format!("must be at least {min} character{}", plural(min)).into(),
            None => "value is too short".into(),
        };
        Self::new(Kind::TooShort, path, Value::Omitted, detail)
    }

    /// There are `actual` items where at most `max` may be.
    #[must_use]
    pub fn too_many(
        path: &Path<'_>,
        actual: impl Into<Option<usize>>,
        max: impl Into<Option<usize>>,
    ) -> Self {
        let detail: Detail = match max.into() {
            Some(max) => format!("must have at most {max} item{}", plural(max)).into(),
            None => "has too many items".into(),
        };
        Self::new(Kind::TooMany, path, actual.into().map_or(Value::Omitted, Value::from), detail)
    }

    /// There are `actual` items where at least `min` must be.
    #[must_use]
    pub fn too_few(path: &Path<'_>, actual: usize, min: impl Into<Option<usize>>) -> Self {
        let detail: Detail = match min.into() {
            Some(min) => format!("must have at least {min} item{}", plural(min)).into(),
            None => "has too few items".into(),
        };
        Self::new(Kind::TooFew, path, actual, detail)
    }

    /// The field could not be checked.
    #[must_use]
    pub fn internal(path: &Path<'_>, why: impl fmt::Display) -> Self {
        Self::new(Kind::Internal, path, Value::Omitted, why.to_string())
    }

    /// The same with `prefix` in front of what it says.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.detail = format!("{prefix}{}", self.detail).into();
        self
    }

    /// The same, of which a marker of the field also tells: where that one does, this one is not said.
    #[must_use]
    pub fn covered(self) -> Self {
        Self { covered: true, ..self }
    }

    /// Whether a marker of the field also tells of it.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.covered
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.field.len()
            + self.value.as_ref().map_or(0, |value| value.len())
            + self.detail.len()
    }

    /// In which way the field is wrong.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Which field is.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is said behind the kind and the value.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// All it says except for the field.
    #[must_use]
    pub fn body(&self) -> Body<'_> {
        Body(self)
    }
}

fn at_most(max: Option<usize>, unit: &str) -> Detail {
    match max {
        Some(max) => format!("may not be more than {max} {unit}{}", plural(max)).into(),
        None => "value is too long".into(),
    }
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

impl std::error::Error for Error {}

/// An error's text without the field.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a>(&'a Error);

impl fmt::Display for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.words())?;
        if let Some(value) = &self.0.value {
            write!(f, ": {value}")?;
        }
        if self.0.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.0.detail) }
    }
}

#[cfg(test)]
mod tests;
