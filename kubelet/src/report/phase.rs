//! Where a pod stands in its life, by its containers' statuses.

use crate::pod::{Container, Pod};
use crate::status::{self, Phase, Status};

#[derive(Default)]
struct Counted {
    running: usize,
    waiting: usize,
    stopped: usize,
    /// Of those that stopped, how many are not started again.
    for_good: usize,
    /// Of those that stopped, how many stopped well.
    well: usize,
}

/// The phase. `ends` says that nothing of the pod will be started any more.
pub(super) fn phase(pod: &Pod, status: &Status, ends: bool) -> Phase {
    let begun = status.container_statuses.iter().any(has_run);
    let mut pending = false;
    for container in pod.spec.init_containers.iter().filter(|container| !container.is_sidecar()) {
        let Some(found) = find(&status.init_container_statuses, container) else { continue };
        match ended(found) {
            Some(0) => {}
            Some(code) => {
                if !container.restarts(&pod.spec, code) {
                    return Phase::Failed;
                }
            }
            None => pending = true,
        }
    }
    let mut counted = Counted::default();
    for container in pod.spec.init_containers.iter().filter(|container| container.is_sidecar()) {
        let Some(found) = find(&status.init_container_statuses, container) else { continue };
        let (up, waits) = (found.state.running.is_some(), found.state.waiting.is_some());
        counted.running += usize::from(up);
        let has_been_up = found.last_state.terminated.is_some();
        let comes = (up && found.started != Some(true)) || (waits && !has_been_up);
        pending |= comes && !begun;
        counted.waiting += usize::from(waits && !has_been_up);
    }
    for container in &pod.spec.containers {
        let Some(found) = find(&status.container_statuses, container) else { continue };
        if found.state.running.is_some() {
            counted.running += 1;
        } else if let Some(code) = ended(found) {
            counted.stopped += 1;
            counted.for_good += usize::from(!container.restarts(&pod.spec, code));
            counted.well += usize::from(found.state.terminated.is_some() && code == 0);
        } else {
            counted.waiting += 1;
        }
    }
    if pending || counted.waiting > 0 {
        return Phase::Pending;
    }
    if counted.running > 0 {
        return Phase::Running;
    }
    let stays = ends || counted.stopped == counted.for_good;
    match (stays, counted.stopped == counted.well) {
        (false, _) => Phase::Running,
        (true, true) => Phase::Succeeded,
        (true, false) => Phase::Failed,
    }
}

fn find<'a>(statuses: &'a [status::Container], container: &Container) -> Option<&'a status::Container> {
    statuses.iter().find(|status| status.name == container.name)
}

/// How it ended the last time, if it does not run.
fn ended(status: &status::Container) -> Option<i32> {
    let waits = status.state.waiting.is_some();
    let before = status.last_state.terminated.as_ref().filter(|_| waits);
    status.state.terminated.as_ref().or(before).map(|ended| ended.exit_code)
}

/// Whether it runs, or has.
pub(super) fn has_run(status: &status::Container) -> bool {
    let (state, last) = (&status.state, &status.last_state);
    state.running.is_some() || state.terminated.is_some() || last.terminated.is_some()
}
