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

/// Something that is done to a value: named, and nothing if it is taken away.
type Change = (String, Option<Json>);

/// What is done to a value that is there.
pub(super) fn changes(facts: &Facts, shape: Shape<'_>, value: &Json, sample: Sample) -> Vec<Change> {
    let whole = sample == Sample::All;
    let mut all: Vec<Change> = vec![("-".to_owned(), None)];
    match (shape, value) {
        (Shape::List(items), Json::Array(values)) => all.extend(of_list(facts, items, values, whole)),
        (Shape::Map(values), Json::Object(entries)) => all.extend(of_map(facts, values, entries)),
        _ => all.extend(others(shape, value, whole).into_iter().map(named)),
    }
    all.retain(|(_, new)| new.as_ref() != Some(value));
    all
}

fn named(value: Json) -> Change {
    (value.to_string().chars().take(24).collect(), Some(value))
}

fn of_list(facts: &Facts, items: &Json, values: &[Json], whole: bool) -> Vec<Change> {
    let with = |more: Option<Json>| Some(values.iter().cloned().chain(more).collect());
    let mut all = vec![named(json!([])), ("twice".to_owned(), with(values.first().cloned()))];
    if let Some(bad) = one(facts, facts.shape(items), Sample::Bad, 1) {
        all.push(("and bad".to_owned(), with(Some(bad))));
    }
    if whole {
        all.push(named(json!({})));
    }
    all
}

fn of_map(facts: &Facts, values: &Json, entries: &Map<String, Json>) -> Vec<Change> {
    let mut all = vec![named(json!({}))];
    for key in ["Bad key!", "x", ""] {
        let mut more = entries.clone();
        if let Some(value) = one(facts, facts.shape(values), Sample::Plain, 1) {
            more.insert(key.to_owned(), value);
            all.push((format!("and `{key}`"), Some(Json::Object(more))));
        }
    }
    all
}

/// Other values of the same kind, and such as cannot be.
fn others(shape: Shape<'_>, value: &Json, whole: bool) -> Vec<Json> {
    let of = |values: &[Json], more: &[Json]| {
        let more = if whole { more } else { &[] };
        values.iter().chain(more).cloned().collect::<Vec<_>>()
    };
    match shape {
        Shape::Struct(_) => of(&[json!({})], &[json!("x")]),
        Shape::Text([]) => of(&[json!(BAD), json!("other")], &[json!(""), json!(5), json!("a".repeat(300))]),
        Shape::Text(values) => {
            let mut all: Vec<Json> = values.iter().filter(|other| *other != value).take(3).cloned().collect();
            all.extend(of(&[json!(BAD)], &[json!(""), json!(5)]));
            all
        }
        Shape::Bytes => of(&[json!("eA=="), json!("!")], &[]),
        Shape::Time => of(&[json!("2021-02-03T04:05:06Z"), json!("x")], &[]),
        Shape::Quantity => ["-1", "0", "1500m", "7Gi", "x"].map(|text| json!(text)).to_vec(),
        Shape::Number if whole => {
            let (numbers, large) = ([-1, 0, 1, 70_000].map(|number| json!(number)), 5_000_000_000_i64);
            of(&numbers, &[json!("x"), json!(large)])
        }
        Shape::Number => of(&[json!(-1), json!(77)], &[]),
        Shape::Bool => of(&[json!(value != &json!(true))], &[]),
        Shape::IntOrText => {
            let texts = ["x", BAD, "50%", "200%"].map(|text| json!(text));
            [-1, 0, 70_000].map(|number| json!(number)).into_iter().chain(texts).collect()
        }
        Shape::Open => of(&[json!({})], &[]),
        Shape::List(_) | Shape::Map(_) => Vec::new(),
    }
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
