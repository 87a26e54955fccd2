//! Whether every rule that the facts state has a case here that would fail without it.
//!
//! A rule about a field (`apiserver/schema/facts/rules.txt`) has one if some recorded answer of upstream's refuses an object
//! for that field and in that way: our server has to answer the same. A type that upstream fills in by a function of its own
//! (`defaulted.txt`) has one if some recorded answer has more in such a struct than what was sent. What no case can reach is
//! in `unasked.txt`, with its reason; a line there that a case does reach has to go, so that the list only shrinks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::facts::{Facts, Shape};
use crate::record::{self, Record};
use crate::script::Body;
use crate::value::Value;

const RULES: &str = include_str!("../../../../apiserver/schema/facts/rules.txt");
const DEFAULTED: &str = include_str!("defaulted.txt");
const UNASKED: &str = include_str!("unasked.txt");

/// How a rule is refused: its first word, the reason of the cause, and what stands in the cause's words.
const REFUSALS: &[(&str, &str, &str)] = &[
    ("required", "FieldValueRequired", ""),
    ("mode", "FieldValueRequired", ""),
    ("forbidden", "FieldValueForbidden", ""),
    ("immutable", "FieldValueInvalid", "immutable"),
    ("update", "FieldValueInvalid", "cannot be"),
    ("minimum", "FieldValueInvalid", "greater than or equal"),
    ("maximum", "FieldValueInvalid", "less than or equal"),
    ("maxItems", "FieldValueTooMany", ""),
    ("maxLength", "FieldValueTooLong", ""),
    ("maxBytes", "FieldValueTooLong", ""),
    ("format", "FieldValueInvalid", ""),
    ("eachKey", "FieldValueInvalid", ""),
    ("eachVal", "FieldValueInvalid", ""),
    ("nameFormat", "FieldValueInvalid", ""),
    ("enum", "FieldValueNotSupported", ""),
    ("unique", "FieldValueDuplicate", ""),
    ("union", "FieldValueInvalid", ""),
    ("oneItemAtMost", "FieldValueInvalid", ""),
    ("correlated", "FieldValueInvalid", ""),
];

/// A field of a type, or `*` for the type as a whole.
type Place = (String, String);

/// Where upstream has refused something, and in which ways.
#[derive(Default)]
struct Refused(BTreeMap<Place, BTreeSet<(String, String)>>);

impl Refused {
    fn of(facts: &Facts, recorded: &Record) -> Self {
        let mut refused = Self::default();
        for answer in recorded.values().flat_map(|script| &script.answers) {
            let body = &answer.answer.body;
            let text = |path: &str| body.at(path).and_then(Value::text).unwrap_or_default();
            let (group, kind) = (text("details.group"), text("details.kind"));
            let Some(Value::List(causes)) = body.at("details.causes") else { continue };
            for root in facts.versions_of(group, kind) {
                causes.iter().for_each(|cause| refused.take(facts, root, cause));
            }
        }
        refused
    }

    fn take(&mut self, facts: &Facts, root: Shape<'_>, cause: &Value) {
        let text = |name: &str| cause.field(name).and_then(Value::text).unwrap_or_default().to_owned();
        let way = (text("reason"), text("message"));
        let Some((place, shape)) = walk(facts, root, &text("field")) else { return };
        self.0.entry(place).or_default().insert(way.clone());
        if let Shape::Struct(name) = shape {
            self.0.entry((name.to_owned(), "*".to_owned())).or_default().insert(way);
        }
    }

    fn has(&self, place: &Place, rule: &str) -> bool {
        let word = rule.split('=').next().unwrap_or_default();
        let Some((_, reason, words)) = REFUSALS.iter().find(|(known, ..)| *known == word) else {
            return true;
        };
        let ways = self.0.get(place);
        ways.is_some_and(|ways| {
            ways.iter().any(|(found, message)| found == reason && message.contains(words))
        })
    }
}

/// The field that a path of a cause ends at, with the type it is of, and what stands there.
fn walk<'a>(facts: &'a Facts, root: Shape<'a>, path: &str) -> Option<(Place, Shape<'a>)> {
    let (mut at, mut last) = (root, None);
    for step in steps(path) {
        at = match (at, step) {
            (Shape::List(inner) | Shape::Map(inner), _) => facts.shape(inner),
            (Shape::Struct(name), Step::Name(field)) => {
                let shape = facts.field(at, &field)?;
                last = Some((name.to_owned(), field));
                shape
            }
            _ => return None,
        };
    }
    last.map(|place| (place, at))
}

