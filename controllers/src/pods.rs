//! What controllers of several kinds ask of pods: whether one counts, whether it is ready, which of them go first.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Time};

use crate::views::pod::{Phase, Pod};

/// The index of pods by who decides over them: by uid, or `NAMESPACE/` where nobody does.
pub(crate) const BY_CONTROLLER: &str = "controller";
/// The index of pods by their node.
pub(crate) const BY_NODE: &str = "node";
/// What says that a pod is to go before others.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Makes pods findable by who decides over them.
pub(crate) fn index(cache: &Cache<Pod>) {
    cache.index(BY_CONTROLLER, |pod| {
        let meta = &pod.metadata;
        let orphaned = || CompactString::from(format!("{}/", meta.namespace));
        vec![meta.controller().map_or_else(orphaned, |owner| owner.uid.clone())]
    });
}

/// Makes pods findable by their node.
pub(crate) fn index_by_node(cache: &Cache<Pod>) {
    cache.index(BY_NODE, |pod| {
        let name = &pod.spec.node_name;
        if name.is_empty() { Vec::new() } else { vec![name.clone()] }
    });
}

/// Whether it still does what it was made for.
pub(crate) fn is_active(pod: &Pod) -> bool {
    !is_terminal(pod) && !pod.metadata.is_deleting()
}

/// Whether it has ended for good.
pub(crate) fn is_terminal(pod: &Pod) -> bool {
    matches!(pod.status.phase, Phase::Succeeded | Phase::Failed)
}

/// Whether it is on its way out, and not there yet.
pub(crate) fn is_terminating(pod: &Pod) -> bool {
    !is_terminal(pod) && pod.metadata.is_deleting()
}

/// Whether it is ready.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    pod.status.conditions.ready.is
}

fn ready_since(pod: &Pod) -> Option<Time> {
    pod.status.conditions.ready.since.filter(|_| is_ready(pod))
}

/// Whether it has been ready for so long.
pub(crate) fn is_available(pod: &Pod, min_ready_seconds: i64, now: UnixMillis) -> bool {
    if !is_ready(pod) {
        return false;
    }
    min_ready_seconds == 0
        || ready_since(pod).is_some_and(|since| since.0 + min_ready_seconds <= Time::of(now).0)
}

/// When the next of them will have been ready for so long.
pub(crate) fn next_available(pods: &[Arc<Pod>], min_ready_seconds: i64, now: UnixMillis) -> Option<Duration> {
    let waits = pods.iter().filter_map(|pod| {
        let at = Time(ready_since(pod)?.0 + min_ready_seconds).millis();
        (at > now).then(|| Duration::from_millis(at.since(now)))
    });
    waits.min()
}

/// Puts those first that are missed least. `related` are all pods that do the same work: of two nodes, the one with more
/// of them gives one up.
pub(crate) fn sort_for_deletion(pods: &mut [Arc<Pod>], related: &[Arc<Pod>], now: UnixMillis) {
    let mut on_node: HashMap<&str, usize> = HashMap::new();
    for pod in related.iter().filter(|pod| is_active(pod)) {
        *on_node.entry(&pod.spec.node_name).or_default() += 1;
    }
    let rank = |pod: &Pod| on_node.get(pod.spec.node_name.as_str()).copied().unwrap_or(0);
    pods.sort_by(|a, b| goes_before(a, b, now, |pod| rank(pod)));
}

fn goes_before(a: &Pod, b: &Pod, now: UnixMillis, rank: impl Fn(&Pod) -> usize) -> Ordering {
    let placed = |pod: &Pod| !pod.spec.node_name.is_empty();
    let phase = |pod: &Pod| match pod.status.phase {
        Phase::Pending => 0,
        Phase::Unknown => 1,
        _ => 2,
    };
    let cost = |pod: &Pod| {
        pod.metadata.annotation(DELETION_COST).and_then(|cost| cost.parse::<i32>().ok()).unwrap_or(0)
    };
    let by_state = placed(a)
        .cmp(&placed(b))
        .then_with(|| phase(a).cmp(&phase(b)))
        .then_with(|| is_ready(a).cmp(&is_ready(b)))
        .then_with(|| cost(a).cmp(&cost(b)))
        .then_with(|| rank(b).cmp(&rank(a)));
    by_state
        .then_with(|| {
            if is_ready(a) && is_ready(b) {
                younger(ready_since(a), ready_since(b), now)
            } else {
                Ordering::Equal
            }
        })
        .then_with(|| b.status.containers.most_restarts.cmp(&a.status.containers.most_restarts))
        .then_with(|| b.status.init_containers.most_restarts.cmp(&a.status.init_containers.most_restarts))
        .then_with(|| younger(a.metadata.creation_timestamp, b.metadata.creation_timestamp, now))
        .then_with(|| a.metadata.uid.cmp(&b.metadata.uid))
}

