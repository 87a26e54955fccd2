//! Rules for volumes into which several sources are projected.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors};
use keelson_api::names::{label, object::Part, path};

use super::selector::label_selector;
use super::volume_files::{downward_file, key_to_path};
use super::volume_path::{is_descending_and_free, mode, user};
use super::{At, pod_leniency::Leniency, signer};

/// The paths that the sources so far write.
type Taken<'o> = HashSet<&'o str>;

pub(super) fn projected(volume: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    mode(&volume.field("defaultMode"), errors);
    user(&volume.field("defaultUser"), errors);
    let mut taken = Taken::new();
    for source in volume.field("sources").items() {
        let mut kinds = 0;
        let mut is_of = |name: &str| {
            let is_there = source.field(name).is_present();
            kinds += usize::from(is_there);
            is_there
        };
        for name in ["secret", "configMap"] {
            if is_of(name) {
                keys(volume, &source.field(name), &mut taken, errors);
            }
        }
        if is_of("downwardAPI") {
            pod_fields(volume, &source.field("downwardAPI"), &mut taken, errors);
        }
        if is_of("serviceAccountToken") {
            token(volume, &source.field("serviceAccountToken"), lenient, errors);
        }
        if is_of("clusterTrustBundle") {
            trust_bundle(volume, &source.field("clusterTrustBundle"), &mut taken, errors);
        }
        if is_of("podCertificate") {
            certificate(volume, &source.field("podCertificate"), &mut taken, errors);
        }
        if kinds > 1 {
            source.forbidden("may not specify more than 1 volume type per source", errors);
        }
    }
}

/// A path is written by one source. `shown` is the value that upstream shows if it is not.
fn take<'o>(volume: &At<'_, '_>, path: &'o str, shown: &str, taken: &mut Taken<'o>, errors: &mut Errors) {
    if !taken.insert(path) {
        errors.push(Error::invalid(&volume.path, shown, "conflicting duplicate paths"));
    }
}

fn keys<'o>(volume: &At<'_, '_>, source: &At<'o, '_>, taken: &mut Taken<'o>, errors: &mut Errors) {
    let name = source.field("name");
    name.require(errors);
    for item in source.field("items").items() {
        key_to_path(&item, errors);
        let path = item.field("path");
        if !path.is_empty() {
            take(volume, path.text(), name.text(), taken, errors);
        }
    }
}

fn pod_fields<'o>(volume: &At<'_, '_>, source: &At<'o, '_>, taken: &mut Taken<'o>, errors: &mut Errors) {
    for file in source.view.field("items").items() {
        // As upstream: messages do not tell which file is meant.
        downward_file(&At { view: file, path: source.path }, errors);
        let path = file.field("path").text();
        if !path.is_empty() {
            take(volume, path, path, taken, errors);
        }
    }
}

fn token(volume: &At<'_, '_>, token: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    let lasts = token.field("expirationSeconds");
    match lasts.int() {
        None => lasts.missing("", errors),
        Some(..600) => lasts.invalid("may not specify a duration less than 10 minutes", errors),
        Some(seconds) if seconds > 1 << 32 => {
            lasts.invalid("may not specify a duration larger than 2^32 seconds", errors);
        }
        Some(_) => {}
    }
    // As upstream: the message looks for the path in the volume.
    let path = At { view: token.view.field("path"), path: volume.path.child("path") };
    if path.require(errors) && !lenient.token_paths {
        is_descending_and_free(&path, errors);
    }
    user(&token.field("user"), errors);
}

fn trust_bundle<'o>(volume: &At<'_, '_>, bundle: &At<'o, '_>, taken: &mut Taken<'o>, errors: &mut Errors) {
    let (name, signer_name) = (bundle.field("name"), bundle.field("signerName"));
    let selector = bundle.field("labelSelector");
    match (name.is_present(), signer_name.is_present()) {
        (true, true) => bundle.invalid("only one of name and signerName may be used", errors),
        (true, false) => {
            name.require_saying("must be a valid object name", errors);
            let reasons = signer::bundle_name(name.text(), &signer::of_bundle(name.text()), Part::Whole);
            for reason in reasons {
                name.invalid(format!("not a valid clustertrustbundlename: {reason}"), errors);
            }
            if selector.is_present() {
                selector.invalid("labelSelector must be unset if name is specified", errors);
            }
        }
        (false, true) => {
            signer_name.require_saying("must be a valid signer name", errors);
            signer::name(&signer_name.path, signer_name.text(), errors);
            label_selector(&selector, errors);
        }
        (false, false) => bundle.missing("either name or signerName must be specified", errors),
    }
    let path = bundle.field("path");
    path.require(errors);
    user(&bundle.field("user"), errors);
    is_descending_and_free(&path, errors);
    take(volume, path.text(), path.text(), taken, errors);
}

const KEY_TYPES: &[&str] = &["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];

/// The longest that certificates can last, and those by Kubernetes' own signers.
const SECONDS_MAX: i64 = 91 * 24 * 60 * 60;
const OWN_SECONDS_MAX: i64 = 24 * 60 * 60;

fn certificate<'o>(volume: &At<'_, '_>, of: &At<'o, '_>, taken: &mut Taken<'o>, errors: &mut Errors) {
    let signer_name = of.field("signerName");
    signer::name(&signer_name.path, signer_name.text(), errors);
    user_annotations(&of.field("userAnnotations"), errors);
    user(&of.field("user"), errors);
    of.field("keyType").one_of(KEY_TYPES, errors);
    let lasts = of.field("maxExpirationSeconds");
    if let Some(seconds) = lasts.int() {
        if seconds < 3600 {
            lasts.invalid("if provided, maxExpirationSeconds must be >= 3600", errors);
        }
        let max = if signer::is_own(signer_name.text()) { OWN_SECONDS_MAX } else { SECONDS_MAX };
        if seconds > max {
            lasts.invalid(format!("if provided, maxExpirationSeconds must be <= {max}"), errors);
        }
    }
    let mut is_written = false;
    for name in ["credentialBundlePath", "keyPath", "certificateChainPath"] {
        let path = of.field(name);
        if !path.is_empty() {
            is_written = true;
            is_descending_and_free(&path, errors);
            take(volume, path.text(), path.text(), taken, errors);
        }
    }
    if !is_written {
        of.missing("specify at least one of credentialBundlePath, keyPath, and certificateChainPath", errors);
    }
}

/// Annotations for a signer, whose keys begin with a domain.
fn user_annotations(annotations: &At<'_, '_>, errors: &mut Errors) {
    let mut bytes = 0;
    for (key, value) in annotations.entries() {
        bytes += key.len() + value.text().len();
        path::domain_prefixed_key(&annotations.path, &key.to_lowercase(), errors);
    }
    if bytes > label::ANNOTATIONS_BYTES_MAX {
        errors.push(Error::too_long(&annotations.path, label::ANNOTATIONS_BYTES_MAX));
    }
}
