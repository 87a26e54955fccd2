//! What definitions of custom resources keep to, but for what is inside their schemas: `schemas.rs` says that.
//!
//! Upstream keeps what all versions have in common in one place, and names that place in messages; so do these rules.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors, Path};
use keelson_api::names::dns;
use keelson_schema::tree::{Object, View};

use super::schemas;
use crate::meta::meta;
use crate::rules::{At, IMMUTABLE, web_address};

const APPROVED: &str = "api-approved.kubernetes.io";
const CELLS: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const SELECTABLE_MAX: usize = 8;
const REVIEWS: [&str; 2] = ["v1", "v1beta1"];
/// Fields of versions that upstream keeps in one place if they are the same in all, and what that place is called.
const COMMON: [(&str, &str); 4] = [
    ("schema", "validation"),
    ("subresources", "subresources"),
    ("additionalPrinterColumns", "additionalPrinterColumns"),
    ("selectableFields", "selectableFields"),
];

/// What is wrong with a definition, in the place of `old` if there is one.
pub(super) fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let names = spec.field("names");
    let name = meta(new).name();
    if old.is_none() && !name.is_empty() {
        let wanted = format!("{}.{}", names.view.field("plural").text(), spec.view.field("group").text());
        if name != wanted {
            let words = "must be spec.names.plural+\".\"+spec.group";
            errors.push(Error::invalid(&Path::new("metadata.name"), name, words));
        }
    }
    check_group(&spec.field("group"), errors);
    let scope = spec.field("scope");
    if scope.require(errors) && !matches!(scope.text(), "Cluster" | "Namespaced") {
        let supported = &["Cluster", "Namespaced"];
        errors.push(Error::not_supported(&scope.path, scope.text(), supported));
    }
    check_versions(&spec, errors);
    for field in ["plural", "singular", "kind", "listKind"] {
        names.field(field).require(errors);
    }
    check_names(&names, errors);
    check_common(&spec, errors);
    check_conversion(&spec.field("conversion"), errors);
    if let Some(old) = old {
        keep(new, old, errors);
    }
    let status = At::root(new, "status");
    check_names(&status.field("acceptedNames"), errors);
    check_stored(&status.field("storedVersions"), spec.view.field("versions"), errors);
    check_approval(new, old, errors);
    let unknown = spec.field("preserveUnknownFields");
    let had = old.is_some_and(|old| old.view().path("spec.preserveUnknownFields").is_true());
    if unknown.is_true() && !had {
        let words = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        unknown.invalid(words, errors);
    }
}

/// What is wrong with how a definition stands.
pub(super) fn check_status(new: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    check_names(&status.field("acceptedNames"), errors);
}

fn joined(field: &At<'_, '_>, text: &str, front: &str, errors: &mut Errors) {
    let reasons = dns::rfc_1035_label(text);
    if !text.is_empty() && !reasons.is_empty() {
        let words = format!("{front}{}", reasons.join(","));
        errors.push(Error::invalid(&field.path, field.text(), words));
    }
}

fn check_group(group: &At<'_, '_>, errors: &mut Errors) {
    if !group.require(errors) {
        return;
    }
    let reasons = dns::subdomain(group.text());
    if !reasons.is_empty() {
        group.invalid(reasons.join(","), errors);
    } else if !group.text().contains('.') {
        group.invalid("should be a domain with at least one dot", errors);
    }
}

/// Whether all versions say the same in `field`, and what that is.
fn in_common<'o>(versions: View<'o>, field: &str) -> Option<View<'o>> {
    let first = versions.item(0).field(field);
    let is_same = versions.items().all(|version| version.field(field).value() == first.value());
    (first.is_present() && is_same).then_some(first)
}

