//! Making what a strategic merge patch put into a tree values of their types.
//!
//! Upstream does this without JSON, so by other rules than decoding: `2.0` is a whole number, numbers beyond 32 bits
//! lose the rest, and the errors are others. A tree is its own record of what is left to do: what has its type's form
//! already is passed over, and where the patch has not been nobody looks.

use keelson_api::quantity;

use super::error::SettleError;
use super::kept::keeps_json;
use super::strategic::{RETAIN_KEYS, Shape};
use crate::arena::{Kind, StructRef, TypeRef};
use crate::error::DecodeError;
use crate::json;
use crate::normal::{is_absent, zero};
use crate::path::{Path, Step};
use crate::scalar::base64;
use crate::scalar::time::{Precision, Time};
use crate::tree::{EXTRA, Entries, Entry, Fields, Str, Value};

/// A settled object.
pub(super) struct Settled {
    pub(super) root: Fields,
    /// Unknown fields, if they were asked for: `unknown field "spec.foo"`.
    pub(super) unknown: Vec<String>,
}

/// The walk over a tree.
pub(super) struct Settle {
    /// The unknown fields, unless nobody wants to know.
    unknown: Option<Vec<String>>,
}

type Where<'p> = Option<&'p Path<'p>>;

impl Settle {
    /// Settles an object of struct type `ty` that `patch` was merged into.
    pub(super) fn object(
        ty: TypeRef<'_>,
        value: Value,
        patch: &Entries,
        checked: bool,
    ) -> Result<Settled, SettleError> {
        let mut settle = Self { unknown: checked.then(Vec::new) };
        let root = match settle.value(ty, value, Some(patch), None)? {
            Some(Value::Struct(root)) => root,
            _ => Fields::new(),
        };
        let mut unknown = settle.unknown.unwrap_or_default();
        unknown.sort();
        Ok(Settled { root, unknown })
    }

