//! What is written down about a deployment: counts and conditions.

use keelson_api::time::UnixMillis;
use keelson_client::Time;
use serde_json::{Value, json};

use super::revision::REVISION;
use super::scale::{Bounds, Sized};
use crate::plan::Action;
use crate::views::condition::{self, Condition};
use crate::views::deployment::{DEPLOYMENTS, Deployment, Status};

pub(super) const PROGRESSING: &str = "Progressing";
const AVAILABLE: &str = "Available";
const FAILURE: &str = "ReplicaFailure";
/// Reasons that other decisions look at.
pub(super) const NEW_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
pub(super) const TIMED_OUT: &str = "ProgressDeadlineExceeded";
pub(super) const PAUSED: &str = "DeploymentPaused";
/// A deadline that is none.
const NEVER: i32 = i32::MAX;

/// A condition as of now.
pub(super) fn condition(kind: &str, status: &str, reason: &str, message: &str, now: UnixMillis) -> Condition {
    Condition {
        kind: kind.into(),
        status: status.into(),
        last_probe_time: None,
        last_update_time: Some(Time::of(now)),
        last_transition_time: Some(Time::of(now)),
        reason: reason.into(),
        message: message.to_owned(),
    }
}

/// How long progress may take, if anybody cares.
pub(super) fn deadline(deployment: &Deployment) -> Option<i64> {
    deployment.spec.progress_deadline_seconds.filter(|seconds| *seconds != NEVER).map(i64::from)
}

/// Counts what is there. `new` is the set of the template, `conditions` are those so far.
pub(super) fn counted(
    deployment: &Deployment,
    old: &[Sized],
    new: Option<&Sized>,
    conditions: Vec<Condition>,
    now: UnixMillis,
) -> Status {
    let all = || old.iter().chain(new);
    let sum = |of: fn(&Sized) -> i32| all().map(of).sum::<i32>();
    let available = sum(|set| set.set.status.available_replicas);
    let mut status = Status {
        observed_generation: deployment.metadata.generation,
        replicas: sum(|set| set.set.status.replicas),
        updated_replicas: new.map_or(0, |new| new.set.status.replicas),
        ready_replicas: sum(|set| set.set.status.ready_replicas),
        available_replicas: available,
        unavailable_replicas: (sum(|set| set.replicas) - available).max(0),
        terminating_replicas: terminating(all()),
        conditions,
        collision_count: deployment.status.collision_count,
    };
    let enough = available >= deployment.spec.replicas - Bounds::of(deployment).unavailable;
    let said = if enough {
        condition(AVAILABLE, "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now)
    } else {
        let message = "Deployment does not have minimum availability.";
        condition(AVAILABLE, "False", "MinimumReplicasUnavailable", message, now)
    };
    condition::set(&mut status.conditions, said);
    status
}

/// Pods on their way out, if all sets that were looked at yet count them.
fn terminating<'a>(all: impl Iterator<Item = &'a Sized>) -> Option<i32> {
    all.map(|set| match set.set.status.terminating_replicas {
        None if set.set.status.observed_generation == 0 => Some(0),
        counted => counted,
    })
    .sum()
}

/// Whether all that is wanted is there.
pub(super) fn is_complete(deployment: &Deployment, status: &Status) -> bool {
    let wanted = deployment.spec.replicas;
    status.updated_replicas == wanted
        && status.replicas == wanted
        && status.available_replicas == wanted
        && status.observed_generation >= deployment.metadata.generation
}

fn has_progressed(old: &Status, new: &Status) -> bool {
    let outdated = |status: &Status| status.replicas - status.updated_replicas;
    new.updated_replicas > old.updated_replicas
        || outdated(new) < outdated(old)
        || new.ready_replicas > old.ready_replicas
        || new.available_replicas > old.available_replicas
}

fn has_timed_out(deployment: &Deployment, status: &Status, now: UnixMillis) -> bool {
    let (Some(deadline), Some(progress)) =
        (deadline(deployment), condition::find(&status.conditions, PROGRESSING))
    else {
        return false;
    };
    match progress.reason.as_str() {
        NEW_SET_AVAILABLE => false,
        TIMED_OUT => true,
        _ => progress.last_update_time.is_some_and(|at| Time(at.0 + deadline).millis() < now),
    }
}

