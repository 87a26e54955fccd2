//! Namespaces: rooms for names, and what becomes of their content when they go.

use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_api::names::label;
use keelson_api::names::object::{self as rules, Rule};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::At;

/// The resource.
#[derive(Debug)]
pub(crate) struct Namespaces;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "Namespace",
    plural: "namespaces",
    singular: "namespace",
    short_names: &["ns"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: &[Verb::Create, Verb::Delete, Verb::Get, Verb::List, Verb::Patch, Verb::Update, Verb::Watch],
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[
        Subresource { name: "finalize", kind: "Namespace", group_version: None, verbs: &[Verb::Update] },
        Subresource { name: "status", kind: "Namespace", group_version: None, verbs: Verb::OF_A_PART },
    ],
    fields: &[Field::new("status.phase")],
    columns: &[Column::NAME, Column::text("Status"), Column::text("Age")],
};

impl Resource for Namespaces {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        rules::label
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let phase = object.view().path("status.phase").text();
        vec![cells::name(object), phase.into(), cells::age_of(object, now)]
    }

    fn default(&self, object: &mut Object) {
        label_with_name(object);
        Edit::object(object).made("status").default("phase", ACTIVE);
    }

    fn prepare_create(&self, new: &mut Object, _: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        // The name was not known to the defaults if it was generated.
        label_with_name(new);
        let mut namespace = Edit::object(new);
        namespace.made("status").set("phase", ACTIVE);
        let mut spec = namespace.made("spec");
        let finalizers = spec.view().field("finalizers");
        if !finalizers.items().any(|finalizer| finalizer.text() == FINALIZER) {
            let others = finalizers.items().filter_map(|finalizer| finalizer.value().cloned());
            let all = others.chain([Value::from(FINALIZER)]).collect();
            spec.set("finalizers", Value::List(all));
        }
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        // Only `finalize` takes finalizers away.
        if write.part != "finalize" {
            parts::keep_content(new, old);
        }
    }

    fn may_go(&self, object: &Object) -> bool {
        object.view().path("spec.finalizers").items().len() == 0
    }

    fn prepare_deletion(&self, object: &mut Object) {
        let mut namespace = Edit::object(object);
        namespace.made("status").set("phase", "Terminating");
        // A namespace goes when it is empty, however long that takes.
        namespace.made("metadata").remove("deletionGracePeriodSeconds");
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check_finalizers(new, false, errors);
    }

    fn validate_update(&self, new: &Object, _: &Object, errors: &mut Errors) {
        check_finalizers(new, false, errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        let phase = At::root(new, "status").field("phase").text();
        let is_going = meta(new).deletion_timestamp().is_some();
        let (expected, when) = if is_going { ("Terminating", "not empty") } else { (ACTIVE, "empty") };
        if phase != expected {
            let words = format!("may only be '{expected}' if `deletionTimestamp` is {when}");
            // The path is written as upstream writes it.
            errors.push(Error::invalid(&Path::new("status.Phase"), Shown::Named(phase), words));
        }
    }

    fn validate_part(&self, _: &str, new: &Object, _: &Object, errors: &mut Errors) {
        check_finalizers(new, true, errors);
    }
}

/// What holds a namespace back is named as such things are named.
fn check_finalizers(new: &Object, shows_index: bool, errors: &mut Errors) {
    const STANDARD: [&str; 3] = [FINALIZER, "orphan", "foregroundDeletion"];
    let spec = At::root(new, "spec");
    let list = spec.field("finalizers");
    for item in list.items() {
        let (name, path) = (item.text(), if shows_index { item.path } else { list.path });
        errors.push_invalid(&path, name, label::key(name));
        if !name.contains('/') && !STANDARD.contains(&name) {
            let words = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(Error::invalid(&path, name, words));
        }
    }
}

const ACTIVE: &str = "Active";
/// What keeps a namespace until its content is gone.
const FINALIZER: &str = "kubernetes";
/// The label by which selectors find a namespace of a certain name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

fn label_with_name(object: &mut Object) {
    let name = meta(object).name().to_owned();
    if !name.is_empty() {
        let mut namespace = Edit::object(object);
        namespace.made("metadata").map("labels").set(NAME_LABEL, Value::from(name.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Namespaces;
    use crate::resource::Resource;
    use crate::resource::check;

    #[test]
    fn the_phase_is_shown() {
        check::cells(
            &Namespaces,
            r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a"},"status":{"phase":"Terminating"}}"#,
            json!(["a", "Terminating", "<unknown>"]),
        );
    }

    #[test]
    fn a_new_one_is_active_and_named_by_a_label() {
        check::create(
            &Namespaces,
            r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a"},"spec":{"finalizers":["example.com/a"]},"status":{"phase":"Terminating"}}"#,
            r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a","labels":{"kubernetes.io/metadata.name":"a"}},"spec":{"finalizers":["example.com/a","kubernetes"]},"status":{"phase":"Active"}}"#,
        );
        check::create(
            &Namespaces,
            r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a"}}"#,
            r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a","labels":{"kubernetes.io/metadata.name":"a"}},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}"#,
        );
    }

    #[test]
    fn finalizers_go_by_their_own_way() {
        let old = r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a"},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}"#;
        let new = r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a","labels":{"a":"b"}}}"#;
        check::update(
            &Namespaces,
            "",
            old,
            new,
            r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a","labels":{"a":"b"}},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}"#,
        );
        check::update(
            &Namespaces,
            "finalize",
            old,
            new,
            r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a","labels":{"a":"b"}},"status":{"phase":"Active"}}"#,
        );
    }

    #[test]
    fn it_stays_until_its_finalizers_are_gone() {
        let mut object = check::object(
            r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a","deletionTimestamp":"2030-01-01T00:00:00Z","deletionGracePeriodSeconds":0},"spec":{"finalizers":["kubernetes"]}}"#,
        );
        assert!(!Namespaces.may_go(&object));
        Namespaces.prepare_deletion(&mut object);
        assert_eq!(
            check::json(&object),
            json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "a", "deletionTimestamp": "2030-01-01T00:00:00Z"},
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Terminating"}})
        );
        assert!(
            Namespaces
                .may_go(&check::object(r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"a"}}"#))
        );
    }
}
