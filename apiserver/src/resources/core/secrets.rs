//! Secrets: what only few may read, for pods to use.

use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct Secrets;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "Secret",
    plural: "secrets",
    singular: "secret",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[Field::new("type")],
    columns: &[Column::NAME, Column::text("Type"), Column::text("Data"), Column::text("Age")],
};

impl Resource for Secrets {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let count = cells::count(view.field("data"));
        vec![cells::name(object), view.field("type").text().into(), count.into(), cells::age_of(object, now)]
    }

    fn default(&self, object: &mut Object) {
        let mut secret = Edit::object(object);
        // What is written as text is kept as octets, which it takes the place of.
        if let Some(Value::Map(texts)) = secret.remove("stringData")
            && !texts.is_empty()
        {
            let data = secret.map("data");
            for (key, text) in texts.iter() {
                let octets = text.as_str().unwrap_or_default().as_bytes();
                data.set(key, Value::Bytes(octets.into()));
            }
        }
        secret.default("type", "Opaque");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Secrets;
    use crate::resource::check;

    #[test]
    fn data_is_counted() {
        check::cells(
            &Secrets,
            r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"},"type":"kubernetes.io/tls","data":{"tls.key":"AA==","tls.crt":""}}"#,
            json!(["a", "kubernetes.io/tls", 2, "<unknown>"]),
        );
    }

    #[test]
    fn texts_become_data() {
        check::default(
            &Secrets,
            r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"},"data":{"a":"QQ==","b":"Qg=="},"stringData":{"b":"new","c":""}}"#,
            r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"},"data":{"a":"QQ==","b":"bmV3","c":""},"type":"Opaque"}"#,
        );
    }
}