/// Says how a rollout goes. `before` are the conditions that it is compared with.
pub(super) fn of_rollout(
    deployment: &Deployment,
    old: &[Sized],
    new: Option<&Sized>,
    before: &[Condition],
    now: UnixMillis,
) -> Status {
    let mut status = counted(deployment, old, new, before.to_vec(), now);
    let known = condition::find(before, PROGRESSING);
    if deadline(deployment).is_none() {
        condition::remove(&mut status.conditions, PROGRESSING);
    } else {
        let done = status.replicas == status.updated_replicas
            && known.is_some_and(|known| known.reason == NEW_SET_AVAILABLE);
        if !done {
            progress(deployment, new, known, &mut status, now);
        }
    }
    failures(old, new, &mut status);
    status
}

fn progress(
    deployment: &Deployment,
    new: Option<&Sized>,
    known: Option<&Condition>,
    status: &mut Status,
    now: UnixMillis,
) {
    let what = new.map_or_else(
        || format!("Deployment \"{}\"", deployment.metadata.name),
        |new| format!("ReplicaSet \"{}\"", new.set.metadata.name),
    );
    if is_complete(deployment, status) {
        let message = format!("{what} has successfully progressed.");
        let said = condition(PROGRESSING, "True", NEW_SET_AVAILABLE, &message, now);
        condition::set(&mut status.conditions, said);
    } else if has_progressed(&deployment.status, status) {
        let message = format!("{what} is progressing.");
        let mut said = condition(PROGRESSING, "True", "ReplicaSetUpdated", &message, now);
        if let Some(known) = known {
            if known.status == "True" {
                said.last_transition_time = known.last_transition_time;
            }
            // Taken out first, so that the time of the update moves even if nothing else does.
            condition::remove(&mut status.conditions, PROGRESSING);
        }
        condition::set(&mut status.conditions, said);
    } else if has_timed_out(deployment, status, now) {
        let message = format!("{what} has timed out progressing.");
        let said = condition(PROGRESSING, "False", TIMED_OUT, &message, now);
        condition::set(&mut status.conditions, said);
    }
}

/// What keeps a set from making pods is the deployment's problem, the newest set's first.
fn failures(old: &[Sized], new: Option<&Sized>, status: &mut Status) {
    let failure =
        new.into_iter().chain(old).find_map(|set| condition::find(&set.set.status.conditions, FAILURE));
    match failure {
        Some(failure) => {
            let copied = Condition { last_update_time: failure.last_transition_time, ..failure.clone() };
            condition::set(&mut status.conditions, copied);
        }
        None => condition::remove(&mut status.conditions, FAILURE),
    }
}

/// When progress would be too slow, if nothing happens until then.
pub(super) fn due(deployment: &Deployment, status: &Status, now: UnixMillis) -> Option<std::time::Duration> {
    let deadline = deadline(deployment)?;
    let progress = condition::find(&status.conditions, PROGRESSING)?;
    if is_complete(deployment, status) || matches!(progress.reason.as_str(), TIMED_OUT | NEW_SET_AVAILABLE) {
        return None;
    }
    let at = Time(progress.last_update_time?.0 + deadline + 1).millis();
    Some(std::time::Duration::from_millis(at.since(now).max(1000)))
}

/// Writes a status down, and the revision, as far as they have changed.
pub(super) fn written(deployment: &Deployment, new: &Status, revision: Option<i64>) -> Vec<Action> {
    let revision = revision.map(|revision| revision.to_string());
    let revision = revision.filter(|revision| deployment.metadata.annotation(REVISION) != Some(revision));
    if *new == deployment.status && revision.is_none() {
        return Vec::new();
    }
    let or_nothing = |number: Option<i32>| number.map_or(Value::Null, Value::from);
    let mut change = json!({"status": {
        "observedGeneration": new.observed_generation,
        "replicas": new.replicas,
        "updatedReplicas": new.updated_replicas,
        "readyReplicas": new.ready_replicas,
        "availableReplicas": new.available_replicas,
        "unavailableReplicas": new.unavailable_replicas,
        "terminatingReplicas": or_nothing(new.terminating_replicas),
        "conditions": new.conditions,
        "collisionCount": or_nothing(new.collision_count),
    }});
    if let Some(revision) = revision {
        change["metadata"] = json!({"annotations": {REVISION: revision}});
    }
    vec![Action::merge(&DEPLOYMENTS, &deployment.metadata, "status", change)]
}
