//! As much of protobuf as a client needs that neither decodes nor encodes objects: a field found in the head of an
//! answer, and a small object put together.

/// What every message of Kubernetes begins with.
const PREFIX: [u8; 4] = *b"k8s\0";
/// The field of the envelope that holds the object.
const RAW: u64 = 2;

/// The object in an envelope, or as much of it as is there.
pub(crate) fn inside(envelope: &[u8]) -> Option<&[u8]> {
    field(envelope.strip_prefix(&PREFIX)?, RAW)
}

/// The bytes of a field, cut where the message is.
pub(crate) fn field(message: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut rest = message;
    while !rest.is_empty() {
        let (key, after) = varint(rest)?;
        match key & 7 {
            0 => rest = varint(after)?.1,
            2 => {
                let (length, after) = varint(after)?;
                let length = usize::try_from(length).ok()?.min(after.len());
                if key >> 3 == wanted {
                    return Some(&after[..length]);
                }
                rest = &after[length..];
            }
            _ => return None,
        }
    }
    None
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// Appends a field of bytes.
pub(crate) fn put(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a field that is a number.
pub(crate) fn put_number(out: &mut Vec<u8>, number: u64, value: u64) {
    put_varint(out, number << 3);
    put_varint(out, value);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// An object in the envelope.
pub(crate) fn envelope(api_version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
    let mut is = Vec::new();
    put(&mut is, 1, api_version.as_bytes());
    put(&mut is, 2, kind.as_bytes());
    let mut out = PREFIX.to_vec();
    put(&mut out, 1, &is);
    put(&mut out, RAW, object);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_found() {
        let mut object = Vec::new();
        put(&mut object, 1, &[7; 300]);
        put(&mut object, 6, b"12");
        let enveloped = envelope("v1", "Pod", &object);
        let found = inside(&enveloped).unwrap();
        assert_eq!(found, object);
        assert_eq!(field(found, 6), Some(&b"12"[..]));
        assert_eq!(field(found, 5), None);
    }

    #[test]
    fn the_beginning_is_enough() {
        let mut object = Vec::new();
        put(&mut object, 1, b"metadata");
        put(&mut object, 2, &[0; 1000]);
        let enveloped = envelope("v1", "PodList", &object);
        assert_eq!(inside(&enveloped[..100]).and_then(|list| field(list, 1)), Some(&b"metadata"[..]));
        assert_eq!(inside(b"{}"), None);
    }
}
