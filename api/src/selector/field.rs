//! Field selectors: `spec.nodeName=n1,status.phase!=Running`.
//!
//! Each kind says which fields may be selected by, and under which other name some of them are known inside:
//! [`Selector::transform`] applies that once, before objects are asked.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::golang::Quoted;

/// The longest text that is parsed; about what upstream's server takes as a request's head.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// How many terms a text may have: each of them is asked of each object.
pub const TERMS_MAX: usize = 1_000;

/// A selection of objects by fields: those for which all terms hold, or none at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    terms: Vec<Term>,
    nothing: bool,
}

/// Something that has to hold for a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The field's name.
    pub field: Box<str>,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: Box<str>,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// It has the value.
    Equals,
    /// It has another value.
    NotEquals,
}

impl Selector {
    /// Selects every object.
    #[must_use]
    pub const fn everything() -> Self {
        Self { terms: Vec::new(), nothing: false }
    }

    /// Selects no object.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { terms: Vec::new(), nothing: true }
    }

    /// Selects objects whose `field` is `value`.
    #[must_use]
    pub fn equals(field: &str, value: &str) -> Self {
        let term = Term { field: field.into(), operator: Operator::Equals, value: value.into() };
        Self { terms: vec![term], nothing: false }
    }

    /// Reads a text.
    ///
    /// # Errors
    /// If it is no selector; in upstream's words.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ParseError::TooLong);
        }
        let mut parts: Vec<_> = Parts(Some(text)).filter(|part| !part.is_empty()).collect();
        if parts.len() > TERMS_MAX {
            return Err(ParseError::TooMany);
        }
        parts.sort_unstable();
        let mut terms = parts.into_iter().map(|part| term(text, part)).collect::<Result<Vec<_>, _>>()?;
        terms.retain(Term::says_something);
        Ok(Self { terms, nothing: false })
    }

    /// The same selection in other names: `convert` is given each term's field and value. A term it turns into two
    /// empty texts is left out.
    ///
    /// # Errors
    /// The first that `convert` returns.
    pub fn transform<E>(
        self,
        mut convert: impl FnMut(&str, &str) -> Result<(Box<str>, Box<str>), E>,
    ) -> Result<Self, E> {
        let mut terms = Vec::with_capacity(self.terms.len());
        for term in self.terms {
            let (field, value) = convert(&term.field, &term.value)?;
            terms.push(Term { field, value, operator: term.operator });
        }
        terms.retain(Term::says_something);
        Ok(Self { terms, nothing: self.nothing })
    }

    /// Whether it selects every object.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.terms.is_empty() && !self.nothing
    }

    /// Whether it selects no object by intent.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.nothing
    }

    /// What has to hold; empty for both everything and nothing.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether an object is selected whose fields `field` looks up. One that is not there is as one that is empty.
    pub fn matches<'a>(&self, field: impl Fn(&str) -> Option<Cow<'a, str>>) -> bool {
        !self.nothing
            && self.terms.iter().all(|term| {
                let is_equal = field(&term.field).unwrap_or_default() == *term.value;
                is_equal == (term.operator == Operator::Equals)
            })
    }

    /// The one value that `field` must have.
    #[must_use]
    pub fn exact_match(&self, field: &str) -> Option<&str> {
        self.exact_matches().find(|(name, _)| *name == field).map(|(_, value)| value)
    }

    /// All fields that must have one certain value, from which an index can be chosen.
    pub fn exact_matches(&self) -> impl Iterator<Item = (&str, &str)> {
        let equal = self.terms.iter().filter(|term| term.operator == Operator::Equals);
        equal.map(|term| (&*term.field, &*term.value))
    }
}

impl Term {
    /// A comparison of nothing with nothing is none.
    fn says_something(&self) -> bool {
        !self.field.is_empty() || !self.value.is_empty()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.terms.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.operator == Operator::Equals { "=" } else { "!=" };
        write!(f, "{}{sign}", self.field)?;
        for part in self.value.split_inclusive(['\\', ',', '=']) {
            let escaped = part.trim_end_matches(['\\', ',', '=']);
            f.write_str(escaped)?;
            if escaped.len() < part.len() {
                write!(f, "\\{}", &part[escaped.len()..])?;
            }
        }
        Ok(())
    }
}

