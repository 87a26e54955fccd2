//! CSI nodes: the storage drivers on a node.

use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::defaults::gated::{self, Gate};
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct CSINodes;

const FACTS: Facts = Facts {
    group: "storage.k8s.io",
    versions: &["v1"],
    stored_as: ("storage.k8s.io", "v1"),
    kind: "CSINode",
    plural: "csinodes",
    singular: "csinode",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "CSINode",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[Column::NAME, Column::integer("Drivers"), Column::text("Age")],
};

impl Resource for CSINodes {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let drivers = cells::count(object.view().path("spec.drivers"));
        vec![cells::name(object), drivers.into(), cells::age_of(object, now)]
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
        gated::at(new, &["status"], &mut |status| {
            gated::drop(status, Some(old.view().field("status")), GATES);
        });
    }
}

/// Reporting the health of volumes is off.
const GATES: &[Gate] = &[Gate(&["storageHealth"])];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells_and_parts() {
        let node = |labels: &str, status: &str| {
            format!(
                r#"{{"apiVersion":"storage.k8s.io/v1","kind":"CSINode","metadata":{{"name":"n","creationTimestamp":"2029-12-31T23:59:50Z","labels":{{{labels}}}}},"spec":{{"drivers":[{{"name":"d","nodeID":"i","topologyKeys":["k"]}}]}}{status}}}"#
            )
        };
        check::cells(&CSINodes, &node("", ""), json!(["n", 1, "10s"]));
        let health = r#","status":{"storageHealth":[{"name":"d"}]}"#;
        check::update(&CSINodes, "status", &node("", ""), &node(r#""a":"b""#, health), &node("", ""));
        check::update(&CSINodes, "status", &node("", health), &node("", health), &node("", health));
    }
}
