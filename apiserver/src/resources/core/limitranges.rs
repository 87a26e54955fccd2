//! Limit ranges: bounds and defaults for what the objects of a namespace may ask for.

mod rules;

use keelson_api::field::Errors;
use keelson_schema::tree::{Entries, Object, Value};

use crate::defaults::quantity::{fill, round_up};
use crate::edit::Edit;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct LimitRanges;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "LimitRange",
    plural: "limitranges",
    singular: "limitrange",
    short_names: &["limits"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: true,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column { type_: "date", ..Column::text("Created At") }],
};

impl Resource for LimitRanges {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn default(&self, object: &mut Object) {
        let mut range = Edit::object(object);
        let Some(mut spec) = range.part("spec") else { return };
        for mut item in spec.items("limits") {
            if item.text("type") == "Container" {
                fill_in(&mut item);
            }
            for list in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
                round_up(&mut item, list);
            }
        }
    }

    fn names_itself(&self) -> bool {
        true
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, errors);
    }

    fn validate_update(&self, new: &Object, _: &Object, errors: &mut Errors) {
        rules::check(new, errors);
    }
}

/// What containers may have at most is what they get; what they get, or else what they must have, is what they request.
fn fill_in(item: &mut Edit<'_>) {
    let list = |item: &Edit<'_>, name| item.get(name).and_then(Value::as_map).cloned().unwrap_or_default();
    let (mut limits, mut requests): (Entries, Entries) =
        (list(item, "default"), list(item, "defaultRequest"));
    fill(&mut limits, &list(item, "max"));
    fill(&mut requests, &limits);
    fill(&mut requests, &list(item, "min"));
    for (name, list) in [("default", limits), ("defaultRequest", requests)] {
        item.put(name, (!list.is_empty()).then_some(Value::Map(list)));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::LimitRanges;
    use crate::object_life::tests::World;
    use crate::resource::check;

    #[test]
    fn bounds_of_containers_are_their_defaults() {
        check::default(
            &LimitRanges,
            r#"{"kind":"LimitRange","apiVersion":"v1","metadata":{"name":"a"},"spec":{"limits":[{"type":"Container","max":{"cpu":"2","memory":"1Gi"},"min":{"cpu":"100m","example.com/a":"1"},"default":{"cpu":"1"}},{"type":"Pod","max":{"cpu":"2"}}]}}"#,
            r#"{"kind":"LimitRange","apiVersion":"v1","metadata":{"name":"a"},"spec":{"limits":[{"type":"Container","max":{"cpu":"2","memory":"1Gi"},"min":{"cpu":"100m","example.com/a":"1"},"default":{"cpu":"1","memory":"1Gi"},"defaultRequest":{"cpu":"1","example.com/a":"1","memory":"1Gi"}},{"type":"Pod","max":{"cpu":"2"}}]}}"#,
        );
    }

    #[tokio::test]
    async fn one_without_a_name_gets_one_of_its_own() {
        let world = World::new().await;
        world.make("/api/v1/namespaces", json!({"metadata": {"name": "a"}})).await;
        let made = world.make("/api/v1/namespaces/a/limitranges", json!({"spec": {"limits": []}})).await;
        let (name, uid) = (&made["metadata"]["name"], &made["metadata"]["uid"]);
        assert_eq!(name.as_str().map(str::len), uid.as_str().map(str::len), "{made}");
        assert_ne!(name, uid);
    }
}
