//! Ingress classes: who takes care of an ingress.

use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct IngressClasses;

const FACTS: Facts = Facts {
    group: "networking.k8s.io",
    versions: &["v1"],
    stored_as: ("networking.k8s.io", "v1"),
    kind: "IngressClass",
    plural: "ingressclasses",
    singular: "ingressclass",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Controller"), Column::text("Parameters"), Column::text("Age")],
};

impl Resource for IngressClasses {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let (view, spec) = (object.view(), object.view().field("spec"));
        let is_default = view.path("metadata.annotations").key(IS_DEFAULT).text() == "true";
        vec![
            if is_default { format!("{} (default)", object.name()) } else { object.name().to_owned() }.into(),
            spec.field("controller").text().into(),
            parameters(spec.field("parameters")).into(),
            cells::age_of(object, now),
        ]
    }

    fn default(&self, object: &mut Object) {
        if let Some(mut parameters) =
            Edit::object(object).part("spec").as_mut().and_then(|spec| spec.part("parameters"))
        {
            parameters.default("scope", "Cluster");
        }
    }
}

/// Says of a class that ingresses without one are of it.
const IS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";

fn parameters(parameters: View<'_>) -> String {
    if !parameters.is_present() {
        return cells::NONE.into();
    }
    let text = |name: &str| parameters.field(name).text();
    let group = parameters.field("apiGroup");
    let point = if group.is_present() { "." } else { "" };
    format!("{}{point}{}/{}", text("kind"), group.text(), text("name"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn class(annotations: &str, parameters: &str) -> String {
        format!(
            r#"{{"apiVersion":"networking.k8s.io/v1","kind":"IngressClass","metadata":{{"name":"c","creationTimestamp":"2029-12-31T23:59:50Z"{annotations}}},"spec":{{"controller":"e.com/c"{parameters}}}}}"#
        )
    }

    #[test]
    fn cells_and_defaults() {
        check::cells(&IngressClasses, &class("", ""), json!(["c", "e.com/c", "<none>", "10s"]));
        let annotations = r#","annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}"#;
        let with = |scope: &str| {
            class(
                annotations,
                &format!(r#","parameters":{{"apiGroup":"k.e.com","kind":"P","name":"n"{scope}}}"#),
            )
        };
        check::cells(&IngressClasses, &with(""), json!(["c (default)", "e.com/c", "P.k.e.com/n", "10s"]));
        check::default(&IngressClasses, &with(""), &with(r#","scope":"Cluster""#));
        check::default(&IngressClasses, &class("", ""), &class("", ""));
    }
}
