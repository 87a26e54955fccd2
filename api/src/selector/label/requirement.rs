//! One requirement on one label.

use std::fmt;

use crate::field::{Error, Errors, Path, Value};
use crate::golang::parse_int;
use crate::names::label;

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// It is there and has one of the values.
    In,
    /// It is not there or has none of the values.
    NotIn,
    /// It is there and has the value.
    Equals,
    /// The same, written `==`.
    DoubleEquals,
    /// It is not there or has another value.
    NotEquals,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
    /// It is there and is a greater number.
    GreaterThan,
    /// It is there and is a lesser number.
    LessThan,
}

/// Something that has to hold for a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    key: Box<str>,
    operator: Operator,
    /// Sorted.
    values: Box<[Box<str>]>,
    /// The value of `GreaterThan` and `LessThan`.
    number: i64,
}

impl Requirement {
    /// A requirement with its parts checked.
    ///
    /// # Errors
    /// If the key is no label's key, a value no label's value, or there are too many or too few values.
    pub fn new(key: &str, operator: Operator, values: &[&str]) -> Result<Self, Errors> {
        let mut errors = Errors::new();
        check_key(key, &Path::NOWHERE.child("key"), &mut errors);
        check_values(key, operator, values, &mut errors);
        errors.into_result()?;
        let mut values: Vec<Box<str>> = values.iter().map(|value| (*value).into()).collect();
        values.sort_unstable();
        let number = values.first().and_then(|value| value.parse().ok()).unwrap_or_default();
        Ok(Self { key: key.into(), operator, values: values.into(), number })
    }

    /// That the label `key` is `value`, unchecked.
    pub(super) fn equals(key: &str, value: &str) -> Self {
        Self { key: key.into(), operator: Operator::Equals, values: [value.into()].into(), number: 0 }
    }

    /// The label's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How it is compared.
    #[must_use]
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// With what, sorted.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &str> {
        self.values.iter().map(AsRef::as_ref)
    }

    /// Whether it holds for a label with this value, or that is not there.
    #[must_use]
    pub fn matches(&self, label: Option<&str>) -> bool {
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => {
                label.is_some_and(|label| self.has(label))
            }
            Operator::NotIn | Operator::NotEquals => label.is_none_or(|label| !self.has(label)),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan => number(label).is_some_and(|number| number > self.number),
            Operator::LessThan => number(label).is_some_and(|number| number < self.number),
        }
    }

    fn has(&self, label: &str) -> bool {
        match &self.values[..] {
            [value] => **value == *label,
            values => values.binary_search_by(|value| (**value).cmp(label)).is_ok(),
        }
    }

    /// The one value the label must have, if there is just one.
    #[must_use]
    pub fn exact_value(&self) -> Option<&str> {
        match (self.operator, &self.values[..]) {
            (Operator::In | Operator::Equals | Operator::DoubleEquals, [value]) => Some(value),
            _ => None,
        }
    }
}

fn number(label: Option<&str>) -> Option<i64> {
    label?.parse().ok()
}

/// A label's key, its reasons in one error.
pub(super) fn check_key(key: &str, path: &Path<'_>, errors: &mut Errors) {
    let reasons = label::key(key);
    if !reasons.is_empty() {
        errors.push(Error::invalid(path, key, reasons.join("; ")));
    }
}

fn check_values(key: &str, operator: Operator, values: &[&str], errors: &mut Errors) {
    let path = &Path::NOWHERE.child("values");
    let complaint = match operator {
        Operator::In | Operator::NotIn if values.is_empty() => {
            "for 'in', 'notin' operators, values set can't be empty"
        }
        Operator::Equals | Operator::DoubleEquals | Operator::NotEquals if values.len() != 1 => {
            "exact-match compatibility requires one single value"
        }
        Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
            "values set must be empty for exists and does not exist"
        }
        Operator::GreaterThan | Operator::LessThan if values.len() != 1 => {
            "for 'Gt', 'Lt' operators, exactly one value is required"
        }
        _ => "",
    };
    if !complaint.is_empty() {
        let shown = if values.is_empty() { Value::Null } else { Value::Texts(values) };
        errors.push(Error::invalid(path, shown, complaint));
    }
    if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
        for (i, value) in values.iter().enumerate().filter(|(_, value)| parse_int(value).is_err()) {
            let complaint = "for 'Gt', 'Lt' operators, the value must be an integer";
            errors.push(Error::invalid(&path.index(i), *value, complaint));
        }
    }
    for (i, value) in values.iter().enumerate() {
        let reasons = label::value(value);
        if !reasons.is_empty() {
            errors.push(Error::invalid(&path.index(i).key(key), *value, reasons.join("; ")));
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.operator {
            Operator::DoesNotExist => return write!(f, "!{}", self.key),
            Operator::Exists => return f.write_str(&self.key),
            Operator::In => " in (",
            Operator::NotIn => " notin (",
            Operator::Equals => "=",
            Operator::DoubleEquals => "==",
            Operator::NotEquals => "!=",
            Operator::GreaterThan => ">",
            Operator::LessThan => "<",
        };
        write!(f, "{}{sign}", self.key)?;
        for (i, value) in self.values().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            f.write_str(value)?;
        }
        if sign.ends_with('(') { f.write_str(")") } else { Ok(()) }
    }
}
