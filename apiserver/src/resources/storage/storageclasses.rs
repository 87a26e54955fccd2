//! Storage classes: kinds of storage that claims can ask for.

use std::collections::{BTreeMap, BTreeSet};

use keelson_api::field::{Error, Errors};
use keelson_api::names::label;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use super::parameters;
use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::{At, marked};
use crate::warnings::node;

/// The resource.
#[derive(Debug)]
pub(crate) struct StorageClasses;

const FACTS: Facts = Facts {
    group: "storage.k8s.io",
    versions: &["v1"],
    stored_as: ("storage.k8s.io", "v1"),
    kind: "StorageClass",
    plural: "storageclasses",
    singular: "storageclass",
    short_names: &["sc"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Provisioner"),
        Column::text("ReclaimPolicy"),
        Column::text("VolumeBindingMode"),
        Column::text("AllowVolumeExpansion"),
        Column::text("Age"),
    ],
};

impl Resource for StorageClasses {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    /// Which class is the default one follows from all of them; a row by itself does not say.
    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        vec![
            cells::name(object),
            view.field("provisioner").text().into(),
            cells::text_or(view.field("reclaimPolicy"), DELETE).into(),
            cells::text_or(view.field("volumeBindingMode"), IMMEDIATE).into(),
            view.field("allowVolumeExpansion").is_true().into(),
            cells::age_of(object, now),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        object.default("reclaimPolicy", DELETE);
        object.default("volumeBindingMode", IMMEDIATE);
    }

    fn warn(&self, new: &Object, _: Option<&Object>, warnings: &mut Vec<String>) {
        for (at, term) in new.view().field("allowedTopologies").items().enumerate() {
            for (index, expression) in term.field("matchLabelExpressions").items().enumerate() {
                if let Some(words) = node::label(expression.field("key").text()) {
                    warnings
                        .push(format!("allowedTopologies[{at}].matchLabelExpressions[{index}].key: {words}"));
                }
            }
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, errors);
        marked::covered(errors, |errors| {
            for name in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
                At::root(new, name).immutable(old.view().field(name), errors);
            }
        });
    }
}

fn check(new: &Object, errors: &mut Errors) {
    let provisioner = At::root(new, "provisioner");
    marked::covered(errors, |errors| _ = provisioner.require(errors));
    parameters::check_driver(&provisioner, errors);
    parameters::check(&At::root(new, "parameters"), errors);
    let policy = At::root(new, "reclaimPolicy");
    if !policy.is_empty() {
        policy.one_of(&["Delete", "Retain"], errors);
    }
    let mode = At::root(new, "volumeBindingMode");
    if mode.is_present() {
        mode.one_of(&["Immediate", "WaitForFirstConsumer"], errors);
    } else {
        mode.missing("", errors);
    }
    check_topologies(&At::root(new, "allowedTopologies"), errors);
}

/// Values of labels by key, as a term asks for them.
type Term<'o> = BTreeMap<&'o str, BTreeSet<&'o str>>;

fn check_topologies(terms: &At<'_, '_>, errors: &mut Errors) {
    let mut before: Vec<Term<'_>> = Vec::new();
    for term in terms.items() {
        let expressions = term.field("matchLabelExpressions");
        let mut asked = Term::new();
        for expression in expressions.items() {
            let (key, values) = (expression.field("key"), expression.field("values"));
            values.require(errors);
            let mut known = BTreeSet::new();
            for value in values.items() {
                if !known.insert(value.text()) {
                    value.duplicate(errors);
                }
            }
            key.keep_to(label::key, errors);
            if asked.insert(key.text(), known).is_some() {
                key.duplicate(errors);
            }
        }
        // As upstream, to which a term that asks for nothing has always been there.
        if asked.is_empty() || before.contains(&asked) {
            errors.push(Error::duplicate(&expressions.path, ""));
        }
        before.push(asked);
    }
}

const DELETE: &str = "Delete";
const IMMEDIATE: &str = "Immediate";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn class(more: &str) -> String {
        format!(
            r#"{{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{{"name":"s","creationTimestamp":"2029-12-31T23:59:50Z"}},"provisioner":"p"{more}}}"#
        )
    }

    #[test]
    fn cells_and_defaults() {
        check::cells(&StorageClasses, &class(""), json!(["s", "p", "Delete", "Immediate", false, "10s"]));
        let said = class(
            r#","reclaimPolicy":"Retain","volumeBindingMode":"WaitForFirstConsumer","allowVolumeExpansion":true"#,
        );
        check::cells(
            &StorageClasses,
            &said,
            json!(["s", "p", "Retain", "WaitForFirstConsumer", true, "10s"]),
        );
        check::default(&StorageClasses, &said, &said);
        check::default(
            &StorageClasses,
            &class(""),
            &class(r#","reclaimPolicy":"Delete","volumeBindingMode":"Immediate""#),
        );
    }

    #[test]
    fn old_labels_are_warned_of() {
        let class = class(
            r#","allowedTopologies":[{"matchLabelExpressions":[{"key":"failure-domain.beta.kubernetes.io/zone","values":["z"]}]}]"#,
        );
        assert_eq!(
            check::warnings(&StorageClasses, &class, None),
            [
                r#"allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use "topology.kubernetes.io/zone" instead"#
            ]
        );
    }
}
