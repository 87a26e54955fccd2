//! Resource claims: devices that a pod asks for.

mod rules;

use std::collections::HashSet;

use keelson_api::field::{Error, Errors};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value, View};

use super::{claim, requests};
use crate::cells::{self, Cell};
use crate::defaults::gated::{self, Gate};
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::{At, IMMUTABLE, internal, same};

/// The resource.
#[derive(Debug)]
pub(crate) struct ResourceClaims;

const FACTS: Facts = Facts {
    group: "resource.k8s.io",
    versions: &["v1"],
    stored_as: ("resource.k8s.io", "v1"),
    kind: "ResourceClaim",
    plural: "resourceclaims",
    singular: "resourceclaim",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "ResourceClaim",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[Column::NAME, Column::text("State"), Column::text("Age")],
};

impl Resource for ResourceClaims {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        vec![cells::name(object), state(object).into(), cells::age_of(object, now)]
    }

    fn default(&self, object: &mut Object) {
        requests::default(&mut Edit::object(object).made("spec"));
    }

    fn gates(&self) -> &'static [&'static [Gate]] {
        &[GATES, requests::GATES]
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        requests::drop_gated(write.features, new, None, &["spec"]);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        requests::drop_gated(write.features, new, Some(old), &["spec"]);
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
        gated::at(new, &["status"], &mut |status| {
            gated::drop(write.features, status, Some(old.view().field("status")), GATES);
        });
        drop_given_back(new, old);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        let spec = At::root(new, "spec");
        claim::check(&spec.field("devices"), errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        let spec = At::root(new, "spec");
        if !same::is_same(spec.view, old.view().field("spec")) {
            let error = Error::invalid(&spec.path, internal::shown(spec.view), IMMUTABLE);
            errors.push(error.covered());
        }
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_status(new, old, errors);
    }
}

/// Fields of the status that belong to features that are off.
const GATES: &[Gate] =
    &[Gate::off("DRAOptionalNodeOperations", &["allocation.devices.results.skipNodeOperations"])];

fn state(claim: &Object) -> String {
    let status = claim.view().field("status");
    let (is_allocated, goes) =
        (status.field("allocation").is_present(), meta(claim).deletion_timestamp().is_some());
    let states = [
        ("deleted", goes),
        ("pending", !is_allocated && !goes),
        ("allocated", is_allocated),
        ("reserved", is_allocated && cells::count(status.field("reservedFor")) > 0),
    ];
    states.into_iter().filter(|(_, holds)| *holds).map(|(state, _)| state).collect::<Vec<_>>().join(",")
}

/// A device, or the share of one.
type Device = [String; 4];

fn device(of: View<'_>) -> Device {
    ["driver", "pool", "device", "shareID"].map(|name| of.field(name).text().to_owned())
}

/// Drops what is said of devices that were allocated and no longer are.
fn drop_given_back(new: &mut Object, old: &Object) {
    let allocated = |claim: &Object| -> HashSet<Device> {
        claim.view().path("status.allocation.devices.results").items().map(device).collect()
    };
    let given_back: HashSet<Device> = &allocated(old) - &allocated(new);
    if given_back.is_empty() {
        return;
    }
    let kept: Vec<bool> =
        new.view().path("status.devices").items().map(|one| !given_back.contains(&device(one))).collect();
    let mut object = Edit::object(new);
    let Some(mut status) = object.part("status") else { return };
    let Some(Value::List(mut devices)) = status.remove("devices") else { return };
    let mut kept = kept.into_iter();
    devices.retain(|_| kept.next() == Some(true));
    status.put("devices", Some(Value::List(devices)).filter(|devices| !devices.items().is_empty()));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn claim(metadata: &str, spec: &str, status: &str) -> String {
        format!(
            r#"{{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"{metadata}}},"spec":{{"devices":{{{spec}}}}},"status":{{{status}}}}}"#
        )
    }

    fn results(devices: &[&str], more: &str) -> String {
        let result =
            |device: &&str| format!(r#"{{"request":"r","driver":"d","pool":"p","device":"{device}"{more}}}"#);
        let results = devices.iter().map(result).collect::<Vec<_>>().join(",");
        format!(r#""allocation":{{"devices":{{"results":[{results}]}}}}"#)
    }

    fn devices(devices: &[&str]) -> String {
        let device =
            |device: &&str| format!(r#"{{"driver":"d","pool":"p","device":"{device}","conditions":null}}"#);
        let devices = devices.iter().map(device).collect::<Vec<_>>().join(",");
        format!(r#","devices":[{devices}]"#)
    }

    #[test]
    fn cells() {
        let gone = r#","deletionTimestamp":"2029-12-31T23:59:59Z","deletionGracePeriodSeconds":0"#;
        let reserved = r#","reservedFor":[{"resource":"pods","name":"p","uid":"u"}]"#;
        for (metadata, status, expected) in [
            ("", String::new(), "pending"),
            ("", results(&[], ""), "allocated"),
            ("", results(&[], "") + reserved, "allocated,reserved"),
            (gone, String::new(), "deleted"),
            (gone, results(&[], ""), "deleted,allocated"),
        ] {
            check::cells(&ResourceClaims, &claim(metadata, "", &status), json!(["x", expected, "10s"]));
        }
    }

    #[test]
    fn requests_are_filled_in() {
        check::default(
            &ResourceClaims,
            &claim(
                "",
                r#""requests":[{"name":"a","exactly":{"deviceClassName":"c"}},{"name":"b","firstAvailable":[{"name":"s","deviceClassName":"c","allocationMode":"All"},{"name":"t","deviceClassName":"c","tolerations":[{"key":"k"}]}]}]"#,
                "",
            ),
            &claim(
                "",
                r#""requests":[{"name":"a","exactly":{"deviceClassName":"c","allocationMode":"ExactCount","count":1}},{"name":"b","firstAvailable":[{"name":"s","deviceClassName":"c","allocationMode":"All"},{"name":"t","deviceClassName":"c","allocationMode":"ExactCount","count":1,"tolerations":[{"key":"k","operator":"Equal"}]}]}]"#,
                "",
            ),
        );
    }

    #[test]
    fn what_is_said_of_devices_goes_when_they_do() {
        let old = claim("", "", &(results(&["a", "b"], "") + &devices(&["a", "b"])));
        let new = claim("", "", &(results(&["a"], "") + &devices(&["a", "b", "c"])));
        check::update(
            &ResourceClaims,
            "status",
            &old,
            &new,
            &claim("", "", &(results(&["a"], "") + &devices(&["a", "c"]))),
        );
        check::update(
            &ResourceClaims,
            "status",
            &old,
            &claim("", "", &devices(&["a"])[1..]),
            &claim("", "", ""),
        );
    }

    #[test]
    fn what_belongs_to_features_that_are_off_is_dropped() {
        let skip = r#","skipNodeOperations":["PrepareResources"]"#;
        let (with, without) = (claim("", "", &results(&["a"], skip)), claim("", "", &results(&["a"], "")));
        check::update(&ResourceClaims, "status", &claim("", "", ""), &with, &without);
        check::update(&ResourceClaims, "status", &with, &with, &with);
        let derived = |derived: &str| {
            claim(
                "",
                &format!(r#""requests":[{{"name":"a","exactly":{{"deviceClassName":"c"{derived}}}}}]"#),
                "",
            )
        };
        let with = derived(r#","derivedAttributes":[{"name":"n"}]"#);
        check::create(&ResourceClaims, &with, &derived(""));
        check::update(&ResourceClaims, "", &with, &with, &with);
    }
}
