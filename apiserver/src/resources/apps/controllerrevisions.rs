//! Controller revisions: earlier states of what a controller rolls out.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules;

/// The resource.
#[derive(Debug)]
pub(crate) struct ControllerRevisions;

const FACTS: Facts = Facts {
    group: "apps",
    versions: &["v1"],
    stored_as: ("apps", "v1"),
    kind: "ControllerRevision",
    plural: "controllerrevisions",
    singular: "controllerrevision",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Controller"), Column::text("Revision"), Column::text("Age")],
};

impl Resource for ControllerRevisions {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::workload_kept::revision(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_kept::revision(new, Some(old), errors);
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        vec![
            cells::name(object),
            controller(object).into(),
            cells::integer(object.view().field("revision")).into(),
            cells::age_of(object, now),
        ]
    }
}

/// The object's controller, as `deployment.apps/web`.
fn controller(object: &Object) -> String {
    let mut owners = object.view().path("metadata.ownerReferences").items();
    let Some(owner) = owners.find(|owner| owner.field("controller").is_true()) else {
        return cells::NONE.into();
    };
    let (kind, name) = (owner.field("kind").text().to_lowercase(), owner.field("name").text());
    match owner.field("apiVersion").text().split_once('/') {
        Some((group, _)) => format!("{kind}.{}/{name}", group.to_lowercase()),
        None => format!("{kind}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn the_controller_is_shown_by_kind_and_group() {
        let check = |owners: &str, expected: &str| {
            let object = format!(
                r#"{{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{{"name":"a","creationTimestamp":"2029-12-31T23:59:00Z","ownerReferences":{owners}}},"revision":3}}"#
            );
            check::cells(&ControllerRevisions, &object, json!(["a", expected, 3, "60s"]));
        };
        check("[]", "<none>");
        check(
            r#"[{"apiVersion":"v1","kind":"Other","name":"o","uid":"1"},{"apiVersion":"apps/v1","kind":"StatefulSet","name":"db","uid":"2","controller":true}]"#,
            "statefulset.apps/db",
        );
        check(r#"[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"2","controller":true}]"#, "pod/p");
    }
}
