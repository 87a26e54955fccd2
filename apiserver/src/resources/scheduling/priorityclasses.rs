//! Priority classes: names for how important a pod is.

use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct PriorityClasses;

const FACTS: Facts = Facts {
    group: "scheduling.k8s.io",
    versions: &["v1"],
    stored_as: ("scheduling.k8s.io", "v1"),
    kind: "PriorityClass",
    plural: "priorityclasses",
    singular: "priorityclass",
    short_names: &["pc"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::integer("Value"),
        Column::boolean("Global-Default"),
        Column::text("Age"),
        Column::text("PreemptionPolicy"),
    ],
};

impl Resource for PriorityClasses {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        vec![
            cells::name(object),
            cells::integer(view.field("value")).into(),
            view.field("globalDefault").is_true().into(),
            cells::age_of(object, now),
            view.field("preemptionPolicy").text().into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        Edit::object(object).default("preemptionPolicy", "PreemptLowerPriority");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells_and_defaults() {
        let class = |policy: &str| {
            format!(
                r#"{{"apiVersion":"scheduling.k8s.io/v1","kind":"PriorityClass","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"}},"value":-7,"globalDefault":true{policy}}}"#
            )
        };
        let filled = class(r#","preemptionPolicy":"PreemptLowerPriority""#);
        check::default(&PriorityClasses, &class(""), &filled);
        check::cells(&PriorityClasses, &filled, json!(["x", -7, true, "10s", "PreemptLowerPriority"]));
    }
}
