//! Persistent volumes: storage that is there to be claimed.

use keelson_api::difference;
use keelson_api::field::{Error, Errors, Path};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value, View};

use crate::cells::{self, Cell, storage};
use crate::defaults::quantity::round_up;
use crate::defaults::volume::host_path;
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::selector_node::has_invalid_value;
use crate::rules::{At, internal, persistent_volume, same};

/// The resource.
#[derive(Debug)]
pub(crate) struct PersistentVolumes;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "PersistentVolume",
    plural: "persistentvolumes",
    singular: "persistentvolume",
    short_names: &["pv"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "PersistentVolume",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Capacity"),
        Column::text("Access Modes"),
        Column::text("Reclaim Policy"),
        Column::text("Status"),
        Column::text("Claim"),
        Column::text("StorageClass"),
        Column::text("VolumeAttributesClass"),
        Column::text("Reason"),
        Column::text("Age"),
        Column::text("VolumeMode").wide(),
    ],
};

impl Resource for PersistentVolumes {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let (spec, status) = (view.field("spec"), view.field("status"));
        let claim = spec.field("claimRef");
        let claim = claim.value().map_or_else(String::new, |_| {
            format!("{}/{}", claim.field("namespace").text(), claim.field("name").text())
        });
        vec![
            cells::name(object),
            cells::text_or(spec.field("capacity").key("storage"), "0").into(),
            storage::access_modes(spec.field("accessModes")).into(),
            spec.field("persistentVolumeReclaimPolicy").text().into(),
            storage::phase(object).into(),
            claim.into(),
            storage::class(object).into(),
            storage::text_or_unset(spec.field("volumeAttributesClassName")).into(),
            status.field("reason").text().into(),
            cells::age_of(object, now),
            storage::text_or_unset(spec.field("volumeMode")).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut volume = Edit::object(object);
        volume.made("status").default("phase", "Pending");
        let mut spec = volume.made("spec");
        spec.default("persistentVolumeReclaimPolicy", "Retain");
        spec.default("volumeMode", "Filesystem");
        round_up(&mut spec, "capacity");
        if let Some(mut host) = spec.part("hostPath") {
            host_path(&mut host);
        }
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        let mut volume = Edit::object(new);
        let mut status = volume.made("status");
        status.set("phase", "Pending");
        status.set("lastPhaseTransitionTime", Value::Time(write.now));
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_content(new, old);
        let old = old.view().field("status");
        let mut volume = Edit::object(new);
        let changes = volume.view().path("status.phase").text() != old.field("phase").text();
        let last = old.field("lastPhaseTransitionTime").value();
        let mut status = volume.made("status");
        let said = status.get("lastPhaseTransitionTime");
        if !changes && said.is_none() {
            status.put("lastPhaseTransitionTime", last.cloned());
        } else if changes && (said.is_none() || said == last) {
            status.set("lastPhaseTransitionTime", Value::Time(write.now));
        }
    }

    fn warn(&self, new: &Object, _: Option<&Object>, warnings: &mut Vec<String>) {
        for (annotation, words) in OLD_ANNOTATIONS {
            if meta(new).annotations().any(|(key, _)| key == annotation) {
                warnings.push(format!("metadata.annotations[{annotation}]: {words}"));
            }
        }
        let spec = new.view().field("spec");
        if spec.field("persistentVolumeReclaimPolicy").text() == "Recycle" {
            warnings.push("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.".into());
        }
        let terms = spec.path("nodeAffinity.required.nodeSelectorTerms");
        for (at, term) in terms.items().enumerate() {
            let path = format!("spec.nodeAffinity.required.nodeSelectorTerms[{at}]");
            crate::warnings::node::selector_term(term, false, &path, warnings);
        }
        let source = |name: &str| spec.field(name).value().is_some();
        for (name, words) in OLD_SOURCES.into_iter().filter(|(name, _)| source(name)) {
            // Upstream does not call this one by its field's name.
            let name = if name == "storageos" { "storageOS" } else { name };
            warnings.push(format!("spec.{name}: {words}"));
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, Some(old), errors);
        check_update(new, old, errors);
    }
}

