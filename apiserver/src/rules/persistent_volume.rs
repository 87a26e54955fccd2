//! Rules for persistent volumes: what they are made of, as objects of their own and within others.

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::{dns, object};
use keelson_api::quantity::Quantity;
use keelson_schema::tree::View;

use super::pod_leniency::Leniency;
use super::volume_disk::{self as disk, csi_driver, iscsi_name};
use super::{At, NOT_POSITIVE, internal, selector_node, volume_files, volume_path};
use crate::defaults::quantity::amount;

/// Where a volume stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of<'o> {
    /// It is an object of this name, which may have labels that none can have if it is stored so.
    Object {
        /// The name.
        name: &'o str,
        /// Whether values of labels may be such as none can have.
        label_values: bool,
    },
    /// It is said where it is used.
    Inline,
}

const ACCESS_MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const ALONE: &str = "ReadWriteOncePod";
const INLINE: &str = "may not be specified in the context of inline volumes";

/// What is wrong with a volume.
pub(crate) fn spec(spec: &At<'_, '_>, of: Of<'_>, errors: &mut Errors) {
    let is_inline = matches!(of, Of::Inline);
    if is_inline {
        forbid(&spec.field("claimRef"), errors);
        if !spec.field("capacity").is_empty() {
            spec.field("capacity").forbidden(INLINE, errors);
        }
        if !spec.field("csi").is_present() {
            spec.field("csi").missing("has to be specified in the context of inline volumes", errors);
        }
    }
    access_modes(&spec.field("accessModes"), errors);
    if !is_inline {
        capacity(&spec.field("capacity"), errors);
    }
    reclaim(&spec.field("persistentVolumeReclaimPolicy"), is_inline, errors);
    let affinity = spec.field("nodeAffinity");
    match of {
        Of::Inline => forbid(&affinity, errors),
        Of::Object { label_values, .. } => node_affinity(&affinity, label_values, errors),
    }
    sources(spec, of, errors);
    let host = spec.view.path("hostPath.path").text();
    let policy = spec.field("persistentVolumeReclaimPolicy");
    if !host.is_empty() && is_root(host) && policy.text() == "Recycle" {
        policy.forbidden("may not be 'recycle' for a hostPath mount of '/'", errors);
    }
    let class = spec.field("storageClassName");
    if !class.is_empty() {
        if is_inline {
            class.forbidden(INLINE, errors);
        } else {
            class.name_of(object::subdomain, errors);
        }
    }
    volume_mode(&spec.field("volumeMode"), is_inline, errors);
    // As upstream, which looks at it in objects alone.
    let attributes = spec.field("volumeAttributesClassName");
    if attributes.is_present() && !is_inline {
        if attributes.require_saying("an empty string is disallowed", errors) {
            attributes.name_of(object::subdomain, errors);
        }
        if !spec.field("csi").is_present() {
            let words = "has to be specified when using volumeAttributesClassName";
            spec.field("csi").missing(words, errors);
        }
    }
}

fn forbid(field: &At<'_, '_>, errors: &mut Errors) {
    if field.is_present() {
        field.forbidden(INLINE, errors);
    }
}

/// Whether a path is the root, however it is written.
fn is_root(path: &str) -> bool {
    let mut depth = 0_usize;
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
    }
    path.starts_with('/') && depth == 0
}

fn access_modes(modes: &At<'_, '_>, errors: &mut Errors) {
    modes.require(errors);
    let all = || modes.view.items().map(View::text);
    for mode in all().filter(|mode| !ACCESS_MODES.contains(mode)) {
        errors.push(Error::not_supported(&modes.path, Shown::Named(mode), ACCESS_MODES));
    }
    if all().any(|mode| mode == ALONE) && all().any(|mode| mode != ALONE && ACCESS_MODES.contains(&mode)) {
        modes.forbidden("may not use ReadWriteOncePod with other access modes", errors);
    }
}

fn capacity(capacity: &At<'_, '_>, errors: &mut Errors) {
    capacity.require(errors);
    if capacity.len() != 1 || !capacity.view.key("storage").is_present() {
        errors.push(Error::not_supported(&capacity.path, internal::shown(capacity.view), &["storage"]));
    }
    for (_, much) in capacity.entries() {
        let value = amount(much.view);
        if value.value() < 0 {
            let words = "must be a valid resource quantity";
            errors.push(Error::invalid(&much.path, Shown::Int(value.value()), words));
        }
        if value <= Quantity::default() {
            much.invalid(NOT_POSITIVE, errors);
        }
    }
}

fn reclaim(policy: &At<'_, '_>, is_inline: bool, errors: &mut Errors) {
    match policy.text() {
        "" => {}
        "Retain" if is_inline => {}
        _ if is_inline => {
            policy.forbidden("may only be Retain in the context of inline volumes", errors);
        }
        _ => policy.one_of(&["Delete", "Recycle", "Retain"], errors),
    }
}

fn volume_mode(mode: &At<'_, '_>, is_inline: bool, errors: &mut Errors) {
    if !mode.is_present() {
    } else if !is_inline {
        mode.one_of(&["Block", "Filesystem"], errors);
    } else if mode.text() != "Filesystem" {
        let words = "may not specify volumeMode other than Filesystem in the context of inline volumes";
        mode.forbidden(words, errors);
    }
}

fn node_affinity(affinity: &At<'_, '_>, label_values: bool, errors: &mut Errors) {
    let required = affinity.field("required");
    if required.is_present() {
        selector_node::node_selector(&required, label_values, errors);
    } else if affinity.is_present() {
        required.missing("must specify required node constraints", errors);
    }
}

