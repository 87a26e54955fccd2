//! Rules for volumes that are files which the node has or writes: directories, configuration, what is known of the pod.

use keelson_api::field::{Error, Errors};

use super::volume_path::{has_no_backsteps, is_descending, is_descending_and_free, mode, user};
use super::{At, pod_env, pod_leniency::Leniency};
use crate::defaults::quantity::amount;

pub(super) fn empty_dir(empty: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    let limit = empty.field("sizeLimit");
    if limit.is_present() && amount(limit.view).is_negative() {
        limit.forbidden("SizeLimit field must be a valid resource quantity", errors);
    }
    let mode = empty.field("mode");
    if mode.int().is_some_and(|mode| !(0..=0o1777).contains(&mode)) {
        mode.invalid("must be a number between 0 and 01777 (octal), both inclusive", errors);
    }
}

/// The kinds of paths there are; the empty one is not looked at.
const PATH_TYPES: &[&str] =
    &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

pub(super) fn host_path(host: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    let path = host.field("path");
    if !path.require(errors) {
        return;
    }
    has_no_backsteps(&path, errors);
    let kind = host.field("type");
    if kind.is_present() {
        kind.one_of(PATH_TYPES, errors);
    }
}

pub(super) fn git_repo(repo: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    repo.field("repository").require(errors);
    is_descending(&repo.field("directory"), errors);
}

pub(super) fn claim(claim: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    claim.field("claimName").require(errors);
}

pub(super) fn image(image: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    if !lenient.empty_image_references {
        image.field("reference").require(errors);
    }
    pull_policy(&image.field("pullPolicy"), errors);
}

/// When an image is fetched.
pub(super) fn pull_policy(policy: &At<'_, '_>, errors: &mut Errors) {
    if policy.require(errors) {
        policy.one_of(&["Always", "IfNotPresent", "Never"], errors);
    }
}

pub(super) fn secret(secret: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    secret.field("secretName").require(errors);
    defaults_and_items(secret, errors);
}

pub(super) fn config_map(map: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    map.field("name").require(errors);
    defaults_and_items(map, errors);
}

fn defaults_and_items(volume: &At<'_, '_>, errors: &mut Errors) {
    mode(&volume.field("defaultMode"), errors);
    user(&volume.field("defaultUser"), errors);
    for item in volume.field("items").items() {
        key_to_path(&item, errors);
    }
}

/// Which key becomes which file.
pub(super) fn key_to_path(item: &At<'_, '_>, errors: &mut Errors) {
    item.field("key").require(errors);
    let path = item.field("path");
    path.require(errors);
    is_descending_and_free(&path, errors);
    mode(&item.field("mode"), errors);
    user(&item.field("user"), errors);
}

pub(super) fn downward(volume: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    mode(&volume.field("defaultMode"), errors);
    user(&volume.field("defaultUser"), errors);
    for file in volume.view.field("items").items() {
        // As upstream: messages do not tell which file is meant.
        downward_file(&At { view: file, path: volume.path }, errors);
    }
}

/// What of a pod a volume can show.
const FIELDS: &[&str] =
    &["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// A file that shows something of the pod.
pub(super) fn downward_file(file: &At<'_, '_>, errors: &mut Errors) {
    let path = file.field("path");
    path.require(errors);
    is_descending_and_free(&path, errors);
    let (field, resource) = (file.field("fieldRef"), file.field("resourceFieldRef"));
    if field.is_present() {
        pod_env::field_of_pod(&field, FIELDS, errors);
        if resource.is_present() {
            let words = "fieldRef and resourceFieldRef can not be specified simultaneously";
            errors.push(Error::invalid(&file.path, "resource", words));
        }
    } else if resource.is_present() {
        pod_env::resource_of_container(&resource, true, errors);
    } else {
        file.missing("one of fieldRef and resourceFieldRef is required", errors);
    }
    mode(&file.field("mode"), errors);
    user(&file.field("user"), errors);
}