/// A step of a path: a field, or something in a list or a map.
enum Step {
    Name(String),
    Inside,
}

fn steps(path: &str) -> Vec<Step> {
    let (mut steps, mut rest) = (Vec::new(), path);
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('[') {
            steps.push(Step::Inside);
            rest = behind.split_once(']').map_or("", |(_, behind)| behind);
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end > 0 {
                steps.push(Step::Name(rest[..end].to_owned()));
            }
            rest = &rest[end..];
        }
    }
    steps
}

/// The rules of the facts: `TYPE FIELD RULE`.
fn rules() -> Vec<(Place, String)> {
    let (mut all, mut of) = (Vec::new(), "");
    for line in RULES.lines() {
        let Some(row) = line.strip_prefix("  ") else {
            of = line;
            continue;
        };
        let mut words = row.split(' ');
        let field = words.next().unwrap_or_default();
        all.extend(words.map(|rule| ((of.to_owned(), field.to_owned()), rule.to_owned())));
    }
    all
}

/// Types that some recorded answer has more in than was sent.
fn filled(facts: &Facts, recorded: &Record) -> BTreeSet<String> {
    let mut filled = BTreeSet::new();
    for script in super::all() {
        let Some(answers) = recorded.get(&script.full_name()) else { continue };
        for step in script.steps.iter().filter(|step| step.method == "POST") {
            let Body::Bytes(body) = &step.body else { continue };
            let answer = answers.answers.iter().find(|answer| answer.step == step.name);
            let made = answer.filter(|answer| answer.answer.code == 201).map(|answer| &answer.answer.body);
            let sent = serde_json::from_slice::<Json>(body).ok();
            let (Some(made), Some(sent)) = (made, sent) else { continue };
            let made: Json = serde_json::from_str(&made.to_string()).unwrap_or_default();
            let (version, kind) = (&sent["apiVersion"], &sent["kind"]);
            let shape =
                version.as_str().zip(kind.as_str()).and_then(|(version, kind)| facts.kind(version, kind));
            if let Some(shape) = shape {
                compare(facts, shape, &sent, &made, &mut filled);
            }
        }
    }
    filled
}

fn compare(facts: &Facts, shape: Shape<'_>, sent: &Json, made: &Json, filled: &mut BTreeSet<String>) {
    match (shape, made) {
        (Shape::Struct(name), Json::Object(fields)) => {
            let ours = ["metadata", "status"];
            let has_more = fields.iter().any(|(field, value)| {
                !ours.contains(&field.as_str())
                    && sent[field].is_null()
                    && !value.is_null()
                    && *value != serde_json::json!({})
            });
            if has_more {
                filled.insert(name.to_owned());
            }
            for (field, value) in fields {
                if let Some(shape) = facts.field(shape, field) {
                    compare(facts, shape, &sent[field], value, filled);
                }
            }
        }
        (Shape::List(inner), Json::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                compare(facts, facts.shape(inner), &sent[index], item, filled);
            }
        }
        _ => {}
    }
}

/// Sees to it that what has no case is what the list says, under this heading.
fn hold(heading: &str, without: &BTreeSet<String>) {
    let mut listed = BTreeSet::new();
    for line in UNASKED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (what, reason) = line.split_once(" :: ").expect("WHAT :: REASON");
        assert!(!reason.trim().is_empty(), "{line}");
        if let Some(what) = what.strip_prefix(heading) {
            listed.insert(what.trim().to_owned());
        }
    }
    let missing: Vec<_> = without.difference(&listed).collect();
    assert!(missing.is_empty(), "{heading} without a case; add one, and record it: {missing:#?}");
    let gone: Vec<_> = listed.difference(without).collect();
    assert!(gone.is_empty(), "{heading} that have a case now; take them out of unasked.txt: {gone:#?}");
}

#[test]
fn every_rule_of_a_field_has_a_case() {
    let facts = Facts::read();
    let refused = Refused::of(&facts, &record::read(&record::directory()).unwrap());
    let rules = rules();
    assert!(rules.len() > 250, "so few rules are not all of them: {}", rules.len());
    let without = rules.into_iter().filter(|(place, rule)| !refused.has(place, rule));
    hold("rule", &without.map(|((of, field), rule)| format!("{of} {field} {rule}")).collect());
}

#[test]
fn every_type_that_is_filled_in_has_a_case() {
    let facts = Facts::read();
    let filled = filled(&facts, &record::read(&record::directory()).unwrap());
    let wanted: BTreeSet<String> = DEFAULTED.lines().map(str::to_owned).collect();
    hold("type", &wanted.difference(&filled).cloned().collect());
}
