//! Standard base64 with padding, as Go's `base64.StdEncoding` reads and writes it: line breaks are skipped, spare bits
//! are not looked at.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const NONE: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut at = 0;
    while at < 64 {
        values[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    values
};

/// Where the text stops being base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("illegal base64 data at input byte {0}")]
pub struct Corrupt(pub usize);

/// Appends `bytes` as base64.
pub fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    let (whole, rest) = bytes.as_chunks::<3>();
    let letter = |bits: u32| ALPHABET[(bits & 63) as usize];
    for [a, b, c] in whole {
        let bits = u32::from(*a) << 16 | u32::from(*b) << 8 | u32::from(*c);
        out.extend([letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), letter(bits)]);
    }
    match rest {
        [a] => {
            let bits = u32::from(*a) << 16;
            out.extend([letter(bits >> 18), letter(bits >> 12), b'=', b'=']);
        }
        [a, b] => {
            let bits = u32::from(*a) << 16 | u32::from(*b) << 8;
            out.extend([letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), b'=']);
        }
        _ => {}
    }
}

/// The octets that `text` stands for.
///
/// # Errors
/// If it is not base64; the position is the one Go names.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut at = 0;
    while at < text.len() {
        if let Some([a, b, c, d]) = text[at..].first_chunk::<4>() {
            let (a, b, c, d) = (value(*a), value(*b), value(*c), value(*d));
            if a | b | c | d != u32::from(NONE) && (a | b | c | d) < 64 {
                let bits = a << 18 | b << 12 | c << 6 | d;
                out.extend([(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
                at += 4;
                continue;
            }
        }
        at = quantum(text, at, &mut out)?;
    }
    Ok(out)
}

fn value(byte: u8) -> u32 {
    u32::from(VALUES[usize::from(byte)])
}

fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Reads up to four letters with breaks and padding between them; where reading goes on.
fn quantum(text: &[u8], start: usize, out: &mut Vec<u8>) -> Result<usize, Corrupt> {
    let mut at = start;
    let (mut bits, mut letters) = (0_u32, 0);
    while letters < 4 {
        let Some(byte) = text.get(at) else {
            return if letters == 0 { Ok(at) } else { Err(Corrupt(at - letters)) };
        };
        at += 1;
        match value(*byte) {
            known if known < 64 => {
                bits = bits << 6 | known;
                letters += 1;
            }
            _ if is_break(*byte) => {}
            _ if *byte == b'=' && letters >= 2 => {
                at = padding(text, at, letters)?;
                break;
            }
            _ => return Err(Corrupt(at - 1)),
        }
    }
    bits <<= 6 * (4 - letters);
    out.extend(&[(bits >> 16) as u8, (bits >> 8) as u8, bits as u8][..letters - 1]);
    Ok(at)
}

/// Checks what follows the first `=`; nothing but breaks may come after the padding.
fn padding(text: &[u8], from: usize, letters: usize) -> Result<usize, Corrupt> {
    let skip = |mut at: usize| {
        while text.get(at).is_some_and(|byte| is_break(*byte)) {
            at += 1;
        }
        at
    };
    let mut at = from;
    if letters == 2 {
        at = skip(at);
        match text.get(at) {
            None => return Err(Corrupt(text.len())),
            Some(b'=') => at += 1,
            Some(_) => return Err(Corrupt(at - 1)),
        }
    }
    at = skip(at);
    if at < text.len() { Err(Corrupt(at)) } else { Ok(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for length in 0..70_usize {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 37 + length) as u8).collect();
            let mut text = Vec::new();
            push(&mut text, &bytes);
            assert_eq!(decode(&text).unwrap(), bytes);
        }
    }

    #[test]
    fn faults_are_found_where_go_finds_them() {
        for (text, at) in [
            ("a", 0),
            ("ab", 0),
            ("abc", 0),
            ("ab=", 3),
            ("ab=c", 2),
            ("ab==c", 4),
            ("a===", 1),
            ("!bcd", 0),
            ("abcd!", 4),
            ("=", 0),
        ] {
            assert_eq!(decode(text.as_bytes()), Err(Corrupt(at)), "{text}");
        }
        for (text, bytes) in
            [("YQ==", "a"), ("Y\nQ\r=\n=\n", "a"), ("YR==", "a"), ("YWJj\n", "abc"), ("\n", "")]
        {
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes.as_bytes(), "{text:?}");
        }
    }
}
