//! Continue tokens: where the next page of a list begins, and which state it shows. Clients take them as they are, but
//! the form is upstream's, so that either server can go on where the other stopped.

use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use base64::{DecodeError, Engine};
use serde::Serialize;
use serde_json::{Map, Value};

/// As Go reads it: what the last character says too much does not matter.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

const VERSION: &str = "meta.k8s.io/v1";
/// A token longer than this is none of ours, in bytes.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The state to show; the latest if absent, for a list that went on for too long.
    pub(crate) revision: Option<u64>,
    /// The path to go on after, within the namespace if the list is of one.
    pub(crate) after: String,
}

#[derive(Serialize)]
struct Written {
    v: String,
    rv: i64,
    start: String,
}

impl Written {
    /// What stands in the JSON; the words about what cannot stand there are those of Go's reader.
    fn of(json: Value) -> Result<Self, String> {
        let fields = match json {
            Value::Object(fields) => fields,
            Value::Null => Map::new(),
            other => {
                let kind = kind(&other);
                return Err(format!(
                    "json: cannot unmarshal {kind} into Go value of type storage.continueToken"
                ));
            }
        };
        let unfit = |name: &str, value: &Value, ty: &str| {
            let kind = kind(value);
            format!("json: cannot unmarshal {kind} into Go struct field continueToken.{name} of type {ty}")
        };
        let text = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(unfit(name, other, "string")),
        };
        let rv = match fields.get("rv") {
            None | Some(Value::Null) => 0,
            Some(value) => value.as_i64().ok_or_else(|| unfit("rv", value, "int64"))?,
        };
        Ok(Self { v: text("v")?, rv, start: text("start")? })
    }
}

/// What Go calls a value of JSON.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(number) if number.is_i64() || number.is_u64() => "number".into(),
        Value::Number(number) => format!("number {number}"),
        Value::String(_) => "string".into(),
        Value::Array(_) => "array".into(),
        Value::Object(_) => "object".into(),
    }
}

/// Where a text stops being what Go reads as base64.
fn illegal(error: &DecodeError, text: &str) -> String {
    let at = match error {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol { offset: at, .. } => *at,
        DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => text.len(),
    };
    format!("illegal base64 data at input byte {at}")
}

/// Why a text is no token. The words are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid continue token: continue key is not valid: {0}")]
pub(crate) struct BadToken(String);

impl Token {
    pub(crate) fn write(&self) -> String {
        let rv = self.revision.map_or(-1, |revision| i64::try_from(revision).unwrap_or(i64::MAX));
        // The byte behind the path makes it the smallest key that comes after.
        let written = Written { v: VERSION.into(), rv, start: format!("{}\0", self.after) };
        let json = serde_json::to_string(&written).expect("texts and numbers can be written");
        BASE64_URL_SAFE_NO_PAD.encode(json)
    }

    pub(crate) fn read(text: &str) -> Result<Self, BadToken> {
        let bad = |why: &dyn std::fmt::Display| BadToken(why.to_string());
        if text.len() > TOKEN_BYTES_MAX {
            return Err(bad(&"it is too long"));
        }
        let json = LENIENT.decode(text).map_err(|error| bad(&illegal(&error, text)))?;
        keelson_schema::json::check(&json).map_err(|error| bad(&error))?;
        let written =
            Written::of(serde_json::from_slice(&json).map_err(|error| bad(&error))?).map_err(BadToken)?;
        if written.v != VERSION {
            return Err(bad(&format!("server does not recognize this encoded version {}", written.v)));
        }
        let revision = match written.rv {
            0 => return Err(bad(&format!("incorrect encoded start resourceVersion (version {VERSION})"))),
            -1 => None,
            revision => Some(u64::try_from(revision).map_err(|error| bad(&error))?),
        };
        let after = match written.start.strip_suffix('\0') {
            Some(after) => after,
            None if written.start.is_empty() => {
                return Err(bad(&format!("encoded start key empty (version {VERSION})")));
            }
            None => return Err(bad(&written.start)),
        };
        // Upstream's keys begin with a slash.
        let after = after.strip_prefix('/').unwrap_or(after);
        Ok(Self { revision, after: after.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        for revision in [Some(7), None] {
            let token = Token { revision, after: "a/b".into() };
            assert_eq!(Token::read(&token.write()), Ok(token));
        }
        let written = BASE64_URL_SAFE_NO_PAD.encode(r#"{"v":"meta.k8s.io/v1","rv":7,"start":"a/b\u0000"}"#);
        assert_eq!(Token { revision: Some(7), after: "a/b".into() }.write(), written);
    }

    #[test]
    fn anything_else_is_refused() {
        let encoded = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
        for text in [
            "zzz".to_owned(),
            String::new(),
            encoded("{}"),
            encoded(r#"{"v":"v2","rv":7,"start":"a\u0000"}"#),
            encoded(r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a\u0000"}"#),
            encoded(r#"{"v":"meta.k8s.io/v1","rv":-5,"start":"a\u0000"}"#),
            encoded(r#"{"v":"meta.k8s.io/v1","rv":7}"#),
            "x".repeat(TOKEN_BYTES_MAX + 1),
        ] {
            assert!(Token::read(&text).is_err(), "{text}");
        }
    }
}
