//! Ingress classes: who takes care of an ingress.

use keelson_api::field::{Error, Errors};
use keelson_api::names::{dns, object, path};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::{At, marked};

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

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        let spec = At::root(new, "spec");
        spec.field("controller").immutable(old.view().path("spec.controller"), errors);
        check(new, errors);
    }
}

/// How many bytes the name of a controller may have.
const CONTROLLER_BYTES_MAX: usize = 250;

fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let controller = spec.field("controller");
    if controller.text().len() > CONTROLLER_BYTES_MAX {
        errors.push(Error::too_long(&controller.path, CONTROLLER_BYTES_MAX));
    }
    path::domain_prefixed_path(&controller.path, controller.text(), errors);
    let parameters = spec.field("parameters");
    if parameters.is_present() {
        check_parameters(&parameters, errors);
    }
}

/// What is said of the object with the parameters.
fn check_parameters(parameters: &At<'_, '_>, errors: &mut Errors) {
    let group = parameters.field("apiGroup");
    if group.is_present() {
        group.keep_to(dns::subdomain, errors);
    }
    for name in ["kind", "name"] {
        let field = parameters.field(name);
        marked::covered(errors, |errors| _ = field.require(errors));
        if !field.is_empty() {
            field.keep_to(path::segment, errors);
        }
    }
    let (scope, namespace) = (parameters.field("scope"), parameters.field("namespace"));
    if !scope.is_present() {
        return scope.missing("", errors);
    }
    match scope.text() {
        "Namespace" if !namespace.is_present() => {
            namespace.missing("`parameters.scope` is set to 'Namespace'", errors);
        }
        "Namespace" => namespace.name_of(object::label, errors),
        "Cluster" if namespace.is_present() => {
            namespace.forbidden("`parameters.scope` is set to 'Cluster'", errors);
        }
        "Cluster" => {}
        other => errors.push(Error::not_supported(&scope.path, other, &["Cluster", "Namespace"])),
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
