//! Rules for volumes that lie somewhere else: disks and shares of storage systems.

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::{dns, object};

use super::{At, pod_leniency::Leniency, selector::texts};

/// These fields have content.
fn require(of: &At<'_, '_>, names: &[&str], errors: &mut Errors) {
    for name in names {
        of.field(name).require(errors);
    }
}

/// What is named beside has a name, if it is there.
fn secret_is_named(of: &At<'_, '_>, errors: &mut Errors) {
    let secret = of.field("secretRef");
    if secret.is_present() {
        secret.field("name").require(errors);
    }
}

fn partition(disk: &At<'_, '_>, errors: &mut Errors) {
    let partition = disk.field("partition");
    if partition.int().is_some_and(|number| !(0..=255).contains(&number)) {
        partition.invalid("must be between 1 and 255, inclusive", errors);
    }
}

pub(super) fn gce(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(disk, &["pdName"], errors);
    partition(disk, errors);
}

pub(super) fn aws(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(disk, &["volumeID"], errors);
    partition(disk, errors);
}

pub(super) fn nfs(share: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(share, &["server", "path"], errors);
    let path = share.field("path");
    if !path.text().starts_with('/') {
        path.invalid("must be an absolute path", errors);
    }
}

pub(super) fn iscsi(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(disk, &["targetPortal"], errors);
    let name = disk.field("iqn");
    if name.require(errors) {
        iscsi_name(&name, "must be valid format starting with iqn, eui, or naa", errors);
    }
    disk.field("lun").in_range(0, 255, errors);
    let authenticates = disk.field("chapAuthDiscovery").is_true() || disk.field("chapAuthSession").is_true();
    if authenticates && !disk.field("secretRef").is_present() {
        disk.field("secretRef").missing("", errors);
    }
    let initiator = disk.field_as("initiatorName", "initiatorname");
    if initiator.is_present() {
        iscsi_name(&initiator, "must be valid format starting with iqn, eui, or naa", errors);
    }
}

/// The name of a device, in one of three forms.
pub(crate) fn iscsi_name(name: &At<'_, '_>, unknown_form: &'static str, errors: &mut Errors) {
    let text = name.text();
    let words = match text.get(..3) {
        Some("iqn") if is_iqn(text) => return,
        Some("eui") if has_serial(text, 16) => return,
        Some("naa") if has_serial(text, 32) => return,
        Some("iqn" | "eui" | "naa") => "must be valid format",
        _ => unknown_form,
    };
    errors.push(Error::invalid(&name.path, text, words));
}

/// Three letters, any character, and so many letters or digits.
fn has_serial(text: &str, characters: usize) -> bool {
    let mut rest = text.chars().skip(3);
    rest.next().is_some_and(|any| any != '\n')
        && rest.clone().count() == characters
        && rest.all(|c| c.is_ascii_alphanumeric())
}

/// Somewhere: `iqn.`, a year and a month, a domain, and behind a colon what the domain calls it.
fn is_iqn(text: &str) -> bool {
    text.match_indices("iqn.").any(|(at, _)| {
        let rest = &text[at + 4..];
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (Some(year), Some(month)) = (rest.get(..4), rest.get(5..7)) else { return false };
        if !digits(year) || !digits(month) || &rest[4..5] != "-" || rest.get(7..8) != Some(".") {
            return false;
        }
        let rest = &rest[8..];
        let domain = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.')));
        let (domain, rest) = rest.split_at(domain.unwrap_or(rest.len()));
        let behind = rest.strip_prefix(':').unwrap_or_default();
        !domain.is_empty()
            && !behind.is_empty()
            && !behind.contains([',', ';', '*', '&', '$', '|', ' ', '\t', '\n', '\x0c', '\r'])
    })
}

pub(super) fn glusterfs(share: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(share, &["endpoints", "path"], errors);
}

pub(super) fn flocker(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    let (name, id) = (disk.field("datasetName"), disk.field("datasetUUID"));
    if name.is_empty() && id.is_empty() {
        disk.missing("one of datasetName and datasetUUID is required", errors);
    }
    if !name.is_empty() && !id.is_empty() {
        let words = "datasetName and datasetUUID can not be specified simultaneously";
        errors.push(Error::invalid(&disk.path, "resource", words));
    }
    if name.text().contains('/') {
        name.invalid("must not contain '/'", errors);
    }
}

pub(super) fn rbd(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(disk, &["monitors", "image"], errors);
}

pub(super) fn cinder(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(disk, &["volumeID"], errors);
    secret_is_named(disk, errors);
}

pub(super) fn cephfs(share: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(share, &["monitors"], errors);
}

pub(super) fn quobyte(share: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let (registry, tenant) = (share.field("registry"), share.field("tenant"));
    if !registry.require_saying(PAIRS, errors) {
    } else if tenant.text().len() >= 65 {
        tenant.missing("must be a UUID and may not exceed a length of 64 characters", errors);
    } else {
        for _ in registry.text().split(',').filter(|pair| !is_host_and_port(pair)) {
            registry.invalid(PAIRS, errors);
        }
    }
    require(share, &["volume"], errors);
}

