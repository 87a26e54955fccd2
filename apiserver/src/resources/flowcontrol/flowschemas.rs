//! Flow schemas: which requests belong to which priority level.

pub(super) mod rules;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct FlowSchemas;

const FACTS: Facts = Facts {
    group: "flowcontrol.apiserver.k8s.io",
    versions: &["v1"],
    stored_as: ("flowcontrol.apiserver.k8s.io", "v1"),
    kind: "FlowSchema",
    plural: "flowschemas",
    singular: "flowschema",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "FlowSchema",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("PriorityLevel"),
        Column::text("MatchingPrecedence"),
        Column::text("DistinguisherMethod"),
        Column::text("Age"),
        Column::text("MissingPL"),
    ],
};

impl Resource for FlowSchemas {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let spec = object.view().field("spec");
        let method = spec.field("distinguisherMethod");
        let mut conditions = object.view().path("status.conditions").items();
        let dangling = conditions.find(|condition| condition.field("type").text() == "Dangling");
        vec![
            cells::name(object),
            spec.path("priorityLevelConfiguration.name").text().into(),
            cells::integer(spec.field("matchingPrecedence")).into(),
            if method.is_present() { method.field("type").text() } else { cells::NONE }.into(),
            cells::age_of(object, now),
            dangling.map_or("?", |condition| condition.field("status").text()).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        Edit::object(object).made("spec").default("matchingPrecedence", MATCHING_PRECEDENCE);
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, errors);
    }

    fn validate_update(&self, new: &Object, _: &Object, errors: &mut Errors) {
        rules::check(new, errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        rules::check_conditions(new, errors);
    }
}

/// Where a schema stands among the others.
const MATCHING_PRECEDENCE: i64 = 1000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells_and_defaults() {
        let schema = |spec: &str, conditions: &str| {
            format!(
                r#"{{"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"FlowSchema","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{"priorityLevelConfiguration":{{"name":"p"}}{spec}}},"status":{{"conditions":[{conditions}]}}}}"#
            )
        };
        check::cells(&FlowSchemas, &schema("", ""), json!(["x", "p", 0, "<none>", "10s", "?"]));
        check::cells(
            &FlowSchemas,
            &schema(
                r#","matchingPrecedence":7,"distinguisherMethod":{"type":"ByUser"}"#,
                r#"{"type":"Other","status":"True"},{"type":"Dangling","status":"False"}"#,
            ),
            json!(["x", "p", 7, "ByUser", "10s", "False"]),
        );
        check::default(&FlowSchemas, &schema("", ""), &schema(r#","matchingPrecedence":1000"#, ""));
    }
}
