//! Names made from a `generateName`. Whatever is random comes from the caller.

/// How many bytes a generated name has at most.
pub const NAME_BYTES_MAX: usize = 63;
/// How many random characters a generated name ends with.
pub const SUFFIX_CHARACTERS: usize = 5;
/// How many bytes of a `generateName` are used; the rest is cut off.
pub const BASE_BYTES_MAX: usize = NAME_BYTES_MAX - SUFFIX_CHARACTERS;
/// What random characters are drawn from: no vowels, so that no words come about, and nothing easily misread.
pub const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// `base`, cut where it is too long, and a random ending. `pick` draws a number below the one it is given.
pub fn name(base: &str, mut pick: impl FnMut(usize) -> usize) -> String {
    let base = &base[..base.floor_char_boundary(BASE_BYTES_MAX)];
    let mut name = String::with_capacity(base.len() + SUFFIX_CHARACTERS);
    name.push_str(base);
    name.extend((0..SUFFIX_CHARACTERS).map(|_| char::from(ALPHABET[pick(ALPHABET.len()) % ALPHABET.len()])));
    name
}

/// A text, such as a hash, written with the letters that random endings are written with.
#[must_use]
pub fn safe(text: &str) -> String {
    text.chars().map(|c| char::from(ALPHABET[c as usize % ALPHABET.len()])).collect()
}
