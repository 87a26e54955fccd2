//! What is to be done about a set of pods.

use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::UnixMillis;
use keelson_client::{Problem, Resource, Time};
use serde_json::{Value, json};

use crate::claim::{claim, selects};
use crate::making;
use crate::plan::{Action, Pace, Plan, prefix};
use crate::pods::{self, is_active, is_available, is_ready, is_terminating};
use crate::views::condition::{self, Condition};
use crate::views::pod::Pod;
use crate::views::replicaset::{ReplicaSet, Status};

/// Pods that are made or deleted at once; the rest follows when those are seen. Upstream's.
const BURST_MAX: usize = 500;
/// The condition that says that pods cannot be made or deleted.
const FAILURE: &str = "ReplicaFailure";

/// What the decision rests on.
pub(super) struct View<'a> {
    pub(super) resource: &'a Resource,
    pub(super) set: &'a ReplicaSet,
    pub(super) counts_terminating: bool,
    /// Pods that are the set's or nobody's.
    pub(super) pods: Vec<Arc<Pod>>,
    /// All pods that do the same work.
    pub(super) related: Vec<Arc<Pod>>,
}

/// Decides.
pub(super) fn plan(view: View<'_>, now: UnixMillis) -> Plan {
    let View { resource, set, counts_terminating, pods, related } = view;
    let (meta, selector) = (&set.metadata, &set.spec.selector.selector);
    let (active, rest): (Vec<_>, Vec<_>) = pods.into_iter().partition(|pod| is_active(pod));
    let terminating = rest.iter().filter(|pod| {
        is_terminating(pod)
            && pod.metadata.is_controlled_by(&meta.uid)
            && selects(selector, &pod.metadata.labels)
    });
    let terminating = counts_terminating.then(|| count(terminating.count()));
    let mut first = Vec::new();
    let active = claim((resource, meta), selector, active, &mut first);
    let wanted = usize::try_from(set.spec.replicas).unwrap_or(0);
    let (then, pace) = if meta.is_deleting() {
        (Vec::new(), Pace::InOrder)
    } else if active.len() < wanted {
        let missing = (wanted - active.len()).min(BURST_MAX);
        let template = &set.spec.template;
        let pod = making::of_template(template.with_labels(&template.labels), &prefix(&meta.name));
        let create = making::create((resource, meta), pod);
        (vec![create; missing], Pace::SlowStart)
    } else {
        let surplus = (active.len() - wanted).min(BURST_MAX);
        let mut going = active.clone();
        if surplus > 0 && surplus < going.len() {
            pods::sort_for_deletion(&mut going, &related, now);
        }
        (going[..surplus].iter().map(|pod| making::delete((resource, meta), pod)).collect(), Pace::AtOnce)
    };
    let again = again(set, &active, now);
    let (counted, behind) = (status(set, &active, terminating, now), active.len() < wanted);
    let (resource, set) = (resource.clone(), set.clone());
    let plan = Plan { first, then, pace, again, ..Plan::default() };
    plan.finishing(move |failure| written(&resource, &set, &with_failure(counted, failure, behind, now)))
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// When the next pod becomes available without anything else happening.
fn again(set: &ReplicaSet, active: &[Arc<Pod>], now: UnixMillis) -> Option<Duration> {
    let seconds = set.spec.min_ready_seconds;
    if seconds > 0 { pods::next_available(active, seconds, now) } else { None }
}

fn status(set: &ReplicaSet, active: &[Arc<Pod>], terminating: Option<i32>, now: UnixMillis) -> Status {
    let those = |is: &dyn Fn(&Pod) -> bool| count(active.iter().filter(|pod| is(pod)).count());
    Status {
        replicas: count(active.len()),
        fully_labeled_replicas: those(&|pod| pod.metadata.labels.contain(&set.spec.template.labels)),
        ready_replicas: those(&is_ready),
        available_replicas: those(&|pod| is_available(pod, set.spec.min_ready_seconds, now)),
        terminating_replicas: terminating,
        observed_generation: set.metadata.generation,
        conditions: set.status.conditions.clone(),
    }
}

fn with_failure(mut status: Status, failure: Option<&Problem>, behind: bool, now: UnixMillis) -> Status {
    let known = condition::find(&status.conditions, FAILURE).is_some();
    match failure {
        Some(problem) if !known => status.conditions.push(Condition {
            kind: FAILURE.into(),
            status: "True".into(),
            last_probe_time: None,
            last_update_time: None,
            last_transition_time: Some(Time::of(now)),
            reason: if behind { "FailedCreate" } else { "FailedDelete" }.into(),
            message: if behind { problem.to_string() } else { format!("unable to delete pods: {problem}") },
        }),
        None => condition::remove(&mut status.conditions, FAILURE),
        Some(_) => {}
    }
    status
}

fn written(resource: &Resource, set: &ReplicaSet, new: &Status) -> Vec<Action> {
    if *new == set.status {
        return Vec::new();
    }
    let mut status = json!({
        "replicas": new.replicas,
        "fullyLabeledReplicas": new.fully_labeled_replicas,
        "readyReplicas": new.ready_replicas,
        "availableReplicas": new.available_replicas,
        "observedGeneration": new.observed_generation,
        "conditions": if new.conditions.is_empty() { Value::Null } else { json!(new.conditions) },
    });
    if let Some(terminating) = new.terminating_replicas {
        status["terminatingReplicas"] = json!(terminating);
    }
    vec![Action::merge(resource, &set.metadata, "status", json!({"status": status}))]
}
