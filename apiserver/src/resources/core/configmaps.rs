//! Config maps: settings as text or bytes, for pods to read.

use keelson_api::field::{Error, Errors, Path};
use keelson_api::names::variable;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value};

use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::At;

/// The resource.
#[derive(Debug)]
pub(crate) struct ConfigMaps;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "ConfigMap",
    plural: "configmaps",
    singular: "configmap",
    short_names: &["cm"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Data"), Column::text("Age")],
};

impl Resource for ConfigMaps {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let count = cells::count(view.field("data")) + cells::count(view.field("binaryData"));
        vec![cells::name(object), count.into(), cells::age_of(object, now)]
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        validate(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        if old.view().field("immutable").is_true() {
            keep(new, old, &["data", "binaryData"], errors);
        }
        validate(new, errors);
    }
}

/// How many bytes of data a config map or a secret may have.
pub(super) const DATA_BYTES_MAX: usize = 1 << 20;

fn validate(new: &Object, errors: &mut Errors) {
    let (texts, octets) = (At::root(new, "data"), At::root(new, "binaryData"));
    for (key, value) in texts.entries() {
        is_key(key, &value, errors);
        if octets.view.key(key).is_present() {
            let words = "duplicate of key present in binaryData";
            errors.push(Error::invalid(&value.path, key, words));
        }
    }
    for (key, value) in octets.entries() {
        is_key(key, &value, errors);
    }
    if size(&texts) + size(&octets) > DATA_BYTES_MAX {
        errors.push(Error::too_long(&Path::new(""), DATA_BYTES_MAX));
    }
}

/// A key of data is one that can be the name of a file.
pub(super) fn is_key(key: &str, value: &At<'_, '_>, errors: &mut Errors) {
    errors.push_invalid(&value.path, key, variable::config_map_key(key));
}

/// How many bytes the values of a map have.
pub(super) fn size(data: &At<'_, '_>) -> usize {
    let bytes = |value: &At<'_, '_>| value.view.value().and_then(Value::as_bytes).map_or(0, <[u8]>::len);
    data.entries().map(|(_, value)| value.text().len() + bytes(&value)).sum()
}

/// What is immutable by its own word stays so, and keeps these fields.
pub(super) fn keep(new: &Object, old: &Object, fields: &[&str], errors: &mut Errors) {
    const WORDS: &str = "field is immutable when `immutable` is set";
    let immutable = At::root(new, "immutable");
    if !immutable.is_true() {
        immutable.forbidden(WORDS, errors);
    }
    for name in fields {
        let now = At::root(new, name);
        if now.view.value() != old.view().field(name).value() {
            now.forbidden(WORDS, errors);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ConfigMaps;
    use crate::resource::check;

    #[test]
    fn both_sorts_of_data_are_counted() {
        check::cells(
            &ConfigMaps,
            r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","creationTimestamp":"2029-12-31T23:00:00Z"},"data":{"a":"1","b":""},"binaryData":{"c":"AA=="}}"#,
            json!(["a", 3, "60m"]),
        );
        let bare = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}"#;
        check::cells(&ConfigMaps, bare, json!(["a", 0, "<unknown>"]));
    }
}
