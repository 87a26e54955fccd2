//! Protobuf's grammar: varints, tags, lengths, and what to do with a field that nobody knows.

use crate::error::ProtoError;

/// A varint follows.
pub(super) const VARINT: u8 = 0;
/// Eight octets follow.
pub(super) const FIXED64: u8 = 1;
/// A length and that many octets follow.
pub(super) const BYTES: u8 = 2;

/// Reads a message's fields.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, ProtoError> {
        if let Some((byte, rest)) = self.rest.split_first()
            && *byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, ProtoError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(ProtoError::End)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Ok(number);
            }
        }
        Err(ProtoError::Overflow)
    }

    /// The next field's number and wire type.
    #[inline]
    pub(super) fn tag(&mut self) -> Result<(u32, u8), ProtoError> {
        let tag = self.varint()?;
        #[expect(clippy::cast_possible_truncation, reason = "upstream keeps the low 32 bits")]
        let number = (tag >> 3) as i32;
        let wire = u8::try_from(tag & 7).unwrap_or(0);
        match u32::try_from(number) {
            Ok(number) if number > 0 && wire != 4 => Ok((number, wire)),
            _ if wire == 4 => Err(ProtoError::Group),
            _ => Err(ProtoError::Tag(number, tag)),
        }
    }

    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], ProtoError> {
        let length = i64::try_from(self.varint()?).map_err(|_| ProtoError::Length)?;
        self.take(usize::try_from(length).map_err(|_| ProtoError::Length)?)
    }

    pub(super) fn fixed64(&mut self) -> Result<u64, ProtoError> {
        let (octets, rest) = self.rest.split_first_chunk::<8>().ok_or(ProtoError::End)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*octets))
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], ProtoError> {
        if length > self.rest.len() {
            return Err(ProtoError::End);
        }
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(taken)
    }

    /// Goes past the value of a field, given its wire type.
    pub(super) fn skip(&mut self, wire: u8) -> Result<(), ProtoError> {
        let mut wire = wire;
        let mut groups = 0_usize;
        loop {
            match wire {
                VARINT => drop(self.varint()?),
                FIXED64 => drop(self.take(8)?),
                BYTES => drop(self.bytes()?),
                3 => groups += 1,
                4 => groups = groups.checked_sub(1).ok_or(ProtoError::Group)?,
                5 => drop(self.take(4)?),
                other => return Err(ProtoError::WireType(other)),
            }
            if groups == 0 {
                return Ok(());
            }
            wire = u8::try_from(self.varint()? & 7).unwrap_or(0);
        }
    }
}

/// Writes messages from the end to the beginning, so that lengths are known when they are due.
pub(super) struct Writer {
    buffer: Vec<u8>,
    /// Where what is written begins.
    start: usize,
}

impl Writer {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(64);
        Self { buffer: vec![0; capacity], start: capacity }
    }

    /// How much is written.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// What is written, and no room besides: some are kept for long.
    pub(super) fn finish(self) -> Vec<u8> {
        if self.start == 0 { self.buffer } else { self.buffer[self.start..].to_vec() }
    }

    #[cold]
    fn grow(&mut self, wanted: usize) {
        let size = (self.buffer.len() * 2).max(self.len() + wanted);
        let mut larger = vec![0; size];
        let start = size - self.len();
        larger[start..].copy_from_slice(&self.buffer[self.start..]);
        self.buffer = larger;
        self.start = start;
    }

    #[inline]
    pub(super) fn octets(&mut self, octets: &[u8]) {
        if octets.len() > self.start {
            self.grow(octets.len());
        }
        let start = self.start - octets.len();
        self.buffer[start..self.start].copy_from_slice(octets);
        self.start = start;
    }

    #[inline]
    pub(super) fn octet(&mut self, octet: u8) {
        if self.start == 0 {
            self.grow(1);
        }
        self.start -= 1;
        self.buffer[self.start] = octet;
    }

    #[inline]
    pub(super) fn varint(&mut self, number: u64) {
        if number < 0x80 {
            self.octet(number.to_le_bytes()[0]);
            return;
        }
        let mut octets = [0; 10];
        let mut length = 0;
        let mut rest = number;
        loop {
            let low = rest.to_le_bytes()[0];
            rest >>= 7;
            octets[length] = if rest > 0 { low | 0x80 } else { low & 0x7f };
            length += 1;
            if rest == 0 {
                break;
            }
        }
        self.octets(&octets[..length]);
    }

    #[inline]
    pub(super) fn tag(&mut self, number: u16, wire: u8) {
        self.varint(u64::from(number) << 3 | u64::from(wire));
    }

    /// A field of octets.
    #[inline]
    pub(super) fn field(&mut self, number: u16, octets: &[u8]) {
        self.octets(octets);
        self.varint(octets.len() as u64);
        self.tag(number, BYTES);
    }

    /// Closes a field of octets whose content is what was written since `before`.
    #[inline]
    pub(super) fn close(&mut self, number: u16, before: usize) {
        self.varint((self.len() - before) as u64);
        self.tag(number, BYTES);
    }

    /// A field of a number.
    #[inline]
    pub(super) fn number(&mut self, number: u16, value: u64) {
        self.varint(value);
        self.tag(number, VARINT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut writer = Writer::new(0);
            writer.number(5, number);
            let bytes = writer.finish();
            let mut reader = Reader::new(&bytes);
            assert_eq!(
                (reader.tag(), reader.varint(), reader.is_done()),
                (Ok((5, VARINT)), Ok(number), true)
            );
        }
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(Reader::new(&[0xff; 11]).varint(), Err(ProtoError::Overflow));
        assert_eq!(Reader::new(&[0x80]).varint(), Err(ProtoError::End));
        assert_eq!(Reader::new(&[5, 1]).bytes(), Err(ProtoError::End));
        assert_eq!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).bytes(),
            Err(ProtoError::Length)
        );
        assert_eq!(Reader::new(&[0]).tag(), Err(ProtoError::Tag(0, 0)));
        // A group with a number and another group in it.
        assert_eq!(Reader::new(&[0x08, 1, 0x13, 0x14, 0x1c, 9]).skip(3), Ok(()));
        assert_eq!(Reader::new(&[]).skip(6), Err(ProtoError::WireType(6)));
    }
}
