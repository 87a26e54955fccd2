//! Types that upstream decodes by code of their own.

use keelson_api::quantity;

use super::{Decoder, Stop, Where};
use crate::arena::{Kind, TypeRef};
use crate::error::DecodeError;
use crate::json::decode::describe;
use crate::path::Path;
use crate::scalar::base64;
use crate::scalar::time::{Precision, Time};
use crate::tree::{Fields, Str, Value};

impl Decoder<'_> {
    /// Decodes what is neither null nor of the plain types.
    pub(super) fn special(
        &mut self,
        ty: TypeRef<'_>,
        first: u8,
        path: Where<'_>,
        previous: Option<Value>,
    ) -> Result<Option<Value>, Stop> {
        match ty.kind() {
            Kind::Time => self.time(Precision::Seconds, first, path),
            Kind::MicroTime => self.time(Precision::Micros, first, path),
            Kind::Quantity => self.quantity(first).map(Some),
            Kind::IntOrString => self.int_or_string(first, path),
            Kind::Bytes if first == b'"' => self.base64(previous),
            Kind::Bytes if first == b'[' => self.octets(path).map(Some),
            Kind::Raw | Kind::FieldsV1 | Kind::Json => {
                let raw = self.skip()?;
                Ok(Some(Value::Raw(raw.into())))
            }
            Kind::SchemaOrBool => match first {
                b'{' => self.schema(ty, path),
                b't' | b'f' => self.boolean().map(Some),
                _ => {
                    self.skip()?;
                    Err(DecodeError::SchemaOrBool.into())
                }
            },
            Kind::SchemaOrArray | Kind::SchemaOrStrings if first == b'{' => self.schema(ty, path),
            Kind::SchemaOrArray if first == b'[' => {
                self.leniently(|decoder| decoder.list(ty.elem(), path, None)).map(Some)
            }
            Kind::SchemaOrStrings if first == b'[' => self.strings(path),
            // Upstream takes anything else for nothing.
            Kind::SchemaOrArray | Kind::SchemaOrStrings => self.skip().map(|_| Some(Value::Null)),
            _ => self.mismatch(ty, first, path, previous),
        }
    }

    /// Upstream decodes schemas within these types without strict checks, and their first fault is the last.
    fn leniently<T>(&mut self, decode: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        let strict = self.strict.take();
        let saved = self.saved.take();
        let result = decode(self);
        self.strict = strict;
        if let (Some(error), Ok(_)) = (self.saved.take(), &result) {
            return Err(error.into());
        }
        self.saved = saved;
        result
    }

    fn schema(&mut self, ty: TypeRef<'_>, path: Where<'_>) -> Result<Option<Value>, Stop> {
        let Some(of) = ty.elem().as_struct() else { return Err(Stop::Syntax) };
        let fields = self.leniently(|decoder| decoder.object(of, path, Fields::new()))?;
        Ok(Some(Value::Struct(fields)))
    }

    fn strings(&mut self, path: Where<'_>) -> Result<Option<Value>, Stop> {
        let list = self.leniently(|decoder| {
            let list = decoder.any(path)?;
            for item in list.items() {
                if !matches!(item, Value::Str(_) | Value::Null) {
                    let found = match item {
                        Value::Bool(_) => "bool",
                        Value::List(_) => "array",
                        Value::Map(_) => "object",
                        _ => "number",
                    };
                    decoder.wrong_type(found.to_owned(), "string", path);
                }
            }
            Ok(list)
        })?;
        let Value::List(mut items) = list else { return Ok(Some(Value::Null)) };
        for item in &mut items {
            if *item == Value::Null {
                *item = Value::from("");
            }
        }
        Ok(Some(Value::List(items)))
    }

    /// The error of a special type that wanted something else; it ends decoding.
    fn refuse<T>(&mut self, value: String, go: &str, path: Where<'_>) -> Result<T, Stop> {
        Err(DecodeError::Type { value, context: Path::go_context(path), go: go.to_owned() }.into())
    }

    fn time(&mut self, precision: Precision, first: u8, path: Where<'_>) -> Result<Option<Value>, Stop> {
        if first != b'"' {
            self.skip()?;
            return self.refuse(describe(first).to_owned(), "string", path);
        }
        let text = self.string()?;
        let time = Time::parse(&text, precision).map_err(DecodeError::Time)?;
        Ok(Some(Value::Time(time)))
    }

    /// Upstream looks at the raw text between the quotes, escapes and all, and takes a bare number too.
    fn quantity(&mut self, first: u8) -> Result<Value, Stop> {
        let raw = self.skip()?;
        let text = if first == b'"' { &raw[1..raw.len() - 1] } else { raw };
        let text = std::str::from_utf8(text).map_err(|_| Stop::Syntax)?.trim();
        let rewritten = quantity::rewrite(text).map_err(DecodeError::Quantity)?;
        Ok(Value::Str(rewritten.map_or_else(|| Str::new(text), Str::from)))
    }

    fn int_or_string(&mut self, first: u8, path: Where<'_>) -> Result<Option<Value>, Stop> {
        match first {
            b'"' => Ok(Some(Value::Str(self.short()?))),
            b'-' | b'0'..=b'9' => {
                let literal = self.number()?;
                match literal.parse::<i32>() {
                    Ok(number) => Ok(Some(Value::Int(number.into()))),
                    Err(_) => self.refuse(format!("number {literal}"), "int32", path),
                }
            }
            _ => {
                self.skip()?;
                self.refuse(describe(first).to_owned(), "int32", path)
            }
        }
    }

    fn base64(&mut self, previous: Option<Value>) -> Result<Option<Value>, Stop> {
        let text = self.string()?;
        match base64::decode(text.as_bytes()) {
            Ok(bytes) => Ok(Some(Value::Bytes(bytes.into()))),
            Err(corrupt) => {
                self.saved.get_or_insert(DecodeError::Base64(corrupt));
                Ok(previous)
            }
        }
    }

    /// Octets may also come as a list of numbers.
    fn octets(&mut self, path: Where<'_>) -> Result<Value, Stop> {
        let start = self.at;
        let list = self.any(path)?;
        let mut bytes = Vec::with_capacity(list.items().len());
        for item in list.items() {
            match item {
                Value::Int(number) if u8::try_from(*number).is_ok() => bytes.extend(u8::try_from(*number)),
                Value::Null => bytes.push(0),
                other => {
                    let value = match other {
                        Value::Int(number) => format!("number {number}"),
                        Value::Float(number) => format!("number {number}"),
                        Value::Str(_) => "string".to_owned(),
                        Value::Bool(_) => "bool".to_owned(),
                        Value::List(_) => "array".to_owned(),
                        _ => "object".to_owned(),
                    };
                    self.wrong_type(value, "uint8", path);
                    bytes.push(0);
                }
            }
        }
        debug_assert!(self.at > start, "a list has brackets");
        Ok(Value::Bytes(bytes.into()))
    }
}
