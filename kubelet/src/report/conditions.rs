//! The conditions of a pod that are the kubelet's.

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::Time;

use super::phase::has_run;
use crate::pod::{Container, Pod};
use crate::runtime::Observed;
use crate::status::{self, Condition, Phase, Status};

/// Those that nobody else writes, but for `PodScheduled`, which is written again as it is.
const OWN: [&str; 5] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

/// What a condition says.
struct Said {
    holds: bool,
    reason: &'static str,
    message: String,
}

impl Said {
    fn yes() -> Self {
        Self { holds: true, reason: "", message: String::new() }
    }

    fn no(reason: &'static str, message: String) -> Self {
        Self { holds: false, reason, message }
    }
}

/// All of a pod's conditions: those of others as they are, and then our own.
pub(super) fn conditions(
    pod: &Pod,
    said: &Status,
    observed: &Observed,
    status: &Status,
    now: UnixMillis,
) -> Vec<Condition> {
    let others = pod.status.conditions.iter().filter(|condition| !OWN.contains(&condition.kind.as_str()));
    let mut all: Vec<Condition> = others.cloned().collect();
    let ready = containers_ready(pod, status);
    let own = [
        network(observed),
        initialized(pod, status),
        if ready.holds { gates(pod) } else { Said { message: ready.message.clone(), ..ready } },
        ready,
        Said::yes(),
    ];
    for (kind, own) in OWN.iter().zip(own) {
        let held = said.conditions.iter().find(|condition| condition.kind == *kind);
        let status = if own.holds { "True" } else { "False" };
        let since = held.filter(|held| held.status == status).and_then(|held| held.last_transition_time);
        all.push(Condition {
            kind: (*kind).into(),
            observed_generation: pod.metadata.generation,
            status: status.into(),
            last_transition_time: since.or(Some(Time::of(now))),
            reason: own.reason.into(),
            message: own.message,
        });
    }
    all
}

fn network(observed: &Observed) -> Said {
    match observed.network {
        Some(_) => Said::yes(),
        None => {
            Said::no("PodSandboxNotReady", "No sandbox for pod can be found. Need to start a new one".into())
        }
    }
}

/// Names as Go prints a list of them.
fn listed(names: &[&CompactString]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    format!("[{}]", names.join(" "))
}

fn find<'a>(status: &'a Status, container: &Container) -> Option<&'a status::Container> {
    let mut all = status.init_container_statuses.iter().chain(&status.container_statuses);
    all.find(|status| status.name == container.name)
}

fn initialized(pod: &Pod, status: &Status) -> Said {
    if status.phase == Phase::Succeeded {
        return Said { reason: "PodCompleted", ..Said::yes() };
    }
    if status.container_statuses.iter().any(has_run) {
        return Said::yes();
    }
    let is_done = |container: &&Container| {
        find(status, container).is_some_and(|status| {
            if container.is_sidecar() { status.started == Some(true) } else { status.ready }
        })
    };
    let left = pod.spec.init_containers.iter().filter(|container| !is_done(container));
    let left: Vec<_> = left.map(|container| &container.name).collect();
    if left.is_empty() {
        return Said::yes();
    }
    let message = format!("containers with incomplete status: {}", listed(&left));
    Said::no("ContainersNotInitialized", message)
}

fn containers_ready(pod: &Pod, status: &Status) -> Said {
    match status.phase {
        Phase::Succeeded => return Said::no("PodCompleted", String::new()),
        Phase::Failed => return Said::no("PodFailed", String::new()),
        _ => {}
    }
    let sidecars = pod.spec.init_containers.iter().filter(|container| container.is_sidecar());
    let unready = sidecars
        .chain(&pod.spec.containers)
        .filter(|container| !find(status, container).is_some_and(|status| status.ready));
    let unready: Vec<_> = unready.map(|container| &container.name).collect();
    if unready.is_empty() {
        return Said::yes();
    }
    let message = format!("containers with unready status: {}", listed(&unready));
    Said::no("ContainersNotReady", message)
}

fn gates(pod: &Pod) -> Said {
    let mut closed = Vec::new();
    for gate in &pod.spec.readiness_gates {
        let kind = &gate.condition_type;
        match pod.status.conditions.iter().find(|condition| condition.kind == *kind) {
            None => closed
                .push(format!("corresponding condition of pod readiness gate \"{kind}\" does not exist.")),
            Some(condition) if condition.status != "True" => closed.push(format!(
                "the status of pod readiness gate \"{kind}\" is not \"True\", but {}",
                condition.status
            )),
            Some(_) => {}
        }
    }
    if closed.is_empty() { Said::yes() } else { Said::no("ReadinessGatesNotReady", closed.join(", ")) }
}
