//! JSON that stands in a value of an object, and what Go says of it where it is none.

use serde_json::Value;

/// Octets are the JSON of an object, or null.
pub(crate) fn check_object(bytes: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(_) | Value::Null) => Ok(()),
        Ok(other) => {
            let kind = match other {
                Value::Array(_) => "array",
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                _ => "number",
            };
            Err(format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"))
        }
        Err(_) => Err(syntax::fault(bytes)),
    }
}

mod syntax {
    //! Finding the octet at which Go stops, and its words for it.

    use keelson_api::golang::Quoted;

    /// What Go says of octets that are no JSON.
    pub(super) fn fault(bytes: &[u8]) -> String {
        let mut scan = Scan { bytes, at: 0 };
        let fault = scan.value("looking for beginning of value").and_then(|()| {
            scan.space();
            if scan.at < bytes.len() { Err(scan.unexpected("after top-level value")) } else { Ok(()) }
        });
        fault.err().unwrap_or_else(|| "invalid character in value".to_owned())
    }

    fn quoted(byte: u8) -> String {
        match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            _ => {
                let text = Quoted(char::from(byte).encode_utf8(&mut [0; 4])).to_string();
                format!("'{}'", &text[1..text.len() - 1])
            }
        }
    }

    struct Scan<'a> {
        bytes: &'a [u8],
        at: usize,
    }

    impl Scan<'_> {
        fn peek(&self) -> Option<u8> {
            self.bytes.get(self.at).copied()
        }

        fn space(&mut self) {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
                self.at += 1;
            }
        }

        fn unexpected(&self, place: &str) -> String {
            match self.peek() {
                None => "unexpected end of JSON input".to_owned(),
                Some(byte) => format!("invalid character {} {place}", quoted(byte)),
            }
        }

        /// The same where Go takes the end for a space, and stumbles over that.
        fn broken_off(&self, place: &str) -> String {
            format!("invalid character {} {place}", quoted(self.peek().unwrap_or(b' ')))
        }

        fn value(&mut self, place: &str) -> Result<(), String> {
            self.space();
            match self.peek() {
                Some(b'{') => self.members(),
                Some(b'[') => self.items(),
                Some(b'"') => self.text(),
                Some(b't') => self.word("true"),
                Some(b'f') => self.word("false"),
                Some(b'n') => self.word("null"),
                Some(b'-' | b'0'..=b'9') => self.number(),
                _ => Err(self.unexpected(place)),
            }
        }

        fn word(&mut self, word: &'static str) -> Result<(), String> {
            for (i, letter) in word.bytes().enumerate() {
                if self.peek() != Some(letter) {
                    let expected = quoted(letter);
                    debug_assert!(i > 0, "the first letter has brought us here");
                    return Err(self.broken_off(&format!("in literal {word} (expecting {expected})")));
                }
                self.at += 1;
            }
            Ok(())
        }

        fn number(&mut self) -> Result<(), String> {
            if self.peek() == Some(b'-') {
                self.at += 1;
                if !matches!(self.peek(), Some(b'0'..=b'9')) {
                    return Err(self.broken_off("in numeric literal"));
                }
            }
            let is_zero = self.peek() == Some(b'0');
            self.at += 1;
            while !is_zero && matches!(self.peek(), Some(b'0'..=b'9')) {
                self.at += 1;
            }
            if self.peek() == Some(b'.') {
                self.at += 1;
                self.digits("after decimal point in numeric literal")?;
            }
            if matches!(self.peek(), Some(b'e' | b'E')) {
                self.at += 1;
                if matches!(self.peek(), Some(b'+' | b'-')) {
                    self.at += 1;
                }
                self.digits("in exponent of numeric literal")?;
            }
            Ok(())
        }

        fn digits(&mut self, place: &str) -> Result<(), String> {
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.broken_off(place));
            }
            while matches!(self.peek(), Some(b'0'..=b'9')) {
                self.at += 1;
            }
            Ok(())
        }

        fn text(&mut self) -> Result<(), String> {
            self.at += 1;
            loop {
                match self.peek() {
                    Some(b'"') => break,
                    Some(b'\\') => {
                        self.at += 1;
                        match self.peek() {
                            Some(b'u') => {
                                for _ in 0..4 {
                                    self.at += 1;
                                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                        let place = "in \\u hexadecimal character escape";
                                        return Err(self.broken_off(place));
                                    }
                                }
                            }
                            Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => {}
                            _ => return Err(self.broken_off("in string escape code")),
                        }
                    }
                    Some(0..0x20) | None => return Err(self.unexpected("in string literal")),
                    Some(_) => {}
                }
                self.at += 1;
            }
            self.at += 1;
            Ok(())
        }

        fn items(&mut self) -> Result<(), String> {
            self.at += 1;
            self.space();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(());
            }
            loop {
                self.value("looking for beginning of value")?;
                self.space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.unexpected("after array element")),
                }
            }
            self.at += 1;
            Ok(())
        }

        fn members(&mut self) -> Result<(), String> {
            self.at += 1;
            self.space();
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(());
            }
            loop {
                self.space();
                if self.peek() != Some(b'"') {
                    return Err(self.unexpected("looking for beginning of object key string"));
                }
                self.text()?;
                self.space();
                if self.peek() != Some(b':') {
                    return Err(self.unexpected("after object key"));
                }
                self.at += 1;
                self.value("looking for beginning of value")?;
                self.space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.unexpected("after object key:value pair")),
                }
            }
            self.at += 1;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check_object;

    #[test]
    fn what_is_no_object_is_told_in_the_words_of_go() {
        let cases = [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("x", "invalid character 'x' looking for beginning of value"),
            ("{x", "invalid character 'x' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 2}", "invalid character '2' after object key:value pair"),
            ("{}x", "invalid character 'x' after top-level value"),
            ("nul", "invalid character ' ' in literal null (expecting 'l')"),
            ("-", "invalid character ' ' in numeric literal"),
            ("nux", "invalid character 'x' in literal null (expecting 'l')"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
            ("1", "json: cannot unmarshal number into Go value of type map[string]interface {}"),
        ];
        for (text, expected) in cases {
            assert_eq!(check_object(text.as_bytes()), Err(expected.to_owned()), "{text}");
        }
        for text in ["{}", "null", " {\"a\":[1,true,\"x\"]} "] {
            assert_eq!(check_object(text.as_bytes()), Ok(()), "{text}");
        }
    }
}
