//! What is different between two states of an object, one line to a place.

use serde_json::Value;

/// Places that every write changes by itself.
const BY_THEMSELVES: [&str; 3] =
    ["metadata.managedFields", "metadata.resourceVersion", "metadata.generation"];
/// What tells the items of a list apart, where they have it.
const NAMES: [&str; 4] = ["name", "type", "containerPort", "key"];
/// As many characters of a value are shown.
const SHOWN_MAX: usize = 80;

/// What has to be changed in `before` to make it `after`.
pub(super) fn between(before: &Value, after: &Value) -> Vec<String> {
    let mut changes = Vec::new();
    compare("", before, after, &mut changes);
    changes
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<String>) {
    if before == after || BY_THEMSELVES.contains(&path) {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in old {
                compare(&field(path, name), value, new.get(name).unwrap_or(&Value::Null), changes);
            }
            for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                compare(&field(path, name), &Value::Null, value, changes);
            }
        }
        (Value::Array(old), Value::Array(new)) if is_named(old) && is_named(new) => {
            for item in old {
                let same = new.iter().find(|other| name_of(other) == name_of(item));
                compare(&place(path, item), item, same.unwrap_or(&Value::Null), changes);
            }
            for item in new.iter().filter(|item| !old.iter().any(|other| name_of(other) == name_of(item))) {
                compare(&place(path, item), &Value::Null, item, changes);
            }
        }
        _ => changes.push(match (before.is_null(), after.is_null()) {
            (true, _) => format!("{path}: {} is new", shown(after)),
            (_, true) => format!("{path}: {} is gone", shown(before)),
            _ => format!("{path}: {} → {}", shown(before), shown(after)),
        }),
    }
}

fn field(path: &str, name: &str) -> String {
    // Names with dots in them would read as more than one.
    let name = if name.contains(['.', '/']) { format!("[{name}]") } else { name.to_owned() };
    if path.is_empty() || name.starts_with('[') { format!("{path}{name}") } else { format!("{path}.{name}") }
}

fn name_of(item: &Value) -> Option<String> {
    let named = NAMES.iter().find_map(|name| item.get(name));
    named.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Whether each item of a list has a name of its own.
fn is_named(items: &[Value]) -> bool {
    let mut seen = std::collections::HashSet::new();
    items.iter().all(|item| name_of(item).is_some_and(|name| seen.insert(name)))
}

fn place(path: &str, item: &Value) -> String {
    format!("{path}[{}]", name_of(item).unwrap_or_default())
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned).replace('\n', "\\n");
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_place_has_a_line() {
        let before = json!({"metadata": {"resourceVersion": "1", "labels": {"a/b": "x"}}, "spec": {"replicas": 1, "gone": true,
            "containers": [{"name": "c", "image": "i:1"}, {"name": "d", "image": "j"}], "args": ["a"]}});
        let after = json!({"metadata": {"resourceVersion": "2", "labels": {"a/b": "y"}}, "spec": {"replicas": 2, "new": "n",
            "containers": [{"name": "c", "image": "i:2"}, {"name": "e", "image": "k"}], "args": ["b"]}});
        let mut changes = between(&before, &after);
        changes.sort();
        assert_eq!(
            changes,
            [
                "metadata.labels[a/b]: x → y",
                r#"spec.args: ["a"] → ["b"]"#,
                "spec.containers[c].image: i:1 → i:2",
                r#"spec.containers[d]: {"image":"j","name":"d"} is gone"#,
                r#"spec.containers[e]: {"image":"k","name":"e"} is new"#,
                "spec.gone: true is gone",
                "spec.new: n is new",
                "spec.replicas: 1 → 2",
            ]
        );
        assert!(between(&before, &before).is_empty());
    }
}
