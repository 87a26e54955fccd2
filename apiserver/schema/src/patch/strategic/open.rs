//! An object that is being merged into: a struct of the tree, or a map that came with the patch, alike.

use super::Shape;
use crate::arena::{FieldRef, Flags, Kind, StructRef, TypeRef};
use crate::json;
use crate::normal::{is_omitted, zero};
use crate::tree::{EXTRA, Entries, Entry, Fields, Value};

/// An object with members by name.
pub(super) enum Open<'a> {
    Struct(OpenStruct<'a>),
    Map(Entries),
}

/// An opened struct.
pub(super) struct OpenStruct<'a> {
    of: StructRef<'a>,
    fields: Vec<Entry>,
    /// Members that are no fields.
    extra: Entries,
    /// Whether fields that JSON shows also when absent are there.
    whole: bool,
    /// The fields that were set to what JSON would leave out. They are there until all is merged.
    empty: Vec<u16>,
}

/// Where a member is found.
#[derive(Clone, Copy)]
pub(super) enum Slot<'n> {
    Field(u16),
    Name(&'n str),
}

impl<'a> Open<'a> {
    /// Opens a value that is an object to upstream.
    pub(super) fn new(value: Value, ty: TypeRef<'a>) -> Self {
        let of = match ty.kind() {
            Kind::SchemaOrBool | Kind::SchemaOrArray | Kind::SchemaOrStrings => ty.elem().as_struct(),
            _ => ty.as_struct(),
        };
        match (value, of) {
            (Value::Struct(fields), Some(of)) => {
                let mut fields = fields.into_entries();
                let extra = match fields.pop_if(|last| last.index == EXTRA) {
                    Some(Entry { value: Value::Map(extra), .. }) => extra,
                    _ => Entries::new(),
                };
                Self::Struct(OpenStruct { of, fields, extra, whole: true, empty: Vec::new() })
            }
            (Value::Map(entries), _) => Self::Map(entries),
            (Value::Raw(raw), _) => match json::decode_any(&raw) {
                Ok(Value::Map(entries)) => Self::Map(entries),
                _ => Self::Map(Entries::new()),
            },
            _ => Self::Map(Entries::new()),
        }
    }

    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Map(entries) => Value::Map(entries),
            Self::Struct(OpenStruct { mut fields, extra, .. }) => {
                if !extra.is_empty() {
                    fields.push(Entry { index: EXTRA, value: Value::Map(extra) });
                }
                Value::Struct(Fields::from_sorted(fields))
            }
        }
    }

    /// Where the member called `name` is found.
    pub(super) fn slot<'n>(&self, name: &'n str) -> Slot<'n> {
        match self {
            Self::Struct(open) => open.of.index_of(name).map_or(Slot::Name(name), Slot::Field),
            Self::Map(_) => Slot::Name(name),
        }
    }

    /// The field that a member is.
    pub(super) fn field(&self, slot: Slot<'_>) -> Option<FieldRef<'a>> {
        match (self, slot) {
            (Self::Struct(open), Slot::Field(index)) => Some(open.of.field(index)),
            _ => None,
        }
    }

    /// What a member is in JSON; `None` if it is not shown there.
    pub(super) fn shape(&self, slot: Slot<'_>) -> Option<Shape> {
        match (self, slot) {
            (Self::Struct(open), Slot::Field(index)) => open.shape(index),
            (Self::Struct(OpenStruct { extra: entries, .. }) | Self::Map(entries), Slot::Name(name)) => {
                entries.get(name).map(Shape::of)
            }
            (Self::Map(_), Slot::Field(_)) => None,
        }
    }

    /// Takes a member's value out, to be merged and set again.
    pub(super) fn take(&mut self, slot: Slot<'_>) -> Value {
        let member = match (self, slot) {
            (Self::Struct(open), Slot::Field(index)) => {
                open.place(index).ok().map(|at| &mut open.fields[at].value)
            }
            (Self::Struct(OpenStruct { extra: entries, .. }) | Self::Map(entries), Slot::Name(name)) => {
                entries.get_mut(name)
            }
            (Self::Map(_), Slot::Field(_)) => None,
        };
        match member {
            Some(member) => std::mem::replace(member, Value::Null),
            // A struct that JSON shows though it is absent.
            None => Value::Struct(Fields::new()),
        }
    }

    /// Sets a member.
    pub(super) fn set(&mut self, slot: Slot<'_>, value: Value) {
        match (self, slot) {
            (Self::Struct(open), Slot::Field(index)) => open.set(index, value),
            (Self::Struct(OpenStruct { extra: entries, .. }) | Self::Map(entries), Slot::Name(name)) => {
                entries.set(name, value);
            }
            (Self::Map(_), Slot::Field(_)) => {}
        }
    }

    /// Takes a member away.
    pub(super) fn remove(&mut self, slot: Slot<'_>) {
        match (self, slot) {
            (Self::Struct(open), Slot::Field(index)) => {
                if let Ok(at) = open.place(index) {
                    open.fields.remove(at);
                }
            }
            (Self::Struct(OpenStruct { extra: entries, .. }) | Self::Map(entries), Slot::Name(name)) => {
                entries.remove(name);
            }
            (Self::Map(_), Slot::Field(_)) => {}
        }
    }

    /// Keeps the members whose names `keep` wants.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        match self {
            Self::Map(entries) => entries.retain(|name, _| keep(name)),
            Self::Struct(open) => {
                let of = open.of;
                open.fields.retain(|entry| keep(of.field(entry.index).name()));
                open.extra.retain(|name, _| keep(name));
                for index in of.always() {
                    let field = of.field(*index);
                    if keep(field.name()) && open.place(*index).is_err() {
                        open.set(*index, if field.is_pointer() { Value::Null } else { zero(field.ty()) });
                    }
                }
                open.whole = false;
            }
        }
    }
}

impl OpenStruct<'_> {
    fn place(&self, index: u16) -> Result<usize, usize> {
        let at = self.fields.iter().position(|entry| entry.index >= index).ok_or(self.fields.len())?;
        if self.fields[at].index == index { Ok(at) } else { Err(at) }
    }

    fn shape(&self, index: u16) -> Option<Shape> {
        let field = self.of.field(index);
        match self.place(index) {
            Ok(at) => {
                let value = &self.fields[at].value;
                let shown = !is_omitted(field, value) || self.empty.contains(&index);
                shown.then(|| Shape::of(value))
            }
            Err(_) if !self.whole || !field.flags().has(Flags::ALWAYS) => None,
            Err(_) if field.is_pointer() => Some(Shape::Null),
            Err(_) => Some(Shape::of(&zero(field.ty()))),
        }
    }

    fn set(&mut self, index: u16, value: Value) {
        if is_omitted(self.of.field(index), &value) {
            self.empty.push(index);
        }
        match self.place(index) {
            Ok(at) => self.fields[at].value = value,
            Err(at) => self.fields.insert(at, Entry { index, value }),
        }
    }
}
