//! CSI nodes: the storage drivers on a node.

use std::collections::BTreeSet;

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::golang::JsonText;
use keelson_api::names::label;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};

use crate::cells::{self, Cell};
use crate::defaults::gated::{self, Gate};
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::volume_disk::csi_driver;
use crate::rules::{At, IMMUTABLE};

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

    fn gates(&self) -> &'static [&'static [Gate]] {
        &[GATES]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
        gated::at(new, &["status"], &mut |status| {
            gated::drop(write.features, status, Some(old.view().field("status")), GATES);
        });
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, errors);
        let spec = At::root(new, "spec");
        let drivers = spec.field("drivers");
        for before in old.view().path("spec.drivers").items() {
            for driver in drivers.view.items() {
                let differs = |name: &str| driver.field(name).value() != before.field(name).value();
                if !differs("name") && (differs("nodeID") || differs("topologyKeys")) {
                    errors.push(Error::invalid(&drivers.path, shown(driver), IMMUTABLE));
                }
            }
        }
    }
}

const NODE_ID_BYTES_MAX: usize = 256;

/// A driver as upstream shows it when it has changed: what may change is left out.
fn shown(driver: View<'_>) -> Shown<'static> {
    let keys: Vec<String> =
        driver.field("topologyKeys").items().map(|key| JsonText(key.text()).to_string()).collect();
    let keys = if keys.is_empty() { "null".to_owned() } else { format!("[{}]", keys.join(",")) };
    let (name, id) = (driver.field("name").text(), driver.field("nodeID").text());
    let text = format!(
        r#"{{"Name":{},"NodeID":{},"TopologyKeys":{keys},"Allocatable":null}}"#,
        JsonText(name),
        JsonText(id)
    );
    Shown::Json(text.into())
}

fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let mut names = BTreeSet::new();
    for driver in spec.field("drivers").items() {
        let (name, id) = (driver.field("name"), driver.field("nodeID"));
        csi_driver(&name, errors);
        id.require(errors);
        if id.text().len() > NODE_ID_BYTES_MAX {
            id.invalid(format!("must be {NODE_ID_BYTES_MAX} characters or less"), errors);
        }
        driver.field("allocatable").field("count").non_negative(errors);
        if !names.insert(name.text()) {
            name.duplicate(errors);
        }
        check_keys(&driver, errors);
    }
}

/// The keys of a driver's topology; messages name the driver.
fn check_keys(driver: &At<'_, '_>, errors: &mut Errors) {
    let mut known = BTreeSet::new();
    for key in driver.view.field("topologyKeys").items().map(View::text) {
        if key.is_empty() {
            driver.missing("", errors);
        }
        if !known.insert(key) {
            errors.push(Error::duplicate(&driver.path, key));
        }
        errors.push_invalid(&driver.path, key, label::key(key));
    }
}

/// Reporting the health of volumes is off.
const GATES: &[Gate] = &[Gate::off("CSIVolumeHealth", &["storageHealth"])];

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
