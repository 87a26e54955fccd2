//! Normal form: what of a tree upstream's Go types can hold and its encoders write.

use crate::arena::{FieldRef, Flags, Kind, StructRef, TypeRef};
use crate::scalar::time::Time;
use crate::tree::{Fields, Value};

/// Whether a field with this value is the same to upstream as the field being absent: a value field's zero.
#[inline]
#[must_use]
pub fn is_absent(field: FieldRef<'_>, value: &Value) -> bool {
    if field.is_pointer() || field.ty().arena().is_untyped() {
        return false;
    }
    match value {
        Value::Bool(value) => !value,
        Value::Int(number) => *number == 0,
        Value::Str(text) => match field.ty().kind() {
            Kind::String => text.is_empty(),
            Kind::Quantity => text == "0",
            _ => false,
        },
        Value::Struct(fields) => fields.is_empty() && field.ty().kind() == Kind::Struct,
        Value::Time(time) => *time == Time::ZERO,
        Value::Null => true,
        _ => false,
    }
}

/// Whether JSON leaves out a present field.
#[inline]
#[must_use]
pub(crate) fn is_omitted(field: FieldRef<'_>, value: &Value) -> bool {
    let flags = field.flags();
    if flags.has(Flags::OMIT_ZERO) && matches!(value, Value::Time(time) if *time == Time::ZERO) {
        return true;
    }
    // Of value types only those that Go calls empty are left out; a struct never is.
    flags.has(Flags::OMIT_EMPTY)
        && !flags.has(Flags::POINTER)
        && !flags.has(Flags::ALWAYS)
        && value.is_empty()
}

/// The value of an item that is null: what a Go variable of the type holds before anyone writes it.
#[must_use]
pub fn zero(ty: TypeRef<'_>) -> Value {
    if ty.arena().is_untyped() {
        return Value::Null;
    }
    match ty.kind() {
        Kind::Bool => Value::Bool(false),
        Kind::Int32 | Kind::Int64 | Kind::IntOrString => Value::Int(0),
        Kind::Float64 => Value::Float(0.0),
        Kind::String => Value::from(""),
        Kind::Quantity => Value::from("0"),
        Kind::Time | Kind::MicroTime => Value::Time(Time::ZERO),
        Kind::Struct => Value::Struct(Fields::new()),
        Kind::SchemaOrBool => Value::Bool(false),
        _ => Value::Null,
    }
}

/// Makes of an object what upstream's storage leaves of it: its own kinds are stored as protobuf, which cannot tell lists
/// and maps without content from none.
pub fn drop_empty(of: StructRef<'_>, fields: &mut Fields) {
    fields.retain(|index, value| match value {
        Value::List(items) if items.is_empty() => of.field(index).ty().kind() != Kind::List,
        Value::Map(entries) if entries.is_empty() => of.field(index).ty().kind() != Kind::Map,
        value => {
            drop_empty_within(of.field(index).ty(), value);
            true
        }
    });
}

/// Whether there is a list or a map without content for [`drop_empty`] to take away.
#[must_use]
pub fn has_empty(of: StructRef<'_>, fields: &Fields) -> bool {
    fields.entries().iter().any(|entry| has_empty_within(of.field(entry.index).ty(), &entry.value))
}

fn has_empty_within(ty: TypeRef<'_>, value: &Value) -> bool {
    match value {
        Value::Struct(fields) => {
            let ty = if ty.kind() == Kind::Struct { ty } else { ty.elem() };
            ty.as_struct().is_some_and(|of| has_empty(of, fields))
        }
        Value::List(items) if ty.kind() == Kind::List => {
            items.is_empty() || items.iter().any(|item| has_empty_item(ty.elem(), item))
        }
        Value::Map(entries) if ty.kind() == Kind::Map => {
            entries.is_empty() || entries.iter().any(|(_, item)| has_empty_item(ty.elem(), item))
        }
        _ => false,
    }
}

fn has_empty_item(ty: TypeRef<'_>, item: &Value) -> bool {
    matches!(item, Value::Null) && ty.kind() == Kind::Bytes || has_empty_within(ty, item)
}

fn drop_empty_within(ty: TypeRef<'_>, value: &mut Value) {
    match value {
        Value::Struct(fields) => {
            let ty = if ty.kind() == Kind::Struct { ty } else { ty.elem() };
            if let Some(of) = ty.as_struct() {
                drop_empty(of, fields);
            }
        }
        Value::List(items) if ty.kind() == Kind::List => {
            items.iter_mut().for_each(|item| drop_empty_item(ty.elem(), item));
        }
        Value::Map(entries) if ty.kind() == Kind::Map => {
            entries.iter_mut().for_each(|(_, item)| drop_empty_item(ty.elem(), item));
        }
        _ => {}
    }
}

fn drop_empty_item(ty: TypeRef<'_>, item: &mut Value) {
    match item {
        // Octets that are missing are stored as none.
        Value::Null if ty.kind() == Kind::Bytes => *item = Value::Bytes(Box::default()),
        item => drop_empty_within(ty, item),
    }
}

/// Takes away what encoding would not show: empty lists, maps and texts under `omitempty`, value structs without
/// content. Two trees that encode alike are equal afterwards.
pub fn normalize(of: StructRef<'_>, fields: &mut Fields) {
    if of.arena().is_untyped() {
        return;
    }
    fields.retain(|index, value| {
        let field = of.field(index);
        normalize_value(field.ty(), value);
        !is_absent(field, value) && !is_omitted(field, value)
    });
}

fn normalize_value(ty: TypeRef<'_>, value: &mut Value) {
    match value {
        Value::Struct(fields) => {
            let ty = if ty.kind() == Kind::Struct { ty } else { ty.elem() };
            if let Some(of) = ty.as_struct() {
                normalize(of, fields);
            }
        }
        Value::List(items) if matches!(ty.kind(), Kind::List | Kind::SchemaOrArray) => {
            for item in items {
                normalize_value(ty.elem(), item);
            }
        }
        Value::Map(entries) if ty.kind() == Kind::Map => {
            for (_, item) in entries.iter_mut() {
                normalize_value(ty.elem(), item);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::{Encoding, decode, encode};

    fn check(json: &str, kept: &str) {
        let mut object = decode(json.as_bytes(), Encoding::Json, false).unwrap().0;
        let schema = object.schema().clone();
        drop_empty(schema.ty().as_struct().unwrap(), object.root_mut());
        let left = encode(&object, Encoding::Json).unwrap();
        assert_eq!(String::from_utf8(left).unwrap().trim_end(), kept);
    }

    #[test]
    fn storage_keeps_no_empty_lists() {
        check(
            r#"{"kind":"Role","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"r"},"rules":[]}"#,
            r#"{"kind":"Role","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"r"},"rules":null}"#,
        );
        check(
            r#"{"kind":"Role","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"r"},"rules":[{"verbs":[]}]}"#,
            r#"{"kind":"Role","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"r"},"rules":[{"verbs":null}]}"#,
        );
        check(
            r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s"},"data":{"a":null,"b":"AA=="}}"#,
            r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s"},"data":{"a":"","b":"AA=="}}"#,
        );
    }
}
