//! What makes a schema structural: that it says outside of all conditions which fields there are, and of which types.

use keelson_api::field::{Error, Errors, Path};
use keelson_schema::tree::View;

use crate::rules::At;

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const INT_OR_TEXT: &str = "x-kubernetes-int-or-string";
/// What conditions may not say, and how that is put.
const UNCONDITIONAL: [(&str, &str); 12] = [
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (PRESERVE, "must be false to be structural"),
    (EMBEDDED, "must be false to be structural"),
    (INT_OR_TEXT, "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
];

/// What keeps a schema from being structural, in the order of the words.
pub(super) fn check(schema: &At<'_, '_>, errors: &mut Errors) {
    let mut found = Errors::new();
    invariants(schema, Level::Root, &mut found);
    of_conditions(schema.view, Some(schema.view), &schema.path, &schema.path, &mut found);
    let mut found: Vec<Error> = found.into_iter().collect();
    found.sort_by_cached_key(ToString::to_string);
    errors.extend(found);
}

/// Whether it says what no structural schema can hold.
pub(super) fn is_beyond(schema: View<'_>) -> bool {
    const BEYOND: [&str; 6] =
        ["id", "$ref", "additionalItems", "patternProperties", "definitions", "dependencies"];
    let is_said = |view: View<'_>| view.value().is_some_and(|value| !value.is_empty());
    if BEYOND.iter().any(|name| is_said(schema.field(name))) || schema.field("items").items().len() > 0 {
        return true;
    }
    let properties = schema.field("properties");
    let keys = properties.value().and_then(keelson_schema::tree::Value::as_map);
    let mut below = keys.into_iter().flat_map(|keys| keys.iter()).map(|(key, _)| properties.key(key));
    let lists = ["allOf", "anyOf", "oneOf"];
    below.any(is_beyond)
        || ["items", "additionalProperties", "not"]
            .iter()
            .any(|name| schema.field(name).fields().is_some() && is_beyond(schema.field(name)))
        || lists.iter().any(|name| schema.field(name).items().any(is_beyond))
}

fn invariants(s: &At<'_, '_>, level: Level, errors: &mut Errors) {
    let (kind, items, more) = (s.field("type"), s.field("items"), s.field("additionalProperties"));
    let properties = s.field("properties");
    if kind.text() == "array" && !items.is_present() {
        items.missing("must be specified", errors);
    }
    if items.view.fields().is_some() {
        invariants(&items, Level::Item, errors);
    }
    properties.entries().for_each(|(_, property)| invariants(&property, Level::Field, errors));
    if more.is_present() {
        if level == Level::Root {
            more.forbidden("must not be used at the root", errors);
        }
        if more.view.fields().is_some() {
            invariants(&more, Level::Field, errors);
        }
    }
    extensions(s, errors);
    let any = s.view.field("anyOf");
    conditions(s, is_int_or_text(any), is_int_or_text(s.view.field("allOf").item(0).field("anyOf")), errors);
    types(s, level, errors);
    let is_whole = level == Level::Root || s.view.field(EMBEDDED).is_true();
    for name in ["kind", "apiVersion"] {
        let property = properties.key(name);
        if is_whole && property.is_present() && property.field("type").text() != "string" {
            let kind = property.field("type");
            errors.push(Error::invalid(&kind.path, kind.text(), "must be string"));
        }
    }
    let metadata = properties.key("metadata");
    if metadata.is_present() {
        of_metadata(&metadata, is_whole, level, errors);
    }
    let knows_nothing = !s.view.field(PRESERVE).is_true() && properties.is_empty();
    if s.view.field(EMBEDDED).is_true() && knows_nothing {
        let words = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        properties.missing(words, errors);
    }
}

fn extensions(s: &At<'_, '_>, errors: &mut Errors) {
    for name in [PRESERVE, EMBEDDED] {
        if s.view.field(INT_OR_TEXT).is_true() && s.view.field(name).is_true() {
            let words = "must be false if x-kubernetes-int-or-string is true";
            errors.push(Error::invalid(&s.path.child(name), keelson_api::field::Value::Bool(true), words));
        }
    }
}

fn types(s: &At<'_, '_>, level: Level, errors: &mut Errors) {
    let (kind, is_embedded) = (s.field("type"), s.view.field(EMBEDDED).is_true());
    let is_open = s.view.field(INT_OR_TEXT).is_true() || s.view.field(PRESERVE).is_true();
    if is_embedded && kind.text() != "object" {
        let words = "must be object if x-kubernetes-embedded-resource is true";
        if kind.is_empty() {
            kind.missing(words, errors);
        } else {
            errors.push(Error::invalid(&kind.path, kind.text(), words));
        }
    } else if kind.is_empty() && !is_open {
        let words = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        kind.missing(words, errors);
    }
    if is_embedded && s.view.field("additionalProperties").is_present() {
        let words = "must not be used if x-kubernetes-embedded-resource is set";
        s.field("additionalProperties").forbidden(words, errors);
    }
    if level == Level::Root && !kind.is_empty() && kind.text() != "object" {
        errors.push(Error::invalid(&kind.path, kind.text(), "must be object at the root"));
    }
}

/// Of metadata only the names can be restricted.
fn of_metadata(s: &At<'_, '_>, is_whole: bool, level: Level, errors: &mut Errors) {
    let kind = s.field("type");
    if is_whole && kind.text() != "object" {
        errors.push(Error::invalid(&kind.path, kind.text(), "must be object"));
    }
    let is_name = |key: &str| matches!(key, "name" | "generateName");
    let says_more =
        s.names().any(|name| !matches!(name, "type" | "default" | "properties") && !s.field(name).is_empty())
            || s.field("properties").keys().any(|key| !is_name(key));
    if level == Level::Root && says_more {
        let words = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        s.forbidden(words, errors);
    }
}

/// Whether it is the pair of types by which a number or a text is said.
fn is_int_or_text(any: View<'_>) -> bool {
    let is = |at: usize, kind: &str| {
        let one = any.item(at);
        one.field("type").text() == kind && one.fields().is_some_and(|fields| fields.entries().len() == 1)
    };
    any.items().len() == 2 && is(0, "integer") && is(1, "string")
}

fn conditions(s: &At<'_, '_>, skips_any: bool, skips_first: bool, errors: &mut Errors) {
    if !skips_any {
        s.field("anyOf").items().for_each(|one| condition(&one, false, errors));
    }
    for (i, one) in s.field("allOf").items().enumerate() {
        condition(&one, skips_first && i == 0, errors);
    }
    s.field("oneOf").items().for_each(|one| condition(&one, false, errors));
    if s.view.field("not").is_present() {
        condition(&s.field("not"), false, errors);
    }
}

fn condition(v: &At<'_, '_>, skips_any: bool, errors: &mut Errors) {
    conditions(v, skips_any, false, errors);
    let items = v.field("items");
    if items.view.fields().is_some() {
        condition(&items, false, errors);
    }
    let properties = v.field("properties");
    properties.entries().for_each(|(_, property)| condition(&property, false, errors));
    for (name, words) in UNCONDITIONAL {
        let said = v.field(name);
        let is_said = match name {
            "additionalProperties" | "default" | "x-kubernetes-list-type" | "x-kubernetes-map-type" => {
                said.is_present()
            }
            _ => !said.is_empty() && said.view.value() != Some(&keelson_schema::tree::Value::Bool(false)),
        };
        if is_said {
            said.forbidden(words, errors);
        }
    }
    let rules = v.field("x-kubernetes-validations");
    if !rules.is_empty() {
        rules.forbidden("must be empty to be structural", errors);
    }
    if properties.view.key("metadata").is_present() {
        properties.key("metadata").forbidden("must not be specified in a nested context", errors);
    }
}

/// What conditions speak of is there outside of them. `from` is where they stand.
fn of_conditions(v: View<'_>, s: Option<View<'_>>, path: &Path<'_>, from: &Path<'_>, errors: &mut Errors) {
    if v.field("not").is_present() {
        is_complete(v.field("not"), s, path, &from.child("not"), errors);
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        for (i, one) in v.field(name).items().enumerate() {
            is_complete(one, s, path, &from.child(name).index(i), errors);
        }
    }
}

fn is_complete(v: View<'_>, s: Option<View<'_>>, path: &Path<'_>, from: &Path<'_>, errors: &mut Errors) {
    let Some(s) = s else {
        return errors.push(Error::required(path, format!("because it is defined in {from}")));
    };
    of_conditions(v, Some(s), path, from, errors);
    let items = v.field("items");
    if items.fields().is_some() {
        let own = Some(s.field("items")).filter(|own| own.fields().is_some());
        is_complete(items, own, &path.child("items"), &from.child("items"), errors);
    }
    let (wanted, own) = (v.field("properties"), s.field("properties"));
    let keys = wanted.value().and_then(keelson_schema::tree::Value::as_map);
    for (key, _) in keys.into_iter().flat_map(|keys| keys.iter()) {
        let (path, from) = (path.child("properties"), from.child("properties"));
        let own = Some(own.key(key)).filter(|own| own.is_present());
        is_complete(wanted.key(key), own, &path.key(key), &from.key(key), errors);
    }
}
