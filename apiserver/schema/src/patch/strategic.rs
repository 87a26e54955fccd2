//! Strategic merge patch: objects are merged field by field, lists by the strategies and keys of the schema, and the
//! patch may carry directives (`$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`).
//!
//! The patch's values go into the tree as they come, unknown members as those of open structs; [`super::settle`] then
//! gives them their types. Upstream does both with maps without types, and its results and errors show that: whether
//! something is merged depends on what is there already, not on what the schema says should be.

mod key;
mod list;
mod open;
mod order;

use keelson_api::options::FieldValidation;

use self::open::Open;
use super::error::{PatchError, Stop, StrategicError};
use super::print::{Plain, PlainMap, Text};
use super::settle::{Settle, Settled};
use super::{Patched, outcome};
use crate::arena::{FieldRef, Flags, Kind, TypeRef};
use crate::tree::{Entries, Object, Str, Value};

const PATCH: &str = "$patch";
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
const SET_ELEMENT_ORDER: &str = "$setElementOrder";
const DELETE_FROM_PRIMITIVE_LIST: &str = "$deleteFromPrimitiveList";

/// What is left of a patch, or a part of it: upstream takes out what it has used up, and shows the rest in errors. Only
/// kept where there is one to show.
type Left<'e> = Option<&'e mut Entries>;

/// Applies a patch. `found` is what strict checking found in its text.
pub(super) fn apply(
    object: &Object,
    patch: &Entries,
    checks: FieldValidation,
    found: &[String],
) -> Result<Patched, PatchError> {
    if object.ty().arena().is_untyped() {
        return Err(PatchError::Strategic(StrategicError::Unsupported));
    }
    let merged = merge_object(object, patch, None)?;
    let checked = checks != FieldValidation::Ignore;
    let Settled { root, unknown } = Settle::object(object.ty(), merged, patch, checked)
        .map_err(|error| PatchError::Invalid { value: left_of(object, patch), detail: error.to_string() })?;
    let mut warnings = found.to_vec();
    warnings.extend(unknown);
    if checks == FieldValidation::Strict && !warnings.is_empty() {
        return Err(PatchError::Invalid {
            value: left_of(object, patch),
            detail: outcome::refusal(&warnings),
        });
    }
    let root = outcome::named(object, root);
    Ok(Patched { object: Object::with_root(object.schema().clone(), root), warnings })
}

/// What is left of a patch after merging, as Go prints it.
fn left_of(object: &Object, patch: &Entries) -> String {
    let mut left = patch.clone();
    // It went well before.
    let _ = merge_object(object, patch, Some(&mut left));
    PlainMap(&left).to_string()
}

fn merge_object(object: &Object, patch: &Entries, left: Left<'_>) -> Result<Value, Stop> {
    let root = Value::Struct(object.root().clone());
    merge(root, Scope { ty: object.ty(), pointer: false }, patch, left)
}

/// A Go type that says how fields are merged.
#[derive(Clone, Copy)]
struct Scope<'a> {
    ty: TypeRef<'a>,
    /// Whether it is the pointer to that type; seen in messages alone.
    pointer: bool,
}

impl<'a> Scope<'a> {
    fn of(field: FieldRef<'a>) -> Self {
        Self { ty: field.ty(), pointer: field.is_pointer() }
    }

    /// What Go calls the kind of the type.
    fn kind_name(self) -> &'static str {
        if self.pointer { "ptr" } else { kind_name(self.ty.kind()) }
    }

    /// The field called `name`, as Go finds it: in any case of letters, if there is none of that very name. `known` is
    /// the field where it is known already.
    fn field(self, name: &str, known: Option<FieldRef<'a>>) -> Result<FieldRef<'a>, StrategicError> {
        if self.ty.kind() == Kind::Struct
            && let Some(field) = known
        {
            return Ok(field);
        }
        let go = kind_name(self.ty.kind());
        if go != "struct" {
            return Err(StrategicError::NotStruct(go));
        }
        let of = self.ty.as_struct();
        let alike = |field: &FieldRef<'_>| field.name().eq_ignore_ascii_case(name);
        let found = of.and_then(|of| of.by_name(name).or_else(|| of.fields().find(alike)));
        let no_field =
            || StrategicError::NoField { of: self.ty.short_name().to_owned(), field: name.to_owned() };
        found.ok_or_else(no_field)
    }

    /// The field called `name`, which should be a list, and the type of its items.
    fn list(
        self,
        name: &str,
        known: Option<FieldRef<'a>>,
    ) -> Result<(FieldRef<'a>, Scope<'a>), StrategicError> {
        let field = self.field(name, known)?;
        let ty = match field.ty().kind() {
            Kind::List => field.ty().elem(),
            _ if field.is_pointer() => field.ty(),
            _ => return Err(StrategicError::NotSlice(self.kind_name())),
        };
        Ok((field, Scope { ty, pointer: false }))
    }
}

