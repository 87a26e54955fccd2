//! Storage version migrations: rewrites what is stored in an old version.

use keelson_api::field::{Error, Errors};
use keelson_api::names::{Reasons, dns};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};

use crate::cells::{self, Cell};
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::{At, IMMUTABLE, conditions, internal, same};

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

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, errors);
        let spec = At::root(new, "spec");
        if !same::is_same(spec.view, old.view().field("spec")) {
            errors.push(Error::invalid(&spec.path, internal::shown_struct(spec.view), IMMUTABLE));
        }
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check_status(new, old, errors);
    }
}

fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let of = spec.field("resource");
    let (resource, group) = (of.field("resource"), of.field("group"));
    if resource.require_saying("resource is required to be set", errors) {
        joined(&resource, &dns::rfc_1035_label(resource.text()), errors);
    }
    if !group.is_empty() {
        joined(&group, &dns::subdomain(group.text()), errors);
    }
}

fn joined(field: &At<'_, '_>, reasons: &Reasons, errors: &mut Errors) {
    if !reasons.is_empty() {
        field.invalid(reasons.join(","), errors);
    }
}

/// How a migration stands: it does not end in two ways, nor go back.
fn check_status(new: &Object, old: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    let all = status.field("conditions");
    let before = old.view().path("status.resourceVersion").text();
    let revision = status.field("resourceVersion");
    if !revision.is_empty() && revision.text().parse::<u64>().is_err() {
        revision.invalid(format!("resource version is not well formed: {}", revision.text()), errors);
    }
    conditions::check(&all, errors);
    if !before.is_empty() && before != revision.text() {
        revision.invalid(IMMUTABLE, errors);
    }
    let is = |object: &Object, kind: &str| {
        let all = object.view().path("status.conditions");
        let found = all.items().find(|one| one.field("type").text() == kind);
        found.is_some_and(|one| one.field("status").text() == "True")
    };
    if is(new, "Succeeded") && is(new, "Failed") {
        all.invalid("Both success and failed conditions cannot be true at the same time", errors);
    }
    for (kind, shown) in [("Succeeded", "Success"), ("Failed", "Failed")] {
        if is(old, kind) && !is(new, kind) {
            all.invalid(format!("{shown} condition cannot be set to false once it is true"), errors);
        }
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
