//! What of a status is written: the difference to what is known, so that nobody else's words are touched.

use serde_json::{Map, Value, json};

use crate::status::{Condition, Status};

/// Lists that the server merges by a key of their elements; here they are replaced.
const MERGED: [&str; 2] = ["hostIPs", "podIPs"];

/// The strategic merge patch from `old` to `new`; `None` if nothing has changed.
pub(crate) fn change(uid: &str, old: &Status, new: &Status) -> Result<Option<Value>, serde_json::Error> {
    if old == new {
        return Ok(None);
    }
    let (Value::Object(before), Value::Object(after)) =
        (serde_json::to_value(old)?, serde_json::to_value(new)?)
    else {
        return Ok(None);
    };
    let mut change = Map::new();
    for (key, value) in &after {
        if key == "conditions" || before.get(key) == Some(value) {
            continue;
        }
        let mut value = value.clone();
        if MERGED.contains(&key.as_str())
            && before.contains_key(key)
            && let Some(list) = value.as_array_mut()
        {
            list.push(json!({"$patch": "replace"}));
        }
        change.insert(key.clone(), value);
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        change.insert(key.clone(), Value::Null);
    }
    let conditions = conditions(&old.conditions, &new.conditions)?;
    if !conditions.is_empty() {
        change.insert("conditions".to_owned(), conditions.into());
    }
    if change.is_empty() {
        return Ok(None);
    }
    Ok(Some(json!({"metadata": {"uid": uid}, "status": change})))
}

fn conditions(old: &[Condition], new: &[Condition]) -> Result<Vec<Value>, serde_json::Error> {
    let mut changed = Vec::new();
    for condition in new {
        let before = old.iter().find(|old| old.kind == condition.kind);
        if before == Some(condition) {
            continue;
        }
        let mut value = serde_json::to_value(condition)?;
        // What is not said any more has to be taken out, else it stays.
        let before = before.map(serde_json::to_value).transpose()?;
        for key in before.iter().filter_map(Value::as_object).flat_map(Map::keys) {
            if value.get(key).is_none() {
                value[key] = Value::Null;
            }
        }
        changed.push(value);
    }
    Ok(changed)
}
