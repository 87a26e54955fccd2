//! Label selectors as objects carry them: `matchLabels`, and `matchExpressions` with an operator in words.

use super::{Operator, Requirement};
use crate::field::{Error, Errors, Path, Value};
use crate::golang::Quoted;
use crate::names::label;

/// An entry of `matchExpressions`, borrowed from wherever the object is.
#[derive(Debug)]
pub struct Expression<'a, V = String> {
    /// The label's key.
    pub key: &'a str,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: &'a str,
    /// What it is compared with.
    pub values: &'a [V],
}

// Derived, these would ask the same of the values, which are only borrowed.
impl<V> Clone for Expression<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Expression<'_, V> {}

/// Why parts make no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartsError {
    /// There is no such operator in objects.
    #[error("{} is not a valid label selector operator", Quoted(.0))]
    Operator(Box<str>),
    /// A key or a value is invalid.
    #[error(transparent)]
    Requirement(#[from] Errors),
}

pub(super) fn requirements<'a, V: AsRef<str> + 'a>(
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    expressions: impl IntoIterator<Item = Expression<'a, V>>,
) -> Result<Vec<Requirement>, PartsError> {
    let mut requirements = Vec::new();
    for (key, value) in labels {
        requirements.push(Requirement::new(key, Operator::Equals, &[value])?);
    }
    for expression in expressions {
        let operator =
            operator(expression.operator).ok_or_else(|| PartsError::Operator(expression.operator.into()))?;
        let values: Vec<_> = expression.values.iter().map(AsRef::as_ref).collect();
        requirements.push(Requirement::new(expression.key, operator, &values)?);
    }
    Ok(requirements)
}

fn operator(word: &str) -> Option<Operator> {
    match word {
        "In" => Some(Operator::In),
        "NotIn" => Some(Operator::NotIn),
        "Exists" => Some(Operator::Exists),
        "DoesNotExist" => Some(Operator::DoesNotExist),
        _ => None,
    }
}

/// What is let through although it makes no selector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// Values that no label can have: where stored objects already have such.
    pub invalid_values: bool,
    /// Operators that are not known here: where somebody else interprets them.
    pub unknown_operators: bool,
}

/// Checks the parts as fields of an object; `path` is the selector's.
pub fn check_parts<'a, V: AsRef<str> + 'a>(
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    expressions: impl IntoIterator<Item = Expression<'a, V>>,
    leniency: Leniency,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    label::check_labels(labels, &path.child("matchLabels"), errors);
    for (i, expression) in expressions.into_iter().enumerate() {
        check_expression(&expression, leniency, &path.child("matchExpressions").index(i), errors);
    }
}

/// Checks one entry of `matchExpressions`; `path` is the entry's.
pub fn check_expression<V: AsRef<str>>(
    expression: &Expression<'_, V>,
    leniency: Leniency,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    match operator(expression.operator) {
        Some(Operator::In | Operator::NotIn) if expression.values.is_empty() => {
            let words = "must be specified when `operator` is 'In' or 'NotIn'";
            errors.push(Error::required(&path.child("values"), words));
        }
        Some(Operator::Exists | Operator::DoesNotExist) if !expression.values.is_empty() => {
            let words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(Error::forbidden(&path.child("values"), words));
        }
        None if !leniency.unknown_operators => {
            let shown = Value::Named(expression.operator);
            errors.push(Error::invalid(&path.child("operator"), shown, "not a valid selector operator"));
        }
        _ => {}
    }
    label::check_key(expression.key, &path.child("key"), errors);
    if leniency.invalid_values {
        return;
    }
    for (i, value) in expression.values.iter().map(AsRef::as_ref).enumerate() {
        errors.push_invalid(&path.child("values").index(i), value, label::value(value));
    }
}
