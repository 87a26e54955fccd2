//! From a tree to a protobuf message, byte for byte as upstream's generated code: fields by rising number, maps by key,
//! a value field always and a pointer only where it points somewhere.

use super::wire::{FIXED64, Writer};
use crate::arena::{FieldRef, Flags, Kind, StructRef, TypeRef};
use crate::error::EncodeError;
use crate::scalar::time::Time;
use crate::tree::{EXTRA, Entries, Entry, Fields, Value};

/// An object of struct type `ty` as a bare message.
///
/// # Errors
/// If upstream has no protobuf form of the type.
pub fn encode_message(ty: TypeRef<'_>, fields: &Fields, capacity: usize) -> Result<Vec<u8>, EncodeError> {
    let of =
        ty.as_struct().filter(|of| of.row.proto).ok_or_else(|| EncodeError::NoProto(ty.go().to_owned()))?;
    let mut encoder = Encoder { writer: Writer::new(capacity) };
    encoder.message(of, fields.entries(), 0);
    Ok(encoder.writer.finish())
}

pub(super) struct Encoder {
    pub(super) writer: Writer,
}

impl Encoder {
    /// Writes the message of a struct whose fields are `entries`, numbered from `base`.
    pub(super) fn message(&mut self, of: StructRef<'_>, entries: &[Entry], base: u16) {
        // Where slots and fields rise together, what is above `end` is written.
        let monotone = of.row.monotone;
        let mut end = entries.len();
        for slot in of.slot_rows().iter().rev() {
            let index = base + slot.index;
            if let Some(inlined) = of.inlined(slot) {
                let beyond = index + inlined.row.fields.len;
                let from = entries.partition_point(|entry| entry.index < index);
                let to = entries.partition_point(|entry| entry.index < beyond);
                let before = self.writer.len();
                self.message(inlined, &entries[from..to], index);
                self.writer.close(slot.number, before);
                continue;
            }
            let field = of.field(slot.index);
            let value = if monotone {
                while end > 0 && entries[end - 1].index > index {
                    end -= 1;
                }
                end.checked_sub(1).map(|at| &entries[at]).filter(|entry| entry.index == index)
            } else {
                entries.iter().find(|entry| entry.index == index)
            };
            match value {
                Some(entry) => self.field(field, slot.number, &entry.value),
                None if !field.is_pointer() => self.absent(field.ty(), slot.number),
                None => {}
            }
        }
    }

    /// Writes a value field that is absent: its zero.
    fn absent(&mut self, ty: TypeRef<'_>, number: u16) {
        match ty.kind() {
            Kind::Bool | Kind::Int32 | Kind::Int64 => self.writer.number(number, 0),
            Kind::Float64 => {
                self.writer.octets(&[0; 8]);
                self.writer.tag(number, FIXED64);
            }
            Kind::List | Kind::Map | Kind::Bytes | Kind::Any => {}
            _ => self.single(ty, number, &Value::Null),
        }
    }

    fn field(&mut self, field: FieldRef<'_>, number: u16, value: &Value) {
        let ty = field.ty();
        match value {
            Value::List(items) if ty.kind() == Kind::List && field.flags().has(Flags::WRAPPED) => {
                self.wrapped(ty, number, items);
            }
            Value::List(items) if ty.kind() == Kind::List => self.list(ty.elem(), number, items),
            Value::Map(entries) if ty.kind() == Kind::Map => self.map(ty.elem(), number, entries),
            _ => self.single(ty, number, value),
        }
    }

    fn list(&mut self, elem: TypeRef<'_>, number: u16, items: &[Value]) {
        for item in items.iter().rev() {
            self.single(elem, number, item);
        }
    }

    /// A list that is a message of its own.
    fn wrapped(&mut self, ty: TypeRef<'_>, number: u16, items: &[Value]) {
        let before = self.writer.len();
        self.list(ty.elem(), 1, items);
        self.writer.close(number, before);
    }

