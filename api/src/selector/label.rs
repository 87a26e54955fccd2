//! Label selectors: `app=web,tier in (front,back),!canary`.
//!
//! The text's grammar is in `parse`, what a single requirement is and when it holds in `requirement`, the form
//! that objects carry (`matchLabels` and `matchExpressions`) in `parts`.

mod lexer;
mod parse;
mod parts;
mod requirement;

use std::fmt;
use std::str::FromStr;

pub use parse::{ParseError, RequirementError, SyntaxError};
pub use parts::{Expression, Leniency, PartsError, check_expression, check_parts};
pub use requirement::{Operator, Requirement};

/// The longest text that is parsed; about what upstream's server takes as a request's head.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// How many requirements a parsed text may have: each of them is asked of each object.
pub const REQUIREMENTS_MAX: usize = 1_000;

/// A selection of objects by their labels: those for which all requirements hold, or none at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// By key.
    requirements: Vec<Requirement>,
    nothing: bool,
}

impl Selector {
    /// Selects every object.
    #[must_use]
    pub const fn everything() -> Self {
        Self { requirements: Vec::new(), nothing: false }
    }

    /// Selects no object.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { requirements: Vec::new(), nothing: true }
    }

    /// Selects objects that have these labels, whose keys and values nobody checks.
    pub fn with_labels<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::of(labels.into_iter().map(|(key, value)| Requirement::equals(key, value)).collect())
    }

    fn of(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|a, b| a.key().cmp(b.key()));
        Self { requirements, nothing: false }
    }

    /// Reads a text.
    ///
    /// # Errors
    /// If it is no selector; in upstream's words.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::parse(text).map(Self::of)
    }

    /// Reads the form that objects carry. Empty parts select everything; that there are none at all has to be told
    /// apart by the caller, and selects [nothing](Self::nothing).
    ///
    /// # Errors
    /// If a part is invalid.
    pub fn from_parts<'a, V: AsRef<str> + 'a>(
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        expressions: impl IntoIterator<Item = Expression<'a, V>>,
    ) -> Result<Self, PartsError> {
        parts::requirements(labels, expressions).map(Self::of)
    }

    /// Selects among the objects of this those for which `requirement` holds as well.
    #[must_use]
    pub fn and(mut self, requirement: Requirement) -> Self {
        if self.nothing {
            return self;
        }
        let at = self.requirements.partition_point(|other| other.key() <= requirement.key());
        self.requirements.insert(at, requirement);
        self
    }

    /// Whether it selects every object.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty() && !self.nothing
    }

    /// Whether it selects no object by intent. Requirements that contradict each other are not found out.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.nothing
    }

    /// What has to hold, by key; empty for both everything and nothing.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether an object is selected whose labels `label` looks up.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        !self.nothing
            && self.requirements.iter().all(|requirement| requirement.matches(label(requirement.key())))
    }

    /// The one value that the label `key` must have. A first requirement that allows several decides, as upstream.
    #[must_use]
    pub fn exact_match(&self, key: &str) -> Option<&str> {
        self.requirements.iter().find(|requirement| requirement.key() == key)?.exact_value()
    }

    /// All labels that must have one certain value, from which an index can be chosen.
    pub fn exact_matches(&self) -> impl Iterator<Item = (&str, &str)> {
        self.requirements
            .iter()
            .filter_map(|requirement| Some((requirement.key(), requirement.exact_value()?)))
    }
}

/// The canonical text. Everything and nothing both have the empty one.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
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

#[cfg(test)]
mod tests;
