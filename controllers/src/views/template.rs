//! Templates of pods: kept as the text they were read from, so that nothing is lost on the way to a pod.

use keelson_client::Labels;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// The label by which the pods of a deployment's replica sets are told apart.
pub(crate) const HASH_LABEL: &str = "pod-template-hash";

/// A template.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    /// Of its pods.
    pub(crate) labels: Labels,
    /// All of it in canonical JSON, but for the hash among the labels: two that say the same are the same text.
    text: Box<str>,
}

impl Template {
    /// A template that is written so.
    pub(crate) fn new(mut written: Value) -> Self {
        let labels = Labels::deserialize(&written["metadata"]["labels"]).unwrap_or_default();
        if let Some(labels) = written["metadata"]["labels"].as_object_mut() {
            labels.remove(HASH_LABEL);
        }
        without_nothing(&mut written);
        Self { labels, text: written.to_string().into() }
    }

    /// What it says, without the hash.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What it says, with `labels`.
    pub(crate) fn with_labels(&self, labels: &Labels) -> Value {
        let mut written: Value = serde_json::from_str(&self.text).unwrap_or_default();
        if labels.is_empty() {
            return written;
        }
        written["metadata"]["labels"] = json!(labels);
        written
    }
}

/// Takes out what says nothing: two templates that differ only in it are the same.
fn without_nothing(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| {
                without_nothing(value);
                !value.is_null()
            });
        }
        Value::Array(list) => list.iter_mut().for_each(without_nothing),
        _ => {}
    }
}

impl PartialEq for Template {
    /// But for the hash.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::new)
    }
}
