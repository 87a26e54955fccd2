//! Priority classes: names for how important a pod is.

use keelson_api::field::{Error, Errors, Path};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::meta::meta;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::At;

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

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        let value = At::root(new, "value");
        if value.int() != old.view().field("value").int() {
            value.forbidden("may not be changed in an update.", errors);
        }
        At::root(new, "preemptionPolicy").immutable(old.view().field("preemptionPolicy"), errors);
    }
}

/// The greatest value that users may give.
const OF_USERS_MAX: i64 = 1_000_000_000;
/// The classes that are the system's own, and their values.
const OF_SYSTEM: [(&str, i64); 2] =
    [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];

fn check(new: &Object, errors: &mut Errors) {
    let (name, value) = (meta(new).name(), At::root(new, "value"));
    let number = value.int().unwrap_or(0);
    if name.starts_with("system-") {
        let why = match OF_SYSTEM.iter().find(|(known, _)| *known == name) {
            None => Some(format!("{name} is not a known system priority class")),
            Some((_, known)) if *known != number => {
                Some(format!("value of {name} PriorityClass must be {known}"))
            }
            Some(_) if new.view().field("globalDefault").is_true() => {
                Some(format!("globalDefault of {name} PriorityClass must be false"))
            }
            Some(_) => None,
        };
        if let Some(why) = why {
            let words =
                "priority class names with 'system-' prefix are reserved for system use only. error: ";
            errors.push(Error::forbidden(&Path::new("metadata.name"), format!("{words}{why}")));
        }
    } else if number > OF_USERS_MAX {
        let words = format!("maximum allowed value of a user defined priority is {OF_USERS_MAX}");
        value.forbidden(words, errors);
    }
    let policy = At::root(new, "preemptionPolicy");
    match policy.text() {
        "PreemptLowerPriority" | "Never" => {}
        "" => policy.missing("", errors),
        _ => policy.not_supported(&["PreemptLowerPriority", "Never"], errors),
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