    /// Settles a value of type `ty`; `None` if that is what a field of the type is when absent. Of a struct that was
    /// there before only that is looked at which `patch` names, if there is one.
    fn value(
        &mut self,
        ty: TypeRef<'_>,
        value: Value,
        patch: Option<&Entries>,
        path: Where<'_>,
    ) -> Result<Option<Value>, SettleError> {
        let kind = ty.kind();
        match (kind, value) {
            (_, Value::Null) => Ok(None),
            (Kind::Any, value) => Ok(Some(value)),
            (kind, value) if is_settled(kind, &value) => Ok(Some(value)),
            (Kind::Struct, value) => self.structure(ty, value, patch, path).map(Some),
            (Kind::List, Value::List(mut items)) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.item(ty.elem(), item, Some(&Path::new(path, Step::Index(at))))?;
                }
                Ok(Some(Value::List(items)))
            }
            (Kind::Map, Value::Map(mut entries)) => {
                // Upstream leaves the keys of maps out of its paths.
                for (_, item) in entries.iter_mut() {
                    self.item(ty.elem(), item, path)?;
                }
                Ok(Some(Value::Map(entries)))
            }
            (Kind::List, other) => Err(SettleError::Slice(Shape::of(&other).go_kind())),
            (Kind::Map, other) => Err(SettleError::Map(Shape::of(&other).go_kind())),
            (Kind::Bytes, other) => bytes(&other).map(Some),
            (Kind::String | Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Float64, other) => {
                scalar(ty, &other).map(Some)
            }
            (_, other) => special(ty, other),
        }
    }

    fn item(&mut self, elem: TypeRef<'_>, item: &mut Value, path: Where<'_>) -> Result<(), SettleError> {
        if is_settled(elem.kind(), item) {
            return Ok(());
        }
        let value = std::mem::replace(item, Value::Null);
        *item = self.value(elem, value, None, path)?.unwrap_or_else(|| zero(elem));
        Ok(())
    }

    fn structure(
        &mut self,
        ty: TypeRef<'_>,
        value: Value,
        patch: Option<&Entries>,
        path: Where<'_>,
    ) -> Result<Value, SettleError> {
        let of = ty.as_struct();
        match (value, of) {
            (Value::Struct(fields), Some(of)) => self.fields(of, fields, patch.map(Touched), path),
            (Value::Map(entries), Some(of)) => self.entries(of, entries, path),
            (other, _) => Err(SettleError::Struct(Shape::of(&other).go_kind())),
        }
        .map(Value::Struct)
    }

    /// Settles the fields of a struct.
    fn fields(
        &mut self,
        of: StructRef<'_>,
        mut fields: Fields,
        touched: Option<Touched<'_>>,
        path: Where<'_>,
    ) -> Result<Fields, SettleError> {
        if let Some(Value::Map(extra)) = fields.remove(EXTRA) {
            for (name, _) in extra.iter() {
                self.note(name, path);
            }
        }
        let mut gone = false;
        for (index, value) in fields.entries_mut() {
            let field = of.field(index);
            let ty = field.ty();
            if touched.is_some_and(|touched| !touched.has(field.name())) && !keeps_json(ty) {
                continue;
            }
            if is_settled(ty.kind(), value) {
                gone |= is_absent(field, value);
                continue;
            }
            let patch = touched.and_then(|touched| touched.0.get(field.name())).and_then(Value::as_map);
            let unsettled = std::mem::replace(value, Value::Null);
            let settled = self.value(ty, unsettled, patch, Some(&Path::new(path, Step::Field(of, index))))?;
            match settled.filter(|settled| !is_absent(field, settled)) {
                Some(settled) => *value = settled,
                None => gone = true,
            }
        }
        if gone {
            fields.retain(|index, value| *value != Value::Null && !is_absent(of.field(index), value));
        }
        Ok(fields)
    }

    /// Makes a struct of a map.
    fn entries(
        &mut self,
        of: StructRef<'_>,
        entries: Entries,
        path: Where<'_>,
    ) -> Result<Fields, SettleError> {
        let mut fields = Vec::with_capacity(entries.len());
        for (name, value) in entries.into_pairs() {
            match of.index_of(&name) {
                Some(index) => fields.push(Entry { index, value }),
                None => self.note(&name, path),
            }
        }
        fields.sort_unstable_by_key(|entry| entry.index);
        self.fields(of, Fields::from_sorted(fields), None, path)
    }

    fn note(&mut self, name: &str, path: Where<'_>) {
        if let Some(unknown) = &mut self.unknown {
            let path = Path::strict_text(path);
            let point = if path.is_empty() { "" } else { "." };
            unknown.push(format!("unknown field \"{path}{point}{name}\""));
        }
    }
}

/// Whether a scalar has its type's form.
#[inline]
fn is_settled(kind: Kind, value: &Value) -> bool {
    matches!(
        (kind, value),
        (Kind::String, Value::Str(_))
            | (Kind::Bool, Value::Bool(_))
            | (Kind::Int64, Value::Int(_))
            | (Kind::Float64, Value::Float(_))
            | (Kind::Time | Kind::MicroTime, Value::Time(_))
            | (Kind::Bytes, Value::Bytes(_))
            | (Kind::FieldsV1, Value::Raw(_))
    )
}

/// The part of a patch that was merged into a struct.
#[derive(Clone, Copy)]
struct Touched<'p>(&'p Entries);

impl Touched<'_> {
    /// Whether the field called `name` may have been changed.
    fn has(self, name: &str) -> bool {
        // Directives sort first.
        let mut directives = self.0.iter().map(|(key, _)| key.as_str()).take_while(|key| *key < "$~");
        self.0.get(name).is_some()
            || directives
                .any(|key| key == RETAIN_KEYS || key.rsplit_once('/').is_some_and(|(_, of)| of == name))
    }
}

