//! From a protobuf message to a tree, as upstream's generated code reads it: unknown fields are dropped, a message
//! that comes twice is read over the first, a scalar that comes twice counts the last time.

use keelson_api::quantity;

use super::wire::{BYTES, FIXED64, Reader, VARINT};
use crate::arena::{FieldRef, Flags, Kind, StructRef, TypeRef};
use crate::error::{DecodeError, ProtoError};
use crate::json::{OVERLAYS_MAX, TREE_DEPTH_MAX, check, valid};
use crate::normal::{is_absent, zero};
use crate::scalar::time::Time;
use crate::tree::{Entries, Entry, Fields, Str, Value};

/// Decodes the bare message of an object of struct type `ty`.
///
/// # Errors
/// If the bytes are no message of the type.
pub fn decode_message(message: &[u8], ty: TypeRef<'_>) -> Result<Fields, DecodeError> {
    let Some(of) = ty.as_struct() else { return Ok(Fields::new()) };
    Decoder { entries: Vec::with_capacity(32), depth: 0, overlays: 0 }
        .fields(of, message, Fields::new())
        .map_err(|fault| match fault {
            Fault::Proto(error) => DecodeError::Proto(error),
            Fault::Other(error) => *error,
        })
}

enum Fault {
    Proto(ProtoError),
    Other(Box<DecodeError>),
}

impl From<ProtoError> for Fault {
    fn from(error: ProtoError) -> Self {
        Self::Proto(error)
    }
}

struct Decoder {
    // Fields gather here and then move to a place of their own of just the right size.
    entries: Vec<Entry>,
    depth: u32,
    overlays: u32,
}

/// What is known of the struct being read.
struct Gathered {
    start: usize,
    unordered: bool,
    unordered_maps: bool,
}

impl Decoder {
    /// Reads the fields of a struct over those of an earlier occurrence.
    fn fields(&mut self, of: StructRef<'_>, message: &[u8], previous: Fields) -> Result<Fields, Fault> {
        let mut gathered = Gathered { start: self.entries.len(), unordered: false, unordered_maps: false };
        if !previous.is_empty() {
            self.overlays += 1;
            if self.overlays <= OVERLAYS_MAX {
                self.entries.extend(previous.into_entries());
            }
        }
        self.message(of, message, 0, &mut gathered)?;
        let start = gathered.start;
        if gathered.unordered {
            self.entries[start..].sort_by_key(|entry| entry.index);
        }
        if gathered.unordered_maps {
            for entry in &mut self.entries[start..] {
                if let Value::Map(entries) = &mut entry.value {
                    let pairs = std::mem::take(entries).into_pairs();
                    *entries = Entries::from_pairs(pairs.into_iter(), false);
                }
            }
        }
        Ok(Fields::from_sorted(self.entries.split_off(start)))
    }

