//! Taking paths out of a value, and taking a value down to its paths.

use thin_vec::ThinVec;

use super::element::Element;
use super::item::element;
use super::node::{Form, Node, Ty};
use super::paths::nameless;
use super::set::Set;
use crate::tree::{Entries, Value};

/// `value` without the paths of `set`. What loses all its parts, and what is merged as a whole and has a path of the
/// set below it, becomes null.
pub(super) fn remove(ty: Ty<'_>, value: Value, set: &Set) -> Value {
    match (ty.form(Some(Node::of(ty.ty(), &value))), value) {
        (Form::Scalar, value) => value,
        (Form::List, Value::List(items)) if !ty.is_atomic(Form::List) => {
            let kept: ThinVec<Value> =
                items.into_iter().filter_map(|item| removed_item(ty, item, set)).collect();
            if kept.is_empty() { Value::Null } else { Value::List(kept) }
        }
        (Form::Map, value @ (Value::Map(_) | Value::Struct(_))) if !ty.is_atomic(Form::Map) => {
            let parts = match value {
                Value::Map(entries) => entries,
                value => Node::of(ty.ty(), &value).parts(ty),
            };
            let mut kept = Vec::with_capacity(parts.len());
            for (name, value) in parts.into_pairs() {
                match set.get(&Element::Field(name.clone())) {
                    Some(entry) if entry.member => {}
                    Some(entry) => {
                        let child = ty.child(&name).unwrap_or(Ty::DEDUCED);
                        kept.push((name, remove(child, value, &entry.children)));
                    }
                    None => kept.push((name, value)),
                }
            }
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Map(Entries::from_pairs(kept.into_iter(), true))
            }
        }
        _ => Value::Null,
    }
}

fn removed_item(ty: Ty<'_>, item: Value, set: &Set) -> Option<Value> {
    match set.get(&element(ty, &item).unwrap_or_else(|_| nameless())) {
        Some(entry) if entry.member => None,
        Some(entry) => Some(remove(ty.item(), item, &entry.children)),
        None => Some(item),
    }
}

/// The parts of `value` whose paths are in `set`.
pub(super) fn extract(ty: Ty<'_>, value: &Value, set: &Set) -> Value {
    let form = ty.form(Some(Node::of(ty.ty(), value)));
    if form == Form::Scalar || ty.is_atomic(form) {
        return value.clone();
    }
    match value {
        Value::List(items) if items.is_empty() => value.clone(),
        Value::Map(entries) if entries.is_empty() => value.clone(),
        Value::List(items) => {
            let mut kept = ThinVec::new();
            for item in items {
                let Some(entry) = element(ty, item).ok().and_then(|element| set.get(&element)) else {
                    continue;
                };
                let whole = entry.children.is_empty();
                kept.push(if whole { item.clone() } else { extract(ty.item(), item, &entry.children) });
            }
            if kept.is_empty() { Value::Null } else { Value::List(kept) }
        }
        Value::Map(entries) => {
            let mut kept = Entries::new();
            for (name, value) in entries.iter() {
                let Some(entry) = set.get(&Element::Field(name.clone())) else { continue };
                let child = ty.child(name).unwrap_or(Ty::DEDUCED);
                // As upstream: what is in the set itself is looked at with the set of its siblings.
                let below = if entry.member { set } else { &entry.children };
                kept.set(name, extract(child, value, below));
            }
            if kept.is_empty() { Value::Null } else { Value::Map(kept) }
        }
        _ => Value::Null,
    }
}
