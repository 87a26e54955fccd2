//! What upstream's server made of some objects, kept in `recorded/`: each of them is to become the same here.
//!
//! A case holds an object as it was written, as it was answered, what became of it when it was written again
//! as a whole or in part, and its row in a table. Left out is what every server says for itself (identity, times, managers). Where
//! upstream's server gives something away (addresses and ports of services), that may be missing here: giving it is no
//! part of the hooks.

use keelson_api::time::UnixMillis;
use keelson_schema::arena::Schema;
use keelson_schema::tree::Object;
use serde::Deserialize;
use serde_json::Value;

use super::RESOURCES;
use crate::resource::{Resource, check};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    gv: String,
    plural: String,
    new: Value,
    created: Value,
    warnings: Vec<String>,
    #[serde(default)]
    steps: Vec<Step>,
    now: u64,
    cells: Vec<Value>,
    #[serde(default)]
    conditions: Vec<Value>,
}

/// An object, or a part of it, written in the place of another.
#[derive(Deserialize)]
struct Step {
    part: String,
    old: Value,
    new: Value,
    result: Value,
}

/// Fields of objects that only a server which gives addresses and ports away fills in.
const GIVEN: &[&str] =
    &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "nodePort", "healthCheckNodePort"];

/// Columns that count from when the object was made.
const OF_TIME: &[&str] = &["Age", "Created At"];

#[test]
fn core() {
    check_all(include_str!("recorded/core.json"));
}

#[test]
fn others() {
    check_all(include_str!("recorded/others.json"));
}

fn check_all(text: &str) {
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    let failures: Vec<String> = cases.iter().flat_map(check_one).collect();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// What is different here.
fn check_one(case: &Case) -> Vec<String> {
    let resource = resource(case);
    let facts = resource.facts();
    let name = format!("{} {}", case.plural, case.new["metadata"]["name"]);
    let mut failures = Vec::new();
    let mut expect = |what: &str, ours: Value, theirs: &Value| {
        let mut differences = Vec::new();
        compare("", &ours, theirs, &mut differences);
        failures.extend(differences.into_iter().map(|difference| format!("{name}, {what}: {difference}")));
    };
    let mut new = stored(resource, filled(resource, &case.new));
    resource.prepare_create(&mut new, &check::write(""));
    resource.complete(&mut new);
    expect("created", shown(resource, &new, &case.gv), &case.created);
    let mut warnings = Vec::new();
    resource.warn(&new, None, &mut warnings);
    expect("warned of", warnings.into(), &own_words(&case.warnings));
    let mut last = &case.created;
    for step in &case.steps {
        let old = stored(resource, object(&step.old));
        let mut new = stored(resource, filled(resource, &step.new));
        match &*step.part {
            "status" => resource.prepare_status(&mut new, &old, &check::write("status")),
            part => resource.prepare_update(&mut new, &old, &check::write(part)),
        }
        let what = if step.part.is_empty() { "updated" } else { &*step.part };
        expect(what, shown(resource, &new, &case.gv), &step.result);
        last = &step.result;
    }
    let last = object(last);
    let mut cells = resource.cells(&last, UnixMillis(case.now * 1000));
    let mut theirs = case.cells.clone();
    for (at, column) in facts.columns.iter().enumerate() {
        if OF_TIME.contains(&column.name) {
            (cells[at], theirs[at]) = (Value::Null, Value::Null);
        }
    }
    expect("in a table", cells.into(), &theirs.into());
    expect("marked", resource.row_conditions(&last).into(), &case.conditions.clone().into());
    failures
}

fn resource(case: &Case) -> &'static dyn Resource {
    let group = case.gv.split_once('/').map_or("", |(group, _)| group);
    let found = RESOURCES.iter().find(|resource| {
        let facts = resource.facts();
        facts.group == group && facts.plural == case.plural
    });
    *found.unwrap_or_else(|| panic!("no resource {} in {}", case.plural, case.gv))
}

fn object(value: &Value) -> Object {
    check::object(&value.to_string())
}

/// An object with its defaults.
fn filled(resource: &dyn Resource, value: &Value) -> Object {
    let mut object = object(value);
    let schema = object.schema().clone();
    keelson_schema::defaults::apply(schema.ty().as_struct().unwrap(), object.root_mut());
    resource.default(&mut object);
    resource.default_at(&mut object, check::write("").now);
    object
}

fn stored(resource: &dyn Resource, object: Object) -> Object {
    let facts = resource.facts();
    let (group, version) = facts.stored_as;
    let schema = Schema::builtin(group, version, facts.kind).unwrap();
    if object.ty() == schema.ty() { object } else { resource.convert(object, &schema) }
}

fn shown(resource: &dyn Resource, object: &Object, gv: &str) -> Value {
    let facts = resource.facts();
    let (group, version) = gv.split_once('/').unwrap_or(("", gv));
    let schema = Schema::builtin(group, version, facts.kind).unwrap();
    let object = object.clone();
    let object = if object.ty() == schema.ty() { object } else { resource.convert(object, &schema) };
    let mut json = check::json(&object);
    json["apiVersion"] = gv.into();
    json["kind"] = facts.kind.into();
    json
}

/// The warnings that are not of the resource as a whole.
fn own_words(warnings: &[String]) -> Value {
    warnings.iter().filter(|words| !words.contains(" is deprecated in v1.")).cloned().collect()
}

/// Says where two values differ.
fn compare(path: &str, ours: &Value, theirs: &Value, differences: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for name in names {
                let (one, other) = (ours.get(name), theirs.get(name));
                let may_miss = match (&**name, one) {
                    ("generation" | "lastPhaseTransitionTime", _) => true,
                    ("lastTransitionTime", Some(Value::String(_))) => matches!(other, Some(Value::String(_))),
                    (name, None) => GIVEN.contains(&name),
                    _ => false,
                };
                match (one, other) {
                    _ if may_miss => {}
                    (Some(one), Some(other)) => {
                        compare(&format!("{path}.{name}"), one, other, differences);
                    }
                    (Some(one), None) => {
                        differences.push(format!("{path}.{name} is {one}, upstream has none"));
                    }
                    (_, other) => {
                        differences
                            .push(format!("{path}.{name} is missing, upstream has {}", other.unwrap()));
                    }
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (at, (one, other)) in ours.iter().zip(theirs).enumerate() {
                compare(&format!("{path}[{at}]"), one, other, differences);
            }
        }
        _ if ours == theirs => {}
        _ => differences.push(format!("{path} is {ours}, upstream says {theirs}")),
    }
}
