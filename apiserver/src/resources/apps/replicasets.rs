//! Replica sets: a number of pods of one template.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell, containers, selector};
use crate::defaults::{gated, pod};
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules;
use crate::warnings::{name, pod as pods};

/// The resource.
#[derive(Debug)]
pub(crate) struct ReplicaSets;

const FACTS: Facts = Facts {
    group: "apps",
    versions: &["v1"],
    stored_as: ("apps", "v1"),
    kind: "ReplicaSet",
    plural: "replicasets",
    singular: "replicaset",
    short_names: &["rs"],
    categories: &["all"],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[
        Subresource {
            name: "scale",
            kind: "Scale",
            group_version: Some(("autoscaling", "v1")),
            verbs: Verb::OF_A_PART,
        },
        Subresource { name: "status", kind: "ReplicaSet", group_version: None, verbs: Verb::OF_A_PART },
    ],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::integer("Desired"),
        Column::integer("Current"),
        Column::integer("Ready"),
        Column::text("Age"),
        Column::text("Containers").wide(),
        Column::text("Images").wide(),
        Column::text("Selector").wide(),
    ],
};

impl Resource for ReplicaSets {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::workload_replicas::set(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_replicas::set(new, Some(old), errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        let _ = old;
        rules::workload_replicas::set_status(new, errors);
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let (spec, status) = (object.view().field("spec"), object.view().field("status"));
        let pods = spec.path("template.spec");
        vec![
            cells::name(object),
            cells::integer(spec.field("replicas")).into(),
            cells::integer(status.field("replicas")).into(),
            cells::integer(status.field("readyReplicas")).into(),
            cells::age_of(object, now),
            containers::names(pods).into(),
            containers::images(pods).into(),
            selector::selector(spec.field("selector")).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        let mut spec = object.made("spec");
        spec.default("replicas", 1_i64);
        pod::template(&mut spec.made("template"));
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        gated::template(write.features, new, None, &["spec", "template"]);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        gated::template(write.features, new, Some(old), &["spec", "template"]);
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        if old.is_none() {
            name::for_pods(new, warnings);
        }
        if old.is_none_or(|old| meta(old).generation() != meta(new).generation()) {
            pods::of_pod(new.view().path("spec.template"), "spec.template.", warnings);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells_and_defaults() {
        let object = r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"a","creationTimestamp":"2029-12-31T23:57:55Z"},"spec":{"replicas":3,"selector":{"matchExpressions":[{"key":"k","operator":"Exists"}]},"template":{"spec":{"containers":[{"name":"c","image":"i"}]}}},"status":{"replicas":2,"readyReplicas":1}}"#;
        check::cells(&ReplicaSets, object, json!(["a", 3, 2, 1, "2m5s", "c", "i", "k"]));
        let mut object = check::object(
            r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"a"},"spec":{}}"#,
        );
        ReplicaSets.default(&mut object);
        let json = check::json(&object);
        assert_eq!(json["spec"]["replicas"], 1);
        assert_eq!(json["spec"]["template"]["spec"]["schedulerName"], "default-scheduler");
    }
}
