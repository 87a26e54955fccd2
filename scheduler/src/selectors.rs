//! What pods say about labels of nodes and of other pods, made once when a pod is read.

use std::collections::BTreeMap;

use compact_str::CompactString;
use keelson_api::selector::label::{Expression, Selector};
use keelson_client::Labels;
use serde::Deserialize;

/// A selector as objects carry it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Written {
    match_labels: BTreeMap<CompactString, CompactString>,
    match_expressions: Vec<WrittenRequirement>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WrittenRequirement {
    key: CompactString,
    operator: String,
    values: Vec<String>,
}

impl Written {
    /// What is invalid selects nothing; the server lets no such thing in.
    pub(crate) fn read(&self) -> Selector {
        let labels = self.match_labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let expressions = self.match_expressions.iter().map(|part| Expression {
            key: &part.key,
            operator: &part.operator,
            values: &part.values,
        });
        Selector::from_parts(labels, expressions).unwrap_or(Selector::nothing())
    }

    /// No selector at all selects nothing.
    pub(crate) fn read_option(written: Option<&Self>) -> Selector {
        written.map_or(Selector::nothing(), Self::read)
    }
}

/// Whether a selector selects what has these labels.
pub(crate) fn selects(selector: &Selector, labels: &Labels) -> bool {
    selector.matches(|key| labels.get(key))
}

/// A condition on one value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Condition {
    In(Box<[CompactString]>),
    NotIn(Box<[CompactString]>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
    /// Written in a way that nothing meets.
    Never,
}

impl Condition {
    fn read(written: &WrittenRequirement) -> Self {
        let values = || written.values.iter().map(CompactString::from).collect();
        let number = || written.values.first().and_then(|value| value.parse().ok());
        match written.operator.as_str() {
            "In" => Self::In(values()),
            "NotIn" => Self::NotIn(values()),
            "Exists" => Self::Exists,
            "DoesNotExist" => Self::Absent,
            "Gt" => number().map_or(Self::Never, Self::Greater),
            "Lt" => number().map_or(Self::Never, Self::Less),
            _ => Self::Never,
        }
    }

    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.iter().any(|one| one == value)),
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::Greater(bound) => number().is_some_and(|number| number > *bound),
            Self::Less(bound) => number().is_some_and(|number| number < *bound),
            Self::Never => false,
        }
    }
}

/// A term about nodes, as objects carry it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WrittenNodeTerm {
    match_expressions: Vec<WrittenRequirement>,
    match_fields: Vec<WrittenRequirement>,
}

/// A term about nodes: all its conditions hold. One without any holds for no node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeTerm {
    labels: Box<[(CompactString, Condition)]>,
    /// On the node's name, the only field there is.
    names: Box<[Condition]>,
}

impl NodeTerm {
    pub(crate) fn read(written: &WrittenNodeTerm) -> Self {
        let labels = written.match_expressions.iter();
        let names = written.match_fields.iter().map(|field| match field.key.as_str() {
            "metadata.name" => Condition::read(field),
            _ => Condition::Never,
        });
        Self {
            labels: labels.map(|part| (part.key.clone(), Condition::read(part))).collect(),
            names: names.collect(),
        }
    }

    pub(crate) fn holds(&self, name: &str, labels: &Labels) -> bool {
        if self.labels.is_empty() && self.names.is_empty() {
            return false;
        }
        self.labels.iter().all(|(key, condition)| condition.holds(labels.get(key)))
            && self.names.iter().all(|condition| condition.holds(Some(name)))
    }

    /// The only names that it can hold for, if it says so.
    pub(crate) fn only_names(&self) -> Option<Vec<&str>> {
        let mut only: Option<Vec<&str>> = None;
        for condition in &self.names {
            let Condition::In(names) = condition else { continue };
            let names: Vec<&str> = names.iter().map(CompactString::as_str).collect();
            only = Some(match only {
                None => names,
                Some(before) => before.into_iter().filter(|name| names.contains(name)).collect(),
            });
        }
        only
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn terms_about_nodes() {
        let labels: Labels = [("zone", "a"), ("cores", "8")].into_iter().collect();
        let cases = [
            (json!({}), false),
            (json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}), true),
            (json!({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}), false),
            (json!({"matchExpressions": [{"key": "rack", "operator": "NotIn", "values": ["a"]}]}), true),
            (json!({"matchExpressions": [{"key": "rack", "operator": "Exists"}]}), false),
            (json!({"matchExpressions": [{"key": "rack", "operator": "DoesNotExist"}]}), true),
            (json!({"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["7"]}]}), true),
            (json!({"matchExpressions": [{"key": "cores", "operator": "Lt", "values": ["8"]}]}), false),
            (json!({"matchExpressions": [{"key": "zone", "operator": "Gt", "values": ["7"]}]}), false),
            (json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}), true),
            (
                json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}],
                    "matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]}),
                false,
            ),
        ];
        for (written, expected) in cases {
            let term = NodeTerm::read(&serde_json::from_value(written.clone()).unwrap());
            assert_eq!(term.holds("n", &labels), expected, "{written}");
        }
    }
}
