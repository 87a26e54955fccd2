//! Events: what components have to report about objects.

use keelson_api::field::Errors;
use keelson_api::names::object::{self, Rule};
use keelson_api::options::Propagation;
use keelson_api::time::UnixMillis;
use keelson_schema::arena::{Schema, StructRef};
use keelson_schema::tree::{Fields, Object, Value};

use crate::cells::Cell;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Verb};
use crate::resources::core;
use crate::resources::core::events::rules;

/// The resource.
#[derive(Debug)]
pub(crate) struct Events;

const FACTS: Facts = Facts {
    group: "events.k8s.io",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "Event",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: true,
    subresources: &[],
    fields: &[
        Field::new("reason"),
        Field::at("regarding.apiVersion", "involvedObject.apiVersion"),
        Field::at("regarding.fieldPath", "involvedObject.fieldPath"),
        Field::at("regarding.kind", "involvedObject.kind"),
        Field::at("regarding.name", "involvedObject.name"),
        Field::at("regarding.namespace", "involvedObject.namespace"),
        Field::at("regarding.resourceVersion", "involvedObject.resourceVersion"),
        Field::at("regarding.uid", "involvedObject.uid"),
        Field::at("reportingController", "reportingComponent"),
        Field::new("type"),
    ],
    columns: &[
        Column::text("Last Seen"),
        Column::text("Type"),
        Column::text("Reason"),
        Column::text("Object"),
        Column::text("Subobject").wide(),
        Column::text("Source").wide(),
        Column::text("Message"),
        Column::text("First Seen").wide(),
        Column::text("Count").wide(),
        Column { format: "name", ..Column::text("Name") }.wide(),
    ],
};

impl Resource for Events {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        object::subdomain
    }

    fn convert(&self, object: Object, to: &Schema) -> Object {
        let is_old = object.ty().as_struct().is_some_and(|of| of.index_of("involvedObject").is_some());
        let names = NAMES.iter().map(|(new, old)| if is_old { (*old, *new) } else { (*new, *old) });
        converted(object, to, names)
    }

    fn default_propagation(&self) -> Option<Propagation> {
        None
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let stored = Schema::builtin("", "v1", "Event").expect("events have a type in the core group");
        core::events::Events.cells(&self.convert(object.clone(), &stored), now)
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, "reportingController", errors);
        rules::check_new(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check(new, "reportingController", errors);
        rules::keep(new, old, errors);
    }
}

/// The fields that have other names in the core group, where events are stored.
const NAMES: [(&str, &str); 7] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
];

/// An object with the fields of another type, some of which have other names there.
#[expect(clippy::needless_pass_by_value, reason = "an iterator that is cloned for each field")]
fn converted<'n>(
    object: Object,
    to: &Schema,
    names: impl Iterator<Item = (&'n str, &'n str)> + Clone,
) -> Object {
    let schema = object.schema().clone();
    let (from, into) = (schema.ty().as_struct(), to.ty().as_struct());
    let (from, into) = from.zip(into).expect("objects are structs");
    let mut object = object.into_root();
    let mut fields = Fields::new();
    for field in from.fields() {
        let renamed = names.clone().find(|(name, _)| *name == field.name());
        let name = renamed.map_or(field.name(), |(_, name)| name);
        if let Some((value, place)) = object.remove(field.index).zip(into.index_of(name)) {
            let inner = (field.ty().as_struct(), into.field(place).ty().as_struct());
            // A series is of another type with the same fields.
            let value = match (inner, value) {
                ((Some(from), Some(into)), Value::Struct(fields)) if from.ty() != into.ty() => {
                    Value::Struct(by_name(fields, from, into))
                }
                (_, value) => value,
            };
            fields.set(place, value);
        }
    }
    Object::with_root(to.clone(), fields)
}

/// The fields of one struct as those of another that has the same names.
fn by_name(fields: Fields, from: StructRef<'_>, into: StructRef<'_>) -> Fields {
    let mut fields = fields;
    let mut others = Fields::new();
    for field in from.fields() {
        if let Some((value, place)) = fields.remove(field.index).zip(into.index_of(field.name())) {
            others.set(place, value);
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    const NEW: &str = r#"{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{"name":"a"},"eventTime":"2029-12-31T23:59:00.123456Z","series":{"count":4,"lastObservedTime":"2029-12-31T23:59:30.000000Z"},"reportingController":"c","reportingInstance":"i","action":"Bind","reason":"r","regarding":{"kind":"Pod","name":"p"},"related":{"kind":"Node","name":"n"},"note":"text","type":"Normal","deprecatedSource":{"component":"s","host":"h"},"deprecatedFirstTimestamp":"2029-12-31T23:00:00Z","deprecatedLastTimestamp":"2029-12-31T23:10:00Z","deprecatedCount":2}"#;
    const OLD: &str = r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"a"},"involvedObject":{"kind":"Pod","name":"p"},"reason":"r","message":"text","source":{"component":"s","host":"h"},"firstTimestamp":"2029-12-31T23:00:00Z","lastTimestamp":"2029-12-31T23:10:00Z","count":2,"type":"Normal","eventTime":"2029-12-31T23:59:00.123456Z","series":{"count":4,"lastObservedTime":"2029-12-31T23:59:30.000000Z"},"action":"Bind","related":{"kind":"Node","name":"n"},"reportingComponent":"c","reportingInstance":"i"}"#;

    #[test]
    fn both_kinds_say_the_same() {
        for (from, to) in [(NEW, OLD), (OLD, NEW)] {
            let (from, to) = (check::object(from), check::object(to));
            let mut expected = check::json(&to);
            expected["apiVersion"] = check::json(&from)["apiVersion"].clone();
            let converted = Events.convert(from, to.schema());
            assert_eq!(check::json(&converted), expected);
        }
    }

    #[test]
    fn they_look_alike() {
        let expected = json!(["30s", "Normal", "r", "pod/p", "", "s, h", "text", "60m", 4, "a"]);
        check::cells(&Events, NEW, expected.clone());
        check::cells(&core::events::Events, OLD, expected);
    }
}
