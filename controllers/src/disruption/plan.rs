//! What is to be done about a budget: count, and write down what may be taken away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::Time;
use keelson_client::events::Weight;
use serde_json::{Value, json};

use super::scale::{Expected, Owners};
use crate::plan::{Action, Plan, Word};
use crate::pods::is_ready;
use crate::share::{Share, scaled};
use crate::views::disruptionbudget::{BUDGETS, Budget, Condition, Status};
use crate::views::pod::{PODS, Pod};

/// How long a pod that somebody evicts may take to be on its way out. Upstream's.
const EVICTION_SECONDS: i64 = 120;
/// The condition that says whether anything may be taken away.
const ALLOWED: &str = "DisruptionAllowed";

/// Decides.
pub(super) fn plan(budget: &Budget, pods: &[Arc<Pod>], owners: &Owners, now: UnixMillis) -> Plan {
    let mut told = Vec::new();
    let mut tell = |weight, reason, note: String| {
        let word = Word::new(reason, "Calculate", note);
        told.push(Action::tell(&BUDGETS, &budget.metadata, weight, &word));
    };
    if pods.is_empty() {
        tell(Weight::Normal, "NoPods", "No matching pods found".into());
    }
    let (expected, wanted) = match wanted(budget, pods, owners) {
        Ok(wanted) => wanted,
        Err(why) => {
            let note = format!("Failed to calculate the number of expected pods: {why}");
            tell(Weight::Warning, "CalculateExpectedPodCountFailed", note);
            return Plan::of([failed(budget, &why, now), told].concat());
        }
    };
    if expected.some_unmanaged {
        let note = format!(
            "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the \
             status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for \
             these pods please set \".spec.minAvailable\" field of the PDB to an integer value.",
            shown(&budget.spec.selector.written)
        );
        tell(Weight::Warning, "UnmanagedPods", note);
    }
    let (going, again) = evicted(budget, pods, now, &mut told);
    let is_healthy = |pod: &&Arc<Pod>| {
        !pod.metadata.is_deleting() && !going.contains_key(&pod.metadata.name) && is_ready(pod)
    };
    let healthy = i32::try_from(pods.iter().filter(is_healthy).count()).unwrap_or(i32::MAX);
    let spare = healthy.saturating_sub(wanted).max(0);
    // Where nothing is expected, the first pod that appears is not to be taken away unseen.
    let spare = if expected.count > 0 { spare } else { 0 };
    let status = Status {
        observed_generation: budget.metadata.generation,
        disrupted_pods: going,
        disruptions_allowed: spare,
        current_healthy: healthy,
        desired_healthy: wanted,
        expected_pods: expected.count,
        conditions: budget.status.conditions.clone(),
    };
    let (is, reason) = if spare > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let status = with_condition(status, is, reason, "", now);
    Plan { again, ..Plan::of([written(budget, &status), told].concat()) }
}

/// How many pods there should be, and how many of them have to be healthy.
fn wanted(budget: &Budget, pods: &[Arc<Pod>], owners: &Owners) -> Result<(Expected, i32), String> {
    let spec = &budget.spec;
    let share_of = |value: &Value, count: i32| scaled(value, count, Share::Up);
    if !spec.max_unavailable.is_null() {
        let expected = owners.expected(pods)?;
        let wanted = expected.count.saturating_sub(share_of(&spec.max_unavailable, expected.count)).max(0);
        return Ok((expected, wanted));
    }
    if spec.min_available.is_string() {
        let expected = owners.expected(pods)?;
        let wanted = share_of(&spec.min_available, expected.count);
        return Ok((expected, wanted));
    }
    let count = if spec.min_available.is_null() { 0 } else { i32::try_from(pods.len()).unwrap_or(i32::MAX) };
    Ok((Expected { count, some_unmanaged: false }, share_of(&spec.min_available, 0)))
}

/// Pods that somebody evicts and that are not on their way out yet; and when the first of them is late.
fn evicted(
    budget: &Budget,
    pods: &[Arc<Pod>],
    now: UnixMillis,
    told: &mut Vec<Action>,
) -> (BTreeMap<CompactString, Time>, Option<Duration>) {
    let (mut going, mut again) = (BTreeMap::new(), None);
    for pod in pods.iter().filter(|pod| !pod.metadata.is_deleting()) {
        let Some(since) = budget.status.disrupted_pods.get(&pod.metadata.name) else { continue };
        let due = Time(since.0 + EVICTION_SECONDS).millis();
        if due < now {
            let namespace = &budget.metadata.namespace;
            let note = format!("Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't");
            let word = Word::new("NotDeleted", "Evict", note);
            told.push(Action::tell(&PODS, &pod.metadata, Weight::Warning, &word));
        } else {
            // It is late just after it is due.
            let wait = Duration::from_millis(due.since(now) + 1);
            again = again.into_iter().chain([wait]).min();
            going.insert(pod.metadata.name.clone(), *since);
        }
    }
    (going, again)
}

/// Nothing may be taken away while nobody knows how much there should be.
fn failed(budget: &Budget, why: &str, now: UnixMillis) -> Vec<Action> {
    let status = Status { disruptions_allowed: 0, ..budget.status.clone() };
    written(budget, &with_condition(status, "False", "SyncFailed", why, now))
}

fn with_condition(mut status: Status, is: &str, reason: &str, message: &str, now: UnixMillis) -> Status {
    let mut new = Condition {
        kind: ALLOWED.into(),
        status: is.into(),
        observed_generation: status.observed_generation,
        last_transition_time: Some(Time::of(now)),
        reason: reason.into(),
        message: message.into(),
    };
    match status.conditions.iter_mut().find(|known| known.kind == ALLOWED) {
        Some(known) => {
            if known.status == new.status {
                new.last_transition_time = known.last_transition_time;
            }
            *known = new;
        }
        None => status.conditions.push(new),
    }
    status
}

fn written(budget: &Budget, new: &Status) -> Vec<Action> {
    let old = &budget.status;
    if new == old {
        return Vec::new();
    }
    let mut status = json!(new);
    let gone = old.disrupted_pods.keys().filter(|name| !new.disrupted_pods.contains_key(*name));
    for name in gone {
        status["disruptedPods"][name.as_str()] = Value::Null;
    }
    vec![Action::merge(&BUDGETS, &budget.metadata, "status", json!({"status": status}))]
}

/// A selector as upstream prints it.
fn shown(written: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels = written["matchLabels"].as_object().into_iter().flatten();
    let labels: String = labels.map(|(key, value)| format!("{key}: {},", text(value))).collect();
    let expressions = written["matchExpressions"].as_array().into_iter().flatten().map(|one| {
        let values: Vec<String> = one["values"].as_array().into_iter().flatten().map(text).collect();
        let (key, operator) = (text(&one["key"]), text(&one["operator"]));
        format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{}],}},", values.join(" "))
    });
    let expressions: String = expressions.collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}
