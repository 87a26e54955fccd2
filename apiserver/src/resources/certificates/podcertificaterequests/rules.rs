//! What must hold of a pod's request for a certificate, and of its answer.
//!
//! Of an issued certificate is only looked at whether it is one: not for which key, names and times it was issued.

use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_api::names::{dns, path};
use keelson_schema::tree::{Object, Value, View};

use crate::rules::same::is_same;
use crate::rules::{At, IMMUTABLE, certificate, conditions, internal, signer};

const UID_BYTES_MAX: usize = 128;
const REQUEST_BYTES_MAX: usize = 10 << 10;
const CHAIN_BYTES_MAX: usize = 100 << 10;
const SECONDS_MIN: i64 = 3600;
const SECONDS_MAX: i64 = 91 * 24 * 3600;
/// What signers of Kubernetes' own issue lasts no longer than this.
const OWN_SECONDS_MAX: i64 = 24 * 3600;
/// The conditions that end a request.
const ENDS: [&str; 3] = ["Issued", "Denied", "Failed"];

/// What is wrong with a new request.
pub(super) fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let signer = spec.field("signerName");
    signer::name(&signer.path, signer.text(), errors);
    let annotations = spec.field("unverifiedUserAnnotations");
    for key in annotations.keys() {
        path::domain_prefixed_key(&annotations.path, &key.to_lowercase(), errors);
    }
    for (name, uid) in
        [("podName", "podUID"), ("serviceAccountName", "serviceAccountUID"), ("nodeName", "nodeUID")]
    {
        spec.field(name).keep_to(dns::subdomain, errors);
        let uid = spec.field(uid);
        if uid.is_empty() {
            uid.invalid("must not be empty", errors);
        } else if uid.text().len() > UID_BYTES_MAX {
            errors.push(Error::too_long(&uid.path, UID_BYTES_MAX));
        }
    }
    let seconds = spec.field("maxExpirationSeconds");
    let Some(number) = seconds.int() else { return seconds.missing("must be set", errors) };
    let max = if signer::is_own(signer.text()) { OWN_SECONDS_MAX } else { SECONDS_MAX };
    if !(SECONDS_MIN..=max).contains(&number) {
        seconds.invalid(format!("must be in the range [{SECONDS_MIN}, {max}]"), errors);
    }
    request(&spec, errors);
}

/// The request itself, whose other, older form is not served.
fn request(spec: &At<'_, '_>, errors: &mut Errors) {
    let request = spec.field("stubPKCS10Request");
    let bytes = octets(request.view);
    if bytes.is_empty() {
        let words = "exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set";
        return errors.push(Error::invalid(&spec.path, Shown::Omitted, words));
    }
    if bytes.len() > REQUEST_BYTES_MAX {
        return errors.push(Error::too_long(&request.path, REQUEST_BYTES_MAX));
    }
    if let Some(fault) = certificate::fault_of_plain_request(bytes) {
        errors.push(Error::invalid(&request.path, Shown::Omitted, fault));
    }
}

fn octets(view: View<'_>) -> &[u8] {
    view.value().and_then(Value::as_bytes).unwrap_or_default()
}

/// What is wrong with a request in the place of another: it stays what it is.
pub(super) fn check_update(new: &Object, old: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    if !is_same(spec.view, old.view().field("spec")) {
        errors.push(Error::invalid(&spec.path, internal::shown_struct(spec.view), IMMUTABLE));
    }
}

/// What is wrong with the answer.
pub(super) fn check_status(new: &Object, old: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    let all = status.field("conditions");
    let found = errors.len();
    ends(&all, errors);
    conditions::check(&all, errors);
    if errors.len() > found {
        return;
    }
    let is = |object: &Object, ends: &[&str]| {
        let mut conditions = object.view().path("status.conditions").items();
        conditions.any(|one| ends.contains(&one.field("type").text()) && one.field("status").text() == "True")
    };
    if is(old, &ENDS) {
        if !is_same(status.view, old.view().field("status")) {
            let words = "immutable after PodCertificateRequest is issued, denied, or failed";
            errors.push(Error::invalid(&status.path, Shown::Omitted, words));
        }
        return;
    }
    if is(new, &["Denied", "Failed"]) {
        if status.names().any(|name| name != "conditions" && !status.field(name).is_empty()) {
            let words =
                "non-condition status fields must be empty when denying or failing the PodCertificateRequest";
            errors.push(Error::invalid(&status.path, Shown::Omitted, words));
        }
    } else if is(new, &["Issued"]) {
        issued(&status, errors);
    } else if !is_same(status.view, old.view().field("status")) {
        let words = r#"status is immutable unless transitioning to "Issued", "Denied", or "Failed""#;
        errors.push(Error::invalid(&status.path, Shown::Omitted, words));
    }
}

/// A request ends in one way, and then it does.
fn ends(all: &At<'_, '_>, errors: &mut Errors) {
    let mut count = 0;
    let status = Path::new("status");
    let path = status.child("conditions");
    for (i, condition) in all.view.items().enumerate() {
        // Upstream puts a point before the index here.
        let index = format!("[{i}]");
        let path = path.child(&index);
        let (kind, state) = (condition.field("type").text(), condition.field("status").text());
        if !ENDS.contains(&kind) {
            errors.push(Error::not_supported(&path.child("type"), kind, &ENDS));
            continue;
        }
        count += 1;
        if count > 1 {
            let words = r#"There may be at most one condition with type "Issued", "Denied", or "Failed""#;
            errors.push(Error::invalid(&path.child("type"), kind, words));
        }
        if state != "True" {
            errors.push(Error::not_supported(&path.child("status"), Shown::Named(state), &["True"]));
        }
    }
}

fn issued(status: &At<'_, '_>, errors: &mut Errors) {
    let chain = status.field("certificateChain");
    if chain.text().len() > CHAIN_BYTES_MAX {
        return errors.push(Error::too_long(&chain.path, CHAIN_BYTES_MAX));
    }
    let blocks = certificate::blocks(chain.text());
    let Some(leaf) = blocks.first() else {
        return chain.invalid("issued certificate chain must contain at least one certificate", errors);
    };
    if leaf.kind != "CERTIFICATE" {
        return chain
            .invalid("issued certificate chain must consist entirely of CERTIFICATE PEM blocks", errors);
    }
    if !certificate::is_one(&leaf.bytes) {
        return chain.invalid("leaf certificate does not parse as valid X.509", errors);
    }
    for name in ["notBefore", "notAfter"] {
        if !status.field(name).is_present() {
            status.field(name).missing("must be present and consistent with the issued certificate", errors);
        }
    }
    let refresh = status.field("beginRefreshAt");
    if !refresh.is_present() {
        refresh.missing("must be present and in the range [notbefore+10min, notafter-10min]", errors);
    }
}
