//! Resource slices: devices that a driver offers.

mod rules;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::{Object, Value, View};

use crate::cells::{self, Cell};
use crate::defaults::gated::{self, Gate};
use crate::features::Features;
use crate::object_life::Write;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ResourceSlices;

const FACTS: Facts = Facts {
    group: "resource.k8s.io",
    versions: &["v1"],
    stored_as: ("resource.k8s.io", "v1"),
    kind: "ResourceSlice",
    plural: "resourceslices",
    singular: "resourceslice",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[Field::new("spec.driver"), Field::new("spec.nodeName"), Field::new("spec.pool.name")],
    columns: &[
        Column::NAME,
        Column::text("Node"),
        Column::text("Driver"),
        Column::text("Pool"),
        Column::text("Age"),
    ],
};

impl Resource for ResourceSlices {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let spec = object.view().field("spec");
        vec![
            cells::name(object),
            spec.field("nodeName").text().into(),
            spec.field("driver").text().into(),
            spec.path("pool.name").text().into(),
            cells::age_of(object, now),
        ]
    }

    fn default_at(&self, new: &mut Object, now: Time) {
        date_taints(new, now);
    }

    fn gates(&self) -> &'static [&'static [Gate]] {
        &[GATES]
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        drop_gated(write.features, new, None);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        drop_gated(write.features, new, Some(old));
    }

    fn warn(&self, new: &Object, _: Option<&Object>, warnings: &mut Vec<String>) {
        let driver = new.view().path("spec.driver").text();
        if driver != driver.to_lowercase() {
            warnings.push(format!(
                "spec.driver: driver names should be lowercase; {driver:?} contains uppercase characters"
            ));
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check(new, Some(old), errors);
    }
}

/// Fields of the `spec` that belong to features that are off.
const GATES: &[Gate] = &[
    Gate::off("DRAPartitionableDevicesType", &["partitionTypeAttribute"]),
    Gate::off("DRAOptionalNodeOperations", &["skipNodeOperations"]),
    Gate::off("DRADeviceCompatibilityGroups", &["devices.consumesCounters.compatibilityGroups"]),
    Gate::off("DRANodeAllocatableResources", &["devices.nodeAllocatableResources"]),
];
/// Those of a device's attributes: lists of values.
const LISTS: [&str; 4] = ["ints", "bools", "strings", "versions"];

fn drop_gated(features: &Features, new: &mut Object, old: Option<&Object>) {
    let old = old.map(|old| old.view().field("spec"));
    gated::at(new, &["spec"], &mut |spec| {
        gated::drop(features, spec, old, GATES);
        if features.is_on(gated::LISTS_OF_VALUES, false) || old.is_some_and(has_lists) {
            return;
        }
        for mut device in spec.items("devices") {
            for mut attribute in device.values("attributes") {
                LISTS.iter().for_each(|name| _ = attribute.remove(name));
            }
        }
    });
}

/// Whether an attribute of a device has more than one value.
fn has_lists(spec: View<'_>) -> bool {
    spec.field("devices").items().any(|device| {
        let attributes = device.field("attributes");
        let names = attributes.value().and_then(Value::as_map);
        let mut names = names.into_iter().flat_map(|attributes| attributes.iter());
        names.any(|(name, _)| LISTS.iter().any(|list| attributes.key(name).field(list).is_present()))
    })
}

fn date_taints(new: &mut Object, now: Time) {
    gated::at(new, &["spec"], &mut |spec| {
        for mut device in spec.items("devices") {
            device.items("taints").for_each(|mut taint| taint.default("timeAdded", Value::Time(now)));
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn slice(more: &str, device: &str) -> String {
        format!(
            r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{"driver":"Dr.e.com","pool":{{"name":"p","generation":1,"resourceSliceCount":1}}{more},"devices":[{{"name":"d"{device}}}]}}}}"#
        )
    }

    #[test]
    fn cells_and_warnings() {
        check::cells(&ResourceSlices, &slice("", ""), json!(["x", "", "Dr.e.com", "p", "10s"]));
        check::cells(
            &ResourceSlices,
            &slice(r#","nodeName":"n""#, ""),
            json!(["x", "n", "Dr.e.com", "p", "10s"]),
        );
        assert_eq!(
            check::warnings(&ResourceSlices, &slice("", ""), None),
            [r#"spec.driver: driver names should be lowercase; "Dr.e.com" contains uppercase characters"#]
        );
    }

    #[test]
    fn taints_are_dated_and_what_belongs_to_features_that_are_off_is_dropped() {
        let device = |time: &str, values: &str, more: &str| {
            format!(
                r#","attributes":{{"a":{{"int":1}},"b":{{{values}}}}},"taints":[{{"key":"k","effect":"None"{time}}}]{more}"#
            )
        };
        let with = slice(
            r#","skipNodeOperations":["PrepareResources"]"#,
            &device("", r#""ints":[1,2]"#, r#","nodeAllocatableResources":{"cpu":{}}"#),
        );
        let dated = r#","timeAdded":"2030-01-01T00:00:00Z""#;
        check::create(&ResourceSlices, &with, &slice("", &device(dated, "", "")));
        let listed = slice("", &device(dated, r#""ints":[1,2]"#, ""));
        check::update(&ResourceSlices, "", &listed, &with, &listed);
    }
}
