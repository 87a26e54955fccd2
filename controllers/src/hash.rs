//! Names out of contents: FNV, written so that no word comes out of it.

/// Without vowels and what looks like them.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// FNV-1a of 32 bits.
pub(crate) fn fnv32(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// FNV-1 of 32 bits, which multiplies first: revisions have their names of it.
pub(crate) fn fnv32_of_revision(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(0x811c_9dc5, |sum: u32, byte| sum.wrapping_mul(0x0100_0193) ^ u32::from(*byte))
}

/// A number in letters that are safe in names.
pub(crate) fn safe(number: u32) -> String {
    number.to_string().bytes().map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()])).collect()
}

/// The hash of a template: of its canonical text, and of how often that one was taken already.
pub(crate) fn of_template(text: &str, collisions: Option<i32>) -> String {
    match collisions {
        None => safe(fnv32(&[text.as_bytes()])),
        Some(count) => safe(fnv32(&[text.as_bytes(), &count.to_le_bytes()])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_known_values_in_safe_letters() {
        assert_eq!(
            (fnv32(&[]), fnv32(&[b"a"]), fnv32(&[b"foo", b"bar"])),
            (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968)
        );
        assert_eq!(safe(1_234_567_890), "56789bcdf4");
        let (one, other) = (of_template("{}", None), of_template("{}", Some(1)));
        assert_ne!(one, other);
        assert!(one.bytes().all(|letter| LETTERS.contains(&letter)));
    }
}
