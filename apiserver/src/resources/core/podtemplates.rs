//! Pod templates: pods to be, kept for controllers.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::cells::{containers, selector};
use crate::defaults;
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules;
use crate::warnings;

/// The resource.
#[derive(Debug)]
pub(crate) struct PodTemplates;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "PodTemplate",
    plural: "podtemplates",
    singular: "podtemplate",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::OfContent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Containers"), Column::text("Images"), Column::text("Pod Labels")],
};

impl Resource for PodTemplates {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::workload_kept::template(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_kept::template(new, Some(old), errors);
    }

    fn cells(&self, object: &Object, _: UnixMillis) -> Vec<Cell> {
        let template = object.view().field("template");
        let spec = template.field("spec");
        vec![
            cells::name(object),
            containers::names(spec).into(),
            containers::images(spec).into(),
            selector::labels(template.path("metadata.labels")).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        defaults::pod::template(&mut Edit::object(object).made("template"));
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        defaults::gated::template(write.features, new, None, &["template"]);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        defaults::gated::template(write.features, new, Some(old), &["template"]);
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        if old.is_none_or(|old| meta(old).generation() != meta(new).generation()) {
            warnings::pod::of_pod(new.view().field("template"), "template.", warnings);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::PodTemplates;
    use crate::resource::check;

    #[test]
    fn the_containers_are_shown() {
        check::cells(
            &PodTemplates,
            r#"{"kind":"PodTemplate","apiVersion":"v1","metadata":{"name":"a"},"template":{"metadata":{"labels":{"b":"2","a":"1"}},"spec":{"containers":[{"name":"x","image":"i:1"},{"name":"y","image":"j"}]}}}"#,
            json!(["a", "x,y", "i:1,j", "a=1,b=2"]),
        );
    }

    #[test]
    fn the_template_is_filled_in() {
        check::default(
            &PodTemplates,
            r#"{"kind":"PodTemplate","apiVersion":"v1","metadata":{"name":"a"}}"#,
            r#"{"kind":"PodTemplate","apiVersion":"v1","metadata":{"name":"a"},"template":{"metadata":{},"spec":{"containers":null,"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},"schedulerName":"default-scheduler"}}}"#,
        );
    }
}
