//! What the schemas of custom resources keep to. That their defaults fit them, and that their expressions can be
//! compiled, is not looked at.

use std::collections::{BTreeSet, HashSet};

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_schema::tree::{Value, View};

use super::structure;
use crate::rules::{At, internal};

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const REASONS: [&str; 4] =
    ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
/// Formats of texts, without their hyphens.
const FORMATS: [&str; 26] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
    "k8sshortname",
    "k8slongname",
];
const METADATA: [&str; 3] = ["metadata", "kind", "apiVersion"];
/// What a schema may say at its root where the status is written by itself.
const AT_ROOT: [&str; 22] = [
    "description",
    "type",
    "format",
    "title",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "multipleOf",
    "required",
    "items",
    "properties",
    "externalDocs",
    "example",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];
const AT_ROOT_SHOWN: &str = "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]";

/// What is known of where a schema stands.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    is_root: bool,
    in_metadata: bool,
    /// Why there may be no default here.
    no_default: Option<&'a str>,
}

/// What is wrong with the schema of a whole object; `has_status`: of one whose status is written by itself.
pub(super) fn check(schema: &At<'_, '_>, has_status: bool, errors: &mut Errors) {
    if has_status {
        at_root(schema, errors);
    }
    if schema.field("nullable").is_true() {
        schema.field("nullable").forbidden("nullable cannot be true at the root", errors);
    }
    if !structure::is_beyond(schema.view) {
        structure::check(schema, errors);
    }
    each(schema, Place { is_root: true, ..Place::default() }, errors);
}

fn at_root(schema: &At<'_, '_>, errors: &mut Errors) {
    for name in schema.names().filter(|name| is_said(name, schema.view.field(name))) {
        let kind = schema.field("type");
        if name == "type" && kind.text() != "object" {
            let words = r#"only "object" is allowed as the type at the root of the schema if the status subresource is enabled"#;
            return errors.push(Error::invalid(&kind.path, kind.text(), words));
        }
        if !AT_ROOT.contains(&name) {
            let words = format!(
                "only {AT_ROOT_SHOWN} fields are allowed at the root of the schema if the status subresource is enabled"
            );
            return errors.push(Error::invalid(&schema.path, internal::shown(schema.view), words));
        }
    }
}

/// Whether a field says anything: lists, maps and what is a pointer do also without content.
fn is_said(name: &str, value: View<'_>) -> bool {
    match value.value() {
        Some(Value::Str(text)) if text.is_empty() => {
            matches!(name, "$ref" | "x-kubernetes-list-type" | "x-kubernetes-map-type")
        }
        Some(Value::Bool(false)) => {
            matches!(
                name,
                "additionalProperties" | "additionalItems" | "x-kubernetes-preserve-unknown-fields"
            )
        }
        value => value.is_some(),
    }
}

/// The formats in a schema that nobody knows for values of that type.
pub(super) fn unknown_formats(schema: View<'_>, found: &mut BTreeSet<String>) {
    let format = schema.field("format").text();
    let is_known = match schema.field("type").text() {
        "" | "string" => FORMATS.contains(&&*format.replace('-', "")),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    };
    if !format.is_empty() && !is_known {
        found.insert(format.to_owned());
    }
    let properties = schema.field("properties");
    let keys = properties.value().and_then(Value::as_map);
    for (key, _) in keys.into_iter().flat_map(|keys| keys.iter()) {
        unknown_formats(properties.key(key), found);
    }
    for name in ["items", "additionalProperties", "not"] {
        if schema.field(name).fields().is_some() {
            unknown_formats(schema.field(name), found);
        }
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        schema.field(name).items().for_each(|one| unknown_formats(one, found));
    }
}