fn check_versions(spec: &At<'_, '_>, errors: &mut Errors) {
    let versions = spec.field("versions");
    for version in versions.items() {
        let schema = version.field("schema");
        let schema = schema.field("openAPIV3Schema");
        if !schema.is_present() {
            schema.missing("", errors);
        }
    }
    let mut known = HashSet::new();
    let mut repeats = false;
    for version in versions.items() {
        let name = version.field("name");
        repeats |= !known.insert(name.text());
        let reasons = dns::rfc_1035_label(name.text());
        if !reasons.is_empty() {
            name.invalid(reasons.join(","), errors);
        }
        check_version(&version, versions.view, errors);
    }
    if repeats {
        versions.invalid("must contain unique version names", errors);
    }
    if versions.view.items().filter(|version| version.field("storage").is_true()).count() != 1 {
        versions.invalid("must have exactly one version marked as storage version", errors);
    }
}

fn check_version(version: &At<'_, '_>, all: View<'_>, errors: &mut Errors) {
    let warning = version.field("deprecationWarning");
    if warning.is_present() {
        if !version.view.field("deprecated").is_true() {
            warning.invalid("can only be set for deprecated versions", errors);
        } else {
            check_warning(&warning, errors);
        }
    }
    let is_own = |field: &str| in_common(all, field).is_none();
    let root = version.view.path("schema.openAPIV3Schema");
    let schema = version.field("schema");
    if is_own("schema") && schema.view.field("openAPIV3Schema").is_present() {
        let has_status = version.view.path("subresources.status").is_present();
        schemas::check(&schema.field("openAPIV3Schema"), has_status, errors);
    }
    if is_own("subresources") {
        check_parts(&version.field("subresources"), errors);
    }
    if is_own("additionalPrinterColumns") {
        for column in version.field("additionalPrinterColumns").items() {
            check_column(&column, errors);
        }
    }
    if is_own("selectableFields") {
        check_selectable(&version.field("selectableFields"), root, errors);
    }
}

/// Fields that objects can be selected by are there, are of a simple type, and are named once.
fn check_selectable(all: &At<'_, '_>, root: View<'_>, errors: &mut Errors) {
    if !all.is_empty() && !root.is_present() {
        let words = "may only be set when validations.schema is included";
        return errors.push(Error::invalid(&all.path, "", words));
    }
    let mut known = HashSet::new();
    for one in all.items() {
        let path = one.field("jsonPath");
        if !path.require(errors) {
            continue;
        }
        let mut found = root;
        for name in path.text().trim_start_matches('.').split('.') {
            found = found.field("properties").key(name);
        }
        if !path.text().starts_with(['.', '[']) {
            path.invalid(format!("is an invalid path: expected [ or . but got: {}", path.text()), errors);
            continue;
        }
        if !found.is_present() {
            path.invalid("is an invalid path: does not refer to a valid field", errors);
            continue;
        }
        if path.text().starts_with(".metadata") {
            path.invalid("must not point to fields in metadata", errors);
        }
        if !matches!(found.field("type").text(), "string" | "boolean" | "integer") {
            let words = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
            path.invalid(words, errors);
        }
        if !known.insert(path.text()) {
            path.duplicate(errors);
        }
    }
    if known.len() > SELECTABLE_MAX {
        errors.push(Error::too_many(&all.path, known.len(), SELECTABLE_MAX));
    }
}

fn check_warning(warning: &At<'_, '_>, errors: &mut Errors) {
    let text = warning.text();
    if text.len() > 256 {
        warning.invalid("must be <= 256 characters long", errors);
    }
    if text.is_empty() {
        warning.invalid("must not be an empty string", errors);
    }
    let strange = text.char_indices().find(|(_, c)| !keelson_api::golang::is_printable(*c));
    if let Some((at, _)) = strange {
        let words = "must only contain printable UTF-8 characters; non-printable character found at index";
        warning.invalid(format!("{words} {at}"), errors);
    }
}

/// What all versions have in common.
fn check_common(spec: &At<'_, '_>, errors: &mut Errors) {
    let versions = spec.view.field("versions");
    for (field, shown) in COMMON {
        let Some(view) = in_common(versions, field) else { continue };
        let at = At { view, path: spec.path.child(shown) };
        match field {
            "schema" if view.field("openAPIV3Schema").is_present() => {
                let mut all = versions.items();
                let has_status = all.any(|version| version.path("subresources.status").is_present());
                schemas::check(&at.field("openAPIV3Schema"), has_status, errors);
            }
            "subresources" => check_parts(&at, errors),
            "selectableFields" => {
                check_selectable(&at, versions.item(0).path("schema.openAPIV3Schema"), errors)
            }
            "additionalPrinterColumns" => at.items().for_each(|column| check_column(&column, errors)),
            _ => {}
        }
    }
}

