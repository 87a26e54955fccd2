//! Resource quotas: how much a namespace may use in all.

mod rules;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value};

use crate::cells::{self, Cell};
use crate::defaults::quantity::round_up;
use crate::edit::Edit;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ResourceQuotas;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "ResourceQuota",
    plural: "resourcequotas",
    singular: "resourcequota",
    short_names: &["quota"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "ResourceQuota",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[Column::NAME, Column::text("Request"), Column::text("Limit"), Column::text("Age")],
};

impl Resource for ResourceQuotas {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let status = object.view().field("status");
        let (hard, used) = (status.field("hard"), status.field("used"));
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        let entries = hard.value().and_then(Value::as_map).into_iter().flat_map(|hard| hard.iter());
        for (name, bound) in entries {
            let used = cells::text_or(used.key(name), "0");
            let cell = format!("{name}: {used}/{}", bound.as_str().unwrap_or_default());
            if name.starts_with("limits.") { limits.push(cell) } else { requests.push(cell) }
        }
        vec![
            cells::name(object),
            requests.join(", ").into(),
            limits.join(", ").into(),
            cells::age_of(object, now),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut quota = Edit::object(object);
        for (part, list) in [("spec", "hard"), ("status", "hard"), ("status", "used")] {
            if let Some(mut part) = quota.part(part) {
                round_up(&mut part, list);
            }
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check_spec(new, errors);
        rules::check_status(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_spec(new, errors);
        rules::keep_scopes(new, old, errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        rules::check_status(new, errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ResourceQuotas;
    use crate::resource::check;

    #[test]
    fn limits_stand_apart() {
        check::cells(
            &ResourceQuotas,
            r#"{"kind":"ResourceQuota","apiVersion":"v1","metadata":{"name":"a"},"spec":{"hard":{"pods":"9"}},"status":{"hard":{"pods":"10","limits.cpu":"2","cpu":"1"},"used":{"cpu":"250m","limits.cpu":"1"}}}"#,
            json!(["a", "cpu: 250m/1, pods: 0/10", "limits.cpu: 1/2", "<unknown>"]),
        );
    }
}
