//! Conditions: what holds of an object, since when and why.

use compact_str::CompactString;
use keelson_client::Time;
use serde::{Deserialize, Serialize};

/// A condition of a workload's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: CompactString,
    /// `True`, `False` or `Unknown`.
    pub(crate) status: CompactString,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_probe_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_update_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_transition_time: Option<Time>,
    #[serde(default, skip_serializing_if = "CompactString::is_empty")]
    pub(crate) reason: CompactString,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
}

/// The condition of a kind.
pub(crate) fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// Takes a condition out.
pub(crate) fn remove(conditions: &mut Vec<Condition>, kind: &str) {
    conditions.retain(|condition| condition.kind != kind);
}

/// Sets a condition, unless it says so already. It has changed only when its status has.
pub(crate) fn set(conditions: &mut Vec<Condition>, mut new: Condition) {
    if let Some(old) = find(conditions, &new.kind) {
        if old.status == new.status && old.reason == new.reason {
            return;
        }
        if old.status == new.status {
            new.last_transition_time = old.last_transition_time;
        }
    }
    remove(conditions, &new.kind);
    conditions.push(new);
}