fn check_names(names: &At<'_, '_>, errors: &mut Errors) {
    const MIXED: &str = "may have mixed case, but should otherwise match: ";
    for field in ["plural", "singular"] {
        let name = names.field(field);
        joined(&name, name.text(), "", errors);
    }
    for field in ["kind", "listKind"] {
        let name = names.field(field);
        joined(&name, &name.text().to_lowercase(), MIXED, errors);
    }
    for name in names.field("shortNames").items() {
        check_word(&name, errors);
    }
    let (kind, list) = (names.field("kind"), names.field("listKind"));
    if !kind.is_empty() && kind.text() == list.text() {
        list.invalid("kind and listKind may not be the same", errors);
    }
    for category in names.field("categories").items() {
        check_word(&category, errors);
    }
}

fn check_word(word: &At<'_, '_>, errors: &mut Errors) {
    let reasons = dns::rfc_1035_label(word.text());
    if !reasons.is_empty() {
        word.invalid(reasons.join(","), errors);
    }
}

fn check_column(column: &At<'_, '_>, errors: &mut Errors) {
    column.field("name").require(errors);
    let (kind, format) = (column.field("type"), column.field("format"));
    let words = format!("must be one of {}", CELLS.join(","));
    if kind.is_empty() {
        kind.missing(words, errors);
    } else if !CELLS.contains(&kind.text()) {
        kind.invalid(words, errors);
    }
    if !format.is_empty() && !FORMATS.contains(&format.text()) {
        format.invalid(format!("must be one of {}", FORMATS.join(",")), errors);
    }
    let path = column.field_as("jsonPath", "JSONPath");
    if path.require(errors) {
        is_path(&path, errors);
    }
}

/// A path of names with points in front. Tells whether it is.
fn is_path(path: &At<'_, '_>, errors: &mut Errors) -> bool {
    let holds = path.text().starts_with('.');
    if !holds {
        path.invalid("must be a simple json path starting with .", errors);
    }
    holds
}

fn check_parts(parts: &At<'_, '_>, errors: &mut Errors) {
    let scale = parts.field("scale");
    if !scale.is_present() {
        return;
    }
    for (name, front, words) in [
        ("specReplicasPath", ".spec.", "should be a json path under .spec"),
        ("statusReplicasPath", ".status.", "should be a json path under .status"),
    ] {
        let path = scale.field(name);
        if path.require(errors) && is_path(&path, errors) && !path.text().starts_with(front) {
            path.invalid(words, errors);
        }
    }
    let selector = scale.field("labelSelectorPath");
    let lies = |front: &str| selector.text().starts_with(front);
    if !selector.is_empty() && is_path(&selector, errors) && !lies(".spec.") && !lies(".status.") {
        selector.invalid("should be a json path under either .spec or .status", errors);
    }
}

fn check_conversion(conversion: &At<'_, '_>, errors: &mut Errors) {
    if !conversion.is_present() {
        return;
    }
    let strategy = conversion.field("strategy");
    if strategy.require(errors) && !matches!(strategy.text(), "None" | "Webhook") {
        errors.push(Error::not_supported(&strategy.path, strategy.text(), &["None", "Webhook"]));
    }
    // Upstream has the parts of a webhook beside the strategy.
    let webhook = conversion.view.field("webhook");
    let config = webhook.field("clientConfig");
    let config = At { view: config, path: conversion.path.child("webhookClientConfig") };
    let reviews = webhook.field("conversionReviewVersions");
    let reviews = At { view: reviews, path: conversion.path.child("conversionReviewVersions") };
    if strategy.text() != "Webhook" {
        let words = "should not be set when strategy is not set to Webhook";
        for field in [&config, &reviews].iter().filter(|field| field.is_present()) {
            field.forbidden(words, errors);
        }
        return;
    }
    let (url, service) = (config.field("url"), config.field("service"));
    match (config.is_present(), url.is_present(), service.is_present()) {
        (false, ..) => config.missing("required when strategy is set to Webhook", errors),
        (true, true, false) => web_address::url(&url, true, errors),
        (true, false, true) => web_address::service(&service, errors),
        _ => config.missing("exactly one of url or service is required", errors),
    }
    if !reviews.require(errors) {
        return;
    }
    let mut known = HashSet::new();
    for version in reviews.items() {
        if known.insert(version.text()) {
            version.keep_to(dns::rfc_1035_label, errors);
        } else {
            version.invalid("duplicate version", errors);
        }
    }
    if !REVIEWS.iter().any(|version| known.contains(version)) {
        reviews.invalid(format!("must include at least one of {}", REVIEWS.join(", ")), errors);
    }
}

