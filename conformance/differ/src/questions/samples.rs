//! Values to try in a field, by what it is: good ones, bad ones, and changes of what stands there.

use serde_json::{Map, Value as Json, json};

use super::facts::{Facts, Shape};

/// Which values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// What may be right
    Plain,
    /// What cannot be
    Bad,
    /// What says nothing
    Empty,
    /// All that there are
    All,
}

const BAD: &str = "Bad value!";

/// Values of a field that is not there. Structures go no deeper than `depth`.
pub(super) fn samples(facts: &Facts, shape: Shape<'_>, sample: Sample, depth: usize) -> Vec<(String, Json)> {
    let mut all = Vec::new();
    let of = |kind: Sample| matches!(sample, Sample::All) || sample == kind;
    for (kind, name) in [(Sample::Plain, "plain"), (Sample::Bad, "bad"), (Sample::Empty, "empty")] {
        if of(kind)
            && let Some(value) = one(facts, shape, kind, depth)
            && !all.iter().any(|(_, other)| *other == value)
        {
            all.push((name.to_owned(), value));
        }
    }
    if let (Shape::Text(values), Sample::All) = (shape, sample) {
        all.extend(
            values
                .iter()
                .skip(1)
                .take(3)
                .map(|value| (format!("={}", value.as_str().unwrap_or_default()), value.clone())),
        );
    }
    all
}

fn one(facts: &Facts, shape: Shape<'_>, sample: Sample, depth: usize) -> Option<Json> {
    Some(match (shape, sample) {
        (Shape::Struct(_), Sample::Empty) => json!({}),
        (Shape::Struct(_), _) if depth == 0 => return None,
        (Shape::Struct(_), _) => {
            let fields = facts.fields(shape).into_iter();
            let filled = fields
                .filter_map(|(name, below)| Some((name.to_owned(), one(facts, below, sample, depth - 1)?)));
            Json::Object(filled.collect::<Map<_, _>>())
        }
        (Shape::List(_) | Shape::Map(_) | Shape::Open, Sample::Empty) if depth < 2 => return None,
        (Shape::List(_), Sample::Empty) => json!([]),
        (Shape::Map(_), Sample::Empty) => json!({}),
        (Shape::List(items), _) => json!([one(facts, facts.shape(items), sample, depth)?]),
        (Shape::Map(values), _) => {
            let value = one(facts, facts.shape(values), sample, depth)?;
            let key = if sample == Sample::Bad { "Bad key!" } else { "x" };
            json!({key: value})
        }
        (Shape::Text(_), Sample::Empty) => json!(""),
        (Shape::Text(values), Sample::Plain) => values.first().cloned().unwrap_or_else(|| json!("x")),
        (Shape::Text(_), _) => json!(BAD),
        (Shape::Bytes, Sample::Plain) => json!("eA=="),
        (Shape::Bytes, Sample::Bad) => return None,
        (Shape::Bytes, _) => json!(""),
        (Shape::Time, Sample::Plain) => json!("2021-02-03T04:05:06Z"),
        (Shape::Time, _) => return None,
        (Shape::Quantity, Sample::Plain) => json!("1"),
        (Shape::Quantity, Sample::Bad) => json!("-1500m"),
        (Shape::Quantity | Shape::Number, _) if sample == Sample::Empty => json!(0),
        (Shape::Number, Sample::Plain) => json!(1),
        (Shape::Number, _) => json!(-1),
        (Shape::IntOrText, Sample::Plain) => json!("50%"),
        (Shape::IntOrText, Sample::Bad) => json!(-1),
        (Shape::IntOrText, _) => json!(0),
        (Shape::Bool, Sample::Plain) => json!(true),
        (Shape::Bool, Sample::Bad) => return None,
        (Shape::Bool, _) => json!(false),
        (Shape::Open, Sample::Plain) => json!({"a": 1}),
        (Shape::Open, _) => return None,
        (Shape::Quantity, _) => return None,
    })
}

