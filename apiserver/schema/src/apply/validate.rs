//! Whether a value fits its schema, as far as merging has to know: which fields there are, scalars of the right sort,
//! items that can be told apart.

use super::element::Element;
use super::item::{element, is_nameable};
use super::node::{Form, Node, Ty};
use super::scalar::go_number;
use super::set::Set;
use super::{Fault, Invalid};
use crate::arena::Kind;
use crate::scalar::quote::quote;
use crate::tree::{EXTRA, Value};

/// Checks a value of type `ty`. `duplicates` says whether items of a set or of a list with keys may have the same path.
pub(super) fn validate(ty: Ty<'_>, node: Node<'_>, duplicates: bool) -> Result<(), Invalid> {
    let mut faults = Vec::new();
    check(ty, node, duplicates, &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(Invalid(faults)) }
}

/// Checks a value that has been decoded, in which nothing can be wrong but that items cannot be told apart.
pub(super) fn validate_decoded(ty: Ty<'_>, node: Node<'_>) -> Result<(), Invalid> {
    if is_whole(ty, node) { Ok(()) } else { validate(ty, node, true) }
}

fn is_whole(ty: Ty<'_>, node: Node<'_>) -> bool {
    match node {
        Node::Struct(of, entries) => entries.iter().all(|entry| {
            let nested = matches!(entry.value, Value::Struct(_) | Value::List(_) | Value::Map(_))
                && entry.index != EXTRA;
            !nested || {
                let field = of.field(entry.index);
                is_whole(ty.of_child(field), Node::of(Some(field.ty()), &entry.value))
            }
        }),
        Node::List(items) => {
            let item_ty = ty.item();
            let told = |item| ty.is_atomic(Form::List) || is_nameable(ty, item);
            items.iter().all(|item| told(item) && is_whole(item_ty, Node::of(item_ty.ty(), item)))
        }
        Node::Map(entries) => entries.iter().all(|(name, value)| {
            let child = ty.child(name).unwrap_or(Ty::DEDUCED);
            is_whole(child, Node::of(child.ty(), value))
        }),
        Node::Null | Node::Leaf(..) | Node::Raw(_) => true,
    }
}

fn check(ty: Ty<'_>, node: Node<'_>, duplicates: bool, faults: &mut Vec<Fault>) {
    match (ty.form(Some(node)), node) {
        // What has not been read is part of an object that has been decoded.
        (_, Node::Null | Node::Raw(_)) => {}
        (Form::Scalar, node) => faults.extend(scalar(ty, node)),
        (Form::List, Node::List(items)) => check_items(ty, items, duplicates, faults),
        (Form::Map, Node::Struct(..) | Node::Map(_)) => check_parts(ty, node, duplicates, faults),
        (form, node) => {
            let wanted = if form == Form::List { "list" } else { "map" };
            faults.push(Fault::new(format!("expected {wanted}, got &{{{}}}", shown(&node.to_any(ty)))));
        }
    }
}

fn check_parts(ty: Ty<'_>, node: Node<'_>, duplicates: bool, faults: &mut Vec<Fault>) {
    let mut ended = false;
    node.each(ty, &mut |name, declared, child, node| {
        let element = || Element::field(name);
        if ended {
            return;
        }
        if !declared && ty.child(name).is_none() {
            faults.push(Fault::new("field not declared in schema".to_owned()).below(&element()));
            ended = true;
            return;
        }
        let start = faults.len();
        check(child, node, duplicates, faults);
        below(&mut faults[start..], element);
    });
}

fn below(faults: &mut [Fault], element: impl FnOnce() -> Element) {
    if !faults.is_empty() {
        let element = element();
        for fault in faults {
            fault.prefix(&element);
        }
    }
}

fn check_items(ty: Ty<'_>, items: &[Value], duplicates: bool, faults: &mut Vec<Fault>) {
    let atomic = ty.is_atomic(Form::List);
    let mut seen = Set::new();
    for (at, item) in items.iter().enumerate() {
        let place = || Element::Index(i64::try_from(at).unwrap_or(i64::MAX));
        let element = match if atomic { Ok(place()) } else { element(ty, item) } {
            Ok(element) => element,
            Err(error) => {
                faults.push(Fault::new(format!("element {at}: {error}")));
                return;
            }
        };
        if !atomic && !duplicates {
            let path = std::slice::from_ref(&element);
            if seen.contains(path) {
                faults.push(Fault::new(format!("duplicate entries for key {element}")));
            }
            seen.insert(path);
        }
        let start = faults.len();
        check(ty.item(), Node::of(ty.item().ty(), item), duplicates, faults);
        below(&mut faults[start..], || element);
    }
}

fn scalar(ty: Ty<'_>, node: Node<'_>) -> Option<Fault> {
    let kind = ty.scalar_kind();
    let fits = match (kind, node) {
        (_, Node::Leaf(_, Value::Time(_) | Value::Bytes(_))) => true,
        (Some(Kind::Int32 | Kind::Int64 | Kind::Float64), Node::Leaf(_, value)) => {
            matches!(value, Value::Int(_) | Value::Float(_))
        }
        (Some(Kind::String | Kind::Bytes), Node::Leaf(_, value)) => matches!(value, Value::Str(_)),
        (Some(Kind::Bool), Node::Leaf(_, value)) => matches!(value, Value::Bool(_)),
        (_, Node::Leaf(..)) => true,
        _ => false,
    };
    if fits {
        return None;
    }
    let value = node.to_any(Ty::DEDUCED);
    Some(Fault::new(match kind {
        Some(Kind::Int32 | Kind::Int64 | Kind::Float64) => {
            format!("expected numeric (int or float), got {}", go_type(&value))
        }
        Some(Kind::String | Kind::Bytes) => {
            format!("expected string, got &value.valueUnstructured{{Value:{}}}", literal(&value))
        }
        Some(Kind::Bool) => format!("expected boolean, got &{{{}}}", shown(&value)),
        _ => format!("expected any scalar, got &{{{}}}", shown(&value)),
    }))
}

/// What Go calls the type of a value read from JSON.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Str(_) => "string",
        Value::Bool(_) => "bool",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
        Value::Int(_) | Value::Float(_) => "float64",
        _ => "<nil>",
    }
}

/// A value as Go's `%v` prints it.
fn shown(value: &Value) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => go_number(*number as f64),
        Value::Float(number) => go_number(*number),
        Value::List(items) => format!("[{}]", joined(items.iter().map(shown), " ")),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}:{}", shown(value)));
            format!("map[{}]", joined(entries, " "))
        }
        _ => "<nil>".to_owned(),
    }
}

/// A value as Go's `%#v` prints it.
fn literal(value: &Value) -> String {
    match value {
        Value::Str(text) => quote(text),
        Value::List(items) => format!("[]interface {{}}{{{}}}", joined(items.iter().map(literal), ", ")),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}:{}", quote(key), literal(value)));
            format!("map[string]interface {{}}{{{}}}", joined(entries, ", "))
        }
        Value::Null => "interface {}(nil)".to_owned(),
        value => shown(value),
    }
}

fn joined(parts: impl Iterator<Item = String>, separator: &str) -> String {
    parts.collect::<Vec<_>>().join(separator)
}
