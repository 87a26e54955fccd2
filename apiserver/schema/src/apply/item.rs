//! What tells a list's items apart: their own values in a set, the values of their keys in a list with keys.

use thin_vec::ThinVec;

use super::element::Element;
use super::node::{EMPTY, Node, Ty};
use super::scalar;
use crate::arena::{FieldRef, Flags, StructRef, TypeRef};
use crate::json::decode_any;
use crate::tree::{Str, Value};

/// Why a list's item cannot be told from others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ItemError {
    #[error("associative list with keys may not have a null element")]
    Null,
    #[error("associative list with keys may not have non-map elements")]
    NoMap,
    #[error(
        "associative list with keys has an element that omits all key fields [{0}] (and doesn't have default values for any key fields)"
    )]
    NoKey(String),
    #[error("associative list without keys has an element that's a map type")]
    Map,
    #[error("not supported: associative list with lists as elements")]
    List,
    #[error("associative list without keys has an element that's an explicit null")]
    NullItem,
}

fn struct_of(ty: Ty<'_>) -> Option<StructRef<'_>> {
    ty.ty.and_then(TypeRef::as_struct)
}

/// Whether an item has a path element, without making it.
pub(super) fn is_nameable(ty: Ty<'_>, item: &Value) -> bool {
    let item_ty = ty.item();
    let node = Node::of(item_ty.ty, item);
    let mut keys = ty.ty.into_iter().flat_map(TypeRef::list_keys).peekable();
    if keys.peek().is_none() {
        return matches!(node, Node::Leaf(..));
    }
    let default = |of: StructRef<'_>, key| key_default(of, of.by_name(key)?);
    node.is_map()
        && keys.any(|key| {
            node.get(item_ty, key).is_some() || struct_of(item_ty).and_then(|of| default(of, key)).is_some()
        })
}

/// The path element of an item of a set or of a list with keys, of type `ty`.
pub(super) fn element(ty: Ty<'_>, item: &Value) -> Result<Element, ItemError> {
    let item_ty = ty.item();
    let node = Node::of(item_ty.ty, item);
    let mut keys = ty.ty.into_iter().flat_map(TypeRef::list_keys).peekable();
    if keys.peek().is_none() {
        return match node {
            Node::Null => Err(ItemError::NullItem),
            Node::List(_) => Err(ItemError::List),
            Node::Leaf(..) => Ok(Element::value(node.to_any(item_ty))),
            _ => Err(ItemError::Map),
        };
    }
    match node {
        Node::Null => return Err(ItemError::Null),
        _ if !node.is_map() => return Err(ItemError::NoMap),
        _ => {}
    }
    let mut fields = ThinVec::with_capacity(2);
    for key in keys {
        let value = match node.get(item_ty, key) {
            Some(value) => Some(scalar::settled(value.to_any(Ty::DEDUCED))),
            None => struct_of(item_ty).and_then(|of| key_default(of, of.by_name(key)?)),
        };
        if let Some(value) = value {
            fields.push((Str::new(key), value));
        }
    }
    if fields.is_empty() {
        let quoted = ty.ty.into_iter().flat_map(TypeRef::list_keys).map(crate::scalar::quote::quote);
        return Err(ItemError::NoKey(quoted.collect::<Vec<_>>().join(" ")));
    }
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Element::Key(fields))
}

/// The one omitted key field whose empty value is its published default; the arena does not keep such defaults.
const EMPTY_NAME: &str = "io.k8s.api.core.v1.LocalObjectReference";

/// The published default of a key field; that of a field which JSON always shows is its zero.
fn key_default(of: StructRef<'_>, field: FieldRef<'_>) -> Option<Value> {
    if let Some(default) = field.default() {
        return decode_any(default.as_bytes()).ok().map(scalar::settled);
    }
    if of.ty().name() == EMPTY_NAME {
        return Some(EMPTY.clone());
    }
    if !field.flags().has(Flags::ALWAYS) || field.is_pointer() || field.ty().arena().is_untyped() {
        return None;
    }
    match Node::zero(field) {
        Node::Leaf(_, value) => Some(value.clone()),
        _ => None,
    }
}
