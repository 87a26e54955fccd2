//! Revisions: which template came after which, in annotations of deployments and their replica sets.

use std::collections::BTreeMap;
use std::sync::Arc;

use keelson_client::Meta;

use crate::views::deployment::Deployment;
use crate::views::replicaset::ReplicaSet;

/// A set's place among those of its deployment.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
/// The places that it had before.
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// How many replicas the deployment wanted when it last scaled the set.
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// How many it allowed.
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// Which revision to go back to; an older form of asking for it.
const ROLLBACK_TO: &str = "deprecated.deployment.rollback.to";
/// The history's length in bytes; older places are forgotten.
const HISTORY_BYTES_MAX: usize = 2000;
/// What a set does not take over from its deployment.
const NOT_COPIED: [&str; 6] =
    ["kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAX, ROLLBACK_TO];

/// Annotations that are to be set.
pub(super) type Changes = BTreeMap<String, String>;

/// The revision that an object says it is; zero if it says nothing, `None` if it says no number.
pub(super) fn of(meta: &Meta) -> Option<i64> {
    meta.annotation(REVISION).map_or(Some(0), |text| text.parse().ok())
}

/// The highest revision among sets.
pub(super) fn highest<'a>(sets: impl IntoIterator<Item = &'a Arc<ReplicaSet>>) -> i64 {
    sets.into_iter().filter_map(|set| of(&set.metadata)).max().unwrap_or(0).max(0)
}

/// The highest but one.
pub(super) fn last<'a>(sets: impl IntoIterator<Item = &'a Arc<ReplicaSet>>) -> i64 {
    let mut all: Vec<i64> = sets.into_iter().filter_map(|set| of(&set.metadata)).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    all.get(1).copied().unwrap_or(0)
}

/// The revision to go back to, if somebody asked for it the older way.
pub(super) fn rollback_to(deployment: &Deployment) -> Option<i64> {
    deployment.metadata.annotation(ROLLBACK_TO)?.parse().ok()
}

/// The name of the annotation that asks for it.
pub(super) fn rollback_annotation() -> &'static str {
    ROLLBACK_TO
}

/// Whether sets take an annotation over from their deployment.
pub(super) fn is_copied(key: &str) -> bool {
    !NOT_COPIED.contains(&key)
}

/// What the set of the deployment's template is to be annotated with, as far as it is not. `None` for a set that is not
/// made yet.
pub(super) fn of_new(deployment: &Deployment, set: Option<&ReplicaSet>, revision: i64) -> Changes {
    let has = |key: &str| set.and_then(|set| set.metadata.annotation(key));
    let copied = deployment
        .metadata
        .annotations
        .iter()
        .filter(|(key, value)| is_copied(key) && has(key) != Some(value));
    let mut changes: Changes = copied.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let old = has(REVISION);
    let Some(old_number) =
        old.map_or(Some(0), |text| if text.is_empty() { Some(0) } else { text.parse().ok() })
    else {
        return Changes::new();
    };
    if old_number < revision {
        changes.insert(REVISION.into(), revision.to_string());
        if let Some(old) = old
            && let Some(history) = appended(has(HISTORY).unwrap_or_default(), old)
        {
            changes.insert(HISTORY.into(), history);
        }
    }
    changes
}

fn appended(history: &str, old: &str) -> Option<String> {
    if history.is_empty() {
        return Some(old.to_owned());
    }
    let mut parts: Vec<&str> = history.split(',').collect();
    let mut length = history.len() + old.len() + 1;
    while length > HISTORY_BYTES_MAX && !parts.is_empty() {
        length -= parts.remove(0).len() + 1;
    }
    if length > HISTORY_BYTES_MAX {
        return None;
    }
    parts.push(old);
    Some(parts.join(","))
}

/// A number that a set is annotated with, if it is one that can be a number of replicas.
pub(super) fn number(set: &ReplicaSet, key: &str) -> Option<i32> {
    set.metadata.annotation(key)?.parse().ok().filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_grows_at_the_end_and_is_forgotten_at_the_beginning() {
        assert_eq!(appended("", "1").as_deref(), Some("1"));
        assert_eq!(appended("1,4", "7").as_deref(), Some("1,4,7"));
        let long = vec!["1234"; 400].join(",");
        let grown = appended(&long, "5678").unwrap();
        assert!(grown.len() <= HISTORY_BYTES_MAX && grown.ends_with("1234,5678"), "{}", grown.len());
    }
}
