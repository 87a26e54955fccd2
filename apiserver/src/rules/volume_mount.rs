//! Rules for where a container finds the volumes of its pod: mounted into its files, or as devices.

use std::collections::{BTreeMap, HashSet};

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_schema::tree::View;

use super::volume_path::{is_descending, steps_up};
use super::{At, selector::texts, volume::Volumes};

/// Paths by the names of volumes; of several for one volume the last, as upstream.
fn paths<'o>(list: View<'o>, path: &str) -> BTreeMap<&'o str, &'o str> {
    list.items().map(|one| (one.field("name").text(), one.field(path).text())).collect()
}

/// All that a container mounts.
pub(super) fn mounts(container: &At<'_, '_>, volumes: &Volumes<'_>, errors: &mut Errors) {
    let devices = paths(container.view.field("volumeDevices"), "devicePath");
    let is_privileged = container.view.path("securityContext.privileged").is_true();
    let mounts = container.field("volumeMounts");
    let mut taken = HashSet::new();
    for mount in mounts.items() {
        let (name, path) = (mount.field("name"), mount.field("mountPath"));
        name.require(errors);
        if !volumes.contains_key(name.text()) {
            name.not_found(errors);
        }
        path.require(errors);
        if !taken.insert(path.text()) {
            path.invalid("must be unique", errors);
        }
        if devices.contains_key(name.text()) {
            name.invalid("must not already exist in volumeDevices", errors);
        }
        if devices.values().any(|device| *device == path.text()) {
            path.invalid("must not already exist as a path in volumeDevices", errors);
        }
        // As upstream: these messages do not tell which mount is meant.
        let of_any = At { view: mount.view, path: mounts.path };
        parts_of_volumes(&mount, &of_any, errors);
        propagation(&of_any.field("mountPropagation"), is_privileged, errors);
        recursive_read_only(&of_any, errors);
        options(&mount, volumes, errors);
    }
}

fn parts_of_volumes(mount: &At<'_, '_>, of_any: &At<'_, '_>, errors: &mut Errors) {
    let (part, expression) = (of_any.field("subPath"), of_any.field("subPathExpr"));
    if !part.is_empty() {
        is_descending(&part, errors);
    }
    if !expression.is_empty() {
        if !part.is_empty() {
            let words = "subPathExpr and subPath are mutually exclusive";
            mount.field("subPathExpr").invalid(words, errors);
        }
        is_descending(&expression, errors);
    }
}

fn propagation(propagation: &At<'_, '_>, is_privileged: bool, errors: &mut Errors) {
    if !propagation.is_present() {
        return;
    }
    propagation.one_of(&["Bidirectional", "HostToContainer", "None"], errors);
    if propagation.text() == "Bidirectional" && !is_privileged {
        let words = "Bidirectional mount propagation is available only to privileged containers";
        propagation.forbidden(words, errors);
    }
}

fn recursive_read_only(mount: &At<'_, '_>, errors: &mut Errors) {
    let wanted = mount.field("recursiveReadOnly");
    if !wanted.is_present() {
        return;
    }
    wanted.one_of(&["Disabled", "Enabled", "IfPossible"], errors);
    if !matches!(wanted.text(), "Enabled" | "IfPossible") {
        return;
    }
    if !mount.field("readOnly").is_true() {
        wanted.forbidden("may only be specified when readOnly is true", errors);
    }
    let propagation = mount.field("mountPropagation");
    if propagation.is_present() && propagation.text() != "None" {
        wanted.forbidden("may only be specified when mountPropagation is None or not specified", errors);
    }
}

fn options(mount: &At<'_, '_>, volumes: &Volumes<'_>, errors: &mut Errors) {
    let options = mount.field("bindMountOptions");
    let mut seen = HashSet::new();
    for option in options.items() {
        option.one_of(&["nodev", "noexec", "nosuid"], errors);
        if !seen.insert(option.text()) {
            option.duplicate(errors);
        }
    }
    let volume = volumes.get(mount.field("name").text());
    if !options.is_empty() && volume.is_some_and(|volume| volume.field("image").is_present()) {
        let words = "bindMountOptions may not be used with image volumes";
        errors.push(Error::invalid(&options.path, Shown::Texts(&texts(options.view)), words));
    }
}

/// All that a container has as devices.
pub(super) fn devices(container: &At<'_, '_>, volumes: &Volumes<'_>, errors: &mut Errors) {
    let mounts = paths(container.view.field("volumeMounts"), "mountPath");
    let (mut names, mut taken) = (HashSet::new(), HashSet::new());
    for device in container.field("volumeDevices").items() {
        let (name, path) = (device.field("name"), device.field("devicePath"));
        let volume = volumes.get(name.text());
        name.require(errors);
        if names.contains(name.text()) {
            name.invalid("must be unique", errors);
        }
        let is_claimed = |volume: &View<'_>| {
            volume.field("persistentVolumeClaim").is_present() || volume.field("ephemeral").is_present()
        };
        match volume {
            None => name.not_found(errors),
            Some(volume) if !is_claimed(volume) => {
                let words =
                    "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                name.invalid(words, errors);
            }
            Some(_) => {}
        }
        path.require(errors);
        if taken.contains(path.text()) {
            path.invalid("must be unique", errors);
        }
        if steps_up(path.text()) {
            path.invalid("can not contain backsteps ('..')", errors);
        } else {
            taken.insert(path.text());
        }
        if mounts.contains_key(name.text()) {
            name.invalid("must not already exist in volumeMounts", errors);
        }
        if mounts.values().any(|mount| *mount == path.text()) {
            path.invalid("must not already exist as a path in volumeMounts", errors);
        }
        if !name.is_empty() {
            names.insert(name.text());
        }
    }
}