const MOUNT_OPTIONS: &str = "volume.beta.kubernetes.io/mount-options";
/// Kinds of volumes that can be mounted with options.
const MOUNTED_WITH_OPTIONS: [&str; 13] = [
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "iscsi",
    "cinder",
    "cephfs",
    "azureFile",
    "vsphereVolume",
    "azureDisk",
    "photonPersistentDisk",
];

fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let required = |old: &Object| has_invalid_value(old.view().path("spec.nodeAffinity.required"));
    let of =
        persistent_volume::Of::Object { name: meta(new).name(), label_values: old.is_some_and(required) };
    persistent_volume::spec(&spec, of, errors);
    let takes_options = MOUNTED_WITH_OPTIONS.iter().any(|name| spec.view.field(name).is_present());
    if !takes_options && meta(new).annotations().any(|(key, _)| key == MOUNT_OPTIONS) {
        let path = Path::new("metadata.annotations");
        let words = "may not specify mount options for this volume type";
        errors.push(Error::forbidden(&path.child(MOUNT_OPTIONS), words));
    }
}

/// Where a volume lies stays as it is, and most of what is said of it.
fn check_update(new: &Object, old: &Object, errors: &mut Errors) {
    let (spec, before) = (At::root(new, "spec"), old.view().field("spec"));
    let mut settled = new.clone();
    let expands = "spec.csi.controllerExpandSecretRef";
    if !old.view().path(expands).is_present() && old.view().path("spec.csi").is_present() {
        let mut volume = Edit::object(&mut settled);
        if let Some(mut spec) = volume.part("spec")
            && let Some(mut csi) = spec.part("csi")
        {
            csi.remove("controllerExpandSecretRef");
        }
    }
    let now = settled.view().field("spec");
    let is_moved = |name: &str| !same::is_same(now.field(name), before.field(name));
    if persistent_volume::source_fields().any(is_moved) {
        let difference = difference::unified(&sources(before), &sources(now));
        let words = format!("spec.persistentvolumesource is immutable after creation\n{difference}");
        spec.field("persistentvolumesource").forbidden(words, errors);
    }
    let mode = At { view: spec.view.field("volumeMode"), path: Path::new("volumeMode") };
    mode.immutable(before.field("volumeMode"), errors);
    if before.field("nodeAffinity").is_present() {
        let affinity = At { view: spec.view.field("nodeAffinity"), path: Path::new("nodeAffinity") };
        let is_kept = same::is_same(affinity.view, before.field("nodeAffinity"))
            || is_renamed(affinity.view, before.field("nodeAffinity"));
        if !is_kept {
            let words = "field is immutable, except for updating from beta label to GA";
            errors.push(Error::invalid(&affinity.path, internal::shown(affinity.view), words));
        }
    }
    let class = spec.field("volumeAttributesClassName");
    if before.field("volumeAttributesClassName").is_present() && !class.is_present() {
        class.forbidden("update from non-nil value to nil is forbidden", errors);
    }
}

/// The part of a volume that says where it lies, as upstream shows it.
fn sources(spec: View<'_>) -> String {
    // Upstream has the same in another order.
    const ORDER: [&str; 22] = [
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "hostPath",
        "glusterfs",
        "nfs",
        "rbd",
        "iscsi",
        "cinder",
        "cephfs",
        "fc",
        "flocker",
        "flexVolume",
        "azureFile",
        "vsphereVolume",
        "quobyte",
        "azureDisk",
        "photonPersistentDisk",
        "portworxVolume",
        "scaleIO",
        "local",
        "storageos",
        "csi",
    ];
    let fields = ORDER.iter().map(|name| (*name, spec.field(name)));
    internal::pretty_fields(fields)
}

/// Labels of nodes that have got another name.
const RENAMED: [(&str, &str); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("beta.kubernetes.io/os", "kubernetes.io/os"),
    ("beta.kubernetes.io/arch", "kubernetes.io/arch"),
];

/// Whether an affinity is the same but for labels that have got their new names.
fn is_renamed(new: View<'_>, old: View<'_>) -> bool {
    const TERMS: &str = "required.nodeSelectorTerms";
    let (new, old) = (new.path(TERMS), old.path(TERMS));
    new.items().len() == old.items().len()
        && new.items().zip(old.items()).all(|(new, old)| {
            same::is_same(new.field("matchFields"), old.field("matchFields"))
                && is_renamed_list(new.field("matchExpressions"), old.field("matchExpressions"))
        })
}

