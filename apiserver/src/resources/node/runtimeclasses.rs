//! Runtime classes: which container runtime handler runs a pod.

use std::collections::BTreeSet;

use keelson_api::field::{Error, Errors};
use keelson_api::names::object;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::pod_leniency::Leniency;
use crate::rules::pod_tolerations::tolerations;
use crate::rules::{At, internal, marked, pod_resources, selector};
use crate::warnings::node_labels;

/// The resource.
#[derive(Debug)]
pub(crate) struct RuntimeClasses;

const FACTS: Facts = Facts {
    group: "node.k8s.io",
    versions: &["v1"],
    stored_as: ("node.k8s.io", "v1"),
    kind: "RuntimeClass",
    plural: "runtimeclasses",
    singular: "runtimeclass",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: false,
    creates_on_update: true,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Handler"), Column::text("Age")],
};

impl Resource for RuntimeClasses {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let handler = object.view().field("handler").text();
        vec![cells::name(object), handler.into(), cells::age_of(object, now)]
    }

    fn warn(&self, new: &Object, _: Option<&Object>, warnings: &mut Vec<String>) {
        let selector = new.view().path("scheduling.nodeSelector");
        node_labels::of_labels(selector, "scheduling.nodeSelector", warnings);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, false, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, new.view().field("handler").text() != old.view().field("handler").text(), errors);
        let handler = At::root(new, "handler");
        marked::covered(errors, |errors| handler.immutable(old.view().field("handler"), errors));
    }
}

/// Of a handler that has changed the markers tell only that it must not.
fn check(new: &Object, changes: bool, errors: &mut Errors) {
    let handler = At::root(new, "handler");
    marked::covered(errors, |errors| {
        if handler.require(errors) && !changes {
            handler.name_of(object::label, errors);
        }
    });
    if changes && !handler.is_empty() {
        handler.name_of(object::label, errors);
    }
    let overhead = At::root(new, "overhead");
    if overhead.is_present() {
        let fixed = At { view: overhead.view.field("podFixed"), path: overhead.path };
        pod_resources::overhead(&fixed, &Leniency::default(), errors);
    }
    let scheduling = At::root(new, "scheduling");
    selector::labels(&scheduling.field("nodeSelector"), errors);
    let tolerated = scheduling.field("tolerations");
    tolerations(&tolerated, &Leniency::default(), errors);
    let mut known = BTreeSet::new();
    for toleration in tolerated.items() {
        let texts = ["key", "operator", "value", "effect"].map(|name| toleration.view.field(name).text());
        if !known.insert(texts) {
            errors.push(Error::duplicate(&toleration.path, internal::shown(toleration.view)));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells_and_warnings() {
        let object = r#"{"apiVersion":"node.k8s.io/v1","kind":"RuntimeClass","metadata":{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"},"handler":"h","scheduling":{"nodeSelector":{"beta.kubernetes.io/arch":"a","k":"v"}}}"#;
        check::cells(&RuntimeClasses, object, json!(["x", "h", "10s"]));
        assert_eq!(
            check::warnings(&RuntimeClasses, object, None),
            [r#"scheduling.nodeSelector: deprecated since v1.14; use "kubernetes.io/arch" instead"#]
        );
    }
}
