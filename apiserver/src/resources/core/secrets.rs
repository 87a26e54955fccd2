//! Secrets: what only few may read, for pods to use.

use keelson_api::field::{Error, Errors, Path};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value};

use super::configmaps;
use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::meta::meta;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Verb};
use crate::rules::{At, certificate, golang_json};

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

    fn warn(&self, new: &Object, _: Option<&Object>, warnings: &mut Vec<String>) {
        if new.view().field("type").text() == "kubernetes.io/tls" {
            let data = new.view().field("data");
            let bytes = |key: &str| data.key(key).value().and_then(Value::as_bytes).unwrap_or_default();
            warnings.extend(certificate::warning_of_pair(bytes("tls.crt"), bytes("tls.key")));
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        validate(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        At::root(new, "type").immutable(old.view().field("type"), errors);
        if old.view().field("immutable").is_true() {
            configmaps::keep(new, old, &["data"], errors);
        }
        validate(new, errors);
    }
}

fn validate(new: &Object, errors: &mut Errors) {
    let data = At::root(new, "data");
    for (key, value) in data.entries() {
        configmaps::is_key(key, &value, errors);
    }
    if configmaps::size(&data) > configmaps::DATA_BYTES_MAX {
        errors.push(Error::too_long(&data.path, configmaps::DATA_BYTES_MAX));
    }
    let has = |key: &str| data.view.key(key).is_present();
    let require = |key: &str, errors: &mut Errors| {
        if !has(key) {
            data.key(key).missing("", errors);
        }
    };
    match new.view().field("type").text() {
        "kubernetes.io/service-account-token" => {
            const ACCOUNT: &str = "kubernetes.io/service-account.name";
            if !meta(new).annotations().any(|(key, value)| key == ACCOUNT && !value.is_empty()) {
                errors.push(Error::required(&Path::new("metadata.annotations").key(ACCOUNT), ""));
            }
        }
        "kubernetes.io/dockercfg" => is_object(&data.key(".dockercfg"), errors),
        "kubernetes.io/dockerconfigjson" => is_object(&data.key(".dockerconfigjson"), errors),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            require("username", errors);
            require("password", errors);
        }
        "kubernetes.io/ssh-auth" => {
            data.key("ssh-privatekey").require(errors);
        }
        "kubernetes.io/tls" => {
            require("tls.crt", errors);
            require("tls.key", errors);
        }
        _ => {}
    }
}

/// A value is the JSON of an object.
fn is_object(value: &At<'_, '_>, errors: &mut Errors) {
    let Some(bytes) = value.view.value() else { return value.missing("", errors) };
    let bytes = bytes.as_bytes().unwrap_or_default();
    if let Err(why) = golang_json::check_object(bytes) {
        errors.push(Error::invalid(&value.path, "<secret contents redacted>", why));
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