fn each(schema: &At<'_, '_>, place: Place<'_>, errors: &mut Errors) {
    let inner = Place { is_root: false, ..place };
    itself(schema, place, errors);
    let (properties, more) = (schema.field("properties"), schema.field("additionalProperties"));
    if schema.field("uniqueItems").is_true() {
        let words = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        schema.field("uniqueItems").forbidden(words, errors);
    }
    let is_any = more.is_true();
    if more.is_present() && !properties.is_empty() && !is_any {
        more.forbidden("additionalProperties and properties are mutual exclusive", errors);
    }
    if more.view.fields().is_some() {
        let why = "inside additionalProperties applying to object metadata";
        let no_default = if place.in_metadata { Some(why) } else { place.no_default };
        each(&more, Place { no_default, ..inner }, errors);
    }
    let is_whole = place.is_root || schema.view.field("x-kubernetes-embedded-resource").is_true();
    for (key, property) in properties.entries() {
        let is_metadata = is_whole && METADATA.contains(&key);
        let why = format!("in top-level {key}");
        let no_default = if is_metadata && place.is_root { Some(why.as_str()) } else { place.no_default };
        each(
            &property,
            Place { is_root: false, in_metadata: place.in_metadata || is_metadata, no_default },
            errors,
        );
    }
    if schema.view.field("not").is_present() {
        each(&schema.field("not"), inner, errors);
    }
    for name in ["allOf", "oneOf", "anyOf"] {
        schema.field(name).items().for_each(|one| each(&one, inner, errors));
    }
    schema.field("definitions").entries().for_each(|(_, one)| each(&one, inner, errors));
    let items = schema.field("items");
    if items.view.fields().is_some() {
        each(&items, inner, errors);
    }
    items.items().for_each(|one| each(&one, inner, errors));
    lists(schema, errors);
    validations(&schema.field("x-kubernetes-validations"), errors);
}

/// What may not be said anywhere.
fn itself(schema: &At<'_, '_>, place: Place<'_>, errors: &mut Errors) {
    let kind = schema.field("type");
    if !kind.is_empty() && !TYPES.contains(&kind.text()) {
        errors.push(Error::not_supported(&kind.path, kind.text(), &TYPES));
    }
    if let Some(why) = place.no_default.filter(|_| schema.view.field("default").is_present()) {
        schema.field("default").forbidden(format!("must not be set {why}"), errors);
    }
    for name in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
        let said = schema.field(name);
        let is_said = if matches!(name, "additionalItems" | "dependencies" | "$ref") {
            said.is_present()
        } else {
            !said.is_empty()
        };
        if is_said {
            said.forbidden(format!("{name} is not supported"), errors);
        }
    }
    if kind.text() == "null" {
        kind.forbidden("type cannot be set to null, use nullable as an alternative", errors);
    }
    if schema.view.field("items").items().len() > 0 {
        schema.field("items").forbidden("items must be a schema object and not an array", errors);
    }
    let embedded = schema.field("x-kubernetes-embedded-resource");
    if place.in_metadata && embedded.is_true() {
        embedded.forbidden("must not be used inside of resource meta", errors);
    }
}

/// A schema is of the type that something else asks for.
fn is_of_type(schema: &At<'_, '_>, wanted: &str, words: &'static str, errors: &mut Errors) -> bool {
    let kind = schema.field("type");
    match kind.text() {
        text if text == wanted => return true,
        "" => kind.missing(words, errors),
        text => errors.push(Error::invalid(&kind.path, text, words)),
    }
    false
}

fn lists(schema: &At<'_, '_>, errors: &mut Errors) {
    let preserve = schema.field("x-kubernetes-preserve-unknown-fields");
    if preserve.is_present() && !preserve.is_true() {
        preserve.invalid("must be true or undefined", errors);
    }
    let (map, list, keys) = (
        schema.field("x-kubernetes-map-type"),
        schema.field("x-kubernetes-list-type"),
        schema.field("x-kubernetes-list-map-keys"),
    );
    if map.is_present() {
        is_of_type(schema, "object", "must be object if x-kubernetes-map-type is specified", errors);
        if !matches!(map.text(), "atomic" | "granular") {
            errors.push(Error::not_supported(&map.path, map.text(), &["atomic", "granular"]));
        }
    }
    let is_list = list.is_present()
        && is_of_type(schema, "array", "must be array if x-kubernetes-list-type is specified", errors);
    let items = schema.field("items");
    if is_list && list.text() == "set" && items.view.fields().is_some() {
        let words = "must be atomic as item of a list with x-kubernetes-list-type=set";
        let (inner_list, inner_map) =
            (items.field("x-kubernetes-list-type"), items.field("x-kubernetes-map-type"));
        let shown = if inner_list.is_present() { Shown::Named(inner_list.text()) } else { Shown::Null };
        match items.field("type").text() {
            "array" if inner_list.is_present() && inner_list.text() != "atomic" => {
                errors.push(Error::invalid(&inner_list.path, shown, words));
            }
            "object" if inner_map.text() != "atomic" => {
                errors.push(Error::invalid(&inner_map.path, shown, words))
            }
            _ => {}
        }
    }
    if list.is_present() && !matches!(list.text(), "atomic" | "set" | "map") {
        errors.push(Error::not_supported(&list.path, list.text(), &["atomic", "set", "map"]));
    }
    if !keys.is_empty() {
        let words = "must be map if x-kubernetes-list-map-keys is non-empty";
        match list.text() {
            "map" => {}
            _ if !list.is_present() => list.missing(words, errors),
            text => errors.push(Error::invalid(&list.path, text, words)),
        }
    }
    if list.text() == "map" {
        map_keys(&items, &keys, errors);
    }
    kept_together(&items, &list, &keys, errors);
}

