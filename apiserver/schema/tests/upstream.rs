//! What upstream answered: texts in JSON and YAML, right and wrong in every way, with what its own encoders made of them
//! or what it complained of.

use keelson_schema::convert::{ConvertError, Encoding, decode, encode};
use serde_json::Value;

fn encoding(name: &str) -> Encoding {
    if name == "yaml" { Encoding::Yaml } else { Encoding::Json }
}

/// Output, complaints and error of one case.
fn answer(case: &Value) -> (String, String, String) {
    let text = |name: &str| case[name].as_str().expect("a text");
    let strict = case["strict"] == true;
    let result = decode(text("in").as_bytes(), encoding(text("from")), strict)
        .map_err(ConvertError::from)
        .and_then(|(object, found)| {
            let complaints = if found.is_empty() { String::new() } else { found.to_string() };
            Ok((encode(&object, encoding(text("to")))?, complaints))
        });
    match result {
        Ok((out, complaints)) => (String::from_utf8_lossy(&out).into_owned(), complaints, String::new()),
        Err(error) => (String::new(), String::new(), error.to_string()),
    }
}

#[test]
fn answers_are_upstreams() {
    let cases: Vec<Value> = include_str!("upstream.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a case a line"))
        .collect();
    assert!(cases.len() > 200, "{} cases", cases.len());
    for case in &cases {
        let text = |name: &str| case[name].as_str().expect("a text").to_owned();
        assert_eq!(
            answer(case),
            (text("out"), text("complaints"), text("error")),
            "{} as {}: {}",
            text("from"),
            text("to"),
            text("in")
        );
    }
}
