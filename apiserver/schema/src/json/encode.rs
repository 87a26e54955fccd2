//! From a tree to JSON, byte for byte as Go's `encoding/json`: fields in upstream's order, map keys sorted, HTML's
//! special characters escaped, nil slices and maps without `omitempty` as null.

use crate::arena::{FieldRef, Flags, Kind, StructRef, TypeRef};
use crate::error::EncodeError;
use crate::normal::{is_omitted, zero};
use crate::scalar::time::{Precision, Time};
use crate::scalar::{base64, number};
use crate::tree::{EXTRA, Entries, Fields, Value};

/// Appends an object of struct type `ty`.
///
/// # Errors
/// If a raw value is no JSON or a number is not finite.
pub fn encode(ty: TypeRef<'_>, fields: &Fields, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match ty.as_struct() {
        Some(of) => push_struct(of, fields, out),
        None => Ok(()),
    }
}

/// Appends a value of type `ty`.
///
/// # Errors
/// As [`encode`].
pub fn encode_value(ty: TypeRef<'_>, value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    push_value(ty, value, out)
}

fn push_struct(of: StructRef<'_>, fields: &Fields, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let entries = fields.entries();
    if let Some((last, known)) = entries.split_last()
        && last.index == EXTRA
        && let Value::Map(extra) = &last.value
    {
        return push_open(of, known.iter().map(|entry| (of.field(entry.index), &entry.value)), extra, out);
    }
    let start = out.len();
    out.push(b'{');
    let mut always = of.always();
    for entry in entries {
        while let Some((index, rest)) = always.split_first()
            && *index <= entry.index
        {
            if *index < entry.index {
                push_absent(of.field(*index), start, out)?;
            }
            always = rest;
        }
        let field = of.field(entry.index);
        if !is_omitted(field, &entry.value) {
            push_key(of, field, start, out);
            push_value(field.ty(), &entry.value, out)?;
        }
    }
    for index in always {
        push_absent(of.field(*index), start, out)?;
    }
    out.push(b'}');
    Ok(())
}

#[inline]
fn push_key(of: StructRef<'_>, field: FieldRef<'_>, start: usize, out: &mut Vec<u8>) {
    if out.len() > start + 1 {
        out.push(b',');
    }
    out.extend_from_slice(of.key(field.index).unwrap_or_default());
}

fn push_absent(field: FieldRef<'_>, start: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if out.len() > start + 1 {
        out.push(b',');
    }
    let ty = field.ty();
    out.extend_from_slice(ty.arena().text(field.row.key).as_bytes());
    if field.flags().has(Flags::POINTER) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match ty.as_struct() {
        Some(of) => push_struct(of, &Fields::new(), out),
        None => push_value(ty, &zero(ty), out),
    }
}

/// Writes a struct that keeps fields its schema does not know: all of them by name.
fn push_open<'a>(
    of: StructRef<'a>,
    known: impl Iterator<Item = (FieldRef<'a>, &'a Value)>,
    extra: &Entries,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let any = |value| (None, value);
    let mut members: Vec<(&str, (Option<TypeRef<'a>>, &Value))> =
        extra.iter().map(|(key, value)| (key.as_str(), any(value))).collect();
    members.extend(known.map(|(field, value)| (field.name(), (Some(field.ty()), value))));
    members.sort_by_key(|(name, _)| *name);
    out.push(b'{');
    for (at, (name, (ty, value))) in members.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_string(name, out);
        out.push(b':');
        match ty {
            Some(ty) => push_value(ty, value, out)?,
            None => push_free(of.ty(), value, out)?,
        }
    }
    out.push(b'}');
    Ok(())
}

/// Writes a value without a schema; `ty` is only somebody to name in errors.
fn push_free(ty: TypeRef<'_>, value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match value {
        Value::List(items) => push_list(items, out, |item, out| push_free(ty, item, out)),
        Value::Map(entries) => push_map(entries, out, |item, out| push_free(ty, item, out)),
        _ => push_value(ty, value, out),
    }
}

fn push_value(ty: TypeRef<'_>, value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match value {
        Value::Str(text) => push_string(text, out),
        Value::Struct(fields) => {
            let ty = if ty.kind() == Kind::Struct { ty } else { ty.elem() };
            return encode(ty, fields, out);
        }
        Value::List(items) => match ty.kind() {
            // What these write for no items is their other form's nothing.
            Kind::SchemaOrArray | Kind::SchemaOrStrings if items.is_empty() => out.extend_from_slice(b"null"),
            Kind::List | Kind::SchemaOrArray => {
                let elem = ty.elem();
                return push_list(items, out, |item, out| push_value(elem, item, out));
            }
            _ => return push_free(ty, value, out),
        },
        Value::Map(entries) => {
            if ty.kind() != Kind::Map {
                return push_free(ty, value, out);
            }
            let elem = ty.elem();
            return push_map(entries, out, |item, out| push_value(elem, item, out));
        }
        Value::Int(number) => push_int(*number, out),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Time(time) => push_time(ty.kind(), *time, out),
        Value::Raw(raw) => push_compact(raw, out),
        Value::Float(number) if number.is_finite() => number::push_json(out, *number),
        Value::Float(number) => return Err(EncodeError::Number(number.to_string())),
        Value::Bytes(bytes) if ty.kind() == Kind::Bytes => {
            out.push(b'"');
            base64::push(out, bytes);
            out.push(b'"');
        }
        Value::Bytes(_) => return Err(EncodeError::Raw(ty.go().to_owned())),
    }
    Ok(())
}

