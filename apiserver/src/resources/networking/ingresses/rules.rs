//! What ingresses keep to.

use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_api::names::address::{Strictness, check_legacy_ip, parse_ip};
use keelson_api::names::{dns, number, object, path, variable};
use keelson_schema::tree::Object;

use crate::meta::meta;
use crate::rules::At;

const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const PATH_TYPES: [&str; 3] = ["Exact", "ImplementationSpecific", "Prefix"];
const NO_NAME: &str = "must be a DNS name, not an IP address";

/// What is let through because it is stored so already.
#[derive(Clone, Copy, Default)]
struct Leniency {
    secret_names: bool,
    wildcard_rules: bool,
}

/// What is wrong with a new ingress.
pub(super) fn check_create(new: &Object, errors: &mut Errors) {
    check(new, Leniency::default(), errors);
    let class = new.view().path("spec.ingressClassName");
    let annotated = meta(new).annotations().find(|(key, _)| *key == CLASS_ANNOTATION);
    if let Some((_, annotated)) = annotated.filter(|(_, value)| class.is_present() && *value != class.text())
    {
        let words = "must match `ingressClassName` when both are specified";
        errors.push(Error::invalid(&Path::new("annotations").child(CLASS_ANNOTATION), annotated, words));
    }
}

/// What is wrong with an ingress in the place of `old`.
pub(super) fn check_update(new: &Object, old: &Object, errors: &mut Errors) {
    let before = At::root(old, "spec");
    let is_bad_name = |name: &str| !name.is_empty() && !dns::subdomain(name).is_empty();
    let mut secrets = before.view.field("tls").items().map(|tls| tls.field("secretName").text());
    let is_bad_rule = |rule: At<'_, '_>| {
        let mut found = Errors::new();
        check_paths(&rule, &mut found);
        rule.view.field("host").text().contains('*') && !found.is_empty()
    };
    let lenient = Leniency {
        secret_names: secrets.any(is_bad_name),
        wildcard_rules: before.field("rules").items().any(is_bad_rule),
    };
    check(new, lenient, errors);
}

/// What is wrong with the places that an ingress is reached at.
pub(super) fn check_status(new: &Object, old: &Object, errors: &mut Errors) {
    let before = old.view().path("status.loadBalancer.ingress");
    let before: Vec<&str> = before.items().map(|one| one.field("ip").text()).collect();
    let status = At::root(new, "status");
    for place in status.field("loadBalancer").field("ingress").items() {
        let (ip, name) = (place.field("ip"), place.field("hostname"));
        if !ip.is_empty() {
            check_legacy_ip(&ip.path, ip.text(), Strictness::Strict, &before, errors);
        }
        if !name.is_empty() {
            name.keep_to(dns::subdomain, errors);
            if parse_ip(name.text()).is_some() {
                name.invalid(NO_NAME, errors);
            }
        }
    }
}

fn check(new: &Object, lenient: Leniency, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let (rules, backend) = (spec.field("rules"), spec.field("defaultBackend"));
    if rules.is_empty() && !backend.is_present() {
        let words = "either `defaultBackend` or `rules` must be specified";
        errors.push(Error::invalid(&spec.path, Shown::Null, words));
    }
    if backend.is_present() {
        check_backend(&backend, errors);
    }
    for rule in rules.items() {
        let is_wildcard = check_host(&rule.field("host"), errors);
        if !is_wildcard || !lenient.wildcard_rules {
            check_paths(&rule, errors);
        }
    }
    for tls in spec.field("tls").items() {
        for host in tls.field("hosts").items() {
            let rule = if host.text().contains('*') { dns::wildcard_subdomain } else { dns::subdomain };
            host.keep_to(rule, errors);
        }
        let secret = tls.field("secretName");
        if !secret.is_empty() && !lenient.secret_names {
            secret.keep_to(dns::subdomain, errors);
        }
    }
    let class = spec.field("ingressClassName");
    if class.is_present() {
        errors.push_invalid(&class.path, class.text(), object::subdomain(class.text(), object::Part::Whole));
    }
}

/// The host of a rule, if it has one. Tells whether it stands for many.
fn check_host(host: &At<'_, '_>, errors: &mut Errors) -> bool {
    if host.is_empty() {
        return false;
    }
    if parse_ip(host.text()).is_some() {
        host.invalid(NO_NAME, errors);
    }
    let is_wildcard = host.text().contains('*');
    host.keep_to(if is_wildcard { dns::wildcard_subdomain } else { dns::subdomain }, errors);
    is_wildcard
}

fn check_paths(rule: &At<'_, '_>, errors: &mut Errors) {
    let http = rule.field("http");
    if !http.is_present() {
        return;
    }
    let paths = http.field("paths");
    paths.require(errors);
    for one in paths.items() {
        check_path(&one, errors);
    }
}

fn check_path(one: &At<'_, '_>, errors: &mut Errors) {
    let (kind, path) = (one.field("pathType"), one.field("path"));
    if !kind.is_present() {
        return kind.missing("pathType must be specified", errors);
    }
    let text = path.text();
    match kind.text() {
        "Exact" | "Prefix" => {
            if !text.starts_with('/') {
                path.invalid("must be an absolute path", errors);
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"].iter().filter(|part| text.contains(*part)) {
                path.invalid(format!("must not contain '{part}'"), errors);
            }
            for end in ["/..", "/."].iter().filter(|end| text.ends_with(*end)) {
                path.invalid(format!("cannot end with '{end}'"), errors);
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.starts_with('/') {
                path.invalid("must be an absolute path", errors);
            }
        }
        _ => kind.not_supported(&PATH_TYPES, errors),
    }
    check_backend(&one.field("backend"), errors);
}

fn check_backend(backend: &At<'_, '_>, errors: &mut Errors) {
    let (resource, service) = (backend.field("resource"), backend.field("service"));
    let refuse = |words: &'static str, errors: &mut Errors| {
        errors.push(Error::invalid(&backend.path, "", words));
    };
    match (resource.is_present(), service.is_present()) {
        (true, true) => refuse("cannot set both resource and service backends", errors),
        (true, false) => check_reference(&resource, errors),
        (false, false) => refuse("resource or service backend is required", errors),
        (false, true) => {
            let name = service.field("name");
            if name.require(errors) {
                name.name_of(object::label, errors);
            }
            check_port(backend, &service.field("port"), errors);
        }
    }
}

fn check_port(backend: &At<'_, '_>, port: &At<'_, '_>, errors: &mut Errors) {
    let (name, number) = (port.field("name"), port.field("number"));
    match (name.is_empty(), number.int().unwrap_or(0)) {
        (true, 0) => backend.missing("port name or number is required", errors),
        (true, port) => {
            for reason in number::port(port) {
                number.invalid(reason, errors);
            }
        }
        (false, 0) => name.keep_to(variable::port_name, errors),
        (false, _) => {
            errors.push(Error::invalid(&backend.path, "", "cannot set both port name & port number"));
        }
    }
}

fn check_reference(reference: &At<'_, '_>, errors: &mut Errors) {
    let group = reference.field("apiGroup");
    if group.is_present() {
        errors.push_invalid(&group.path, group.text(), dns::subdomain(group.text()));
    }
    for name in ["kind", "name"] {
        let field = reference.field(name);
        if field.require(errors) {
            field.keep_to(path::segment, errors);
        }
    }
}
