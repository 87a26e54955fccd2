//! What is to be done about a node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::events::Weight;
use keelson_client::{Meta, Patch, Time};
use serde_json::{Value, json};

use super::zones::{self, Zones};
use crate::plan::{Action, Pace, Plan, What, Word};
use crate::pods;
use crate::views::lease::{LEASES, Lease};
use crate::views::node::{NO_EXECUTE, NODES, Node};
use crate::views::pod::{PODS, Pod};
use crate::views::taint::Taint;

/// How long a node may be silent; and one that has never said anything. Upstream's defaults.
const SILENT_MILLIS: u64 = 50_000;
const NEW_MILLIS: u64 = 60_000;

const NO_SCHEDULE: &str = "NoSchedule";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// Which conditions in which state keep pods away, and how the taint is called.
const TAINTS: [(&str, &str, &str); 6] = [
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];
/// What a kubelet says of its node, so that nobody knows it once it is silent.
const SAID: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];
/// Labels that repeat others, under the names that they once had.
const LABELS: [(&str, &str); 2] =
    [("kubernetes.io/os", "beta.kubernetes.io/os"), ("kubernetes.io/arch", "beta.kubernetes.io/arch")];

/// What is remembered of a node.
#[derive(Debug)]
pub(super) struct Health {
    uid: CompactString,
    /// When it was last heard of.
    heard: UnixMillis,
    /// By what: the time in its status, and its lease.
    heartbeat: Option<Time>,
    renewed: CompactString,
    /// Whether it was ready when it was last looked at.
    ready: bool,
    /// How often the cluster had come back by then.
    returned: u32,
}

/// What is seen of a node.
pub(super) struct View<'a> {
    pub(super) node: &'a Node,
    pub(super) lease: Option<&'a Lease>,
    pub(super) pods: &'a dyn Fn() -> Vec<Arc<Pod>>,
}

/// A node is gone.
pub(super) fn gone(name: &str, health: &Health) -> Plan {
    let meta = Meta { name: name.into(), uid: health.uid.clone(), ..Meta::default() };
    let note = format!("Node {name} event: Removing Node {name} from Controller");
    let word = Word::new("RemovingNode", "RemovingNode", note);
    Plan::of(vec![Action::tell(&NODES, &meta, Weight::Normal, &word)])
}

/// What is to be done about a node that is there.
pub(super) fn plan(
    view: &View<'_>,
    known: &mut HashMap<CompactString, Health>,
    zones: &mut Zones,
    now: UnixMillis,
) -> Plan {
    let node = view.node;
    let name = &node.metadata.name;
    let mut plan = Plan { pace: Pace::AtOnce, ..Plan::nothing() };
    let ready = node.condition("Ready");
    let begins = known.get(name).is_none_or(|health| health.uid != node.metadata.uid);
    if begins {
        let note = format!("Node {name} event: Registered Node {name} in Controller");
        let word = Word::new("RegisteredNode", "RegisteredNode", note);
        plan.first.push(Action::tell(&NODES, &node.metadata, Weight::Normal, &word));
    }
    let health = hear(view, known, zones.returned, begins, now);
    let patience = if ready.is_some() { SILENT_MILLIS } else { NEW_MILLIS };
    let silent = now.since(health.heard);
    if silent <= patience {
        plan.again = Some(Duration::from_millis(patience - silent + 1));
    } else if ready.is_none_or(|ready| ready.status != "Unknown") {
        plan.first.push(unknown(view, now));
        // The rest follows from that, once it is seen.
        return plan;
    }
    let lost = std::mem::replace(&mut health.ready, node.is_ready()) && !node.is_ready();
    if lost {
        let note = format!("Node {name} status is now: NodeNotReady");
        let word = Word::new("NodeNotReady", "NodeNotReady", note);
        plan.first.push(Action::tell(&NODES, &node.metadata, Weight::Normal, &word));
    }
    // A node that lives says itself how its pods are.
    if lost || ready.is_some_and(|ready| ready.status == "Unknown") {
        plan.then.extend(
            (view.pods)().iter().filter(|pod| pods::is_ready(pod)).flat_map(|pod| not_ready(pod, now)),
        );
    }
    plan.first.extend(labels(node));
    let (taints, wait) = taints(node, zones, now);
    plan.first.extend(taints);
    plan.again = plan.again.into_iter().chain(wait).min();
    plan
}

/// Notes whether the node was heard of.
fn hear<'a>(
    view: &View<'_>,
    known: &'a mut HashMap<CompactString, Health>,
    returned: u32,
    begins: bool,
    now: UnixMillis,
) -> &'a mut Health {
    let node = view.node;
    let heartbeat = node.condition("Ready").and_then(|ready| ready.last_heartbeat_time);
    let renewed = view.lease.map(|lease| lease.spec.renew_time.clone()).unwrap_or_default();
    if begins {
        let created = node.metadata.creation_timestamp.map_or(now, Time::millis);
        // One that has never said anything is silent since it was made.
        let silent = node.condition("Ready").is_none() && view.lease.is_none();
        let health = Health {
            uid: node.metadata.uid.clone(),
            heard: if silent { created.min(now) } else { now },
            heartbeat,
            renewed: renewed.clone(),
            ready: node.is_ready(),
            returned,
        };
        known.insert(node.metadata.name.clone(), health);
    }
    let health = known.get_mut(&node.metadata.name).expect("it was put in before");
    // After all were lost, it was we who did not hear.
    if health.heartbeat != heartbeat || health.renewed != renewed || health.returned != returned {
        health.heard = now;
    }
    (health.heartbeat, health.renewed, health.returned) = (heartbeat, renewed, returned);
    health
}