/// What a resource is called stays what it is once it is served.
fn keep(new: &Object, old: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let names = spec.field("names");
    let before = old.view().field("spec");
    let mut conditions = old.view().path("status.conditions").items();
    let is_served = conditions
        .any(|one| one.field("type").text() == "Established" && one.field("status").text() == "True");
    let mut keep = |field: At<'_, '_>, before: View<'_>| {
        if field.text() != before.text() {
            errors.push(Error::invalid(&field.path, field.text(), IMMUTABLE));
        }
    };
    if is_served {
        keep(spec.field("scope"), before.field("scope"));
        keep(names.field("kind"), before.path("names.kind"));
    }
    keep(spec.field("group"), before.field("group"));
    keep(names.field("plural"), before.path("names.plural"));
}

fn check_stored(stored: &At<'_, '_>, versions: View<'_>, errors: &mut Errors) {
    if stored.is_empty() {
        return stored.invalid("must have at least one stored version", errors);
    }
    let has = |name: &str| stored.view.items().any(|one| one.text() == name);
    for version in versions.items().filter(|version| version.field("storage").is_true()) {
        let name = version.field("name").text();
        if !has(name) {
            stored.invalid(format!("must have the storage version {name}"), errors);
        }
    }
    for one in stored.items() {
        let name = one.text();
        if !versions.items().any(|version| version.field("name").text() == name) {
            let words = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            );
            one.invalid(words, errors);
        }
    }
}

/// What has been said of whether Kubernetes' people know of an API in one of their groups.
#[derive(PartialEq)]
enum Approval {
    Given,
    Missing,
    Malformed,
}

fn approval(object: &Object) -> Approval {
    match meta(object).annotations().find(|(key, _)| *key == APPROVED).map_or("", |(_, value)| value) {
        "" => Approval::Missing,
        text if text.starts_with("unapproved") => Approval::Given,
        text => match text.split_once("://") {
            Some((scheme, rest)) if !scheme.is_empty() && !rest.is_empty() && !rest.starts_with('/') => {
                Approval::Given
            }
            _ => Approval::Malformed,
        },
    }
}

fn check_approval(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let group = new.view().path("spec.group").text();
    let is_protected = [".k8s.io", ".kubernetes.io"].iter().any(|end| group.ends_with(end))
        || matches!(group, "k8s.io" | "kubernetes.io");
    let state = approval(new);
    if !is_protected || old.is_some_and(|old| approval(old) == state) {
        return;
    }
    let annotations = Path::new("metadata.annotations");
    let path = annotations.key(APPROVED);
    let value = meta(new).annotations().find(|(key, _)| *key == APPROVED).map_or("", |(_, value)| value);
    match state {
        Approval::Given => {}
        Approval::Missing => errors.push(Error::required(
            &path,
            format!("protected groups must have approval annotation \"{APPROVED}\", see https://github.com/kubernetes/enhancements/pull/1111"),
        )),
        Approval::Malformed => errors.push(Error::invalid(
            &path,
            value,
            format!("protected groups must have approval annotation \"{APPROVED}\" with either a URL or a reason starting with \"unapproved\", see https://github.com/kubernetes/enhancements/pull/1111"),
        )),
    }
}
