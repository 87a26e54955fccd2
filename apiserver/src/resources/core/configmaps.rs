//! Config maps: settings as text or bytes, for pods to read.

use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

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
