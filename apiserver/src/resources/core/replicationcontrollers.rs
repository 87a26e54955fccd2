//! Replication controllers: a number of pods of one template; what replica sets replaced.

use keelson_api::field::Errors;
use keelson_api::options::Propagation;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value};

use crate::cells::{self, Cell};
use crate::cells::{containers, selector};
use crate::defaults;
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Subresource, Verb};
use crate::rules;
use crate::warnings::{name, pod as pods};

/// The resource.
#[derive(Debug)]
pub(crate) struct ReplicationControllers;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "ReplicationController",
    plural: "replicationcontrollers",
    singular: "replicationcontroller",
    short_names: &["rc"],
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
        Subresource {
            name: "status",
            kind: "ReplicationController",
            group_version: None,
            verbs: Verb::OF_A_PART,
        },
    ],
    fields: &[Field::new("status.replicas").or("0")],
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

impl Resource for ReplicationControllers {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn looks_at_prefix(&self) -> bool {
        false
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::workload_replicas::controller(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_replicas::controller(new, Some(old), errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        let _ = old;
        rules::workload_replicas::set_status(new, errors);
    }

    /// Its first clients did not know that dependents can go with it.
    fn default_propagation(&self) -> Option<Propagation> {
        Some(Propagation::Orphan)
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let (spec, status) = (view.field("spec"), view.field("status"));
        let containers = spec.path("template.spec");
        vec![
            cells::name(object),
            cells::integer(spec.field("replicas")).into(),
            cells::integer(status.field("replicas")).into(),
            cells::integer(status.field("readyReplicas")).into(),
            cells::age_of(object, now),
            containers::names(containers).into(),
            containers::images(containers).into(),
            selector::labels(spec.field("selector")).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        let labels = object.view().path("spec.template.metadata.labels").value().cloned();
        let mut controller = Edit::object(object);
        if let Some(labels) = labels.filter(|labels| !labels.is_empty()) {
            for part in [("spec", "selector"), ("metadata", "labels")] {
                let mut of = controller.made(part.0);
                if of.get(part.1).is_none_or(Value::is_empty) {
                    of.set(part.1, labels.clone());
                }
            }
        }
        if let Some(mut template) = controller.part("spec").as_mut().and_then(|spec| spec.part("template")) {
            defaults::pod::template(&mut template);
        }
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        defaults::gated::template(write.features, new, None, TEMPLATE);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        defaults::gated::template(write.features, new, Some(old), TEMPLATE);
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

/// Where the template of its pods is.
const TEMPLATE: &[&str] = &["spec", "template"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ReplicationControllers;
    use crate::resource::check;

    #[test]
    fn replicas_are_counted() {
        check::cells(
            &ReplicationControllers,
            r#"{"kind":"ReplicationController","apiVersion":"v1","metadata":{"name":"a"},"spec":{"replicas":3,"selector":{"b":"2","a":"1"},"template":{"spec":{"containers":[{"name":"x","image":"i"}]}}},"status":{"replicas":2,"readyReplicas":1}}"#,
            json!(["a", 3, 2, 1, "<unknown>", "x", "i", "a=1,b=2"]),
        );
        let bare = r#"{"kind":"ReplicationController","apiVersion":"v1","metadata":{"name":"a"}}"#;
        check::cells(&ReplicationControllers, bare, json!(["a", 0, 0, 0, "<unknown>", "", "", "<none>"]));
    }

    #[test]
    fn the_templates_labels_are_taken_over() {
        check::default(
            &ReplicationControllers,
            r#"{"kind":"ReplicationController","apiVersion":"v1","metadata":{"name":"a","labels":{"own":"1"}},"spec":{"template":{"metadata":{"labels":{"a":"1"}},"spec":{"containers":[]}}}}"#,
            r#"{"kind":"ReplicationController","apiVersion":"v1","metadata":{"name":"a","labels":{"own":"1"}},"spec":{"replicas":1,"selector":{"a":"1"},"template":{"metadata":{"labels":{"a":"1"}},"spec":{"containers":[],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},"schedulerName":"default-scheduler"}}},"status":{"replicas":0}}"#,
        );
    }
}
