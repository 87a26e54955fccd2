//! Revisions of what stateful sets and daemon sets are made of.

use keelson_client::{Kind, Meta, Resource};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The resource.
pub(crate) const REVISIONS: Resource =
    Resource::namespaced("apps", "v1", "controllerrevisions", "ControllerRevision");

/// A revision.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Revision {
    pub(crate) metadata: Meta,
    /// Its number.
    pub(crate) revision: i64,
    /// The patch that brings it back, in canonical JSON: two that say the same are the same text.
    #[serde(deserialize_with = "canonical")]
    pub(crate) data: Box<str>,
}

impl Kind for Revision {
    const RESOURCE: Resource = REVISIONS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

fn canonical<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
    Ok(written(&Value::deserialize(deserializer)?).into())
}

/// JSON as Go writes it, keys in order: hashes are made of these bytes.
pub(crate) fn written(value: &Value) -> String {
    let mut text = value.to_string();
    // None of these stands anywhere but inside of texts.
    for (plain, escaped) in [
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u{2028}", "\\u2028"),
        ("\u{2029}", "\\u2029"),
    ] {
        if text.contains(plain) {
            text = text.replace(plain, escaped);
        }
    }
    text
}