/// A kind of source: its field, what its field is called within messages, and its rules.
struct Source {
    field: &'static str,
    shown: &'static str,
    /// What its field is called where there is another one already.
    shown_again: &'static str,
    check: fn(&At<'_, '_>, &Leniency, &mut Errors),
}

const fn source(field: &'static str, check: fn(&At<'_, '_>, &Leniency, &mut Errors)) -> Source {
    Source { field, shown: field, shown_again: field, check }
}

/// All kinds, in upstream's order.
const SOURCES: [Source; 22] = [
    source("hostPath", volume_files::host_path),
    Source { shown: "persistentDisk", ..source("gcePersistentDisk", disk::gce) },
    source("awsElasticBlockStore", disk::aws),
    source("glusterfs", glusterfs),
    source("flocker", disk::flocker),
    source("nfs", disk::nfs),
    source("rbd", disk::rbd),
    source("quobyte", disk::quobyte),
    Source { shown_again: "cephFS", ..source("cephfs", disk::cephfs) },
    source("iscsi", iscsi),
    source("cinder", cinder),
    source("fc", disk::fibre_channel),
    source("flexVolume", disk::flex),
    source("azureFile", azure_file),
    source("vsphereVolume", disk::vsphere),
    source("photonPersistentDisk", disk::photon),
    source("portworxVolume", disk::portworx),
    source("azureDisk", disk::azure_disk),
    source("scaleIO", disk::scale_io),
    source("local", local),
    source("storageos", storage_os),
    source("csi", csi),
];

fn sources(spec: &At<'_, '_>, of: Of<'_>, errors: &mut Errors) {
    let mut count = 0;
    for Source { field, shown, shown_again, check } in SOURCES {
        let again = spec.field_as(field, shown_again);
        if !again.is_present() {
            continue;
        }
        // As upstream, which lets this one be beside others.
        if count > 0 && field != "flexVolume" {
            again.forbidden("may not specify more than 1 volume type", errors);
            continue;
        }
        count += 1;
        let source = spec.field_as(field, shown);
        if let (Of::Object { name, .. }, "iscsi") = (of, field) {
            initiator(&source, name, errors);
        } else {
            check(&source, &Leniency::default(), errors);
        }
        let affinity = spec.field("nodeAffinity");
        if field == "local" && (!affinity.is_present() || matches!(of, Of::Inline)) {
            affinity.missing("Local volume requires node affinity", errors);
        }
    }
    if count == 0 {
        spec.missing("must specify a volume type", errors);
    }
}

fn glusterfs(share: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    disk::glusterfs(share, lenient, errors);
    let namespace = share.field("endpointsNamespace");
    if !namespace.is_present() {
    } else if namespace.is_empty() {
        let words = "if the endpointnamespace is set, it must be a valid namespace name";
        namespace.invalid(words, errors);
    } else {
        namespace.name_of(object::label, errors);
    }
}

fn cinder(volume: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    disk::cinder(volume, lenient, errors);
    secret_has_namespace(volume, errors);
}

fn secret_has_namespace(volume: &At<'_, '_>, errors: &mut Errors) {
    let secret = volume.field("secretRef");
    if secret.is_present() {
        secret.field("namespace").require(errors);
    }
}

fn azure_file(share: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    disk::azure_file(share, lenient, errors);
    let namespace = share.field("secretNamespace");
    if namespace.is_present() {
        namespace.require(errors);
    }
}

fn storage_os(volume: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    disk::storage_os(volume, lenient, errors);
    secret_has_namespace(volume, errors);
}

fn local(volume: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    let path = volume.field("path");
    if path.require(errors) {
        volume_path::has_no_backsteps(&path, errors);
    }
}

/// A disk of iSCSI in a volume without a name.
fn iscsi(volume: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    initiator(volume, "", errors);
}

fn initiator(volume: &At<'_, '_>, name: &str, errors: &mut Errors) {
    const FORM: &str = "must be valid format";
    let portal = volume.field("targetPortal");
    portal.require(errors);
    let initiator = volume.field_as("initiatorName", "initiatorname");
    if initiator.is_present() && name.len() + 1 + portal.text().len() > 64 {
        let words = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
        volume.field_as("targetPortal", "targetportal").invalid(words, errors);
    }
    let target = volume.field("iqn");
    if target.require(errors) {
        iscsi_name(&target, FORM, errors);
    }
    volume.field("lun").in_range(0, 255, errors);
    let secret = volume.field("secretRef");
    let needs_secret =
        ["chapAuthDiscovery", "chapAuthSession"].iter().any(|name| volume.view.field(name).is_true());
    if needs_secret && !secret.is_present() {
        secret.missing("", errors);
    }
    if secret.is_present() {
        secret.field("name").require(errors);
    }
    if initiator.is_present() {
        iscsi_name(&initiator, FORM, errors);
    }
}

fn csi(volume: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    csi_driver(&volume.field("driver"), errors);
    volume.field("volumeHandle").require(errors);
    for name in [
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ] {
        let secret = volume.field(name);
        if !secret.is_present() {
            continue;
        }
        let (name, namespace) = (secret.field("name"), secret.field("namespace"));
        if name.require(errors) {
            name.keep_to(dns::subdomain, errors);
        }
        if namespace.require(errors) {
            namespace.keep_to(dns::label, errors);
        }
    }
}

/// The fields that say where a volume lies.
pub(crate) fn source_fields() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().map(|source| source.field)
}
