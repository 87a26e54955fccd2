//! Labels of nodes that have gone out of use, in maps of labels and in label selectors.

use keelson_schema::tree::{Value, View};

use super::node;

/// Warns of a label selector of nodes.
pub(crate) fn of_selector(selector: View<'_>, path: &str, warnings: &mut Vec<String>) {
    node::selector_term(selector, false, path, warnings);
    for (label, words) in old(selector.field("matchLabels")) {
        warnings.push(format!("{path}.matchLabels.{label}: {words}"));
    }
}

/// Warns of a map of labels.
pub(crate) fn of_labels(labels: View<'_>, path: &str, warnings: &mut Vec<String>) {
    warnings.extend(old(labels).map(|(_, words)| format!("{path}: {words}")));
}

fn old(labels: View<'_>) -> impl Iterator<Item = (&str, &'static str)> {
    let entries = labels.value().and_then(Value::as_map);
    let keys = entries.into_iter().flat_map(|entries| entries.iter().map(|(key, _)| key.as_str()));
    keys.filter_map(|key| Some((key, node::label(key)?)))
}