/// What Go's reflection calls a kind; types with an encoding of their own are structs.
fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "bool",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Float64 => "float64",
        Kind::String => "string",
        Kind::Bytes | Kind::List => "slice",
        Kind::Map => "map",
        Kind::Any => "interface",
        _ => "struct",
    }
}

/// What a value is to upstream, which sees no types but those of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Null,
    Bool,
    Int,
    Float,
    Text,
    List,
    Map,
}

impl Shape {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Time(time) if *time == crate::scalar::time::Time::ZERO => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Float(_) => Self::Float,
            Value::Str(_) | Value::Bytes(_) | Value::Time(_) => Self::Text,
            Value::Struct(_) | Value::Map(_) => Self::Map,
            Value::List(_) => Self::List,
            Value::Raw(raw) => match raw.first() {
                Some(b'{') => Self::Map,
                Some(b'[') => Self::List,
                Some(b'"') => Self::Text,
                Some(b't' | b'f') => Self::Bool,
                Some(b'n') | None => Self::Null,
                Some(_) if raw.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => Self::Float,
                Some(_) => Self::Int,
            },
        }
    }

    /// What Go calls its type.
    fn go(self) -> &'static str {
        match self {
            Self::Null => "%!s(<nil>)",
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
            other => other.go_kind(),
        }
    }

    /// What Go's reflection calls its kind.
    pub(super) fn go_kind(self) -> &'static str {
        match self {
            Self::Null => "invalid",
            Self::Bool => "bool",
            Self::Int => "int64",
            Self::Float => "float64",
            Self::Text => "string",
            Self::List => "slice",
            Self::Map => "map",
        }
    }
}

fn expected(expected: Shape, found: Shape) -> StrategicError {
    StrategicError::Type { expected: expected.go(), found: found.go() }
}

/// Merges a patch into an object, or the part of one, of Go type `scope`.
fn merge(original: Value, scope: Scope<'_>, patch: &Entries, left: Left<'_>) -> Result<Value, Stop> {
    let mut original = Open::new(original, scope.ty);
    // Directives sort before names.
    if patch.pairs().first().is_some_and(|(key, _)| key.as_bytes().first() <= Some(&b'$')) {
        return merge_directed(original, scope, patch, left);
    }
    let mut left = left;
    for (key, value) in patch.iter() {
        member(&mut original, scope, key, value, left.as_deref_mut())?;
    }
    Ok(original.into_value())
}

/// The same, of a patch that may have directives.
fn merge_directed<'a>(
    mut original: Open<'a>,
    scope: Scope<'a>,
    patch: &Entries,
    mut left: Left<'_>,
) -> Result<Value, Stop> {
    if let Some(directive) = patch.get(PATCH) {
        return replaced(directive, patch, left);
    }
    if let Some(keys) = patch.get(RETAIN_KEYS) {
        take(&mut left, RETAIN_KEYS);
        retain_keys(&mut original, keys, patch)?;
    }
    let mut done = Vec::new();
    for (key, order) in patch.iter().filter(|(key, _)| key.starts_with(SET_ELEMENT_ORDER)) {
        take(&mut left, key);
        if let Some(name) = order::reorder(&mut original, scope, patch, key, order)? {
            take(&mut left, name);
            done.push(name);
        }
    }
    let rest = |(key, _): &(&Str, &Value)| {
        !key.starts_with(SET_ELEMENT_ORDER) && *key != RETAIN_KEYS && !done.contains(&key.as_str())
    };
    // Upstream's order is random. What is both added and deleted is deleted here.
    for deletes in [false, true] {
        for (key, value) in patch.iter().filter(rest) {
            if key.starts_with(DELETE_FROM_PRIMITIVE_LIST) == deletes {
                member(&mut original, scope, key, value, left.as_deref_mut())?;
            }
        }
    }
    Ok(original.into_value())
}

fn take(left: &mut Left<'_>, key: &str) {
    if let Some(left) = left {
        left.remove(key);
    }
}

/// What a `$patch` makes of an object.
fn replaced(directive: &Value, patch: &Entries, mut left: Left<'_>) -> Result<Value, Stop> {
    match directive.as_str() {
        Some("replace") => {
            take(&mut left, PATCH);
            let mut patch = patch.clone();
            patch.remove(PATCH);
            Ok(Value::Map(patch))
        }
        Some("delete") => Ok(Value::Map(Entries::new())),
        _ => Err(unknown_directive(directive, patch).into()),
    }
}

fn unknown_directive(directive: &Value, patch: &Entries) -> StrategicError {
    StrategicError::Directive { directive: Text(directive).to_string(), map: PlainMap(patch).to_string() }
}

