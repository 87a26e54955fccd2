//! Selectors of objects, made once when the object is read.

use std::collections::BTreeMap;

use compact_str::CompactString;
use keelson_api::selector::label::{Expression, Selector};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A selector as an object carries it.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// As it is asked.
    pub(crate) selector: Selector,
    /// As it is written.
    pub(crate) written: Value,
}

impl Default for Selection {
    fn default() -> Self {
        Self { selector: Selector::nothing(), written: Value::Null }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Parts {
    match_labels: BTreeMap<CompactString, CompactString>,
    match_expressions: Vec<Part>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl Selection {
    /// Reads both forms: labels with expressions, and the plain map that replication controllers and services have.
    /// What is invalid selects nothing; the server lets no such object in.
    fn read(written: Value) -> Result<Self, serde_json::Error> {
        let plain = written.as_object().is_some_and(|map| map.values().all(Value::is_string));
        let parts = if plain {
            Parts { match_labels: Deserialize::deserialize(&written)?, match_expressions: Vec::new() }
        } else {
            Parts::deserialize(&written)?
        };
        let labels = parts.match_labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let expressions = parts.match_expressions.iter().map(|part| Expression {
            key: &part.key,
            operator: &part.operator,
            values: &part.values,
        });
        let selector = Selector::from_parts(labels, expressions).unwrap_or(Selector::nothing());
        Ok(Self { selector, written })
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Value::deserialize(deserializer)?;
        if written.is_null() {
            return Ok(Self::default());
        }
        Self::read(written).map_err(serde::de::Error::custom)
    }
}
