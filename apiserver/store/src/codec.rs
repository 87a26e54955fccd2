//! How batches and objects are written as bytes, the same for every backend and file; and the checksummed frame
//! around them.
//!
//! Numbers of fixed width are little-endian; a `varint` has seven bits a byte, lowest first. A batch is
//!
//! ```text
//! writer u64 · sequence u64 · base u64 · at u64 · count varint · write*
//! write = 1 · resource · object  |  2 · resource · path length varint · path
//! resource = length varint · bytes
//! object = created varint · revision varint · uid [16] · path length varint · value length varint · path · value
//! ```
//!
//! The revision of an object in a batch is written too, although its place tells it: both are compared when read.

use keelson_api::time::UnixMillis;
use keelson_api::uid::Uid;

use crate::batch::{Batch, BatchId, Write};
use crate::key::{Key, ResourceName};
use crate::object::Object;
use crate::revision::Revision;

const PUT: u8 = 1;
const DELETE: u8 = 2;

/// Bytes that were not written by this code, or have changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// Appends a batch to `out`.
pub fn encode_batch(batch: &Batch, out: &mut Vec<u8>) {
    for number in [batch.id.writer, batch.id.sequence, batch.base.0, batch.at.0] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    put_varint(out, batch.writes.len() as u64);
    for write in &batch.writes {
        match write {
            Write::Put(resource, object) => {
                out.push(PUT);
                put_text(out, resource.as_str());
                encode_object(object, out);
            }
            Write::Delete(key) => {
                out.push(DELETE);
                put_text(out, key.resource.as_str());
                put_text(out, &key.path);
            }
        }
    }
}

/// Reads a batch; `bytes` must hold nothing else.
///
/// # Errors
/// [`Malformed`] where the bytes are not a batch.
pub fn decode_batch(bytes: &[u8]) -> Result<Batch, Malformed> {
    let mut reader = Reader { rest: bytes };
    let id = BatchId { writer: reader.u64()?, sequence: reader.u64()? };
    let (base, at) = (Revision(reader.u64()?), UnixMillis(reader.u64()?));
    let count = reader.varint()?;
    if count == 0 || count > reader.rest.len() as u64 {
        return Err(Malformed("a batch's count of writes cannot be right"));
    }
    let mut writes =
        Vec::with_capacity(usize::try_from(count).map_err(|_| Malformed("a count is too large"))?);
    // Neighbours mostly share their resource: keep one copy of its name.
    let mut last: Option<ResourceName> = None;
    for place in 1..=count {
        let tag = reader.u8()?;
        let name = reader.text()?;
        let resource = match &last {
            Some(last) if last.as_str() == name => last.clone(),
            _ => ResourceName::new(name),
        };
        last = Some(resource.clone());
        writes.push(match tag {
            PUT => {
                let object = reader.object()?;
                if object.revision() != base.plus(place) {
                    return Err(Malformed("an object's revision is not that of its place in the batch"));
                }
                Write::Put(resource, object)
            }
            DELETE => Write::Delete(Key { resource, path: reader.text()?.into() }),
            _ => return Err(Malformed("a write is neither a put nor a delete")),
        });
    }
    reader.end()?;
    Ok(Batch { id, base, at, writes })
}

/// Appends an object to `out`.
pub fn encode_object(object: &Object, out: &mut Vec<u8>) {
    put_varint(out, object.created().0);
    put_varint(out, object.revision().0);
    out.extend_from_slice(&object.uid().0);
    put_varint(out, object.path_len() as u64);
    put_varint(out, (object.path_and_value().len() - object.path_len()) as u64);
    out.extend_from_slice(object.path_and_value());
}

/// Reads an object from the front of `bytes` and moves them past it.
///
/// # Errors
/// [`Malformed`] where the bytes do not begin with an object.
pub fn decode_object(bytes: &mut &[u8]) -> Result<Object, Malformed> {
    let mut reader = Reader { rest: bytes };
    let object = reader.object()?;
    *bytes = reader.rest;
    Ok(object)
}

/// Appends `number` in seven-bit groups, lowest first.
pub fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a length and the text.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Takes values off the front of some bytes.
pub struct Reader<'a> {
    /// What has not been read yet.
    pub rest: &'a [u8],
}

