//! The envelope: four bytes, then a `runtime.Unknown` that names kind and version and holds the object's message.

use super::encode::Encoder;
use super::wire::{BYTES, Reader, Writer};
use crate::arena::TypeRef;
use crate::error::{DecodeError, EncodeError, ProtoError};
use crate::tree::{Fields, Value};

/// What upstream's protobuf begins with.
pub const PREFIX: [u8; 4] = *b"k8s\0";

/// An opened envelope.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The object's `apiVersion`.
    pub api_version: &'a str,
    /// The object's `kind`.
    pub kind: &'a str,
    /// The object's message.
    pub message: &'a [u8],
}

/// Opens an envelope.
///
/// # Errors
/// If it is none.
pub fn open(input: &[u8]) -> Result<Envelope<'_>, DecodeError> {
    if input.is_empty() {
        return Err(DecodeError::Proto(ProtoError::Empty));
    }
    let body = input.strip_prefix(&PREFIX).ok_or(DecodeError::Proto(ProtoError::Prefix))?;
    if body.is_empty() {
        return Err(DecodeError::Proto(ProtoError::EmptyBody));
    }
    read(body).map_err(DecodeError::Proto)
}

fn read(body: &[u8]) -> Result<Envelope<'_>, ProtoError> {
    let mut envelope = Envelope { api_version: "", kind: "", message: &[] };
    let mut reader = Reader::new(body);
    while !reader.is_done() {
        match reader.tag()? {
            (1, BYTES) => {
                let mut meta = Reader::new(reader.bytes()?);
                while !meta.is_done() {
                    match meta.tag()? {
                        (1, BYTES) => envelope.api_version = text(meta.bytes()?),
                        (2, BYTES) => envelope.kind = text(meta.bytes()?),
                        (_, wire) => meta.skip(wire)?,
                    }
                }
            }
            (2, BYTES) => envelope.message = reader.bytes()?,
            (number @ 1..=4, wire) if wire != BYTES => return Err(ProtoError::Field { wire, number }),
            (_, wire) => reader.skip(wire)?,
        }
    }
    Ok(envelope)
}

/// No kind or version holds anything but ASCII, so what is no UTF-8 may as well be nothing.
fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap_or("")
}

/// An object of type `ty` in its envelope. Kind and version are the object's own.
///
/// # Errors
/// If upstream has no protobuf form of the type.
pub fn encode(ty: TypeRef<'_>, fields: &Fields, capacity: usize) -> Result<Vec<u8>, EncodeError> {
    let of = ty.as_struct().filter(|of| of.row.proto && !ty.arena().is_untyped());
    let of = of.ok_or_else(|| EncodeError::NoProto(ty.go().to_owned()))?;
    let mut encoder = Encoder { writer: Writer::new(capacity) };
    encoder.writer.field(4, b"");
    encoder.writer.field(3, b"");
    let before = encoder.writer.len();
    encoder.message(of, fields.entries(), 0);
    encoder.writer.close(2, before);
    let named =
        |name| of.index_of(name).and_then(|index| fields.get(index)).and_then(Value::as_str).unwrap_or("");
    let before = encoder.writer.len();
    encoder.writer.field(2, named("kind").as_bytes());
    encoder.writer.field(1, named("apiVersion").as_bytes());
    encoder.writer.close(1, before);
    encoder.writer.octets(&PREFIX);
    Ok(encoder.writer.finish())
}
