//! Persistent volume claims: what a pod asks for to keep its data in.

mod rules;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value, View};

use crate::cells::{self, Cell, storage};
use crate::defaults::claim;
use crate::defaults::gated::{self, Gate};
use crate::defaults::quantity::round_up;
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::At;
use crate::rules::volume_claim::{self, Leniency};

/// The resource.
#[derive(Debug)]
pub(crate) struct PersistentVolumeClaims;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "PersistentVolumeClaim",
    plural: "persistentvolumeclaims",
    singular: "persistentvolumeclaim",
    short_names: &["pvc"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "PersistentVolumeClaim",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Status"),
        Column::text("Volume"),
        Column::text("Capacity"),
        Column::text("Access Modes"),
        Column::text("StorageClass"),
        Column::text("VolumeAttributesClass"),
        Column::text("Age"),
        Column::text("VolumeMode").wide(),
    ],
};

impl Resource for PersistentVolumeClaims {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let (spec, status) = (view.field("spec"), view.field("status"));
        let volume = spec.field("volumeName").text();
        // What it has is known once it has a volume.
        let (capacity, modes) = if volume.is_empty() {
            ("", String::new())
        } else {
            let capacity = cells::text_or(status.field("capacity").key("storage"), "0");
            (capacity, storage::access_modes(status.field("accessModes")))
        };
        vec![
            cells::name(object),
            storage::phase(object).into(),
            volume.into(),
            capacity.into(),
            modes.into(),
            storage::class(object).into(),
            storage::text_or_unset(spec.field("volumeAttributesClassName")).into(),
            cells::age_of(object, now),
            storage::text_or_unset(spec.field("volumeMode")).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut claim = Edit::object(object);
        claim.made("status").default("phase", PENDING);
        claim::spec(&mut claim.made("spec"));
        let mut status = claim.made("status");
        round_up(&mut status, "capacity");
        round_up(&mut status, "allocatedResources");
    }

    fn gates(&self) -> &'static [&'static [Gate]] {
        &[OF_STATUS]
    }

    fn prepare_create(&self, new: &mut Object, _: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        let mut claim = Edit::object(new);
        claim.made("status").set("phase", PENDING);
        if let Some(mut spec) = claim.part("spec") {
            settle_source(&mut spec, None);
        }
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        if let Some(mut spec) = Edit::object(new).part("spec") {
            settle_source(&mut spec, Some(old.view().field("spec")));
        }
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_content(new, old);
        if let Some(mut status) = Edit::object(new).part("status") {
            gated::drop(write.features, &mut status, Some(old.view().field("status")), OF_STATUS);
        }
    }

    fn warn(&self, new: &Object, _: Option<&Object>, warnings: &mut Vec<String>) {
        if meta(new).annotations().any(|(key, _)| key == storage::CLASS_ANNOTATION) {
            let key = storage::CLASS_ANNOTATION;
            warnings.push(format!(
                r#"metadata.annotations[{key}]: deprecated since v1.8; use "storageClassName" attribute instead"#
            ));
        }
        crate::warnings::amount::of_claim(new.view().field("spec"), "spec", warnings);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        let spec = At::root(new, "spec");
        volume_claim::spec(&spec, Leniency::default(), errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_update(new, old, errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        rules::check_status(new, errors);
    }
}

const PENDING: &str = "Pending";

/// What belongs to features that are off.
const OF_STATUS: &[Gate] = &[Gate::off("CSIVolumeHealth", &["healthStatus"])];

/// Brings the two ways to name the source of a volume's data into line: `dataSource` can only name another claim or a
/// snapshot, `dataSourceRef` anything, and whichever is not there follows from the other.
fn settle_source(spec: &mut Edit<'_>, old: Option<View<'_>>) {
    let had = |name: &str| old.is_some_and(|old| old.field(name).value().is_some());
    let is_elsewhere = !spec.view().path("dataSourceRef.namespace").text().is_empty();
    if is_elsewhere && !had("dataSourceRef") {
        // Sources in other namespaces belong to a feature that is off.
        spec.remove("dataSourceRef");
    }
    let source = spec.view().field("dataSource");
    let is_usual = matches!(
        (source.field("apiGroup").text(), source.field("kind").text()),
        ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
    );
    if !is_usual && !had("dataSource") && !had("dataSourceRef") && !spec.has("dataSourceRef") {
        spec.remove("dataSource");
    }
    let is_elsewhere = !spec.view().path("dataSourceRef.namespace").text().is_empty();
    match (spec.has("dataSource"), spec.has("dataSourceRef")) {
        (true, false) => copy_source(spec, "dataSource", "dataSourceRef"),
        (false, true) if !is_elsewhere => copy_source(spec, "dataSourceRef", "dataSource"),
        _ => {}
    }
}

fn copy_source(spec: &mut Edit<'_>, from: &str, to: &str) {
    const FIELDS: [&str; 3] = ["apiGroup", "kind", "name"];
    let values: [Option<Value>; 3] = {
        let from = spec.view().field(from);
        FIELDS.map(|name| from.field(name).value().cloned())
    };
    let mut to = spec.made(to);
    for (name, value) in FIELDS.into_iter().zip(values) {
        to.put(name, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::PersistentVolumeClaims;
    use crate::resource::check;

    fn claim(spec: &Value) -> String {
        json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": spec, "status": {"phase": "Pending"}})
            .to_string()
    }

    #[test]
    fn a_claim_shows_what_it_has() {
        check::cells(
            &PersistentVolumeClaims,
            r#"{"kind":"PersistentVolumeClaim","apiVersion":"v1","metadata":{"name":"a"},"spec":{"accessModes":["ReadWriteMany"],"storageClassName":"fast","volumeMode":"Filesystem","volumeName":"pv"},"status":{"phase":"Bound","accessModes":["ReadWriteMany"],"capacity":{"storage":"5Gi"}}}"#,
            json!(["a", "Bound", "pv", "5Gi", "RWX", "fast", "<unset>", "<unknown>", "Filesystem"]),
        );
        check::cells(
            &PersistentVolumeClaims,
            &claim(&json!({"accessModes": ["ReadWriteMany"]})),
            json!(["a", "Pending", "", "", "", "", "<unset>", "<unknown>", "<unset>"]),
        );
    }

    #[test]
    fn both_ways_to_name_a_source_say_the_same() {
        let snapshot = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"});
        let other = json!({"kind": "Populator", "name": "p"});
        let elsewhere = json!({"kind": "PersistentVolumeClaim", "name": "p", "namespace": "n"});
        let cases = [
            (json!({"dataSource": snapshot}), json!({"dataSource": snapshot, "dataSourceRef": snapshot})),
            (json!({"dataSourceRef": other}), json!({"dataSource": other, "dataSourceRef": other})),
            (json!({"dataSource": other}), json!({})),
            (json!({"dataSourceRef": elsewhere}), json!({})),
        ];
        for (spec, expected) in cases {
            check::create(&PersistentVolumeClaims, &claim(&spec), &claim(&expected));
        }
    }
}
