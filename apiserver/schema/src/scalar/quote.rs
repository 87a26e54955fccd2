//! Texts in double quotes as Go's `strconv.Quote` writes them, for error messages.

use std::fmt::Write as _;

/// `text` in double quotes, with everything that is not printable escaped.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if character == '"' {
            quoted.push('\\');
        }
        push_escaped(&mut quoted, character);
    }
    quoted.push('"');
    quoted
}

/// `byte` in single quotes, as Go's JSON errors show the offending character.
#[must_use]
pub fn quote_byte(byte: u8) -> String {
    let mut quoted = String::from("'");
    match byte {
        b'\'' => quoted.push_str("\\'"),
        _ => push_escaped(&mut quoted, char::from(byte)),
    }
    quoted.push('\'');
    quoted
}

fn push_escaped(quoted: &mut String, character: char) {
    let short = match character {
        '\\' => "\\\\",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{b}' => "\\v",
        _ if is_printable(character) => {
            quoted.push(character);
            return;
        }
        _ => {
            let code = u32::from(character);
            // A String takes everything.
            let _ = match code {
                0..0x80 => write!(quoted, "\\x{code:02x}"),
                0x80..0x1_0000 => write!(quoted, "\\u{code:04x}"),
                _ => write!(quoted, "\\U{code:08x}"),
            };
            return;
        }
    };
    quoted.push_str(short);
}

/// Letters, marks, numbers, punctuation, symbols, and of all spaces only the plain one. (Unassigned and private code
/// points count as printable here; Go would escape them.)
fn is_printable(character: char) -> bool {
    if character == ' ' {
        return true;
    }
    let format = matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !character.is_control() && !character.is_whitespace() && !format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_does() {
        for (text, quoted) in [
            ("spec.foo", r#""spec.foo""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("\n\t\u{1}\u{7f}", r#""\n\t\x01\x7f""#),
            ("ü\u{a0}\u{2028}€", r#""ü\u00a0\u2028€""#),
        ] {
            assert_eq!(quote(text), quoted);
        }
        assert_eq!(
            (quote_byte(b'\''), quote_byte(b'"'), quote_byte(b'\\')),
            ("'\\''".into(), "'\"'".into(), r"'\\'".into())
        );
    }
}
