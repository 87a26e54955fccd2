//! A pod's next step: what its runtime is to do, by what the pod asks for and what there is of it. Pure.
//!
//! Containers of the beginning run one after the other, those that stay (sidecars) stay; then all others run together.
//! Whoever ends is started again if it is to be, after a wait that grows. When a pod is to end, its containers are told
//! to, the sidecars last and in reverse.

use keelson_api::time::UnixMillis;

use crate::backoff::{Backoff, Wait};
use crate::pod::{Container, Pod};
use crate::runtime::{Call, Observed, State};
use crate::status::Status;

/// A step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) calls: Vec<Call>,
    /// Containers that wait until they are started again.
    pub(crate) waits: Vec<Wait>,
    /// Whether the pod has come to its end: nothing runs, and nothing will.
    pub(crate) over: bool,
    /// Whether its time ran out.
    pub(crate) expired: bool,
    /// When to look again, though nothing may have changed.
    pub(crate) again: Option<UnixMillis>,
}

impl Step {
    fn at(&mut self, at: UnixMillis) {
        self.again = Some(self.again.map_or(at, |known| known.min(at)));
    }
}

/// What is to be done about a pod. `said` is what was last said of it.
pub(crate) fn step(
    pod: &Pod,
    said: &Status,
    observed: &Observed,
    backoff: &mut Backoff,
    now: UnixMillis,
) -> Step {
    let mut step = Step::default();
    if let (Some(seconds), Some(began)) = (pod.spec.active_deadline_seconds, said.start_time)
        && !said.phase.is_terminal()
    {
        let deadline = UnixMillis(began.millis().0.saturating_add(seconds.saturating_mul(1000)));
        step.expired = deadline <= now;
        if !step.expired {
            step.at(deadline);
        }
    }
    if pod.metadata.is_deleting()
        || step.expired
        || said.phase.is_terminal()
        || pod.status.phase.is_terminal()
    {
        return ending(pod, observed, step, now);
    }
    if observed.network.is_none() {
        return Step { calls: vec![Call::Network], ..step };
    }
    match beginning(pod, observed, backoff, &mut step, now) {
        Beginning::Goes => step,
        Beginning::Failed => ending(pod, observed, step, now),
        Beginning::Done => running(pod, observed, backoff, step, now),
    }
}

/// How far the containers of the beginning are.
enum Beginning {
    Goes,
    Failed,
    Done,
}

fn beginning(
    pod: &Pod,
    observed: &Observed,
    backoff: &mut Backoff,
    step: &mut Step,
    now: UnixMillis,
) -> Beginning {
    // Whoever has begun once does not begin again.
    let begun = pod.spec.containers.iter().any(|container| observed.container(&container.name).is_some());
    let over = begun && all_over(pod, observed);
    for container in &pod.spec.init_containers {
        let found = observed.container(&container.name);
        let state = found.map(|found| &found.state);
        if container.is_sidecar() {
            match state {
                Some(State::Running { started: true, .. }) => {}
                Some(State::Creating | State::Running { .. }) => {
                    if !begun {
                        return Beginning::Goes;
                    }
                }
                None | Some(State::Ended(_)) => {
                    if !over {
                        start(container, observed, backoff, step, now);
                    }
                    if !begun {
                        return Beginning::Goes;
                    }
                }
            }
            continue;
        }
        if begun {
            continue;
        }
        match state {
            Some(State::Ended(ended)) if ended.code == 0 => {}
            Some(State::Ended(ended)) if !container.restarts(&pod.spec, ended.code) => {
                return Beginning::Failed;
            }
            Some(State::Creating | State::Running { .. }) => return Beginning::Goes,
            None | Some(State::Ended(_)) => {
                start(container, observed, backoff, step, now);
                return Beginning::Goes;
            }
        }
    }
    Beginning::Done
}

fn running(pod: &Pod, observed: &Observed, backoff: &mut Backoff, mut step: Step, now: UnixMillis) -> Step {
    for container in &pod.spec.containers {
        match observed.container(&container.name).map(|found| &found.state) {
            None => start(container, observed, backoff, &mut step, now),
            Some(State::Ended(ended)) if container.restarts(&pod.spec, ended.code) => {
                start(container, observed, backoff, &mut step, now);
            }
            Some(_) => {}
        }
    }
    for container in &pod.spec.ephemeral_containers {
        if observed.container(&container.name).is_none() {
            start(container, observed, backoff, &mut step, now);
        }
    }
    if all_over(pod, observed) {
        return ending(pod, observed, Step { calls: Vec::new(), ..step }, now);
    }
    step
}

/// Whether the containers that are the pod's purpose have all ended for good.
fn all_over(pod: &Pod, observed: &Observed) -> bool {
    pod.spec.containers.iter().all(|container| {
        let ended = observed.container(&container.name).and_then(|found| found.ended());
        ended.is_some_and(|ended| !container.restarts(&pod.spec, ended.code))
    })
}

fn start(
    container: &Container,
    observed: &Observed,
    backoff: &mut Backoff,
    step: &mut Step,
    now: UnixMillis,
) {
    let before = observed.container(&container.name);
    if let Some(ended) = before.and_then(|before| before.ended())
        && let Some(wait) = backoff.wait(&container.name, ended.finished, now)
    {
        step.at(wait.until);
        step.waits.push(wait);
        return;
    }
    let attempt = before.map_or(0, |before| before.attempt + 1);
    step.calls.push(Call::Start { name: container.name.clone(), attempt });
}

/// Tells containers to end: first all that are no sidecars, then the sidecars, the last one first.
fn ending(pod: &Pod, observed: &Observed, mut step: Step, now: UnixMillis) -> Step {
    step.waits.clear();
    let sidecars = pod.spec.init_containers.iter().filter(|container| container.is_sidecar());
    let sidecars: Vec<&str> = sidecars.map(|container| container.name.as_str()).collect();
    let is_sidecar = |name: &str| sidecars.contains(&name);
    let mut left: Vec<_> = observed.containers.iter().filter(|container| !container.has_ended()).collect();
    if left.iter().any(|container| !is_sidecar(&container.name)) {
        left.retain(|container| !is_sidecar(&container.name));
    } else if let Some(last) = sidecars.iter().rev().find(|name| left.iter().any(|one| one.name == **name)) {
        left.retain(|container| container.name == *last);
    }
    step.over = left.is_empty();
    let kill_at = pod.kill_at(now);
    for container in left {
        let late = |at: UnixMillis| pod.metadata.is_deleting() && at > kill_at;
        if container.stopping.is_none_or(late) {
            step.calls.push(Call::Stop { name: container.name.clone(), kill_at });
        }
    }
    step
}
