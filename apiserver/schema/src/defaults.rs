//! Structural defaults: those that stand in the schema, filled in by a walk over what has any.
//!
//! For built-in types that is what upstream's generated code does for `+default` markers; defaults that depend on other
//! values are not here. For custom resources it is defaulting as such: a field that may not be null and is gets its
//! default too, and what is absent is not entered.

use crate::arena::{Flags, Kind, StructRef, TypeRef};
use crate::json;
use crate::tree::{EXTRA, Fields, Value};

/// Fills in the defaults of an object of struct type `of`.
pub fn apply(of: StructRef<'_>, fields: &mut Fields) {
    if !of.ty().is_defaulted() {
        return;
    }
    let untyped = of.arena().is_untyped();
    for field in of.fields() {
        let ty = field.ty();
        let default = field.default();
        if default.is_none() && !ty.is_defaulted() {
            continue;
        }
        if untyped
            && fields.get(field.index) == Some(&Value::Null)
            && !field.flags().has(Flags::NULLABLE)
            && default.is_some()
        {
            fields.remove(field.index);
        }
        if let Some(default) = default
            && fields.get(field.index).is_none()
            && let Some(value) = value_of(ty, default)
        {
            fields.set(field.index, value);
        }
        match fields.get_mut(field.index) {
            Some(value) => enter(ty, value),
            None if !untyped && !field.is_pointer() => {
                // A value struct is there even when nobody wrote it.
                if let Some(inner) = ty.as_struct() {
                    let mut made = Fields::new();
                    apply(inner, &mut made);
                    if !made.is_empty() {
                        fields.set(field.index, Value::Struct(made));
                    }
                }
            }
            None => {}
        }
    }
}

fn enter(ty: TypeRef<'_>, value: &mut Value) {
    if !ty.is_defaulted() {
        return;
    }
    match (ty.kind(), value) {
        (Kind::Struct, Value::Struct(fields)) => {
            if let Some(of) = ty.as_struct() {
                apply(of, fields);
            }
        }
        (Kind::List, Value::List(items)) => items.iter_mut().for_each(|item| enter(ty.elem(), item)),
        (Kind::Map, Value::Map(entries)) => entries.iter_mut().for_each(|(_, item)| enter(ty.elem(), item)),
        _ => {}
    }
}

/// The value that a default's JSON stands for.
fn value_of(ty: TypeRef<'_>, default: &str) -> Option<Value> {
    json::decode_value(default.as_bytes(), ty).ok().flatten()
}

/// Takes away the fields that the schema does not know from structs that keep such fields. (Everywhere else decoding
/// drops them, which is all the pruning there is: an object that reaches a schema passes through decoding.)
pub fn prune_extra(of: StructRef<'_>, fields: &mut Fields) {
    fields.remove(EXTRA);
    for (index, value) in fields.entries_mut() {
        prune_value(of.field(index).ty(), value);
    }
}

fn prune_value(ty: TypeRef<'_>, value: &mut Value) {
    match (ty.kind(), value) {
        (Kind::Struct, Value::Struct(fields)) => {
            if let Some(of) = ty.as_struct() {
                prune_extra(of, fields);
            }
        }
        (Kind::List, Value::List(items)) => items.iter_mut().for_each(|item| prune_value(ty.elem(), item)),
        (Kind::Map, Value::Map(entries)) => {
            entries.iter_mut().for_each(|(_, item)| prune_value(ty.elem(), item));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::convert::{Encoding, decode, encode};

    fn check(input: &str, expected: &str) {
        let (mut object, _) = decode(input.as_bytes(), Encoding::Json, true).unwrap();
        let schema = object.schema().clone();
        super::apply(schema.ty().as_struct().unwrap(), object.root_mut());
        let out = encode(&object, Encoding::Json).unwrap();
        assert_eq!(String::from_utf8(out).unwrap().trim_end(), expected);
    }

    #[test]
    fn built_in_defaults_are_filled_in_where_they_are_missing() {
        check(
            r#"{"kind":"Service","apiVersion":"v1","metadata":{},"spec":{"ports":[{"port":1,"targetPort":2},{"protocol":"UDP","port":3,"targetPort":4}]},"status":{"loadBalancer":{}}}"#,
            r#"{"kind":"Service","apiVersion":"v1","metadata":{},"spec":{"ports":[{"protocol":"TCP","port":1,"targetPort":2},{"protocol":"UDP","port":3,"targetPort":4}]},"status":{"loadBalancer":{}}}"#,
        );
        check(
            r#"{"kind":"ReplicationController","apiVersion":"v1"}"#,
            r#"{"kind":"ReplicationController","apiVersion":"v1","metadata":{},"spec":{"replicas":1},"status":{"replicas":0}}"#,
        );
        check(
            r#"{"kind":"PodGroup","apiVersion":"scheduling.k8s.io/v1beta1","spec":{}}"#,
            r#"{"kind":"PodGroup","apiVersion":"scheduling.k8s.io/v1beta1","metadata":{},"spec":{"schedulingPolicy":{},"disruptionMode":{"single":{}}},"status":{}}"#,
        );
    }
}