impl FromStr for Selector {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

/// Why a text is no field selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A term has no operator.
    #[error("invalid selector: '{selector}'; can't understand '{term}'")]
    NoOperator {
        /// The whole text.
        selector: Box<str>,
        /// The term.
        term: Box<str>,
    },
    /// A backslash stands in front of something that needs none.
    #[error("invalid field selector: invalid escape sequence: {0}")]
    Escape(Box<str>),
    /// A sign stands in a value that should have a backslash in front. Upstream shows its number.
    #[error("invalid field selector: unescaped character in value: {}", u32::from(*.0))]
    Unescaped(char),
    /// It is longer than a selector may be.
    #[error("field selector is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// It has more terms than a selector may have.
    #[error("field selector has more than {TERMS_MAX} terms")]
    TooMany,
}

/// The pieces of a text between commas that have no backslash in front.
struct Parts<'a>(Option<&'a str>);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let mut is_escaped = false;
        let comma = rest.bytes().position(|byte| {
            let ends = byte == b',' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        self.0 = comma.map(|comma| &rest[comma + 1..]);
        Some(comma.map_or(rest, |comma| &rest[..comma]))
    }
}

fn term(selector: &str, part: &str) -> Result<Term, ParseError> {
    let no_operator = || ParseError::NoOperator { selector: selector.into(), term: part.into() };
    // The field's name has no escapes: the first operator ends it.
    let equals = part.find('=').ok_or_else(no_operator)?;
    let (field, operator, value) = match part[..equals].strip_suffix('!') {
        Some(field) => (field, Operator::NotEquals, &part[equals + 1..]),
        None => {
            let value = &part[equals + 1..];
            (&part[..equals], Operator::Equals, value.strip_prefix('=').unwrap_or(value))
        }
    };
    Ok(Term { field: field.into(), operator, value: unescape(value)?.into() })
}

fn unescape(value: &str) -> Result<Cow<'_, str>, ParseError> {
    if !value.contains(['\\', ',', '=']) {
        return Ok(value.into());
    }
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(c @ ('\\' | ',' | '=')) => text.push(c),
                Some(c) => return Err(ParseError::Escape(format!("\\{c}").into())),
                None => return Err(ParseError::Escape("\\".into())),
            },
            ',' | '=' => return Err(ParseError::Unescaped(c)),
            c => text.push(c),
        }
    }
    Ok(text.into())
}

/// A kind knows no field of this name. Kinds say so in different words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownField {
    /// Kinds that can be selected by name and namespace alone.
    #[error(
        "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"", Quoted(.0)
    )]
    Common(Box<str>),
    /// Most kinds that know other fields, and custom resources.
    #[error("field label not supported: {0}")]
    Plain(Box<str>),
    /// Jobs.
    #[error("field label {} not supported for {kind}", Quoted(.field))]
    OfKind {
        /// The name.
        field: Box<str>,
        /// The kind.
        kind: Box<str>,
    },
    /// Resource slices.
    #[error("field label not supported for {kind}: {field}")]
    OfVersion {
        /// The name.
        field: Box<str>,
        /// The kind with its group and version.
        kind: Box<str>,
    },
}

/// The conversion of kinds that can be selected by name and namespace alone.
///
/// # Errors
/// If `field` is neither.
pub fn common(field: &str, value: &str) -> Result<(Box<str>, Box<str>), UnknownField> {
    match field {
        "metadata.name" | "metadata.namespace" => Ok((field.into(), value.into())),
        _ => Err(UnknownField::Common(field.into())),
    }
}

/// The conversion of kinds that know the fields of a table, each with its name inside.
///
/// # Errors
/// What `refuse` makes of a field that is not in the table.
pub fn listed(
    known: &[(&str, &str)],
    refuse: impl Fn(Box<str>) -> UnknownField,
) -> impl Fn(&str, &str) -> Result<(Box<str>, Box<str>), UnknownField> {
    move |field, value| match known.iter().find(|(name, _)| *name == field) {
        Some((_, inside)) => Ok(((*inside).into(), value.into())),
        None => Err(refuse(field.into())),
    }
}

#[cfg(test)]
mod tests;