fn is_renamed_list(new: View<'_>, old: View<'_>) -> bool {
    let key = |one: View<'_>| one.field("key").text().to_owned();
    new.items().len() == old.items().len()
        && new.items().zip(old.items()).all(|(new, old)| {
            let is_known = RENAMED.iter().any(|(beta, ga)| *beta == key(old) && *ga == key(new));
            (key(new) == key(old) || is_known)
                && ["operator", "values"].iter().all(|name| same::is_same(new.field(name), old.field(name)))
        })
}

/// Annotations that fields have taken the place of.
const OLD_ANNOTATIONS: [(&str, &str); 2] = [
    (
        "volume.beta.kubernetes.io/storage-class",
        r#"deprecated since v1.8; use "storageClassName" attribute instead"#,
    ),
    (
        "volume.beta.kubernetes.io/mount-options",
        r#"deprecated since v1.31; use "mountOptions" attribute instead"#,
    ),
];

/// Where storage came from once.
const OLD_SOURCES: [(&str, &str); 6] = [
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::PersistentVolumes;
    use crate::resource::check;

    #[test]
    fn a_volume_shows_what_it_is() {
        check::cells(
            &PersistentVolumes,
            r#"{"kind":"PersistentVolume","apiVersion":"v1","metadata":{"name":"a"},"spec":{"capacity":{"storage":"5Gi"},"accessModes":["ReadWriteOnce","ReadOnlyMany","ReadWriteMany","ReadWriteOncePod"],"persistentVolumeReclaimPolicy":"Delete","claimRef":{"namespace":"n","name":"c"},"storageClassName":"fast","volumeMode":"Block","volumeAttributesClassName":"gold"},"status":{"phase":"Bound","reason":"r"}}"#,
            json!([
                "a",
                "5Gi",
                "RWO,ROX,RWX,RWOP",
                "Delete",
                "Bound",
                "n/c",
                "fast",
                "gold",
                "r",
                "<unknown>",
                "Block"
            ]),
        );
        check::cells(
            &PersistentVolumes,
            r#"{"kind":"PersistentVolume","apiVersion":"v1","metadata":{"name":"a","deletionTimestamp":"2029-01-01T00:00:00Z","annotations":{"volume.beta.kubernetes.io/storage-class":"slow"}},"spec":{"storageClassName":"fast"},"status":{"phase":"Bound"}}"#,
            json!(["a", "0", "", "", "Terminating", "", "slow", "<unset>", "", "<unknown>", "<unset>"]),
        );
    }

    #[test]
    fn the_change_of_phase_is_dated() {
        let volume = |phase: &str, time: &str| {
            let time = if time.is_empty() {
                String::new()
            } else {
                format!(r#","lastPhaseTransitionTime":"{time}""#)
            };
            format!(
                r#"{{"kind":"PersistentVolume","apiVersion":"v1","metadata":{{"name":"a"}},"spec":{{}},"status":{{"phase":"{phase}"{time}}}}}"#
            )
        };
        let (now, old, other) = ("2030-01-01T00:00:00Z", "2029-01-01T00:00:00Z", "2028-01-01T00:00:00Z");
        check::create(&PersistentVolumes, &volume("Bound", ""), &volume("Pending", now));
        let cases = [
            (volume("Bound", ""), volume("Bound", old)),
            (volume("Bound", other), volume("Bound", other)),
            (volume("Released", ""), volume("Released", now)),
            (volume("Released", old), volume("Released", now)),
            (volume("Released", other), volume("Released", other)),
        ];
        for (new, expected) in cases {
            check::update(&PersistentVolumes, "status", &volume("Bound", old), &new, &expected);
        }
    }

    #[test]
    fn defaults() {
        check::default(
            &PersistentVolumes,
            r#"{"kind":"PersistentVolume","apiVersion":"v1","metadata":{"name":"a"},"spec":{"hostPath":{"path":"/a"}}}"#,
            r#"{"kind":"PersistentVolume","apiVersion":"v1","metadata":{"name":"a"},"spec":{"hostPath":{"path":"/a","type":""},"persistentVolumeReclaimPolicy":"Retain","volumeMode":"Filesystem"},"status":{"phase":"Pending"}}"#,
        );
    }
}
