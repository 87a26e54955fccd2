//! Storage version migrations: rewrites what is stored in an old version.

use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};

use crate::cells::{self, Cell};
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct StorageVersionMigrations;

const FACTS: Facts = Facts {
    group: "storagemigration.k8s.io",
    versions: &["v1"],
    stored_as: ("storagemigration.k8s.io", "v1"),
    kind: "StorageVersionMigration",
    plural: "storageversionmigrations",
    singular: "storageversionmigration",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "StorageVersionMigration",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[Column::text("Name"), Column::text("Resource"), Column::text("Status")],
};

impl Resource for StorageVersionMigrations {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn hashed_version(&self) -> &'static str {
        "v1beta1"
    }

    fn cells(&self, object: &Object, _: UnixMillis) -> Vec<Cell> {
        let resource = object.view().path("spec.resource");
        let (group, name) = (resource.field("group").text(), resource.field("resource").text());
        vec![
            cells::name(object),
            if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }.into(),
            state(object.view().field("status")).into(),
        ]
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
    }
}

/// The last of the stages that has been reached.
fn state(status: View<'_>) -> &str {
    let holding = status.field("conditions").items().filter(|one| one.field("status").text() == "True");
    let stages = holding.map(|one| one.field("type").text());
    stages.filter(|stage| matches!(*stage, "Running" | "Failed" | "Succeeded")).last().unwrap_or("Unknown")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells() {
        let check = |resource: &str, conditions: &[(&str, &str)], expected: [&str; 2]| {
            let condition = |(kind, status): &(&str, &str)| {
                format!(
                    r#"{{"type":"{kind}","status":"{status}","lastTransitionTime":null,"reason":"r","message":"m"}}"#
                )
            };
            let conditions = conditions.iter().map(condition).collect::<Vec<_>>().join(",");
            let object = format!(
                r#"{{"apiVersion":"storagemigration.k8s.io/v1","kind":"StorageVersionMigration","metadata":{{"name":"x"}},"spec":{{"resource":{resource}}},"status":{{"conditions":[{conditions}]}}}}"#
            );
            let [resource, state] = expected;
            check::cells(&StorageVersionMigrations, &object, json!(["x", resource, state]));
        };
        check(r#"{"group":"","resource":"secrets"}"#, &[], ["secrets", "Unknown"]);
        check(
            r#"{"group":"apps","resource":"deployments"}"#,
            &[("Running", "True"), ("Succeeded", "True"), ("Failed", "False"), ("Other", "True")],
            ["deployments.apps", "Succeeded"],
        );
    }
}
