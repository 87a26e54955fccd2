//! From a merged value, which is JSON along a configuration's paths, back to a tree as its Go types hold it.

use keelson_api::quantity;

use super::node::{Node, Ty};
use crate::arena::{FieldRef, Kind, Schema, StructRef, TypeRef};
use crate::error::DecodeError;
use crate::json;
use crate::normal::{is_absent, zero};
use crate::scalar::base64;
use crate::scalar::time::{Precision, Time};
use crate::tree::{Entries, Entry, Fields, Object, Str, Value};

/// A merged value as an object of its type; `gvk` is the type as messages show it.
///
/// Upstream converts member by member and wraps whole numbers that are too large for their field; here they are refused
/// as those that are not whole.
pub(super) fn object(mut value: Value, schema: &Schema, gvk: &str) -> Result<Object, String> {
    if settle(schema.ty(), &mut value)
        && let Value::Struct(root) = value
    {
        return Ok(Object::with_root(schema.clone(), root));
    }
    // What has been settled so far does no harm.
    let ty = Ty::of(schema.ty());
    let value = Node::of(Some(schema.ty()), &value).to_any(ty);
    let mut text = Vec::with_capacity(4096);
    json::encode_value(schema.ty(), &value, &mut text).map_err(|error| error.to_string())?;
    let decoded = json::decode(&text, schema.ty(), false).map_err(|error| {
        let error = match error {
            DecodeError::Type { go, .. } if has_wrong_number(ty, &value) => {
                format!("cannot convert float64 to {go}")
            }
            DecodeError::Type { value, go, .. } => DecodeError::Type { value, context: None, go }.to_string(),
            DecodeError::Base64(corrupt) => format!("error decoding from json: {corrupt}"),
            error => error.to_string(),
        };
        format!("unable to convert unstructured object to {gvk}: {error}")
    })?;
    Ok(Object::with_root(schema.clone(), decoded.root))
}

/// Gives a value the form that its type holds it in. `false` leaves the rest to the decoder: what has a form of its
/// own, and what is wrong.
fn settle(ty: TypeRef<'_>, value: &mut Value) -> bool {
    let settled = match (ty.kind(), &mut *value) {
        (Kind::Struct, Value::Map(entries)) => {
            let Some(of) = ty.as_struct() else { return false };
            let Some(fields) = settle_fields(of, entries) else { return false };
            Value::Struct(fields)
        }
        (Kind::List, Value::List(items)) => return items.iter_mut().all(|item| settle_item(ty.elem(), item)),
        (Kind::Map, Value::Map(entries)) => {
            return entries.iter_mut().all(|(_, item)| settle_item(ty.elem(), item));
        }
        (_, Value::Struct(_)) => return true,
        (Kind::Bool, Value::Bool(_)) | (Kind::Int64, Value::Int(_)) | (Kind::Float64, Value::Float(_)) => {
            return true;
        }
        (Kind::String | Kind::IntOrString, Value::Str(_)) => return true,
        (Kind::Bytes, Value::Bytes(_)) | (Kind::Time | Kind::MicroTime, Value::Time(_)) => return true,
        (Kind::Raw | Kind::FieldsV1 | Kind::Json, Value::Raw(_)) => return true,
        (Kind::Int32 | Kind::IntOrString, Value::Int(number)) => return i32::try_from(*number).is_ok(),
        (Kind::Float64, Value::Int(number)) => Value::Float(*number as f64),
        (_, Value::Str(text)) => match text_as(ty.kind(), text) {
            Some(settled) => settled,
            None => return false,
        },
        _ => return false,
    };
    *value = settled;
    true
}

fn settle_item(ty: TypeRef<'_>, item: &mut Value) -> bool {
    if *item == Value::Null {
        *item = zero(ty);
        return true;
    }
    settle(ty, item)
}

fn settle_fields(of: StructRef<'_>, entries: &mut Entries) -> Option<Fields> {
    let mut fields = Vec::with_capacity(entries.len());
    for (name, value) in entries.iter_mut() {
        let field = of.by_name(name)?;
        if *value == Value::Null && !of.arena().is_untyped() {
            if matches!(field.ty().kind(), Kind::SchemaOrArray | Kind::SchemaOrStrings) {
                return None;
            }
            continue;
        }
        if !settle(field.ty(), value) {
            return None;
        }
        fields.push((field, value));
    }
    fields.retain(|(field, value)| !is_absent(*field, value));
    fields.sort_unstable_by_key(|(field, _)| field.index);
    let entry = |(field, value): (FieldRef<'_>, &mut Value)| Entry {
        index: field.index,
        value: std::mem::replace(value, Value::Null),
    };
    Some(Fields::from_sorted(fields.into_iter().map(entry).collect()))
}

/// A text as a value of a kind that JSON writes as one.
fn text_as(kind: Kind, text: &Str) -> Option<Value> {
    match kind {
        Kind::Bytes => base64::decode(text.as_bytes()).ok().map(|bytes| Value::Bytes(bytes.into())),
        Kind::Time => Time::parse(text, Precision::Seconds).ok().map(Value::Time),
        Kind::MicroTime => Time::parse(text, Precision::Micros).ok().map(Value::Time),
        Kind::Quantity => quantity(text),
        _ => None,
    }
}

/// A quantity in canonical form. What JSON would escape is left to the decoder, which sees the escapes.
fn quantity(text: &Str) -> Option<Value> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&'));
    match quantity::rewrite(text).ok().filter(|_| plain)? {
        Some(rewritten) => Some(Value::Str(Str::from(rewritten))),
        None => Some(Value::Str(text.clone())),
    }
}

/// Whether an integer field holds a number that is none of its type's.
fn has_wrong_number(ty: Ty<'_>, value: &Value) -> bool {
    match (ty.scalar_kind(), value) {
        (Some(Kind::Int32), Value::Int(number)) => i32::try_from(*number).is_err(),
        (Some(Kind::Int32 | Kind::Int64), Value::Float(_)) => true,
        (_, Value::List(items)) => items.iter().any(|item| has_wrong_number(ty.item(), item)),
        (_, Value::Map(entries)) => entries
            .iter()
            .any(|(name, value)| ty.child(name).is_some_and(|child| has_wrong_number(child, value))),
        _ => false,
    }
}
