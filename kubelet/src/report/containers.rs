//! What is said of each container of a pod.

use keelson_client::Time;

use crate::backoff::Wait;
use crate::life::Step;
use crate::pod::{Container, Pod};
use crate::runtime::{self, Ended, Observed};
use crate::status::{self, Mount, Resources, Running, State, Status, Terminated, Waiting};

/// Those of the beginning, in their order.
pub(super) fn beginning(
    pod: &Pod,
    said: &Status,
    observed: &Observed,
    step: &Step,
) -> Vec<status::Container> {
    let all = pod.spec.init_containers.iter();
    all.map(|container| {
        let mut status = one(pod, container, &said.init_container_statuses, observed, step);
        if !container.is_sidecar() {
            status.ready = status.state.terminated.as_ref().is_some_and(|ended| ended.exit_code == 0);
        }
        status
    })
    .collect()
}

/// Those that are the pod's purpose, by name.
pub(super) fn regular(pod: &Pod, said: &Status, observed: &Observed, step: &Step) -> Vec<status::Container> {
    all(pod, &pod.spec.containers, &said.container_statuses, observed, step)
}

/// Those that look at the others, by name.
pub(super) fn ephemeral(
    pod: &Pod,
    said: &Status,
    observed: &Observed,
    step: &Step,
) -> Vec<status::Container> {
    all(pod, &pod.spec.ephemeral_containers, &said.ephemeral_container_statuses, observed, step)
}

fn all(
    pod: &Pod,
    containers: &[Container],
    said: &[status::Container],
    observed: &Observed,
    step: &Step,
) -> Vec<status::Container> {
    let all = containers.iter().map(|container| one(pod, container, said, observed, step));
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn one(
    pod: &Pod,
    container: &Container,
    said: &[status::Container],
    observed: &Observed,
    step: &Step,
) -> status::Container {
    let mut status = status::Container {
        name: container.name.clone(),
        image: container.image.clone(),
        started: Some(false),
        volume_mounts: container.volume_mounts.iter().map(mounted).collect(),
        ..status::Container::default()
    };
    let found = observed.container(&container.name);
    let Some(found) = found.filter(|found| found.state != runtime::State::Creating || found.attempt > 0)
    else {
        if let Some(said) = said.iter().find(|said| said.name == container.name) {
            if said.state.terminated.is_some() {
                return said.clone();
            }
            status.restart_count = said.restart_count;
            status.last_state = said.last_state.clone();
        }
        let reason =
            if pod.spec.init_containers.is_empty() { "ContainerCreating" } else { "PodInitializing" };
        status.state.waiting = Some(Waiting { reason: reason.into(), message: String::new() });
        return status;
    };
    status.restart_count = found.attempt;
    status.image_id = found.image_id.clone();
    status.container_id = found.id.clone();
    status.allocated_resources = container.resources.requests.clone();
    status.resources = Some(container.resources.clone()).filter(|all| *all != Resources::default());
    status.last_state.terminated = found.last.as_ref().map(terminated);
    match &found.state {
        runtime::State::Creating => status.state.waiting = Some(Waiting::default()),
        runtime::State::Running { since, started, ready } => {
            status.state.running = Some(Running { started_at: Some(Time::of(*since)) });
            status.started = Some(*started);
            status.ready = *started && *ready;
        }
        runtime::State::Ended(ended) => {
            match step.waits.iter().find(|wait| wait.container == container.name) {
                Some(wait) => {
                    status.last_state.terminated = Some(terminated(ended));
                    status.state = waiting(pod, wait);
                }
                None => status.state.terminated = Some(terminated(ended)),
            }
        }
    }
    status
}

fn waiting(pod: &Pod, wait: &Wait) -> State {
    let Wait { container, lasts, .. } = wait;
    let message = format!(
        "back-off {} restarting failed container={container} pod={}",
        go(lasts.as_secs()),
        formatted(pod)
    );
    let waiting = Waiting { reason: "CrashLoopBackOff".into(), message };
    State { waiting: Some(waiting), ..State::default() }
}

/// Seconds, as Go prints a duration.
fn go(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}

/// A pod, as messages name it.
pub(crate) fn formatted(pod: &Pod) -> String {
    let meta = &pod.metadata;
    format!("{}_{}({})", meta.name, meta.namespace, meta.uid)
}

fn terminated(ended: &Ended) -> Terminated {
    Terminated {
        exit_code: ended.code,
        reason: ended.reason.clone(),
        message: ended.message.clone(),
        started_at: Some(Time::of(ended.started)),
        finished_at: Some(Time::of(ended.finished)),
        container_id: ended.id.clone(),
    }
}

fn mounted(mount: &Mount) -> Mount {
    let recursive_read_only = if mount.read_only { "Disabled".into() } else { Default::default() };
    Mount { recursive_read_only, ..mount.clone() }
}