fn push_time(kind: Kind, time: Time, out: &mut Vec<u8>) {
    if time == Time::ZERO {
        out.extend_from_slice(b"null");
        return;
    }
    out.push(b'"');
    time.push(out, if kind == Kind::MicroTime { Precision::Micros } else { Precision::Seconds });
    out.push(b'"');
}

fn push_list(
    items: &[Value],
    out: &mut Vec<u8>,
    mut push: impl FnMut(&Value, &mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push(item, out)?;
    }
    out.push(b']');
    Ok(())
}

fn push_map(
    entries: &Entries,
    out: &mut Vec<u8>,
    mut push: impl FnMut(&Value, &mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    out.push(b'{');
    for (at, (key, item)) in entries.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_string(key, out);
        out.push(b':');
        push(item, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn push_int(number: i64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// How a byte appears in a string: 0 as it is, 1 escaped by number, 2 only perhaps, otherwise behind a backslash.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut at = 0;
    while at < 0x20 {
        escapes[at] = 1;
        at += 1;
    }
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[b'\t' as usize] = b't';
    escapes[0x08] = b'b';
    escapes[0x0c] = b'f';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes[b'<' as usize] = 1;
    escapes[b'>' as usize] = 1;
    escapes[b'&' as usize] = 1;
    // Begins U+2028 and U+2029, which end lines in JavaScript.
    escapes[0xe2] = 2;
    escapes
};

/// Appends a text in quotes.
pub(crate) fn push_string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        let escape = ESCAPES[usize::from(bytes[at])];
        if escape == 0 {
            at += 1;
            continue;
        }
        match line_separator(&bytes[at..]) {
            Some(escaped) => {
                out.extend_from_slice(&bytes[start..at]);
                out.extend_from_slice(escaped);
                at += 3;
                start = at;
            }
            None if escape == 2 => at += 1,
            None => {
                out.extend_from_slice(&bytes[start..at]);
                push_escape(bytes[at], escape, out);
                at += 1;
                start = at;
            }
        }
    }
    out.extend_from_slice(&bytes[start..]);
    out.push(b'"');
}

#[cold]
fn push_escape(byte: u8, escape: u8, out: &mut Vec<u8>) {
    if escape == 1 {
        let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
        out.extend_from_slice(b"\\u00");
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    } else {
        out.extend([b'\\', escape]);
    }
}

#[inline]
fn line_separator(bytes: &[u8]) -> Option<&'static [u8]> {
    match bytes {
        [0xe2, 0x80, 0xa8, ..] => Some(b"\\u2028"),
        [0xe2, 0x80, 0xa9, ..] => Some(b"\\u2029"),
        _ => None,
    }
}

/// Appends well-formed JSON without the spaces between its tokens and with HTML's special characters escaped.
pub(crate) fn push_compact(raw: &[u8], out: &mut Vec<u8>) {
    out.reserve(raw.len());
    let mut start = 0;
    let mut at = 0;
    let mut in_string = false;
    while at < raw.len() {
        let (skip, instead): (usize, &[u8]) = match raw[at] {
            b'"' => {
                in_string = !in_string;
                at += 1;
                continue;
            }
            b'\\' => {
                at += 2;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' if !in_string => (1, b""),
            b'<' => (1, b"\\u003c"),
            b'>' => (1, b"\\u003e"),
            b'&' => (1, b"\\u0026"),
            0xe2 => match line_separator(&raw[at..]) {
                Some(escaped) => (3, escaped),
                None => {
                    at += 1;
                    continue;
                }
            },
            _ => {
                at += 1;
                continue;
            }
        };
        out.extend_from_slice(&raw[start..at]);
        out.extend_from_slice(instead);
        at += skip;
        start = at;
    }
    out.extend_from_slice(&raw[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_go_does() {
        for (text, expected) in [
            ("plain é", "\"plain é\""),
            ("a\"b\\c/", r#""a\"b\\c/""#),
            ("\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}\""),
            ("<a&b>", r#""\u003ca\u0026b\u003e""#),
            ("x\u{2028}\u{2029}\u{2027}", "\"x\\u2028\\u2029\u{2027}\""),
        ] {
            let mut out = Vec::new();
            push_string(text, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn raw_json_is_compacted() {
        let mut out = Vec::new();
        push_compact("{ \"a b\" : [ 1, \"\\\" <\u{2028}\" ] }\n".as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"a b":[1,"\" \u003c\u2028"]}"#);
    }
}
