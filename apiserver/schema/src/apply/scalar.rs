//! The values inside field paths: their order, their JSON, and how messages show them. A set's items and the keys of
//! a list's items are such values. Numbers are one sort, whichever way they were written.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use crate::json::push_string;
use crate::scalar::number;
use crate::scalar::quote::quote;
use crate::tree::Value;

/// The value as paths hold it: a whole number is never kept as a floating-point one.
pub(super) fn settled(value: Value) -> Value {
    match value {
        Value::Float(number) => match whole(number) {
            Some(number) => Value::Int(number),
            None => Value::Float(number),
        },
        value => value,
    }
}

/// The whole number that `number` is, where a float holds it exactly.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.trunc() == number && number.abs() <= EXACT).then_some(number as i64)
}

/// Upstream's order: numbers, texts, truth values, lists, maps, null.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => a.as_str().cmp(b.as_str()),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::List(a), Value::List(b)) => {
            ordered(a.iter().zip(b).map(|(a, b)| order(a, b)), a.len(), b.len())
        }
        (Value::Map(a), Value::Map(b)) => {
            let pairs = a.iter().zip(b.iter());
            ordered(pairs.map(|((k, a), (l, b))| k.cmp(l).then_with(|| order(a, b))), a.len(), b.len())
        }
        _ => match (float(a), float(b)) {
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            _ => rank(a).cmp(&rank(b)),
        },
    }
}

fn ordered(mut pairs: impl Iterator<Item = Ordering>, a: usize, b: usize) -> Ordering {
    pairs.find(|order| order.is_ne()).unwrap_or_else(|| a.cmp(&b))
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Int(_) | Value::Float(_) => 0,
        Value::Bool(_) => 2,
        Value::List(_) => 3,
        Value::Map(_) => 4,
        Value::Null => 5,
        _ => 1,
    }
}

/// Appends the value as JSON, texts with HTML's special characters escaped.
pub(super) fn push_json(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Str(text) => push_string(text, out),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Float(number) => number::push_json(out, *number),
        Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_json(item, out);
            }
            out.push(b']');
        }
        Value::Map(entries) => {
            out.push(b'{');
            for (at, (key, item)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_string(key, out);
                out.push(b':');
                push_json(item, out);
            }
            out.push(b'}');
        }
        _ => out.extend_from_slice(b"null"),
    }
}

/// A value as messages show it: `"web"`, `80`, `[1,2]`.
pub(super) struct Shown<'a>(pub(super) &'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Str(text) => f.write_str(&quote(text)),
            Value::Int(number) => f.write_str(&go_number(*number as f64)),
            Value::Float(number) => f.write_str(&go_number(*number)),
            Value::Bool(value) => write!(f, "{value}"),
            Value::List(items) => {
                f.write_char('[')?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if at > 0 { "," } else { "" }, Self(item))?;
                }
                f.write_char(']')
            }
            Value::Map(entries) => {
                entries.iter().try_for_each(|(key, item)| write!(f, "{key}={}", Self(item)))
            }
            _ => f.write_str("null"),
        }
    }
}

/// A number as Go's `%v` prints a float64; upstream reads every number of a path as one.
pub(super) fn go_number(number: f64) -> String {
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number == 0.0 || (-4..6).contains(&exponent) {
        return number.to_string();
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::decode_any;

    #[test]
    fn values_are_ordered_and_shown_as_upstream_does() {
        let rising = [
            "-1",
            "0.5",
            "1",
            "10",
            "\"\"",
            "\"a\"",
            "\"b\"",
            "false",
            "true",
            "[]",
            "[1]",
            "[1,2]",
            "[2]",
            "{}",
            "{\"a\":1}",
            "null",
        ];
        let values: Vec<Value> = rising.iter().map(|text| decode_any(text.as_bytes()).unwrap()).collect();
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                assert_eq!(order(a, b), i.cmp(&j), "{} {}", rising[i], rising[j]);
            }
            let mut out = Vec::new();
            push_json(a, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), rising[i]);
        }
        assert_eq!(order(&Value::Int(80), &Value::Float(80.0)), Ordering::Equal);
        assert_eq!(settled(Value::Float(80.0)), Value::Int(80));
        for (number, shown) in [
            (80.0, "80"),
            (0.0, "0"),
            (65535.0, "65535"),
            (1_000_000.0, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (0.00001, "1e-05"),
            (1.5, "1.5"),
        ] {
            assert_eq!(go_number(number), shown);
        }
        let shown = decode_any(br#"["a\n",true,{"k":1},null]"#).unwrap();
        assert_eq!(Shown(&shown).to_string(), r#"["a\n",true,k=1,null]"#);
    }
}
