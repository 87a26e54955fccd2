//! Whether two values mean the same: amounts however they are written, and nothing however it is said.

use std::cmp::Ordering;

use keelson_api::quantity::Quantity;
use keelson_schema::arena::{Kind, TypeRef};
use keelson_schema::tree::{Value, View};

/// Whether they do.
pub(crate) fn is_same(one: View<'_>, other: View<'_>) -> bool {
    one.ty().or(other.ty()).is_none_or(|ty| same(ty, one.value(), other.value()))
}

fn same(ty: TypeRef<'_>, one: Option<&Value>, other: Option<&Value>) -> bool {
    let (one, other) = (one.filter(|value| has_content(value)), other.filter(|value| has_content(value)));
    if one == other {
        return true;
    }
    match (one, other) {
        (Some(Value::Struct(_)), Some(Value::Struct(_))) => {
            let (one, other) = (View::new(ty, one), View::new(ty, other));
            ty.as_struct().is_some_and(|of| {
                of.fields().all(|field| {
                    same(field.ty(), one.field(field.name()).value(), other.field(field.name()).value())
                })
            })
        }
        (Some(Value::List(one)), Some(Value::List(other))) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| same(ty.elem(), Some(one), Some(other)))
        }
        (Some(Value::Map(one)), Some(Value::Map(other))) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| {
                    other.get(key).is_some_and(|other| same(ty.elem(), Some(value), Some(other)))
                })
        }
        (Some(Value::Str(one)), Some(Value::Str(other))) if ty.kind() == Kind::Quantity => {
            let (one, other): (Option<Quantity>, Option<Quantity>) = (one.parse().ok(), other.parse().ok());
            one.zip(other).is_some_and(|(one, other)| one.partial_cmp(&other) == Some(Ordering::Equal))
        }
        // Spaces between its parts are not kept in the store.
        (Some(Value::Raw(one)), Some(Value::Raw(other))) => {
            let parsed = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).ok();
            parsed(one).is_some_and(|one| Some(one) == parsed(other))
        }
        _ => false,
    }
}

/// Lists and maps without content are as good as none.
fn has_content(value: &Value) -> bool {
    match value {
        Value::List(items) => !items.is_empty(),
        Value::Map(entries) => !entries.is_empty(),
        _ => true,
    }
}
