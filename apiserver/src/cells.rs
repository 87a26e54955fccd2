//! What stands in the cells of tables: ages, counts, names, as people know them.
//!
//! Which cells a resource has is said by its `cells` hook; here and below is what several of them share.

pub(crate) mod containers;
pub(crate) mod selector;
pub(crate) mod storage;

use keelson_api::duration::Span;
use keelson_api::time::UnixMillis;
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::{Entries, Object, Value, View};

use crate::meta::meta;
use crate::resource::{Column, Facts};

/// A cell: text, a number, a truth or nothing.
pub(crate) type Cell = serde_json::Value;

/// What stands where it is not known.
pub(crate) const UNKNOWN: &str = "<unknown>";

/// What stands where there is nothing.
pub(crate) const NONE: &str = "<none>";

/// What stands where nobody has said anything.
pub(crate) const UNSET: &str = "<unset>";

/// The cells that follow from metadata alone: the name and the age; nothing is known of the others.
pub(crate) fn of_metadata(facts: &Facts, object: &Object, now: UnixMillis) -> Vec<Cell> {
    let cell = |column: &Column| match column.name {
        "Name" => Cell::from(meta(object).name()),
        "Age" => Cell::from(age(meta(object).creation_timestamp(), now)),
        "Created At" => Cell::from(timestamp(meta(object).creation_timestamp())),
        _ => Cell::Null,
    };
    facts.columns.iter().map(cell).collect()
}

/// The name of the object.
pub(crate) fn name(object: &Object) -> Cell {
    Cell::from(meta(object).name())
}

/// The age of the object.
pub(crate) fn age_of(object: &Object, now: UnixMillis) -> Cell {
    Cell::from(age(meta(object).creation_timestamp(), now))
}

/// How long ago the time is that stands there.
pub(crate) fn since(view: View<'_>, now: UnixMillis) -> String {
    age(view.value().and_then(Value::as_time), now)
}

/// The text that stands there, or `otherwise`.
pub(crate) fn text_or<'a>(view: View<'a>, otherwise: &'a str) -> &'a str {
    Some(view.text()).filter(|text| !text.is_empty()).unwrap_or(otherwise)
}

/// The number that stands there; zero if there is none.
pub(crate) fn integer(view: View<'_>) -> i64 {
    view.int().unwrap_or_default()
}

/// The number or text that stands there, as text.
pub(crate) fn number_or_text(view: View<'_>) -> String {
    view.int().map_or_else(|| view.text().to_owned(), |number| number.to_string())
}

/// How many entries a map or list has that stands there.
pub(crate) fn count(view: View<'_>) -> usize {
    view.value().map_or(0, |value| value.as_map().map_or(value.items().len(), Entries::len))
}

/// A truth as a word.
pub(crate) fn truth(is: bool) -> &'static str {
    if is { "True" } else { "False" }
}

/// The texts of a list, with commas between them.
pub(crate) fn joined(view: View<'_>) -> String {
    let texts: Vec<&str> = view.items().map(View::text).collect();
    texts.join(",")
}

/// `texts` with commas between them, or `otherwise` if there are none.
pub(crate) fn joined_or<'a>(texts: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    let texts: Vec<&str> = texts.into_iter().collect();
    if texts.is_empty() { otherwise.to_owned() } else { texts.join(",") }
}

/// How long ago that was. What lies ahead has negative ages, which say that something is wrong with them.
pub(crate) fn age(since: Option<Time>, now: UnixMillis) -> String {
    let Some(since) = since.filter(|time| *time != Time::ZERO) else { return UNKNOWN.into() };
    let now = i64::try_from(now.0).unwrap_or(i64::MAX);
    let millis = now - since.seconds * 1000;
    Span::from_millis(millis).human().to_string()
}

/// A point in time, as it is written.
pub(crate) fn timestamp(time: Option<Time>) -> String {
    let mut text = Vec::new();
    if let Some(time) = time {
        time.push(&mut text, keelson_schema::scalar::time::Precision::Seconds);
    }
    String::from_utf8(text).unwrap_or_default()
}
