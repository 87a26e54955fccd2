//! Component statuses: what the health checks of old components say; computed, never kept.

use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ComponentStatuses;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "ComponentStatus",
    plural: "componentstatuses",
    singular: "componentstatus",
    short_names: &["cs"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: &[Verb::Get, Verb::List],
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Status"), Column::text("Message"), Column::text("Error")],
};

impl Resource for ComponentStatuses {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn deprecation(&self) -> Option<&'static str> {
        Some("v1 ComponentStatus is deprecated in v1.19+")
    }

    fn cells(&self, object: &Object, _: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let healthy = view.field("conditions").items().find(|one| one.field("type").text() == "Healthy");
        let Some(healthy) = healthy else {
            return vec![cells::name(object), "Unknown".into(), "".into(), "".into()];
        };
        let status = if healthy.field("status").text() == "True" { "Healthy" } else { "Unhealthy" };
        let text = |name| Cell::from(healthy.field(name).text());
        vec![cells::name(object), status.into(), text("message"), text("error")]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ComponentStatuses;
    use crate::resource::check;

    #[test]
    fn health_is_one_of_the_conditions() {
        check::cells(
            &ComponentStatuses,
            r#"{"kind":"ComponentStatus","apiVersion":"v1","metadata":{"name":"etcd-0"},"conditions":[{"type":"Healthy","status":"False","message":"m","error":"e"}]}"#,
            json!(["etcd-0", "Unhealthy", "m", "e"]),
        );
        let bare = r#"{"kind":"ComponentStatus","apiVersion":"v1","metadata":{"name":"a"}}"#;
        check::cells(&ComponentStatuses, bare, json!(["a", "Unknown", "", ""]));
    }
}