/// Takes away the members that `$retainKeys` does not name. Whatever the patch sets must be named.
fn retain_keys(original: &mut Open<'_>, keys: &Value, patch: &Entries) -> Result<(), Stop> {
    let Value::List(keys) = keys else { return Err(StrategicError::RetainKeys.into()) };
    if keys.iter().any(|key| matches!(Shape::of(key), Shape::Map | Shape::List)) {
        return Err(Stop::Fatal);
    }
    let keys: std::collections::HashSet<&str> = keys.iter().filter_map(Value::as_str).collect();
    for (key, value) in patch.iter() {
        let parallel = key.starts_with(DELETE_FROM_PRIMITIVE_LIST) || key.starts_with(SET_ELEMENT_ORDER);
        if key != RETAIN_KEYS && *value != Value::Null && !parallel && !keys.contains(key.as_str()) {
            return Err(StrategicError::RetainKeys.into());
        }
    }
    original.retain(|name| keys.contains(name));
    Ok(())
}

/// The field that a directive's key names behind its slash.
fn named<'k>(key: &'k str, directive: &str) -> Option<&'k str> {
    key.strip_prefix(directive)?.strip_prefix('/')
}

/// Merges one member of a patch.
fn member<'a>(
    original: &mut Open<'a>,
    scope: Scope<'a>,
    key: &str,
    value: &Value,
    left: Left<'_>,
) -> Result<(), Stop> {
    let deletes = key.starts_with(DELETE_FROM_PRIMITIVE_LIST);
    let mut name = key;
    if deletes {
        let field = named(key, DELETE_FROM_PRIMITIVE_LIST).ok_or(StrategicError::PrimitiveList)?;
        name = if field.is_empty() { key } else { field };
    }
    let slot = original.slot(name);
    if *value == Value::Null {
        original.remove(slot);
        return Ok(());
    }
    let known = original.field(slot);
    match (original.shape(slot), value) {
        (Some(Shape::Map), Value::Map(entries)) => {
            let field = scope.field(name, known)?;
            if field.flags().has(Flags::REPLACE) {
                original.set(slot, value.clone());
                return Ok(());
            }
            let left = left.and_then(|left| left.get_mut(key)).and_then(Value::as_map_mut);
            let merged = merge(original.take(slot), Scope::of(field), entries, left)?;
            original.set(slot, merged);
        }
        (Some(Shape::List), Value::List(items)) => {
            let (field, elem) = scope.list(name, known)?;
            if !deletes && !field.flags().has(Flags::MERGE) {
                original.set(slot, value.clone());
                return Ok(());
            }
            let left = left.and_then(|left| left.get_mut(key)).and_then(Value::items_mut);
            let merging = list::Merging { elem, key: field.merge_key().unwrap_or(""), deletes };
            let merged = merging.run(original.take(slot), items, left)?;
            original.set(slot, merged);
        }
        _ if deletes => {}
        _ => {
            if let Some(left) = left.and_then(|left| left.get_mut(key)) {
                strip(left);
            }
            match clean(value, true) {
                Some(value) => original.set(slot, value),
                None => original.remove(slot),
            }
        }
    }
    Ok(())
}

/// A value of a patch for where nothing is to be merged with: without the objects that carry a `$patch`, and on demand
/// without the nulls in objects. `None` if nothing remains.
fn clean(value: &Value, nulls_too: bool) -> Option<Value> {
    match value {
        Value::Map(entries) => {
            // A directive that is null is gone before anybody asks for one.
            if entries.get(PATCH).is_some_and(|directive| !nulls_too || *directive != Value::Null) {
                return None;
            }
            let mut cleaned = Vec::with_capacity(entries.len());
            for (key, value) in entries.iter() {
                if let Some(value) =
                    clean(value, nulls_too).filter(|value| !nulls_too || *value != Value::Null)
                {
                    cleaned.push((key.clone(), value));
                }
            }
            Some(Value::Map(Entries::from_pairs(cleaned.into_iter(), true)))
        }
        Value::List(items) => {
            Some(Value::List(items.iter().filter_map(|item| clean(item, nulls_too)).collect()))
        }
        other => Some(other.clone()),
    }
}

/// Leaves of a part of the patch what [`clean`] left of it. Upstream works in place, so what it drops itself, or as the
/// item of a list, stays where it was.
fn strip(value: &mut Value) {
    drop_nulls(value);
    drop_directives(value);
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Map(entries) => {
            entries.retain(|_, value| *value != Value::Null);
            entries.iter_mut().for_each(|(_, value)| drop_nulls(value));
        }
        Value::List(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn drop_directives(value: &mut Value) {
    match value {
        Value::Map(entries) if entries.get(PATCH).is_some() => {}
        Value::Map(entries) => entries.retain(|_, value| {
            let cleaned = clean(value, false);
            let keep = cleaned.is_some();
            *value = cleaned.unwrap_or(Value::Null);
            keep
        }),
        Value::List(items) => items.iter_mut().for_each(drop_directives),
        _ => {}
    }
}

/// The error of an object in a list that has no key.
fn no_merge_key(item: &Value, key: &str) -> StrategicError {
    StrategicError::NoMergeKey { map: Plain(item).to_string(), key: key.to_owned() }
}
