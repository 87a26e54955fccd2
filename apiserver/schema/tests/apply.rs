//! Ownership and apply against upstream: cases made at random, with what upstream's field manager answered, objects byte
//! for byte. Where it took the time of the write, that is `NOW`.

#![allow(clippy::unwrap_used, reason = "a test that does not get what it needs has failed")]

use std::io::Read;

use keelson_schema::apply::{
    ApplyError, Configuration, Filter, OneVersion, Set, Target, Writer, apply, update,
};
use keelson_schema::arena::Schema;
use keelson_schema::json;
use keelson_schema::scalar::time::{Precision, Time};
use keelson_schema::tree::Object;
use serde_json::Value;

const NOW: &str = "2030-01-01T00:00:00Z";

fn cases() -> Vec<Value> {
    let file = std::fs::File::open("tests/apply.jsonl.gz").expect("the cases are carried along");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn object(schema: &Schema, value: &Value) -> Object {
    let text = serde_json::to_vec(value).unwrap();
    Object::with_root(schema.clone(), json::decode(&text, schema.ty(), false).unwrap().root)
}

fn shown(object: &Object) -> Value {
    let mut text = Vec::new();
    json::encode(object.ty(), object.root(), &mut text).unwrap();
    serde_json::json!({ "object": String::from_utf8(text).unwrap() })
}

fn refused(error: &ApplyError) -> Value {
    let mut response = serde_json::json!({ "error": error.to_string() });
    response["code"] = match error {
        ApplyError::Conflict(_) => 409,
        ApplyError::BadRequest(_) => 400,
        ApplyError::Internal(_) => 500,
    }
    .into();
    if let ApplyError::Conflict(conflicts) = error {
        let cause = |conflict: &keelson_schema::apply::Conflict| {
            format!("FieldManagerConflict|{}|{}", conflict.path, conflict.message())
        };
        let mut causes: Vec<String> = conflicts.0.iter().map(cause).collect();
        causes.sort();
        response["causes"] = causes.into();
    }
    response
}

/// What we answer.
fn answer(request: &Value) -> Value {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let schema = Schema::builtin(group, version, kind).unwrap();
    let live = request.get("live").map(|live| object(&schema, live));
    let resets = request["reset"].as_object().into_iter().flatten();
    let filters: Vec<(&str, Filter)> = resets
        .map(|(version, set)| {
            let set = Set::from_json(set.to_string().as_bytes()).unwrap();
            (version.as_str(), Filter::Exclude(set))
        })
        .collect();
    let subresource = text("subresource");
    let target = Target { api_version, kind, subresource, filters: &filters, versions: &OneVersion };
    let writer = Writer { manager: text("manager"), now: Time::parse(NOW, Precision::Seconds).unwrap() };
    if text("op") == "update" {
        let mut new = object(&schema, &request["new"]);
        update(live.as_ref(), &mut new, &writer, &target).unwrap();
        return shown(&new);
    }
    let config = json::decode_any(request["config"].to_string().as_bytes()).unwrap();
    let config = Configuration::new(config, schema);
    match apply(live.as_ref(), &config, &writer, request["force"] == true, &target) {
        Ok(Some(object)) => shown(&object),
        Ok(None) => shown(&live.unwrap()),
        Err(error) => refused(&error),
    }
}

#[test]
fn random_writes_are_answered_as_upstream_answers_them() {
    let cases = cases();
    assert!(cases.len() > 300, "{}", cases.len());
    for case in &cases {
        let found = answer(&case["request"]);
        assert_eq!(found, case["response"], "{}", case["request"]);
    }
}
