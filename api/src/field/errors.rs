//! All errors of one object: gathered in order, shown together, and kept from growing without end.

use std::collections::HashSet;
use std::fmt;

use super::{Detail, Error, Path};

/// How many bytes of text are kept about one object. An object may be wrong so often, and be shown each time, that the
/// texts would grow as its size squared; errors beyond this are left out.
pub const ERRORS_BYTES_MAX: usize = 1 << 20;

/// All that is wrong with an object, in the order it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    errors: Vec<Error>,
    bytes: usize,
}

impl Errors {
    /// Nothing wrong yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { errors: Vec::new(), bytes: 0 }
    }

    /// Takes note of one more, unless there is no room left.
    pub fn push(&mut self, error: Error) {
        if !self.is_full() {
            self.bytes += error.bytes();
            self.errors.push(error);
        }
    }

    /// Whether further errors are left out. A loop that shows the whole value each time stops here.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes >= ERRORS_BYTES_MAX
    }

    /// Takes note of a value that is invalid for each of these reasons.
    pub fn push_invalid(&mut self, path: &Path<'_>, value: &str, reasons: impl IntoIterator<Item = Detail>) {
        self.extend(reasons.into_iter().map(|reason| Error::invalid(path, value, reason)));
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// How much is wrong.
    #[must_use]
    pub fn len(&self) -> usize {
        self.errors.len()
    }

    /// What is wrong.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.errors.iter()
    }

    /// Keeps the errors that `keep` says to keep.
    pub fn retain(&mut self, keep: impl FnMut(&Error) -> bool) {
        self.errors.retain(keep);
    }

    /// Each text once. Upstream does so where a kind also has declarative rules, and leaves repetitions otherwise.
    #[must_use]
    pub fn without_repetitions(mut self) -> Self {
        if self.len() > 1 {
            let mut seen = HashSet::new();
            self.errors.retain(|error| seen.insert(error.to_string()));
        }
        self
    }

    /// Nothing, or itself as the error.
    ///
    /// # Errors
    /// If there is something wrong.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

/// As upstream prints an aggregate: each text once; in brackets if there are several.
impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seen = HashSet::new();
        let texts: Vec<_> =
            self.iter().map(Error::to_string).filter(|text| seen.insert(text.clone())).collect();
        match &texts[..] {
            [text] => f.write_str(text),
            texts => write!(f, "[{}]", texts.join(", ")),
        }
    }
}

impl std::error::Error for Errors {}

impl Extend<Error> for Errors {
    fn extend<T: IntoIterator<Item = Error>>(&mut self, errors: T) {
        errors.into_iter().for_each(|error| self.push(error));
    }
}

impl FromIterator<Error> for Errors {
    fn from_iter<T: IntoIterator<Item = Error>>(errors: T) -> Self {
        let mut all = Self::new();
        all.extend(errors);
        all
    }
}

impl IntoIterator for Errors {
    type Item = Error;
    type IntoIter = std::vec::IntoIter<Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a Error;
    type IntoIter = std::slice::Iter<'a, Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.iter()
    }
}
