//! What tells the items of a list apart: their key's value, or they themselves.

use std::collections::HashMap;

use super::{Shape, Stop, StrategicError, expected, no_merge_key};
use crate::arena::{Flags, TypeRef};
use crate::normal::{is_omitted, zero};
use crate::patch::print;
use crate::tree::{Str, Value};

/// A value as Go compares it with others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Null,
    Bool(bool),
    Int(i64),
    /// The bits.
    Float(u64),
    Text(Str),
    /// Not to be compared with its like: upstream's process ends there.
    Map,
    /// The same.
    List,
    /// Of an object that has none; nobody looks for it.
    Missing,
}

impl Key {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(number) => Self::Int(*number),
            // Both zeros are equal.
            Value::Float(number) => Self::Float((number + 0.0).to_bits()),
            Value::Str(text) => Self::Text(text.clone()),
            other => match Shape::of(other) {
                Shape::Map => Self::Map,
                Shape::List => Self::List,
                _ => Self::Null,
            },
        }
    }

    /// The key of an object of type `ty`, if it has one.
    pub(super) fn of_item(ty: TypeRef<'_>, item: &Value, key: &str) -> Option<Self> {
        match (item, ty.as_struct()) {
            (Value::Struct(fields), Some(of)) => {
                let field = of.by_name(key)?;
                match fields.get(field.index) {
                    Some(value) => (!is_omitted(field, value)).then(|| Self::of(value)),
                    None if field.flags().has(Flags::ALWAYS) && !field.is_pointer() => {
                        Some(Self::of(&zero(field.ty())))
                    }
                    None => None,
                }
            }
            (Value::Map(entries), _) => entries.get(key).map(Self::of),
            _ => None,
        }
    }

    /// Whether it may not be compared with its like.
    pub(super) fn is_odd(&self) -> bool {
        matches!(self, Self::Map | Self::List)
    }

    /// Whether both are equal.
    pub(super) fn same(&self, other: &Self) -> Result<bool, Stop> {
        if self == other && self.is_odd() { Err(Stop::Fatal) } else { Ok(self == other) }
    }
}

/// The keys of all items, which must be objects that have one.
pub(super) fn required(ty: TypeRef<'_>, items: &[Value], key: &str) -> Result<Vec<Key>, StrategicError> {
    let required = |item: &Value| match Shape::of(item) {
        Shape::Map => Key::of_item(ty, item, key).ok_or_else(|| no_merge_key(&print::untyped(ty, item), key)),
        other => Err(expected(Shape::Map, other)),
    };
    items.iter().map(required).collect()
}

/// Where keys stand in a list: of equal ones the first.
#[derive(Default)]
pub(super) struct Places {
    keys: Vec<Key>,
    index: HashMap<Key, usize>,
}

/// Longer lists are looked through by hash.
const SCANNED_MAX: usize = 16;

impl Places {
    pub(super) fn new(keys: Vec<Key>) -> Self {
        let mut index = HashMap::new();
        if keys.len() > SCANNED_MAX {
            for (at, key) in keys.iter().enumerate() {
                index.entry(key.clone()).or_insert(at);
            }
        }
        Self { keys, index }
    }

    pub(super) fn into_keys(self) -> Vec<Key> {
        self.keys
    }

    /// Puts a key at the end.
    pub(super) fn push(&mut self, key: Key) {
        let at = self.keys.len();
        self.keys.push(key);
        if at == SCANNED_MAX {
            *self = Self::new(std::mem::take(&mut self.keys));
        } else if at > SCANNED_MAX {
            self.index.entry(self.keys[at].clone()).or_insert(at);
        }
    }

    pub(super) fn find(&self, key: &Key) -> Result<Option<usize>, Stop> {
        let at = if self.keys.len() > SCANNED_MAX {
            self.index.get(key).copied()
        } else {
            self.keys.iter().position(|known| known == key)
        };
        if at.is_some() && key.is_odd() { Err(Stop::Fatal) } else { Ok(at) }
    }
}
