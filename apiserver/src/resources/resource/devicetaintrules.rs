//! Device taint rules: taints for devices that match.

use keelson_api::field::{Error, Errors};
use keelson_api::names::dns;
use keelson_api::time::UnixMillis;
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::{Object, Value};

use super::taint;
use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::volume_disk::csi_driver;
use crate::rules::{At, conditions};

/// The resource.
#[derive(Debug)]
pub(crate) struct DeviceTaintRules;

const FACTS: Facts = Facts {
    group: "resource.k8s.io",
    versions: &["v1"],
    stored_as: ("resource.k8s.io", "v1"),
    kind: "DeviceTaintRule",
    plural: "devicetaintrules",
    singular: "devicetaintrule",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "DeviceTaintRule",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Key"),
        Column::text("Value"),
        Column::text("Effect"),
        Column::text("TimeAdded"),
        Column::text("Age"),
    ],
};

impl Resource for DeviceTaintRules {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn hashed_version(&self) -> &'static str {
        "v1beta2"
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let taint = object.view().path("spec.taint");
        let added = taint.field("timeAdded");
        vec![
            cells::name(object),
            taint.field("key").text().into(),
            taint.field("value").text().into(),
            taint.field("effect").text().into(),
            if added.is_present() { cells::since(added, now) } else { String::new() }.into(),
            cells::age_of(object, now),
        ]
    }

    fn prepare_create(&self, new: &mut Object, _: &Write<'_>) {
        parts::forget_status(&FACTS, new);
    }

    fn default_at(&self, new: &mut Object, now: Time) {
        taint(new, |taint| taint.default("timeAdded", Value::Time(now)));
    }

    /// A taint with another effect is a new one.
    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        let was = old.view().path("spec.taint");
        taint(new, |taint| {
            let is_new = taint.text("effect") != was.field("effect").text();
            if is_new && taint.get("timeAdded") == was.field("timeAdded").value() {
                taint.set("timeAdded", Value::Time(write.now));
            }
        });
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, Some(old), errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        let status = At::root(new, "status");
        let all = status.field("conditions");
        conditions::check(&all, errors);
        if all.len() > CONDITIONS_MAX {
            errors.push(Error::too_many(&all.path, all.len(), CONDITIONS_MAX));
        }
    }
}

const CONDITIONS_MAX: usize = 8;

fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let selector = spec.field("deviceSelector");
    let (driver, pool, device) = (selector.field("driver"), selector.field("pool"), selector.field("device"));
    if driver.is_present() {
        csi_driver(&driver, errors);
    }
    if pool.is_present() {
        taint::check_pool(&pool, errors);
    }
    if device.is_present() {
        errors.push_invalid(&device.path, device.text(), dns::label(device.text()));
    }
    let before = old.map(|old| old.view().path("spec.taint.effect").text());
    taint::check(&spec.field("taint"), before, errors);
}

fn taint(object: &mut Object, change: impl FnOnce(&mut Edit<'_>)) {
    let mut object = Edit::object(object);
    let Some(mut spec) = object.part("spec") else { return };
    if let Some(mut taint) = spec.part("taint") {
        change(&mut taint);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn rule(effect: &str, added: &str) -> String {
        let added = if added.is_empty() { String::new() } else { format!(r#","timeAdded":"{added}""#) };
        format!(
            r#"{{"apiVersion":"resource.k8s.io/v1","kind":"DeviceTaintRule","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{"taint":{{"key":"k","value":"v","effect":"{effect}"{added}}}}}}}"#
        )
    }

    const NOW: &str = "2030-01-01T00:00:00Z";
    const THEN: &str = "2029-12-31T23:00:00Z";

    #[test]
    fn cells() {
        check::cells(
            &DeviceTaintRules,
            &rule("NoExecute", ""),
            json!(["x", "k", "v", "NoExecute", "", "10s"]),
        );
        check::cells(&DeviceTaintRules, &rule("None", THEN), json!(["x", "k", "v", "None", "60m", "10s"]));
    }

    #[test]
    fn taints_are_dated() {
        check::create(&DeviceTaintRules, &rule("None", ""), &rule("None", NOW));
        check::create(&DeviceTaintRules, &rule("None", THEN), &rule("None", THEN));
        let old = rule("None", THEN);
        check::update(&DeviceTaintRules, "", &old, &old, &old);
        check::update(&DeviceTaintRules, "", &old, &rule("NoExecute", THEN), &rule("NoExecute", NOW));
        check::update(&DeviceTaintRules, "", &old, &rule("None", ""), &rule("None", NOW));
    }
}
