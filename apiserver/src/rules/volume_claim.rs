//! Rules for claims of volumes, and for the templates that claims are made of.

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::{dns, object};

use super::selector::{annotations, label_selector_with, labels};
use super::{At, NOT_POSITIVE, pod_resources};
use crate::defaults::quantity::amount;

/// What is let through because it is stored so already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leniency {
    /// Selectors may have values that no label can have.
    pub(crate) selector_values: bool,
    /// Sources may be of groups that have no valid name.
    pub(crate) source_groups: bool,
}

/// A template of claims: metadata of which only labels and annotations may be said, and a claim's spec.
pub(crate) fn template(template: &At<'_, '_>, errors: &mut Errors) {
    metadata(&template.field("metadata"), errors);
    spec(&template.field("spec"), Leniency::default(), errors);
}

/// The metadata of what is yet to be made: labels and annotations.
pub(crate) fn metadata(metadata: &At<'_, '_>, errors: &mut Errors) {
    annotations(&metadata.field("annotations"), errors);
    labels(&metadata.field("labels"), errors);
    for name in metadata.names().filter(|name| !matches!(*name, "annotations" | "labels")) {
        // As upstream: called as in Go, whose first letter is made small.
        let shown = if name == "uid" { "uID" } else { name };
        metadata.field_as(name, shown).forbidden("cannot be set", errors);
    }
}

const ACCESS_MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const ALONE: &str = "ReadWriteOncePod";

/// What is claimed.
pub(crate) fn spec(spec: &At<'_, '_>, lenient: Leniency, errors: &mut Errors) {
    let modes = spec.field("accessModes");
    modes.require_saying("at least 1 access mode is required", errors);
    label_selector_with(&spec.field("selector"), lenient.selector_values, errors);
    for mode in modes.view.items().map(|mode| mode.text()).filter(|mode| !ACCESS_MODES.contains(mode)) {
        errors.push(Error::not_supported(&modes.path, Shown::Named(mode), ACCESS_MODES));
    }
    let known = || modes.view.items().map(|mode| mode.text()).filter(|mode| ACCESS_MODES.contains(mode));
    if known().any(|mode| mode == ALONE) && known().any(|mode| mode != ALONE) {
        modes.forbidden("may not use ReadWriteOncePod with other access modes", errors);
    }
    storage(spec, errors);
    let class = spec.field("storageClassName");
    if !class.is_empty() {
        class.name_of(object::subdomain, errors);
    }
    let mode = spec.field("volumeMode");
    if mode.is_present() {
        mode.one_of(&["Block", "Filesystem"], errors);
    }
    sources(spec, lenient, errors);
    let class = spec.field("volumeAttributesClassName");
    if !class.is_empty() {
        class.name_of(object::subdomain, errors);
    }
}

/// How much is claimed.
fn storage(spec: &At<'_, '_>, errors: &mut Errors) {
    let resources = spec.field("resources");
    let asked =
        At { view: resources.view.field("requests").key("storage"), path: resources.path.key("storage") };
    if !asked.is_present() {
        asked.missing("", errors);
    } else if amount(asked.view) <= keelson_api::quantity::Quantity::default() {
        asked.invalid(NOT_POSITIVE, errors);
    } else {
        pod_resources::quantity("storage", &asked, errors);
    }
}

/// What the volume is filled with.
fn sources(spec: &At<'_, '_>, lenient: Leniency, errors: &mut Errors) {
    let (source, reference) = (spec.field("dataSource"), spec.field("dataSourceRef"));
    for of in [&source, &reference] {
        if of.is_present() {
            content(of, lenient, errors);
        }
    }
    let elsewhere = reference.field("namespace");
    let mut refuse = |words: &'static str| {
        let shown = Shown::Json("{}".into());
        errors.push(Error::invalid(&spec.path, shown, words));
    };
    let same = |name: &str| source.view.field(name).value() == reference.view.field(name).value();
    if !elsewhere.is_empty() {
        if source.is_present() {
            refuse("may not be specified when dataSourceRef.namespace is specified");
        }
    } else if source.is_present()
        && reference.is_present()
        && !["apiGroup", "kind", "name"].into_iter().all(same)
    {
        refuse("must match dataSourceRef");
    }
}

fn content(source: &At<'_, '_>, lenient: Leniency, errors: &mut Errors) {
    source.field("name").require(errors);
    source.field("kind").require(errors);
    let (group, kind) = (source.field("apiGroup"), source.field("kind").text());
    if group.is_empty() && kind != "PersistentVolumeClaim" {
        let words = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        errors.push(Error::invalid(&source.path, kind, words));
    }
    if !group.is_empty() && !lenient.source_groups {
        group.keep_to(dns::subdomain, errors);
    }
    let namespace = source.field("namespace");
    if !namespace.is_empty() {
        namespace.name_of(object::label, errors);
    }
}
