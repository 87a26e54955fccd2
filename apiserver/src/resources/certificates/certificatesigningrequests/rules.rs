//! What requests for certificates keep to.

use std::collections::HashSet;

use keelson_api::difference;
use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_schema::scalar::base64;
use keelson_schema::tree::{Object, Value, View};

use crate::rules::{At, certificate, internal, marked, signer};

const APPROVED: &str = "Approved";
const DENIED: &str = "Denied";
const FAILED: &str = "Failed";
/// The shortest time that can be asked for.
const SECONDS_MIN: i64 = 600;
const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";
/// What keys can be used for, in the order in which messages list it.
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// What is wrong with a request, in the place of `old` if there is one. What is wrong with that one already is let pass.
pub(super) fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let before = old.map(|old| old.view().field("spec"));
    let request = spec.field("request");
    let bytes = request.view.value().and_then(Value::as_bytes).unwrap_or_default();
    if let Some(fault) = certificate::fault_of_request(bytes) {
        let mut shown = vec![b'"'];
        base64::push(&mut shown, bytes);
        shown.push(b'"');
        let shown =
            if !request.is_present() { "null".into() } else { String::from_utf8_lossy(&shown).into_owned() };
        errors.push(Error::invalid(&request.path, Shown::Json(shown.into()), fault));
    }
    check_usages(&spec.field("usages"), before.map(|old| old.field("usages")), errors);
    let name = spec.field("signerName");
    let had_legacy = before.is_some_and(|old| old.field("signerName").text() == LEGACY_SIGNER);
    if name.text() == LEGACY_SIGNER && !had_legacy {
        name.invalid("the legacy signerName is not allowed via this API version", errors);
    } else {
        signer::name(&name.path, name.text(), errors);
    }
    let seconds = spec.field("expirationSeconds");
    if seconds.int().is_some_and(|seconds| seconds < SECONDS_MIN) {
        seconds.invalid("may not specify a duration less than 600 seconds (10 minutes)", errors);
    }
    let status = At::root(new, "status");
    check_conditions(&status.field("conditions"), old.map(conditions), errors);
    let chain = |object: &Object| octets(object.view().path("status.certificate")).to_vec();
    let is_let_pass =
        |old: &Object| chain(old) == chain(new) || certificate::fault_of_chain(&chain(old)).is_some();
    if !old.is_some_and(is_let_pass)
        && let Some(fault) = certificate::fault_of_chain(&chain(new))
    {
        errors.push(Error::invalid(&status.path.child("certificate"), "<certificate data>", fault));
    }
}

fn octets(view: View<'_>) -> &[u8] {
    view.value().and_then(Value::as_bytes).unwrap_or_default()
}

fn conditions(object: &Object) -> View<'_> {
    object.view().path("status.conditions")
}

fn repeats(list: View<'_>, field: Option<&str>) -> bool {
    let mut seen = HashSet::new();
    !list.items().all(|item| seen.insert(field.map_or(item, |field| item.field(field)).text()))
}

fn check_usages(usages: &At<'_, '_>, before: Option<View<'_>>, errors: &mut Errors) {
    usages.require(errors);
    if !before.is_some_and(|before| before.items().any(|usage| !USAGES.contains(&usage.text()))) {
        for usage in usages.items() {
            usage.one_of(&USAGES, errors);
        }
    }
    if !before.is_some_and(|before| repeats(before, None)) {
        let mut seen = HashSet::new();
        for usage in usages.items() {
            if !seen.insert(usage.text()) {
                usage.duplicate(errors);
            }
        }
    }
}

fn check_conditions(all: &At<'_, '_>, before: Option<View<'_>>, errors: &mut Errors) {
    let had = |kind: &str| before.is_some_and(|old| old.items().any(|one| one.field("type").text() == kind));
    let had_repeated = before.is_some_and(|before| repeats(before, Some("type")));
    let (mut is_approved, mut is_denied) = (false, false);
    let mut seen = HashSet::new();
    for condition in all.items() {
        let (kind, status) = (condition.field("type"), condition.field("status"));
        if !had("") {
            kind.require(errors);
        }
        if status.require(errors) {
            let is_plain = [APPROVED, DENIED, FAILED].contains(&kind.text());
            status.one_of(if is_plain { &["True"] } else { &["False", "True", "Unknown"] }, errors);
        }
        is_approved |= kind.text() == APPROVED;
        is_denied |= kind.text() == DENIED;
        if [APPROVED, DENIED].contains(&kind.text())
            && is_approved
            && is_denied
            && !(had(APPROVED) && had(DENIED))
        {
            let words = "Approved and Denied conditions are mutually exclusive";
            let error = Error::invalid(&all.path, Shown::Named(kind.text()), words);
            marked::covered(errors, |errors| errors.push(error));
        }
        if !seen.insert(kind.text()) && !had_repeated {
            kind.duplicate(errors);
        }
    }
}

/// What is wrong with a request in the place of `old`, where `part` of it is written.
pub(super) fn check_update(new: &Object, old: &Object, part: &str, errors: &mut Errors) {
    check(new, Some(old), errors);
    let status = At::root(new, "status");
    let all = status.field("conditions");
    let of = |list: View<'_>, kind: &str| -> Vec<String> {
        let same = list.items().filter(|one| one.field("type").text() == kind);
        same.map(internal::pretty).collect()
    };
    let pairs = [APPROVED, DENIED, FAILED].map(|kind| (kind, of(conditions(old), kind), of(all.view, kind)));
    for (kind, before, now) in &pairs {
        if now.len() < before.len() {
            all.forbidden(format!("updates may not remove a condition of type \"{kind}\""), errors);
        }
    }
    for (kind, before, now) in pairs.iter().take(if part == "approval" { 0 } else { 2 }) {
        if now.len() > before.len() {
            all.forbidden(format!("updates may not add a condition of type \"{kind}\""), errors);
        } else if now.len() == before.len() && now != before {
            let json = |list: &[String]| indented(list);
            let difference = difference::unified(&json(before), &json(now));
            let words = format!("updates may not modify a condition of type \"{kind}\"\n{difference}");
            all.forbidden(words, errors);
        }
    }
    let before = octets(old.view().path("status.certificate"));
    let certificate = status.field("certificate");
    if octets(certificate.view) != before {
        if part != "status" {
            certificate.forbidden("updates may not set certificate content", errors);
        } else if !before.is_empty() {
            certificate.forbidden("updates may not modify existing certificate content", errors);
        }
    }
}

/// A list of structs as Go indents it.
fn indented(list: &[String]) -> String {
    let deeper = |text: &String| text.lines().map(|line| format!(" {line}")).collect::<Vec<_>>().join("\n");
    if list.is_empty() {
        return "null".to_owned();
    }
    format!("[\n{}\n]", list.iter().map(deeper).collect::<Vec<_>>().join(",\n"))
}
