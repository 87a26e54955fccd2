//! What is written down about a namespace that is being emptied.

use std::collections::BTreeMap;

use keelson_api::time::UnixMillis;
use keelson_client::{Meta, Resource, Time};

use crate::views::condition::{Condition, find};

/// Each condition, and what it says where all is well.
const KINDS: [(&str, &str, &str); 5] = [
    (DISCOVERY, "ResourcesDiscovered", "All resources successfully discovered"),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (CONTENT, "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    (REMAINING, "ContentRemoved", "All content successfully removed"),
    (FINALIZERS, "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
];
const DISCOVERY: &str = "NamespaceDeletionDiscoveryFailure";
const CONTENT: &str = "NamespaceDeletionContentFailure";
const REMAINING: &str = "NamespaceContentRemaining";
const FINALIZERS: &str = "NamespaceFinalizersRemaining";

/// What was found on the way.
#[derive(Debug, Default)]
pub(super) struct Findings {
    discovery: Option<String>,
    failures: Vec<String>,
    /// How many of a kind are left, by `PLURAL.GROUP`.
    left: BTreeMap<String, usize>,
    /// How many objects a finalizer keeps.
    finalizers: BTreeMap<String, usize>,
}

impl Findings {
    pub(super) fn not_discovered(&mut self, why: &str) {
        self.discovery = Some(why.to_owned());
    }

    pub(super) fn not_deleted(&mut self, why: &str) {
        self.failures.push(why.to_owned());
    }

    pub(super) fn left<'a>(&mut self, resource: &Resource, objects: impl Iterator<Item = &'a Meta>) {
        let count = self.left.entry(format!("{}.{}", resource.plural, resource.group)).or_default();
        for object in objects {
            *count += 1;
            for finalizer in &object.finalizers {
                *self.finalizers.entry(finalizer.to_string()).or_default() += 1;
            }
        }
    }

    pub(super) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// Why it cannot go on, if so.
    pub(super) fn failure(&self) -> Option<String> {
        self.discovery.clone().or_else(|| (!self.failures.is_empty()).then(|| self.failures.join(", ")))
    }

    fn problem(&self, kind: &str) -> Option<(&'static str, String)> {
        let joined = |texts: Vec<String>| texts.join(", ");
        match kind {
            DISCOVERY => Some(("DiscoveryFailed", self.discovery.clone()?)),
            CONTENT if !self.failures.is_empty() => {
                let mut failures = self.failures.clone();
                failures.sort();
                let count = failures.len();
                let said =
                    format!("Failed to delete all resource types, {count} remaining: {}", joined(failures));
                Some(("ContentDeletionFailed", said))
            }
            REMAINING if !self.left.is_empty() => {
                let all =
                    self.left.iter().map(|(kind, count)| format!("{kind} has {count} resource instances"));
                Some((
                    "SomeResourcesRemain",
                    format!("Some resources are remaining: {}", joined(all.collect())),
                ))
            }
            FINALIZERS if !self.finalizers.is_empty() => {
                let all = self.finalizers.iter();
                let all = all.map(|(name, count)| format!("{name} in {count} resource instances"));
                let said = format!(
                    "Some content in the namespace has finalizers remaining: {}",
                    joined(all.collect())
                );
                Some(("SomeFinalizersRemain", said))
            }
            _ => None,
        }
    }

    /// The conditions that follow, after those that were there.
    pub(super) fn conditions(&self, old: &[Condition], now: UnixMillis) -> Vec<Condition> {
        let mut conditions = old.to_vec();
        for (kind, reason, message) in KINDS {
            let (status, reason, message) = match self.problem(kind) {
                Some((reason, message)) => ("True", reason, message),
                None => ("False", reason, message.to_owned()),
            };
            let since = find(old, kind).filter(|old| old.status == status);
            let last_transition_time = since.map_or(Some(Time::of(now)), |since| since.last_transition_time);
            let new = Condition {
                kind: kind.into(),
                status: status.into(),
                last_probe_time: None,
                last_update_time: None,
                last_transition_time,
                reason: reason.into(),
                message,
            };
            match conditions.iter_mut().find(|condition| condition.kind == kind) {
                Some(condition) => *condition = new,
                None => conditions.push(new),
            }
        }
        conditions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_said_in_upstreams_words() {
        let mut findings = Findings::default();
        let said = |findings: &Findings, kind: &str| {
            let all = findings.conditions(&[], UnixMillis(1_000));
            let found = find(&all, kind).unwrap();
            format!("{} {}: {}", found.status, found.reason, found.message)
        };
        assert_eq!(
            said(&findings, CONTENT),
            "False ContentDeleted: All content successfully deleted, may be waiting on finalization"
        );
        let pods = Resource::namespaced("", "v1", "pods", "Pod");
        let sets = Resource::namespaced("apps", "v1", "replicasets", "ReplicaSet");
        let kept = Meta { finalizers: ["f/x".into()].into(), ..Meta::default() };
        findings.left(&sets, [&kept, &Meta::default()].into_iter());
        findings.left(&pods, [&kept].into_iter());
        findings.not_deleted("b");
        findings.not_deleted("a");
        for (kind, expected) in [
            (
                REMAINING,
                "True SomeResourcesRemain: Some resources are remaining: pods. has 1 resource instances, replicasets.apps has 2 resource instances",
            ),
            (
                FINALIZERS,
                "True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: f/x in 2 resource instances",
            ),
            (CONTENT, "True ContentDeletionFailed: Failed to delete all resource types, 2 remaining: a, b"),
        ] {
            assert_eq!(said(&findings, kind), expected);
        }
    }

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let findings = Findings::default();
        let first = findings.conditions(&[], UnixMillis(1_000));
        assert_eq!(findings.conditions(&first, UnixMillis(9_000)), first);
    }
}
