//! Custom resource definitions: resources that users bring.

mod rules;
mod schemas;
mod structure;

use std::collections::BTreeSet;

use keelson_api::field::Errors;
use keelson_api::golang::Quoted;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value, View};

use crate::cells::{self, Cell};
use crate::defaults::webhook;
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct CustomResourceDefinitions;

const FACTS: Facts = Facts {
    group: "apiextensions.k8s.io",
    versions: &["v1"],
    stored_as: ("apiextensions.k8s.io", "v1"),
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    singular: "customresourcedefinition",
    short_names: &["crd", "crds"],
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "CustomResourceDefinition",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Scope"),
        Column::text("Versions"),
        Column { type_: "date", ..Column::text("Created At") },
        Column::text("Group").wide(),
        Column::text("Kind").wide(),
        Column::text("ShortNames").wide(),
        Column::boolean("Established").wide(),
    ],
};

impl Resource for CustomResourceDefinitions {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn hashed_version(&self) -> &'static str {
        "v1beta1"
    }

    fn cells(&self, object: &Object, _: UnixMillis) -> Vec<Cell> {
        let spec = object.view().field("spec");
        let mut conditions = object.view().path("status.conditions").items();
        let is_established = conditions.any(|condition| {
            condition.field("type").text() == "Established" && condition.field("status").text() == "True"
        });
        vec![
            cells::name(object),
            spec.field("scope").text().into(),
            versions(spec).into(),
            cells::timestamp(meta(object).creation_timestamp()).into(),
            spec.field("group").text().into(),
            spec.path("names.kind").text().into(),
            cells::joined(spec.path("names.shortNames")).into(),
            is_established.into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        {
            let mut object = Edit::object(object);
            let mut spec = object.made("spec");
            let mut names = spec.made("names");
            let kind = names.text("kind").to_owned();
            names.default("singular", kind.to_lowercase().as_str());
            if !kind.is_empty() {
                names.default("listKind", format!("{kind}List").as_str());
            }
            if !spec.has("conversion") {
                spec.made("conversion").set("strategy", "None");
            }
            let mut conversion = spec.made("conversion");
            if let Some(mut webhook) = conversion.part("webhook") {
                webhook::client(&mut webhook, "clientConfig");
            }
        }
        if cells::count(object.view().path("status.storedVersions")) == 0 {
            record_stored_version(object);
        }
    }

    /// So it is said, though metadata can in fact be written with the status.
    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_create(&self, new: &mut Object, _: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        record_stored_version(new);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        record_stored_version(new);
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        let unknown = |object: &Object| {
            let mut found = BTreeSet::new();
            for version in object.view().path("spec.versions").items() {
                schemas::unknown_formats(version.path("schema.openAPIV3Schema"), &mut found);
            }
            found
        };
        let before = old.map(unknown).unwrap_or_default();
        for format in unknown(new).difference(&before) {
            warnings.push(format!("unrecognized format {}", Quoted(format)));
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check(new, Some(old), errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        rules::check_status(new, errors);
    }
}

/// The versions that are served, in alphabetical order.
fn versions(spec: View<'_>) -> String {
    let served = spec.field("versions").items().filter(|version| version.field("served").is_true());
    let mut labels: Vec<String> = served
        .map(|version| {
            let mark = if version.field("storage").is_true() { "(storage)" } else { "" };
            format!("{}{mark}", version.field("name").text())
        })
        .collect();
    labels.sort();
    labels.join(",")
}

/// Notes in the status in which version objects are stored from now on: there may still be some in it when it has long
/// been another.
fn record_stored_version(object: &mut Object) {
    if let Some(versions) = more_stored_versions(object) {
        Edit::object(object).made("status").set("storedVersions", versions);
    }
}

/// The versions that there may be objects in, if there is one more than is noted.
fn more_stored_versions(object: &Object) -> Option<Value> {
    let view = object.view();
    let version = view.path("spec.versions").items().find(|version| version.field("storage").is_true())?;
    let (stored, name) = (view.path("status.storedVersions"), version.field("name").text());
    let is_new = stored.items().all(|stored| stored.text() != name);
    is_new.then(|| Value::List(stored.items().map(View::text).chain([name]).map(Value::from).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn definition(names: &str, stored: &str, more: &str) -> String {
        format!(
            r#"{{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{{"name":"things.e.com","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{"group":"e.com","names":{{"kind":"Thing","plural":"things","shortNames":["th","tg"]{names}}},"scope":"Cluster","versions":[{{"name":"v2","served":true,"storage":false}},{{"name":"v1","served":true,"storage":true}},{{"name":"v0","served":false,"storage":false}}]{more}}},"status":{{"conditions":null,"acceptedNames":{{"plural":"","kind":""}},"storedVersions":{stored}}}}}"#
        )
    }

    #[test]
    fn cells() {
        let shown = |established: bool| {
            json!([
                "things.e.com",
                "Cluster",
                "v1(storage),v2",
                "2029-12-31T23:59:50Z",
                "e.com",
                "Thing",
                "th,tg",
                established
            ])
        };
        let object = definition("", "null", "");
        check::cells(&CustomResourceDefinitions, &object, shown(false));
        let conditions = r#""conditions":[{"type":"Established","status":"True","lastTransitionTime":null}]"#;
        let established = object.replace(r#""conditions":null"#, conditions);
        check::cells(&CustomResourceDefinitions, &established, shown(true));
    }

    #[test]
    fn what_is_left_open_is_filled_in() {
        let names = r#","singular":"thing","listKind":"ThingList""#;
        check::default(
            &CustomResourceDefinitions,
            &definition("", "null", ""),
            &definition(names, r#"["v1"]"#, r#","conversion":{"strategy":"None"}"#),
        );
        let webhook = |port: &str| {
            format!(
                r#","conversion":{{"strategy":"Webhook","webhook":{{"conversionReviewVersions":["v1"],"clientConfig":{{"service":{{"name":"s","namespace":"n"{port}}}}}}}}}"#
            )
        };
        check::default(
            &CustomResourceDefinitions,
            &definition(names, r#"["v9"]"#, &webhook("")),
            &definition(names, r#"["v9"]"#, &webhook(r#","port":443"#)),
        );
    }

    #[test]
    fn stored_versions_add_up() {
        let [old, both, none] =
            [r#"["v0"]"#, r#"["v0","v1"]"#, r#"["v7"]"#].map(|stored| definition("", stored, ""));
        check::create(&CustomResourceDefinitions, &old, &definition("", r#"["v1"]"#, ""));
        check::update(&CustomResourceDefinitions, "", &old, &none, &both);
        check::update(&CustomResourceDefinitions, "", &both, &none, &both);
    }
}
