//! Rules for labels and label selectors within objects.

use keelson_api::field::Errors;
use keelson_api::names::label;
use keelson_api::selector::label::{Expression, Leniency, check_parts};
use keelson_schema::tree::View;

use super::At;

/// Texts of a list.
pub(crate) fn texts(list: View<'_>) -> Vec<&str> {
    list.items().map(View::text).collect()
}

/// A map of labels: keys and values are such as labels can have.
pub(crate) fn labels(labels: &At<'_, '_>, errors: &mut Errors) {
    label::check_labels(labels.entries().map(|(key, value)| (key, value.text())), &labels.path, errors);
}

/// A map of annotations.
pub(crate) fn annotations(annotations: &At<'_, '_>, errors: &mut Errors) {
    let entries = annotations.entries().map(|(key, value)| (key, value.text()));
    label::check_annotations(entries, &annotations.path, errors);
}

/// A label selector, if there is one.
pub(crate) fn label_selector(selector: &At<'_, '_>, errors: &mut Errors) {
    label_selector_with(selector, false, errors);
}

/// A label selector, if there is one, which may have values that no label can have.
pub(crate) fn label_selector_with(selector: &At<'_, '_>, invalid_values: bool, errors: &mut Errors) {
    let wanted = selector.field("matchLabels");
    let expressions = selector.field("matchExpressions");
    let values: Vec<Vec<&str>> = expressions.view.items().map(|one| texts(one.field("values"))).collect();
    let parts = expressions.view.items().zip(&values).map(|(one, values)| Expression {
        key: one.field("key").text(),
        operator: one.field("operator").text(),
        values,
    });
    let leniency = Leniency { invalid_values, ..Leniency::default() };
    check_parts(
        wanted.entries().map(|(key, value)| (key, value.text())),
        parts,
        leniency,
        &selector.path,
        errors,
    );
}

/// Whether a label selector has values that no label can have, as stored ones may.
pub(crate) fn has_invalid_value(selector: View<'_>) -> bool {
    let mut values = selector.field("matchExpressions").items().flat_map(|one| one.field("values").items());
    values.any(|value| !label::value(value.text()).is_empty())
}

/// Whether a label selector selects everything.
pub(crate) fn is_everything(selector: View<'_>) -> bool {
    let count = |name: &str| At { view: selector, path: keelson_api::field::Path::NOWHERE }.field(name).len();
    count("matchLabels") + count("matchExpressions") == 0
}

/// Whether a label selector that is there selects an object with these labels; nothing if it makes no sense.
pub(crate) fn matches(selector: View<'_>, labels: View<'_>) -> Option<bool> {
    let wanted = At { view: selector.field("matchLabels"), path: keelson_api::field::Path::NOWHERE };
    let expressions = selector.field("matchExpressions");
    let values: Vec<Vec<&str>> = expressions.items().map(|one| texts(one.field("values"))).collect();
    let parts = expressions.items().zip(&values).map(|(one, values)| Expression {
        key: one.field("key").text(),
        operator: one.field("operator").text(),
        values,
    });
    let parsed = keelson_api::selector::label::Selector::from_parts(
        wanted.entries().map(|(key, value)| (key, value.text())),
        parts,
    )
    .ok()?;
    Some(parsed.matches(|key| {
        let value = labels.key(key);
        value.is_present().then(|| value.text())
    }))
}