/// What is done to a value that is there: named, and nothing if it is taken away.
pub(super) fn changes(
    facts: &Facts,
    shape: Shape<'_>,
    value: &Json,
    sample: Sample,
) -> Vec<(String, Option<Json>)> {
    let mut all: Vec<(String, Option<Json>)> = vec![("-".to_owned(), None)];
    let whole = sample == Sample::All;
    let mut put = |value: Json| {
        let shown: String = value.to_string().chars().take(24).collect();
        all.push((shown, Some(value)));
    };
    match (shape, value) {
        (Shape::Struct(_), _) => {
            put(json!({}));
            if whole {
                put(json!("x"));
            }
        }
        (Shape::List(items), Json::Array(values)) => {
            put(json!([]));
            let mut twice = values.clone();
            twice.extend(values.first().cloned());
            all.push(("twice".to_owned(), Some(Json::Array(twice))));
            if let Some(bad) = one(facts, facts.shape(items), Sample::Bad, 1) {
                let mut more = values.clone();
                more.push(bad);
                all.push(("and bad".to_owned(), Some(Json::Array(more))));
            }
            if whole {
                all.push(("{}".to_owned(), Some(json!({}))));
            }
        }
        (Shape::Map(values), Json::Object(entries)) => {
            put(json!({}));
            for key in ["Bad key!", "x", ""] {
                let mut more = entries.clone();
                if let Some(value) = one(facts, facts.shape(values), Sample::Plain, 1) {
                    more.insert(key.to_owned(), value);
                    all.push((format!("and `{key}`"), Some(Json::Object(more))));
                }
            }
        }
        (Shape::Text(values), value) => {
            let plain = if values.is_empty() { 0 } else { 3 };
            let others = values.iter().filter(|other| *other != value).take(plain);
            others.for_each(|other| put(other.clone()));
            put(json!(BAD));
            if values.is_empty() {
                put(json!("other"));
            }
            if whole {
                put(json!(""));
                put(json!(5));
                if values.is_empty() {
                    put(json!("a".repeat(300)));
                }
            }
        }
        (Shape::Bytes, _) => [json!("eA=="), json!("!")].into_iter().for_each(put),
        (Shape::Time, _) => [json!("2021-02-03T04:05:06Z"), json!("x")].into_iter().for_each(put),
        (Shape::Quantity, _) => {
            ["-1", "0", "1500m", "7Gi", "x"].into_iter().for_each(|text| put(json!(text)));
        }
        (Shape::Number, _) => {
            let numbers = if whole { [-1, 0, 1, 70_000].as_slice() } else { [-1, 77].as_slice() };
            numbers.iter().for_each(|number| put(json!(number)));
            if whole {
                put(json!("x"));
                put(json!(5_000_000_000_i64));
            }
        }
        (Shape::Bool, value) => put(json!(value != &json!(true))),
        (Shape::IntOrText, _) => {
            [json!(-1), json!(0), json!(70_000), json!("x"), json!(BAD), json!("50%"), json!("200%")]
                .into_iter()
                .for_each(put);
        }
        (Shape::Open, _) => put(json!({})),
        _ => {}
    }
    all.retain(|(_, new)| new.as_ref() != Some(value));
    all
}

/// The value with all its texts empty, but for what says what it is.
pub(super) fn without_texts(value: &Json) -> Json {
    fn empty(value: &mut Json) {
        match value {
            Json::String(text) => text.clear(),
            Json::Array(items) => items.iter_mut().for_each(empty),
            Json::Object(fields) => fields.values_mut().for_each(empty),
            _ => {}
        }
    }
    let mut value = value.clone();
    if let Json::Object(fields) = &mut value {
        let own = |name: &str| !["apiVersion", "kind", "metadata"].contains(&name);
        fields.iter_mut().filter(|(name, _)| own(name)).for_each(|(_, value)| empty(value));
    }
    value
}