    fn map(&mut self, elem: TypeRef<'_>, number: u16, entries: &Entries) {
        let pairs: &[_] = entries.pairs();
        for (key, value) in pairs.iter().rev() {
            let before = self.writer.len();
            match (elem.kind(), value) {
                (Kind::List, value) => self.wrapped(elem, 2, value.items()),
                (Kind::Bytes, Value::Null) => {}
                _ => self.single(elem, 2, value),
            }
            self.writer.field(1, key.as_bytes());
            self.writer.close(number, before);
        }
    }

    /// Writes one value, be it a field's, an item or a map's.
    fn single(&mut self, ty: TypeRef<'_>, number: u16, value: &Value) {
        let before = self.writer.len();
        match (ty.kind(), value) {
            (Kind::Bool, value) => return self.writer.number(number, u64::from(*value == Value::Bool(true))),
            (Kind::Int32 | Kind::Int64, value) => {
                return self.writer.number(number, value.as_int().unwrap_or(0).cast_unsigned());
            }
            (Kind::Float64, value) => {
                let bits = if let Value::Float(number) = value { number.to_bits() } else { 0 };
                self.writer.octets(&bits.to_le_bytes());
                return self.writer.tag(number, FIXED64);
            }
            (Kind::String, value) => {
                return self.writer.field(number, value.as_str().unwrap_or("").as_bytes());
            }
            (Kind::Bytes, value) => return self.writer.field(number, value.as_bytes().unwrap_or(&[])),
            (Kind::Struct, value) => {
                if let Some(of) = ty.as_struct() {
                    self.message(of, known(value), 0);
                }
            }
            (Kind::Time | Kind::MicroTime, value) => self.time(value.as_time().unwrap_or(Time::ZERO)),
            (Kind::Quantity, value) => self.writer.field(1, value.as_str().unwrap_or("0").as_bytes()),
            (Kind::IntOrString, Value::Str(text)) => {
                self.writer.field(3, text.as_bytes());
                self.writer.number(2, 0);
                self.writer.number(1, 1);
            }
            (Kind::IntOrString, value) => {
                self.writer.field(3, b"");
                self.writer.number(2, value.as_int().unwrap_or(0).cast_unsigned());
                self.writer.number(1, 0);
            }
            (Kind::Raw | Kind::FieldsV1 | Kind::Json, Value::Raw(raw) | Value::Bytes(raw)) => {
                self.writer.field(1, raw);
            }
            (Kind::SchemaOrBool | Kind::SchemaOrArray | Kind::SchemaOrStrings, value) => {
                self.schema_or(ty, value);
            }
            _ => {}
        }
        self.writer.close(number, before);
    }

    fn time(&mut self, time: Time) {
        if time != Time::ZERO {
            self.writer.number(2, u64::from(time.nanos / 1000 * 1000));
            self.writer.number(1, time.seconds.cast_unsigned());
        }
    }

    fn schema_or(&mut self, ty: TypeRef<'_>, value: &Value) {
        let schema = ty.elem();
        let of_bool = ty.kind() == Kind::SchemaOrBool;
        match value {
            Value::Struct(_) => self.single(schema, if of_bool { 2 } else { 1 }, value),
            Value::List(items) if ty.kind() == Kind::SchemaOrArray => self.list(schema, 2, items),
            Value::List(items) => {
                for item in items.iter().rev() {
                    self.writer.field(2, item.as_str().unwrap_or("").as_bytes());
                }
            }
            _ => {}
        }
        if of_bool {
            let allows = matches!(value, Value::Struct(_) | Value::Bool(true));
            self.writer.number(1, u64::from(allows));
        }
    }
}

/// A struct's fields without those that its schema does not know.
fn known(value: &Value) -> &[Entry] {
    let entries = value.as_fields().map_or(&[][..], Fields::entries);
    match entries.split_last() {
        Some((last, rest)) if last.index == EXTRA => rest,
        _ => entries,
    }
}