/// Nobody knows any more how the node is. Only while its lease is what we saw: it may be we who are late.
fn unknown(view: &View<'_>, now: UnixMillis) -> Action {
    let node = view.node;
    let now = Time::of(now);
    let conditions = SAID.iter().filter_map(|kind| match node.condition(kind) {
        Some(known) if known.status == "Unknown" => None,
        Some(_) => Some(json!({
            "type": kind, "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.", "lastTransitionTime": now,
        })),
        None => Some(json!({
            "type": kind, "status": "Unknown", "reason": "NodeStatusNeverUpdated",
            "message": "Kubelet never posted node status.", "lastTransitionTime": now,
            "lastHeartbeatTime": node.metadata.creation_timestamp,
        })),
    });
    let conditions: Value = conditions.collect();
    let change = json!({"metadata": {"uid": node.metadata.uid}, "status": {"conditions": conditions}});
    let what = What::Patch {
        resource: NODES,
        key: node.metadata.key(),
        part: "status",
        form: Patch::Strategic,
        change,
    };
    let action = Action::new(what);
    match view.lease {
        Some(lease) => action.while_same(&LEASES, &lease.metadata),
        None => action,
    }
}

/// A pod of a lost node is not ready, whatever was said of it.
fn not_ready(pod: &Pod, now: UnixMillis) -> [Action; 2] {
    let condition = json!({"type": "Ready", "status": "False", "lastTransitionTime": Time::of(now)});
    let change = json!({"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [condition]}});
    let what = What::Patch {
        resource: PODS,
        key: pod.metadata.key(),
        part: "status",
        form: Patch::Strategic,
        change,
    };
    let word = Word::new("NodeNotReady", "NodeNotReady", "Node is not ready");
    [Action::new(what), Action::tell(&PODS, &pod.metadata, Weight::Warning, &word)]
}

fn labels(node: &Node) -> Option<Action> {
    let labels = &node.metadata.labels;
    let mut wrong = json!({});
    for (label, once) in LABELS {
        if let Some(value) = labels.get(label)
            && labels.get(once) != Some(value)
        {
            wrong[once] = json!(value);
        }
    }
    let some = wrong.as_object().is_some_and(|wrong| !wrong.is_empty());
    some.then(|| Action::strategic(&NODES, node.metadata.key(), json!({"metadata": {"labels": wrong}})))
}

/// Makes the node's taints what its conditions say; or says when to look again.
fn taints(node: &Node, zones: &mut Zones, now: UnixMillis) -> (Option<Action>, Option<Duration>) {
    let name = &node.metadata.name;
    let holds = |kind: &str, status: &str| node.condition(kind).is_some_and(|known| known.status == status);
    let mut wanted: Vec<(&str, &str)> = TAINTS
        .iter()
        .filter(|(kind, status, _)| holds(kind, status))
        .map(|(.., key)| (*key, NO_SCHEDULE))
        .collect();
    if node.spec.unschedulable {
        wanted.push((UNSCHEDULABLE, NO_SCHEDULE));
    }
    let drives_out = if holds("Ready", "False") {
        Some(NOT_READY)
    } else {
        holds("Ready", "Unknown").then_some(UNREACHABLE)
    };
    let mut wait = None;
    match drives_out.filter(|_| !zones.all_lost()) {
        None => zones.keep(name),
        Some(key) => {
            let driven =
                node.driving_out().any(|taint| [NOT_READY, UNREACHABLE].contains(&taint.key.as_str()));
            let may = if driven { Ok(()) } else { zones.give_up(&zones::name(node), name, now) };
            match may {
                Ok(()) => wanted.push((key, NO_EXECUTE)),
                Err(until) => wait = until,
            }
        }
    }
    // Of the taints that are there, those that are ours to take off.
    let ours = |taint: &Taint| match taint.effect.as_str() {
        NO_SCHEDULE => taint.key == UNSCHEDULABLE || TAINTS.iter().any(|(.., key)| taint.key == *key),
        NO_EXECUTE => taint.key == NOT_READY || taint.key == UNREACHABLE,
        _ => false,
    };
    let stays = |taint: &&Taint| !ours(taint) || wanted.iter().any(|(key, effect)| taint.is(key, effect));
    let mut taints: Vec<Taint> = node.spec.taints.iter().filter(stays).cloned().collect();
    let left = taints.len();
    for (key, effect) in wanted {
        if !taints.iter().any(|taint| taint.is(key, effect)) {
            let time_added = Some(Time::of(now));
            taints.push(Taint { key: key.into(), effect: effect.into(), time_added, ..Taint::default() });
        }
    }
    if left == node.spec.taints.len() && taints.len() == left {
        return (None, wait);
    }
    let change = json!({"spec": {"taints": taints}});
    (Some(Action::merge(&NODES, &node.metadata, "", change)), wait)
}