    fn message(
        &mut self,
        of: StructRef<'_>,
        message: &[u8],
        base: u16,
        gathered: &mut Gathered,
    ) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > TREE_DEPTH_MAX {
            return Err(ProtoError::Depth.into());
        }
        let slots = of.slot_rows();
        let mut reader = Reader::new(message);
        let mut next = 0;
        while !reader.is_done() {
            let (number, wire) = reader.tag()?;
            // Fields mostly come by rising number.
            while next < slots.len() && u32::from(slots[next].number) < number {
                next += 1;
            }
            if next == slots.len() || u32::from(slots[next].number) != number {
                next = slots.partition_point(|slot| u32::from(slot.number) < number);
            }
            let Some(slot) = slots.get(next).filter(|slot| u32::from(slot.number) == number) else {
                reader.skip(wire)?;
                continue;
            };
            match of.inlined(slot) {
                Some(inlined) => {
                    expect(wire, BYTES, number)?;
                    self.message(inlined, reader.bytes()?, base + slot.index, gathered)?;
                }
                None => self.field(
                    of.field(slot.index),
                    base + slot.index,
                    &mut reader,
                    (number, wire),
                    gathered,
                )?,
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn field(
        &mut self,
        field: FieldRef<'_>,
        index: u16,
        reader: &mut Reader<'_>,
        (number, wire): (u32, u8),
        gathered: &mut Gathered,
    ) -> Result<(), Fault> {
        let ty = field.ty();
        match ty.kind() {
            Kind::List => {
                let elem = ty.elem();
                let mut items = match self.take(index, gathered) {
                    Some(Value::List(items)) => items,
                    _ => thin_vec::ThinVec::new(),
                };
                if field.flags().has(Flags::WRAPPED) {
                    expect(wire, BYTES, number)?;
                    self.wrapped(elem, reader.bytes()?, &mut items)?;
                } else {
                    self.items(elem, reader, (number, wire), &mut items)?;
                }
                self.put(index, Value::List(items), gathered);
            }
            Kind::Map => {
                expect(wire, BYTES, number)?;
                let mut entries = match self.take(index, gathered) {
                    Some(Value::Map(entries)) => entries,
                    _ => Entries::new(),
                };
                let (key, value) = self.entry(ty.elem(), reader.bytes()?)?;
                gathered.unordered_maps |= !entries.push(key, value);
                self.put(index, Value::Map(entries), gathered);
            }
            kind => {
                let previous = if kind == Kind::Struct { self.take(index, gathered) } else { None };
                let value = self.single(ty, reader, (number, wire), previous)?;
                if is_absent(field, &value) {
                    self.take(index, gathered);
                } else {
                    self.put(index, value, gathered);
                }
            }
        }
        Ok(())
    }

    /// Takes out what an earlier occurrence of a field left.
    fn take(&mut self, index: u16, gathered: &Gathered) -> Option<Value> {
        let tail = &mut self.entries[gathered.start..];
        match tail.last() {
            None => None,
            Some(last) if last.index == index => self.entries.pop().map(|entry| entry.value),
            Some(last) if last.index < index && !gathered.unordered => None,
            _ => {
                let at = tail.iter().position(|entry| entry.index == index)?;
                Some(self.entries.remove(gathered.start + at).value)
            }
        }
    }

    fn put(&mut self, index: u16, value: Value, gathered: &mut Gathered) {
        let tail = &mut self.entries[gathered.start..];
        if tail.last().is_some_and(|last| last.index >= index) || gathered.unordered {
            if let Some(entry) = tail.iter_mut().find(|entry| entry.index == index) {
                entry.value = value;
                return;
            }
            gathered.unordered = true;
        }
        self.entries.push(Entry { index, value });
    }

    fn items(
        &mut self,
        elem: TypeRef<'_>,
        reader: &mut Reader<'_>,
        (number, wire): (u32, u8),
        items: &mut thin_vec::ThinVec<Value>,
    ) -> Result<(), Fault> {
        if wire == BYTES && matches!(elem.kind(), Kind::Bool | Kind::Int32 | Kind::Int64) {
            let mut packed = Reader::new(reader.bytes()?);
            while !packed.is_done() {
                let item = self.single(elem, &mut packed, (number, VARINT), None)?;
                items.push(item);
            }
            return Ok(());
        }
        let item = self.single(elem, reader, (number, wire), None)?;
        items.push(item);
        Ok(())
    }

    /// Reads a list that is a message of its own.
    fn wrapped(
        &mut self,
        elem: TypeRef<'_>,
        message: &[u8],
        items: &mut thin_vec::ThinVec<Value>,
    ) -> Result<(), Fault> {
        let mut reader = Reader::new(message);
        while !reader.is_done() {
            match reader.tag()? {
                (1, wire) => self.items(elem, &mut reader, (1, wire), items)?,
                (_, wire) => reader.skip(wire)?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, elem: TypeRef<'_>, message: &[u8]) -> Result<(Str, Value), Fault> {
        let mut key = Str::default();
        let mut value = if elem.kind() == Kind::Bytes { Value::Bytes([].into()) } else { zero(elem) };
        let mut reader = Reader::new(message);
        while !reader.is_done() {
            match reader.tag()? {
                (1, wire) => {
                    expect(wire, BYTES, 1)?;
                    key = text(reader.bytes()?);
                }
                (2, wire) if elem.kind() == Kind::List => {
                    expect(wire, BYTES, 2)?;
                    let mut items = thin_vec::ThinVec::new();
                    self.wrapped(elem.elem(), reader.bytes()?, &mut items)?;
                    value = if items.is_empty() { Value::Null } else { Value::List(items) };
                }
                (2, wire) => value = self.single(elem, &mut reader, (2, wire), None)?,
                (_, wire) => reader.skip(wire)?,
            }
        }
        Ok((key, value))
    }

    fn single(
        &mut self,
        ty: TypeRef<'_>,
        reader: &mut Reader<'_>,
        (number, wire): (u32, u8),
        previous: Option<Value>,
    ) -> Result<Value, Fault> {
        let kind = ty.kind();
        let wanted = match kind {
            Kind::Bool | Kind::Int32 | Kind::Int64 => VARINT,
            Kind::Float64 => FIXED64,
            _ => BYTES,
        };
        expect(wire, wanted, number)?;
        #[expect(clippy::cast_possible_truncation, reason = "upstream keeps the low 32 bits")]
        Ok(match kind {
            Kind::Bool => Value::Bool(reader.varint()? != 0),
            Kind::Int32 => Value::Int(i64::from(reader.varint()? as i32)),
            Kind::Int64 => Value::Int(reader.varint()?.cast_signed()),
            Kind::Float64 => Value::Float(f64::from_bits(reader.fixed64()?)),
            Kind::String => Value::Str(text(reader.bytes()?)),
            Kind::Bytes => Value::Bytes(reader.bytes()?.into()),
            Kind::Struct => {
                let message = reader.bytes()?;
                let previous = match previous {
                    Some(Value::Struct(fields)) => fields,
                    _ => Fields::new(),
                };
                match ty.as_struct() {
                    Some(of) => Value::Struct(self.fields(of, message, previous)?),
                    None => Value::Null,
                }
            }
            _ => return self.special(ty, reader.bytes()?),
        })
    }

    fn special(&mut self, ty: TypeRef<'_>, message: &[u8]) -> Result<Value, Fault> {
        match ty.kind() {
            Kind::Time | Kind::MicroTime => Ok(time(message, ty.kind() == Kind::MicroTime)?),
            Kind::Quantity => {
                let [octets] = octets(message, [1])?;
                let Some(octets) = octets else { return Ok(Value::from("0")) };
                let typed = String::from_utf8_lossy(octets);
                let rewritten = quantity::rewrite(&typed)
                    .map_err(|error| Fault::Other(Box::new(DecodeError::Quantity(error))))?;
                Ok(Value::Str(rewritten.map_or_else(|| Str::from(typed), Str::from)))
            }
            Kind::IntOrString => Ok(int_or_string(message)?),
            Kind::Raw | Kind::FieldsV1 | Kind::Json => {
                let [octets] = octets(message, [1])?;
                Ok(match octets {
                    None => Value::Null,
                    Some([]) if ty.kind() != Kind::Raw => Value::Null,
                    Some(octets) if check(octets).is_ok() => Value::Raw(octets.into()),
                    Some(octets) => Value::Bytes(octets.into()),
                })
            }
            Kind::SchemaOrBool | Kind::SchemaOrArray | Kind::SchemaOrStrings => self.schema_or(ty, message),
            _ => Ok(Value::Null),
        }
    }

    fn schema_or(&mut self, ty: TypeRef<'_>, message: &[u8]) -> Result<Value, Fault> {
        let (mut schema, mut items, mut allows) = (None, thin_vec::ThinVec::new(), false);
        let of_bool = ty.kind() == Kind::SchemaOrBool;
        let mut reader = Reader::new(message);
        while !reader.is_done() {
            match (reader.tag()?, ty.kind()) {
                ((1, VARINT), Kind::SchemaOrBool) => allows = reader.varint()? != 0,
                ((1, wire), _) if !of_bool => {
                    schema = Some(self.single(ty.elem(), &mut reader, (1, wire), schema)?);
                }
                ((2, wire), Kind::SchemaOrBool) => {
                    schema = Some(self.single(ty.elem(), &mut reader, (2, wire), schema)?);
                }
                ((2, wire), Kind::SchemaOrArray) => {
                    items.push(self.single(ty.elem(), &mut reader, (2, wire), None)?);
                }
                ((2, wire), _) => {
                    expect(wire, BYTES, 2)?;
                    items.push(Value::Str(text(reader.bytes()?)));
                }
                ((_, wire), _) => reader.skip(wire)?,
            }
        }
        Ok(match schema {
            _ if !items.is_empty() => Value::List(items),
            Some(schema) => schema,
            None if of_bool => Value::Bool(allows),
            None => Value::Null,
        })
    }
}

#[inline]
fn expect(wire: u8, wanted: u8, number: u32) -> Result<(), ProtoError> {
    if wire == wanted { Ok(()) } else { Err(ProtoError::Field { wire, number }) }
}

/// A text; what is no UTF-8 becomes U+FFFD, as it would when upstream writes it as JSON.
#[inline]
fn text(octets: &[u8]) -> Str {
    match std::str::from_utf8(octets) {
        Ok(text) => Str::new(text),
        Err(_) => Str::from(valid(octets)),
    }
}

/// The last octets of the fields with these numbers, all else skipped.
fn octets<const N: usize>(message: &[u8], numbers: [u32; N]) -> Result<[Option<&[u8]>; N], ProtoError> {
    let mut found = [None; N];
    let mut reader = Reader::new(message);
    while !reader.is_done() {
        let (number, wire) = reader.tag()?;
        match numbers.iter().position(|known| *known == number) {
            Some(at) => {
                expect(wire, BYTES, number)?;
                found[at] = Some(reader.bytes()?);
            }
            None => reader.skip(wire)?,
        }
    }
    Ok(found)
}

fn time(message: &[u8], micros: bool) -> Result<Value, ProtoError> {
    if message.is_empty() {
        return Ok(Value::Time(Time::ZERO));
    }
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    let mut reader = Reader::new(message);
    while !reader.is_done() {
        match reader.tag()? {
            (1, VARINT) => seconds = reader.varint()?.cast_signed(),
            #[expect(clippy::cast_possible_truncation, reason = "upstream keeps the low 32 bits")]
            (2, VARINT) => nanos = i64::from(reader.varint()? as i32),
            (number @ 1..=2, wire) => return Err(ProtoError::Field { wire, number }),
            (_, wire) => reader.skip(wire)?,
        }
    }
    let nanos = if micros { nanos / 1000 * 1000 } else { 0 };
    let seconds = seconds.saturating_add(nanos.div_euclid(1_000_000_000));
    let nanos = u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0);
    Ok(Value::Time(Time { seconds, nanos }))
}

fn int_or_string(message: &[u8]) -> Result<Value, ProtoError> {
    let (mut kind, mut number, mut shown) = (0, 0_i64, Str::default());
    let mut reader = Reader::new(message);
    while !reader.is_done() {
        match reader.tag()? {
            (1, VARINT) => kind = reader.varint()?,
            #[expect(clippy::cast_possible_truncation, reason = "upstream keeps the low 32 bits")]
            (2, VARINT) => number = i64::from(reader.varint()? as i32),
            (3, BYTES) => shown = text(reader.bytes()?),
            (number @ 1..=3, wire) => return Err(ProtoError::Field { wire, number }),
            (_, wire) => reader.skip(wire)?,
        }
    }
    Ok(if kind == 1 { Value::Str(shown) } else { Value::Int(number) })
}