/// Whether Go takes it apart into a host and a port, of which it looks at neither.
fn is_host_and_port(pair: &str) -> bool {
    let Some((host, port)) = pair.rsplit_once(':') else { return false };
    let has_bracket = |text: &str| text.contains(['[', ']']);
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => !has_bracket(host) && !has_bracket(port),
        None => !host.contains(':') && !has_bracket(host) && !has_bracket(port),
    }
}

pub(super) fn fibre_channel(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    let (names, ids) = (disk.field("targetWWNs"), disk.field("wwids"));
    if names.len() + ids.len() == 0 {
        names.missing("must specify either targetWWNs or wwids, but not both", errors);
    }
    if !names.is_empty() && !ids.is_empty() {
        let words = "targetWWNs and wwids can not be specified simultaneously";
        errors.push(Error::invalid(&names.path, Shown::Texts(&texts(names.view)), words));
    }
    let unit = disk.field("lun");
    if names.is_empty() {
    } else if unit.is_present() {
        unit.in_range(0, 255, errors);
    } else {
        unit.missing("lun is required if targetWWNs is specified", errors);
    }
}

pub(super) fn flex(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(disk, &["driver"], errors);
    let options = disk.field("options");
    for key in options.keys() {
        let namespace = key.split_once('/').map_or(key, |(namespace, _)| namespace);
        let namespace = format!(".{}", namespace.to_lowercase());
        if namespace.ends_with(".kubernetes.io") || namespace.ends_with(".k8s.io") {
            let words = "kubernetes.io and k8s.io namespaces are reserved";
            errors.push(Error::invalid(&options.path.key(key), key, words));
        }
    }
}

pub(super) fn azure_file(share: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(share, &["secretName", "shareName"], errors);
}

pub(super) fn vsphere(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(disk, &["volumePath"], errors);
}

pub(super) fn photon(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(disk, &["pdID"], errors);
}

pub(super) fn portworx(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(disk, &["volumeID"], errors);
}

pub(super) fn azure_disk(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    const MANAGED: &str =
        "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
    const BLOB: &str = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
    require(disk, &["diskName", "diskURI"], errors);
    let (caching, kind, place) = (disk.field("cachingMode"), disk.field("kind"), disk.field("diskURI"));
    if caching.is_present() {
        caching.one_of(&["None", "ReadOnly", "ReadWrite"], errors);
    }
    if !kind.is_present() {
        return;
    }
    kind.one_of(&["Dedicated", "Managed", "Shared"], errors);
    let (form, begin) =
        if kind.text() == "Managed" { (MANAGED, "/subscriptions/") } else { (BLOB, "https://") };
    if !place.text().starts_with(begin) {
        place.not_supported(&[form], errors);
    }
}

pub(super) fn storage_os(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    let (name, namespace) = (disk.field("volumeName"), disk.field("volumeNamespace"));
    if name.require(errors) {
        name.keep_to(dns::label, errors);
    }
    if !namespace.is_empty() {
        namespace.keep_to(dns::label, errors);
    }
    secret_is_named(disk, errors);
}

pub(super) fn scale_io(disk: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    require(disk, &["gateway", "system", "volumeName"], errors);
}

pub(super) fn csi(volume: &At<'_, '_>, _: &Leniency, errors: &mut Errors) {
    csi_driver(&volume.field("driver"), errors);
    let secret = volume.field("nodePublishSecretRef");
    let name = secret.field("name");
    if secret.is_present() && name.require(errors) {
        // As upstream: the message looks for the name somewhere else.
        At { view: name.view, path: volume.path.child("name") }.name_of(object::subdomain, errors);
    }
}

/// The name of a driver.
pub(crate) fn csi_driver(name: &At<'_, '_>, errors: &mut Errors) {
    if !name.require(errors) {
        return;
    }
    if name.text().len() > 63 {
        errors.push(Error::too_long(&name.path, 63));
    }
    for reason in dns::subdomain(&name.text().to_lowercase()) {
        name.invalid(reason, errors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names_of_three_forms() {
        let good = ["iqn.2015-02.example.com:test", "iqn.2015-02.example.com:init:a", "xiqn.2015-02.a:b"];
        let bad = [
            "iqn.2015-02.example.com",
            "iqn.15-02.a:b",
            "iqn.2015-02.:b",
            "iqn.2015-02.a:",
            "iqn.2015-02.a:b c",
        ];
        assert!(good.iter().all(|text| is_iqn(text)));
        assert!(bad.iter().all(|text| !is_iqn(text)));
        assert!(has_serial("eui.0123456789ABCDEF", 16));
        assert!(!has_serial("eui.0123456789ABCDE", 16));
    }

    #[test]
    fn hosts_have_ports() {
        assert!(["a:1", "a:", ":1", "[::1]:2"].iter().all(|pair| is_host_and_port(pair)));
        assert!(["a", "", "::1:2", "[::1]", "a]:1"].iter().all(|pair| !is_host_and_port(pair)));
    }
}
