//! Volume attachments: a volume that is, or is to be, attached to a node.

use keelson_api::field::{Error, Errors};
use keelson_api::names::object;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::volume_disk::csi_driver;
use crate::rules::{At, marked, persistent_volume};

/// The resource.
#[derive(Debug)]
pub(crate) struct VolumeAttachments;

const FACTS: Facts = Facts {
    group: "storage.k8s.io",
    versions: &["v1"],
    stored_as: ("storage.k8s.io", "v1"),
    kind: "VolumeAttachment",
    plural: "volumeattachments",
    singular: "volumeattachment",
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
        kind: "VolumeAttachment",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column { format: "name", ..Column::text("Attacher") },
        Column::text("PV"),
        Column::text("Node"),
        Column::boolean("Attached"),
        Column::text("Age"),
    ],
};

impl Resource for VolumeAttachments {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        vec![
            cells::name(object),
            view.path("spec.attacher").text().into(),
            view.path("spec.source.persistentVolumeName").text().into(),
            view.path("spec.nodeName").text().into(),
            view.path("status.attached").is_true().into(),
            cells::age_of(object, now),
        ]
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, errors);
        marked::covered(errors, |errors| At::root(new, "spec").immutable(old.view().field("spec"), errors));
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        check(new, errors);
    }
}

const METADATA_BYTES_MAX: usize = 256 * 1024;
const MESSAGE_BYTES_MAX: usize = 1024;

fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    marked::covered(errors, |errors| csi_driver(&spec.field("attacher"), errors));
    let source = spec.field("source");
    let (inline, volume) = (source.field("inlineVolumeSpec"), source.field("persistentVolumeName"));
    const ONE: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    match (inline.is_present(), volume.is_present()) {
        (false, false) => source.missing(ONE, errors),
        (true, true) => source.forbidden(ONE, errors),
        (false, true) => {
            volume.require_saying("must specify non empty persistentVolumeName", errors);
        }
        (true, false) => persistent_volume::spec(&inline, persistent_volume::Of::Inline, errors),
    }
    spec.field("nodeName").name_of(object::subdomain, errors);
    check_status(&At::root(new, "status"), errors);
    if volume.is_present() {
        let name = volume.text();
        errors.push_invalid(&volume.path, name, object::subdomain(name, object::Part::Whole));
    }
}

fn check_status(status: &At<'_, '_>, errors: &mut Errors) {
    let metadata = status.field("attachmentMetadata");
    let bytes: usize = metadata.entries().map(|(key, value)| key.len() + value.text().len()).sum();
    if bytes > METADATA_BYTES_MAX {
        errors.push(Error::too_long(&metadata.path, METADATA_BYTES_MAX));
    }
    for name in ["attachError", "detachError"] {
        let error = status.field(name);
        let message = error.field("message");
        if message.text().len() > MESSAGE_BYTES_MAX {
            errors.push(Error::too_long(&message.path, MESSAGE_BYTES_MAX));
        }
        error.field("errorCode").in_range(0, i32::MAX.into(), errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells_and_parts() {
        let object = |labels: &str, node: &str, attached: bool| {
            format!(
                r#"{{"apiVersion":"storage.k8s.io/v1","kind":"VolumeAttachment","metadata":{{"name":"v","creationTimestamp":"2029-12-31T23:59:50Z","labels":{{{labels}}}}},"spec":{{"attacher":"a","source":{{"persistentVolumeName":"p"}},"nodeName":"{node}"}},"status":{{"attached":{attached}}}}}"#
            )
        };
        let old = object("", "n", false);
        check::cells(&VolumeAttachments, &old, json!(["v", "a", "p", "n", false, "10s"]));
        let new = object(r#""l":"1""#, "m", true);
        check::update(&VolumeAttachments, "status", &old, &new, &object("", "n", true));
        check::update(&VolumeAttachments, "", &old, &new, &object(r#""l":"1""#, "m", false));
        check::create(&VolumeAttachments, &object("", "n", true), &old);
    }
}