fn map_keys(items: &At<'_, '_>, keys: &At<'_, '_>, errors: &mut Errors) {
    if keys.is_empty() {
        keys.missing("must not be empty if x-kubernetes-list-type is map", errors);
    }
    if !items.is_present() {
        return items.missing("must have a schema if x-kubernetes-list-type is map", errors);
    }
    if items.view.fields().is_none() {
        let words = "must only have a single schema if x-kubernetes-list-type is map";
        return errors.push(Error::invalid(&items.path, internal::shown(items.view), words));
    }
    let kind = items.field("type");
    if kind.text() != "object" {
        let words = "must be object if parent array's x-kubernetes-list-type is map";
        return errors.push(Error::invalid(&kind.path, kind.text(), words));
    }
    let (properties, mut known) = (items.field("properties"), HashSet::new());
    let all = selector_texts(keys);
    for key in &all {
        let property = properties.key(key);
        if !property.is_present() {
            let words = "entries must all be names of item properties";
            errors.push(Error::invalid(&keys.path, Shown::Texts(&all), words));
        } else if matches!(property.field("type").text(), "array" | "object") {
            let words = "must be a scalar type if parent array's x-kubernetes-list-type is map";
            errors.push(Error::invalid(&property.path.child("type"), kind.text(), words));
        }
        if !known.insert(*key) {
            errors.push(Error::invalid(&keys.path, Shown::Texts(&all), "must not contain duplicate entries"));
        }
    }
}

fn selector_texts<'o>(list: &At<'o, '_>) -> Vec<&'o str> {
    crate::rules::selector::texts(list.view)
}

/// Items that are told apart are there, and so is what tells them apart.
fn kept_together(items: &At<'_, '_>, list: &At<'_, '_>, keys: &At<'_, '_>, errors: &mut Errors) {
    if items.view.fields().is_none() || !matches!(list.text(), "set" | "map") {
        return;
    }
    if items.field("nullable").is_true() {
        let words = format!("cannot be nullable when x-kubernetes-list-type is {}", list.text());
        items.field("nullable").forbidden(words, errors);
    }
    if list.text() != "map" {
        return;
    }
    let (required, properties) = (selector_texts(&items.field("required")), items.field("properties"));
    for key in selector_texts(keys) {
        let property = properties.key(key);
        if !property.is_present() {
            continue;
        }
        if !required.contains(&key) && !property.view.field("default").is_present() {
            let words = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            property.field("default").missing(words, errors);
        }
        if property.field("nullable").is_true() {
            let words = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            property.field("nullable").forbidden(words, errors);
        }
    }
}

fn validations(rules: &At<'_, '_>, errors: &mut Errors) {
    let breaks = |text: &str| text.contains(['\n', '\r']);
    for one in rules.items() {
        let (rule, message) = (one.field("rule"), one.field("message"));
        let (expression, reason, path) =
            (one.field("messageExpression"), one.field("reason"), one.field("fieldPath"));
        let said = message.text().trim();
        if rule.text().trim().is_empty() {
            rule.missing("rule is not specified", errors);
        } else if !message.is_empty() && said.is_empty() {
            message.invalid("must be non-empty if specified", errors);
        } else if breaks(said) {
            message.invalid("must not contain line breaks", errors);
        } else if breaks(rule.text().trim()) && said.is_empty() {
            message.missing("message must be specified if rule contains line breaks", errors);
        }
        if !expression.is_empty() && expression.text().trim().is_empty() {
            expression.missing("messageExpression must be non-empty if specified", errors);
        }
        if reason.is_present() && !REASONS.contains(&reason.text()) {
            reason.not_supported(&REASONS, errors);
        }
        if !path.is_empty() && path.text().trim().is_empty() {
            path.invalid("must be non-empty if specified", errors);
        }
        if breaks(path.text()) {
            path.invalid("must not contain line breaks", errors);
        }
    }
}