impl<'a> Reader<'a> {
    const SHORT: Malformed = Malformed("the bytes end in the middle of a value");

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`Malformed`] if there are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Self::SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    /// A number of eight bytes.
    ///
    /// # Errors
    /// [`Malformed`] if the bytes end before.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Self::SHORT)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    /// A number in seven-bit groups.
    ///
    /// # Errors
    /// [`Malformed`] if the bytes end before, or it does not fit.
    pub fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed("a number is too large"))
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.varint()?).map_err(|_| Malformed("a length is too large"))
    }

    /// A length and that much text.
    ///
    /// # Errors
    /// [`Malformed`] if the bytes end before, or are not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Malformed("a text is not UTF-8"))
    }

    fn object(&mut self) -> Result<Object, Malformed> {
        let (created, revision) = (Revision(self.varint()?), Revision(self.varint()?));
        let (uid, rest) = self.rest.split_first_chunk().ok_or(Self::SHORT)?;
        let uid = Uid(*uid);
        self.rest = rest;
        let (path_len, value_len) = (self.length()?, self.length()?);
        let bytes = self.take(path_len.checked_add(value_len).ok_or(Self::SHORT)?)?;
        if path_len > crate::key::PATH_BYTES_MAX || std::str::from_utf8(&bytes[..path_len]).is_err() {
            return Err(Malformed("a path is too long or not UTF-8"));
        }
        Ok(Object::new(created, revision, uid, path_len, bytes))
    }

    fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed("bytes are left over at the end")) }
    }
}

/// What stands before a checksummed payload: `mark u32 · length u32 · CRC-32C of mark, length and payload u32`.
pub const FRAME_HEADER_BYTES: usize = 12;

/// Appends a frame around whatever `payload` appends. The mark says what kind of frame it is.
///
/// # Panics
/// If the payload is 4 GiB or longer; limits keep it far below.
pub fn frame(mark: u32, out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
    payload(out);
    let length =
        u32::try_from(out.len() - start - FRAME_HEADER_BYTES).expect("limits keep frames below 4 GiB");
    let (header, payload) = out[start..].split_at_mut(FRAME_HEADER_BYTES);
    header[..4].copy_from_slice(&mark.to_le_bytes());
    header[4..8].copy_from_slice(&length.to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&header[..8]), payload);
    header[8..].copy_from_slice(&sum.to_le_bytes());
}

/// Takes a frame with this mark off the front of `bytes` and returns its payload.
///
/// # Errors
/// [`Malformed`] where there is no whole and sound one; `bytes` then stays as it was.
pub fn unframe<'a>(mark: u32, bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let mut reader = Reader { rest: bytes };
    let header = reader.take(FRAME_HEADER_BYTES)?;
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if word(0) != mark {
        return Err(Malformed("no record begins here"));
    }
    let payload =
        reader.take(word(4) as usize).map_err(|_| Malformed("a record is longer than what is left"))?;
    if crc32c::crc32c_append(crc32c::crc32c(&header[..8]), payload) != word(8) {
        return Err(Malformed("a record's checksum does not match"));
    }
    *bytes = reader.rest;
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let object = Object::new(Revision(4), Revision(8), Uid([7; 16]), 3, b"a/b{}");
        Batch {
            id: BatchId { writer: 1, sequence: 2 },
            base: Revision(7),
            at: UnixMillis(9),
            writes: vec![
                Write::Put(ResourceName::new("pods"), object),
                Write::Delete(Key::new(&ResourceName::new("nodes"), "", "n")),
            ],
        }
    }

    fn framed() -> Vec<u8> {
        let mut bytes = Vec::new();
        frame(0xfeed, &mut bytes, |out| encode_batch(&batch(), out));
        bytes
    }

    #[test]
    fn a_batch_survives_the_trip() {
        let bytes = framed();
        let mut rest = bytes.as_slice();
        assert_eq!(decode_batch(unframe(0xfeed, &mut rest).unwrap()), Ok(batch()));
        assert!(rest.is_empty());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = framed();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(unframe(0xfeed, &mut bad.as_slice()).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(unframe(0xfeed, &mut &bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn nothing_makes_the_decoder_panic() {
        let mut bytes = Vec::new();
        encode_batch(&batch(), &mut bytes);
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bad = bytes.clone();
                bad[at] = value;
                let _ = decode_batch(&bad);
                let _ = decode_batch(&bad[..at]);
            }
        }
    }

    #[test]
    fn varints_hold_every_number() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            assert_eq!(Reader { rest: &bytes }.varint(), Ok(number));
        }
        assert!(Reader { rest: &[0xff; 10] }.varint().is_err());
    }
}