/// Compares ages in powers of two, so that among pods of about the same age it is not always the youngest that goes. Those
/// of about the same age are the same here: what upstream does with them at once, by uid, is no order, and comes last.
fn younger(a: Option<Time>, b: Option<Time>, now: UnixMillis) -> Ordering {
    let (Some(at_a), Some(at_b)) = (a, b) else { return a.is_some().cmp(&b.is_some()) };
    let magnitude = |at: Time| {
        let nanos = u128::from(now.since(at.millis())) * 1_000_000;
        if nanos == 0 { -1 } else { i64::from(nanos.ilog2()) }
    };
    magnitude(at_a).cmp(&magnitude(at_b))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, change: &Value) -> Arc<Pod> {
        let mut pod = json!({
            "metadata": {"name": name, "namespace": "ns", "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"nodeName": "n"},
            "status": {"phase": "Running", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:01:00Z"},
            ]},
        });
        merge(&mut pod, change);
        Arc::new(serde_json::from_value(pod).unwrap())
    }

    fn merge(into: &mut Value, change: &Value) {
        match change {
            Value::Object(change) => change.iter().for_each(|(key, value)| merge(&mut into[key], value)),
            other => *into = other.clone(),
        }
    }

    #[test]
    fn those_that_are_missed_least_go_first() {
        let now = Time::parse("2026-01-02T00:00:00Z").unwrap().millis();
        let not_ready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        let cases = [
            ("no node", json!({"spec": {"nodeName": ""}})),
            ("pending", json!({"status": {"phase": "Pending"}})),
            ("not ready", not_ready),
            ("cheap", json!({"metadata": {"annotations": {DELETION_COST: "-5"}}})),
            ("crowded", json!({"spec": {"nodeName": "crowded"}})),
            (
                "newly ready",
                json!({"status": {"conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T23:59:00Z"}]}}),
            ),
            ("restarted", json!({"status": {"containerStatuses": [{"name": "c", "restartCount": 3}]}})),
            ("young", json!({"metadata": {"creationTimestamp": "2026-01-01T20:00:00Z"}})),
        ];
        let plain = pod("plain", &json!({}));
        for (name, change) in &cases {
            let other = pod(name, change);
            let related = [pod("r", &json!({"spec": {"nodeName": "crowded"}})), other.clone()];
            for mut pods in [vec![plain.clone(), other.clone()], vec![other.clone(), plain.clone()]] {
                sort_for_deletion(&mut pods, &related, now);
                assert_eq!(pods[0].metadata.name, *name);
            }
        }
    }

    #[test]
    fn many_pods_have_one_order() {
        let now = Time::parse("2026-01-02T00:00:00Z").unwrap().millis();
        let number = |number: u64, of: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40 & of;
        let mut pods: Vec<_> = (0..500)
            .map(|i| {
                let ready = Time::of(now.before(number(i, 63) * 1000)).to_string();
                let made = Time::of(now.before((64 + number(i * 7, 63)) * 1000)).to_string();
                let conditions = json!([{"type": "Ready", "status": "True", "lastTransitionTime": ready}]);
                let change =
                    json!({"metadata": {"creationTimestamp": made}, "status": {"conditions": conditions}});
                pod(&format!("{:x}", number(i, u64::MAX)), &change)
            })
            .collect();
        sort_for_deletion(&mut pods, &[], now);
        let before = pods.clone();
        pods.reverse();
        sort_for_deletion(&mut pods, &[], now);
        assert!(before.iter().zip(&pods).all(|(a, b)| a.metadata.uid == b.metadata.uid));
    }

    #[test]
    fn a_pod_is_available_when_it_has_been_ready_for_long_enough() {
        let pod = pod("p", &json!({}));
        let at = |text: &str| Time::parse(text).unwrap().millis();
        assert!(is_available(&pod, 0, at("2026-01-01T00:01:00Z")));
        assert!(!is_available(&pod, 10, at("2026-01-01T00:01:09Z")));
        assert_eq!(
            next_available(std::slice::from_ref(&pod), 10, at("2026-01-01T00:01:07Z")),
            Some(Duration::from_secs(3))
        );
        assert!(is_available(&pod, 10, at("2026-01-01T00:01:10Z")));
    }
}