/// Makes a scalar of one that is not of its form.
fn scalar(ty: TypeRef<'_>, value: &Value) -> Result<Value, SettleError> {
    let convert = |from| SettleError::Convert { from, to: ty.go().to_owned() };
    match (ty.kind(), value) {
        (Kind::String, Value::Int(_)) => Err(convert("int64")),
        (Kind::Int32, Value::Int(number)) => Ok(Value::Int(low(*number))),
        (Kind::Int32 | Kind::Int64, Value::Float(number)) if number.fract() != 0.0 => Err(convert("float64")),
        (Kind::Int64, Value::Float(number)) => Ok(Value::Int(whole(*number))),
        (Kind::Int32, Value::Float(number)) => Ok(Value::Int(low(whole(*number)))),
        (Kind::Float64, Value::Int(number)) => Ok(Value::Float(*number as f64)),
        (Kind::String, _) => Err(SettleError::Unrecognized("string")),
        (Kind::Bool, _) => Err(SettleError::Unrecognized("bool")),
        (Kind::Int32, _) => Err(SettleError::Unrecognized("int32")),
        (Kind::Int64, _) => Err(SettleError::Unrecognized("int64")),
        _ => Err(SettleError::Unrecognized("float64")),
    }
}

/// The lower 32 bits of a number, which is what Go keeps of it.
fn low(number: i64) -> i64 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d]).into()
}

/// A number without fraction as a whole one; what is beyond all bounds becomes the least, as on upstream's machines.
fn whole(number: f64) -> i64 {
    let bound = 9_223_372_036_854_775_808.0;
    if (-bound..bound).contains(&number) { number as i64 } else { i64::MIN }
}

fn bytes(value: &Value) -> Result<Value, SettleError> {
    match value {
        Value::Str(text) => base64::decode(text.as_bytes())
            .map(|bytes| Value::Bytes(bytes.into()))
            .map_err(SettleError::Base64),
        Value::List(items) => {
            let byte = |item: &Value| match item {
                Value::Null => Ok(0),
                Value::Int(number) => Ok(number.to_le_bytes()[0]),
                Value::Float(number) if number.fract() == 0.0 => Ok(whole(*number).to_le_bytes()[0]),
                Value::Float(_) => Err(SettleError::Convert { from: "float64", to: "uint8".to_owned() }),
                _ => Err(SettleError::Unrecognized("uint8")),
            };
            items.iter().map(byte).collect::<Result<Vec<_>, _>>().map(|bytes| Value::Bytes(bytes.into()))
        }
        other => Err(SettleError::Slice(Shape::of(other).go_kind())),
    }
}

/// Settles a value of a type that upstream decodes by code of its own, which gets to see the value's JSON.
fn special(ty: TypeRef<'_>, value: Value) -> Result<Option<Value>, SettleError> {
    match (ty.kind(), &value) {
        (Kind::IntOrString, Value::Str(_)) => return Ok(Some(value)),
        (Kind::IntOrString, Value::Int(number)) if i32::try_from(*number).is_ok() => return Ok(Some(value)),
        (Kind::Quantity, Value::Str(text)) => {
            let rewritten = quantity::rewrite(text).map_err(DecodeError::Quantity)?;
            return Ok(Some(rewritten.map_or(value, |text| Value::Str(Str::from(text)))));
        }
        (Kind::Time | Kind::MicroTime, Value::Str(text)) => {
            let precision = if ty.kind() == Kind::Time { Precision::Seconds } else { Precision::Micros };
            return Ok(Some(Value::Time(Time::parse(text, precision).map_err(DecodeError::Time)?)));
        }
        // Upstream took it apart and puts it together again, with its names sorted.
        (Kind::Raw | Kind::Json, Value::Raw(raw)) => return special(ty, json::decode_any(raw)?),
        _ => {}
    }
    let mut text = Vec::new();
    // Values of a patch are written whatever the type; only a number that is none could not.
    json::encode_value(ty, &value, &mut text).map_err(|error| DecodeError::Syntax(error.to_string()))?;
    Ok(json::decode_value(&text, ty)?)
}
