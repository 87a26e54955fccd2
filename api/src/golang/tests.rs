use super::*;
use crate::vectors::rows;

/// What this crate prints for a row of the table.
fn printed(form: &str, value: &str) -> String {
    fn shown(result: Result<impl ToString, NumberError>) -> String {
        result.map_or_else(|error| error.to_string(), |number| number.to_string())
    }
    let float = || value.parse().unwrap();
    match form {
        "q" => Quoted(value).to_string(),
        "json" => JsonText(value).to_string(),
        "rune" => Rune(value.chars().next().unwrap()).to_string(),
        "float" => Float(float()).to_string(),
        "jsonfloat" => JsonFloat(float()).to_string(),
        "uint" => shown(parse_uint(value)),
        "int" => shown(parse_int(value)),
        "atoi" => shown(atoi(value)),
        "texts" => SyntaxTexts(&value.split(',').collect::<Vec<_>>()).to_string(),
        _ => panic!("no such form: {form}"),
    }
}

#[test]
fn values_are_printed_as_go_prints_them() {
    for [form, value, text] in rows(include_str!("vectors.txt")) {
        assert_eq!(printed(&form, &value), text, "{form} {value:?}");
    }
}

#[test]
fn floats_without_digits() {
    assert_eq!(Float(f64::NAN).to_string(), "NaN");
    assert_eq!(Float(f64::INFINITY).to_string(), "+Inf");
    assert_eq!(Float(f64::NEG_INFINITY).to_string(), "-Inf");
}

#[test]
fn texts_as_json() {
    assert_eq!(JsonTexts(&[]).to_string(), "[]");
    assert_eq!(JsonTexts(&["a", "<"]).to_string(), r#"["a","\u003c"]"#);
}
