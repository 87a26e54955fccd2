//! Volume attributes classes: attributes of volumes that can change while they are used.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use super::parameters;
use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::At;

/// The resource.
#[derive(Debug)]
pub(crate) struct VolumeAttributesClasses;

const FACTS: Facts = Facts {
    group: "storage.k8s.io",
    versions: &["v1"],
    stored_as: ("storage.k8s.io", "v1"),
    kind: "VolumeAttributesClass",
    plural: "volumeattributesclasses",
    singular: "volumeattributesclass",
    short_names: &["vac"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("DriverName"), Column::text("Age")],
};

impl Resource for VolumeAttributesClasses {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let driver = object.view().field("driverName").text();
        vec![cells::name(object), driver.into(), cells::age_of(object, now)]
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        for (name, words) in [
            ("driverName", "updates to driverName are forbidden."),
            ("parameters", "updates to parameters are forbidden."),
        ] {
            let field = At::root(new, name);
            if field.view.value() != old.view().field(name).value() {
                field.forbidden(words, errors);
            }
        }
        check(new, errors);
    }
}

fn check(new: &Object, errors: &mut Errors) {
    let driver = At::root(new, "driverName");
    if driver.require(errors) {
        parameters::check_driver(&driver, errors);
    }
    let all = At::root(new, "parameters");
    parameters::check(&all, errors);
    all.require_saying("must contain at least one key/value pair", errors);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells() {
        let object = r#"{"apiVersion":"storage.k8s.io/v1","kind":"VolumeAttributesClass","metadata":{"name":"v","creationTimestamp":"2029-12-31T23:59:50Z"},"driverName":"d"}"#;
        check::cells(&VolumeAttributesClasses, object, json!(["v", "d", "10s"]));
    }
}
