//! Values without a schema as Go's `fmt` prints them: upstream's messages echo patches and objects in this form.

use std::fmt::{self, Display, Write as _};

use keelson_api::golang::Float;

use crate::arena::TypeRef;
use crate::json;
use crate::tree::{Entries, Value};

/// A value as `%v` prints it: `map[a:1 b:[x <nil>]]`.
pub(super) struct Plain<'a>(pub(super) &'a Value);

/// A map as `%v` prints it.
pub(super) struct PlainMap<'a>(pub(super) &'a Entries);

/// A list as `%v` prints it.
pub(super) struct PlainList<'a>(pub(super) &'a [Value]);

/// A value as `%s` prints it, which complains of everything that is no text.
pub(super) struct Text<'a>(pub(super) &'a Value);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Float(number) => Float(*number).fmt(f),
            Value::Str(text) => f.write_str(text),
            Value::List(items) => PlainList(items).fmt(f),
            Value::Map(entries) => PlainMap(entries).fmt(f),
            _ => f.write_str("<nil>"),
        }
    }
}

impl Display for PlainMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        map(f, self.0, |value, f| Plain(value).fmt(f))
    }
}

impl Display for PlainList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, self.0, |value, f| Plain(value).fmt(f))
    }
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Bool(value) => write!(f, "%!s(bool={value})"),
            Value::Int(number) => write!(f, "%!s(int64={number})"),
            Value::Float(number) => write!(f, "%!s(float64={})", Float(*number)),
            Value::Str(text) => f.write_str(text),
            Value::List(items) => list(f, items, inner_text),
            Value::Map(entries) => map(f, entries, inner_text),
            _ => f.write_str("%!s(<nil>)"),
        }
    }
}

/// Go complains of a nil only where that is all there is.
fn inner_text(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if *value == Value::Null { f.write_str("<nil>") } else { Text(value).fmt(f) }
}

type Print = fn(&Value, &mut fmt::Formatter<'_>) -> fmt::Result;

fn map(f: &mut fmt::Formatter<'_>, entries: &Entries, print: Print) -> fmt::Result {
    f.write_str("map[")?;
    for (at, (key, value)) in entries.iter().enumerate() {
        if at > 0 {
            f.write_char(' ')?;
        }
        write!(f, "{key}:")?;
        print(value, f)?;
    }
    f.write_char(']')
}

fn list(f: &mut fmt::Formatter<'_>, items: &[Value], print: Print) -> fmt::Result {
    f.write_char('[')?;
    for (at, value) in items.iter().enumerate() {
        if at > 0 {
            f.write_char(' ')?;
        }
        print(value, f)?;
    }
    f.write_char(']')
}

/// A value of type `ty` as one without a schema, for printing.
pub(super) fn untyped(ty: TypeRef<'_>, value: &Value) -> Value {
    let mut text = Vec::new();
    // What cannot be written has no other form to be printed in either.
    let written = json::encode_value(ty, value, &mut text).is_ok();
    if written { json::decode_any(&text).unwrap_or(Value::Null) } else { Value::Null }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_as_go_does() {
        for (json, plain, text) in [
            ("null", "<nil>", "%!s(<nil>)"),
            ("\"a b\"", "a b", "a b"),
            ("1e6", "1e+06", "%!s(float64=1e+06)"),
            ("12", "12", "%!s(int64=12)"),
            (
                r#"{"b":[1,null,"x"],"a":true}"#,
                "map[a:true b:[1 <nil> x]]",
                "map[a:%!s(bool=true) b:[%!s(int64=1) <nil> x]]",
            ),
            ("{}", "map[]", "map[]"),
        ] {
            let value = json::decode_any(json.as_bytes()).unwrap();
            assert_eq!(
                (Plain(&value).to_string().as_str(), Text(&value).to_string().as_str()),
                (plain, text)
            );
        }
    }
}
