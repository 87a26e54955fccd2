//! What claims of volumes keep to when they change.

use keelson_api::difference;
use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_api::names::label;
use keelson_api::quantity::Quantity;
use keelson_schema::tree::{Object, View};

use crate::cells::storage::CLASS_ANNOTATION;
use crate::defaults::quantity::amount;
use crate::edit::Edit;
use crate::meta::meta;
use crate::rules::volume_claim::{self, Leniency};
use crate::rules::{At, IMMUTABLE, internal, pod_resources, same, selector};

const BOUND: &str = "Bound";
const RESIZES: [&str; 5] = [
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
];

fn annotated_class(object: &Object) -> Option<&str> {
    meta(object).annotations().find(|(key, _)| *key == CLASS_ANNOTATION).map(|(_, class)| class)
}

/// What is wrong with a claim in the place of `old`.
pub(super) fn check_update(new: &Object, old: &Object, errors: &mut Errors) {
    let (spec, before) = (At::root(new, "spec"), old.view().field("spec"));
    let named = |name: &str| before.field(name).field("apiGroup").is_present();
    let lenient = Leniency {
        selector_values: selector::has_invalid_value(before.field("selector")),
        source_groups: named("dataSource") || named("dataSourceRef"),
    };
    volume_claim::spec(&spec, lenient, errors);
    check_class(new, old, errors);
    keep_spec(new, old, errors);
    let size = |view: View<'_>| amount(view.key("storage"));
    let asked = spec.view.path("resources.requests");
    let status = old.view().path("status.capacity");
    if size(asked) < size(before.path("resources.requests")) && size(asked) <= size(status) {
        let path = Path::new("spec.resources.requests.storage");
        errors.push(Error::forbidden(&path, "field can not be less than status.capacity"));
    }
    let mode = At { view: spec.view.field("volumeMode"), path: Path::new("volumeMode") };
    mode.immutable(before.field("volumeMode"), errors);
    let class = spec.field("volumeAttributesClassName");
    let has_changed = class.view.value() != before.field("volumeAttributesClassName").value();
    if has_changed && old.view().path("status.currentVolumeAttributesClassName").is_present() {
        let what = match class.is_present() {
            false => "nil",
            true if class.is_empty() => "empty string",
            true => return,
        };
        let words =
            format!("update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil");
        class.forbidden(words, errors);
    }
}

/// Whether the class that an annotation names is now said where it belongs.
fn has_moved_class(new: &Object, old: &Object) -> bool {
    let class = |object: &Object| object.view().path("spec.storageClassName").text().to_owned();
    let Some(annotated) = annotated_class(old) else { return false };
    !old.view().path("spec.storageClassName").is_present()
        && new.view().path("spec.storageClassName").is_present()
        && class(new) == annotated
        && annotated_class(new).is_none_or(|now| now == annotated)
}

fn check_class(new: &Object, old: &Object, errors: &mut Errors) {
    let (now, before) = (annotated_class(new).unwrap_or_default(), annotated_class(old).unwrap_or_default());
    if !has_moved_class(new, old) && now != before {
        let path = Path::new("metadata.annotations");
        errors.push(Error::invalid(&path.child(CLASS_ANNOTATION), now, IMMUTABLE));
    }
}

/// What a claim asks for stays as it is, but for what may change once it is bound.
fn keep_spec(new: &Object, old: &Object, errors: &mut Errors) {
    let (mut now, mut before) = (new.clone(), old.clone());
    let is_bound = new.view().path("status.phase").text() == BOUND;
    let value = |object: &Object, path: &str| object.view().path(path).value().cloned();
    if old.view().path("spec.volumeName").text().is_empty() {
        Edit::object(&mut before).made("spec").put("volumeName", value(new, "spec.volumeName"));
    }
    let had_class = old.view().path("spec.storageClassName").is_present();
    if has_moved_class(new, old) {
        Edit::object(&mut now).made("spec").remove("storageClassName");
    } else if !had_class && new.view().path("spec.storageClassName").is_present() {
        let class = new.view().path("spec.storageClassName").text();
        if annotated_class(old).is_none_or(|annotated| annotated == class) {
            Edit::object(&mut now).made("spec").remove("storageClassName");
        }
    }
    if is_bound {
        let mut claim = Edit::object(&mut now);
        let mut spec = claim.made("spec");
        spec.put("volumeAttributesClassName", value(old, "spec.volumeAttributesClassName"));
        let mut resources = spec.made("resources");
        if resources.has("requests")
            && let Some(storage) = old.view().path("spec.resources.requests").key("storage").value()
        {
            resources.map("requests").set("storage", storage.clone());
        }
    }
    let (now, before) = (now.view().field("spec"), before.view().field("spec"));
    if !same::is_same(now, before) {
        let difference = difference::unified(&internal::pretty(before), &internal::pretty(now));
        let words = format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n{difference}"
        );
        errors.push(Error::forbidden(&Path::new("spec"), words));
    }
}

/// What is wrong with how a claim stands.
pub(super) fn check_status(new: &Object, errors: &mut Errors) {
    if new.view().path("spec.accessModes").items().len() == 0 {
        // The path is written as upstream writes it.
        errors.push(Error::required(&Path::new("Spec.accessModes"), ""));
    }
    let status = At::root(new, "status");
    for (_, much) in status.field("capacity").entries() {
        is_quantity(&much, errors);
    }
    let resizes = status.field("allocatedResourceStatuses");
    for (key, resize) in resizes.entries() {
        check_key(key, &resizes.path, errors);
        if !RESIZES.contains(&resize.text()) {
            errors.push(Error::not_supported(&resizes.path, Shown::Named(key), &RESIZES));
        }
    }
    let allocated = status.field("allocatedResources");
    for (key, much) in allocated.entries() {
        if check_key(key, &allocated.path, errors) && is_quantity(&much, errors) {
            pod_resources::quantity("storage", &much, errors);
        }
    }
}

fn is_quantity(much: &At<'_, '_>, errors: &mut Errors) -> bool {
    let value: Quantity = amount(much.view);
    if value.value() < 0 {
        let words = "must be a valid resource quantity";
        errors.push(Error::invalid(&much.path, Shown::Int(value.value()), words));
    }
    value.value() >= 0
}

/// What a volume has: storage, or what somebody else calls so.
fn check_key(key: &str, path: &Path<'_>, errors: &mut Errors) -> bool {
    let before = errors.len();
    errors.push_invalid(path, key, label::key(key));
    if errors.len() == before && pod_resources::is_native(key) && key != "storage" {
        errors.push(Error::not_supported(path, key, &["storage"]));
    }
    errors.len() == before
}
