//! Deployments: a number of pods of a template, and how a new template replaces the old.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell, containers, selector};
use crate::defaults::{gated, pod};
use crate::edit::Edit;
use crate::meta::{meta, meta_mut};
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules;
use crate::warnings::{name, pod as pods};

/// The resource.
#[derive(Debug)]
pub(crate) struct Deployments;

const FACTS: Facts = Facts {
    group: "apps",
    versions: &["v1"],
    stored_as: ("apps", "v1"),
    kind: "Deployment",
    plural: "deployments",
    singular: "deployment",
    short_names: &["deploy"],
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
        Subresource { name: "status", kind: "Deployment", group_version: None, verbs: Verb::OF_A_PART },
    ],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Ready"),
        Column::text("Up-to-date"),
        Column::text("Available"),
        Column::text("Age"),
        Column::text("Containers").wide(),
        Column::text("Images").wide(),
        Column::text("Selector").wide(),
    ],
};

impl Resource for Deployments {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::workload_replicas::deployment(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_replicas::deployment(new, Some(old), errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_replicas::deployment_status(new, old, errors);
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let (spec, status) = (object.view().field("spec"), object.view().field("status"));
        let pods = spec.path("template.spec");
        let number = |name: &str| cells::integer(status.field(name));
        vec![
            cells::name(object),
            format!("{}/{}", number("readyReplicas"), cells::integer(spec.field("replicas"))).into(),
            number("updatedReplicas").into(),
            number("availableReplicas").into(),
            cells::age_of(object, now),
            containers::names(pods).into(),
            containers::images(pods).into(),
            selected(selector::selector(spec.field("selector"))).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        let mut spec = object.made("spec");
        pod::template(&mut spec.made("template"));
        spec.default("replicas", 1_i64);
        spec.default("revisionHistoryLimit", 10_i64);
        spec.default("progressDeadlineSeconds", 600_i64);
        let mut strategy = spec.made("strategy");
        strategy.default("type", "RollingUpdate");
        if strategy.text("type") == "RollingUpdate" {
            let mut rolling = strategy.made("rollingUpdate");
            rolling.default("maxUnavailable", "25%");
            rolling.default("maxSurge", "25%");
        }
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        gated::template(write.features, new, None, &["spec", "template"]);
    }

    /// A change of annotations counts as one of what is wanted: they are copied to the replica sets.
    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        gated::template(write.features, new, Some(old), &["spec", "template"]);
        if new.get("metadata.annotations") != old.get("metadata.annotations") {
            meta_mut(new).set_generation(meta(old).generation() + 1);
        }
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata", "labels"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        let labels = old.get("metadata.labels").cloned();
        Edit::object(new).made("metadata").put("labels", labels);
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

/// A selector as this table shows it: differently from others where there is nothing to show.
fn selected(text: String) -> String {
    match text.as_str() {
        cells::NONE => String::new(),
        "<error>" => "<invalid>".into(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    const CREATED: &str = "2029-12-30T00:00:00Z";

    fn object(metadata: &str, replicas: u8, status: &str) -> String {
        format!(
            r#"{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"a","creationTimestamp":"{CREATED}","generation":3{metadata}}},"spec":{{"replicas":{replicas},"selector":{{"matchLabels":{{"a":"b"}}}},"template":{{"spec":{{"containers":[{{"name":"c","image":"i:1"}}]}}}}}},"status":{{{status}}}}}"#
        )
    }

    const STATUS: &str = r#""replicas":4,"updatedReplicas":3,"readyReplicas":2,"availableReplicas":1"#;

    #[test]
    fn cells() {
        check::cells(
            &Deployments,
            &object("", 5, STATUS),
            json!(["a", "2/5", 3, 1, "2d", "c", "i:1", "a=b"]),
        );
    }

    #[test]
    fn status_and_object_are_written_apart() {
        let old = object(r#","labels":{"l":"1"}"#, 5, STATUS);
        let new = object(r#","labels":{"l":"2"}"#, 6, "");
        check::create(&Deployments, &old, &object(r#","labels":{"l":"1"}"#, 5, ""));
        check::update(&Deployments, "", &old, &new, &object(r#","labels":{"l":"2"}"#, 6, STATUS));
        check::update(&Deployments, "status", &old, &new, &object(r#","labels":{"l":"1"}"#, 5, ""));
    }

    #[test]
    fn annotations_count_as_content() {
        let (old, annotations) = (object("", 5, ""), r#","annotations":{"a":"b"}"#);
        let expected = object(annotations, 5, "").replace(r#""generation":3"#, r#""generation":4"#);
        check::update(&Deployments, "", &old, &object(annotations, 5, ""), &expected);
    }

    #[test]
    fn what_is_left_open_is_filled_in() {
        let mut object = check::object(
            r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"spec":{"strategy":{"rollingUpdate":{"maxSurge":1}}}}"#,
        );
        Deployments.default(&mut object);
        let spec = &check::json(&object)["spec"];
        assert_eq!(
            spec["strategy"],
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": 1}})
        );
        assert_eq!(spec["replicas"], 1);
        assert_eq!(spec["revisionHistoryLimit"], 10);
        assert_eq!(spec["progressDeadlineSeconds"], 600);
        assert_eq!(spec["template"]["spec"]["restartPolicy"], "Always");
    }

    #[test]
    fn names_that_pods_cannot_have_are_warned_of() {
        let object = object("", 1, "").replace(r#""name":"a""#, r#""name":"a.b""#);
        let warnings = check::warnings(&Deployments, &object, None);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("a DNS label is recommended: [must not contain dots]"), "{warnings:?}");
        assert!(check::warnings(&Deployments, &object, Some(&object)).is_empty());
    }
}
