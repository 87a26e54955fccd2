//! What is written down of a stateful set.

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use serde_json::{Value, json};

use super::identity;
use crate::plan::Action;
use crate::pods::{is_available, is_ready};
use crate::views::pod::{Phase, Pod};
use crate::views::revision::Revision;
use crate::views::statefulset::{STATEFULSETS, StatefulSet, Status};

/// Counts what is there.
pub(super) fn counted(
    set: &StatefulSet,
    pods: &[Arc<Pod>],
    current: &Revision,
    update: &Revision,
    now: UnixMillis,
) -> Status {
    let count = |is: &dyn Fn(&Pod) -> bool| {
        i32::try_from(pods.iter().filter(|pod| is(pod)).count()).unwrap_or(i32::MAX)
    };
    let ready = |pod: &Pod| pod.status.phase == Phase::Running && is_ready(pod);
    let stays_at = |pod: &Pod, revision: &Revision| {
        !pod.metadata.is_deleting() && identity::revision(pod) == revision.metadata.name
    };
    let mut status = Status {
        observed_generation: set.metadata.generation,
        replicas: count(&|_| true),
        ready_replicas: count(&ready),
        available_replicas: count(&|pod| ready(pod) && is_available(pod, set.spec.min_ready_seconds, now)),
        current_replicas: count(&|pod| stays_at(pod, current)),
        updated_replicas: count(&|pod| stays_at(pod, update)),
        current_revision: current.metadata.name.clone(),
        update_revision: update.metadata.name.clone(),
        collision_count: Some(set.status.collision_count.unwrap_or(0)),
        conditions: set.status.conditions.clone(),
    };
    let wanted = set.spec.replicas;
    if [status.updated_replicas, status.ready_replicas, status.replicas] == [wanted; 3] {
        status.current_replicas = status.updated_replicas;
        status.current_revision = status.update_revision.clone();
    }
    status
}

/// Writes it, if it is news.
pub(super) fn written(set: &StatefulSet, new: &Status) -> Vec<Action> {
    let old = Status { collision_count: new.collision_count, ..set.status.clone() };
    if *new == old {
        return Vec::new();
    }
    let number = |number: i32| if number == 0 { Value::Null } else { json!(number) };
    let status = json!({
        "observedGeneration": new.observed_generation,
        "replicas": new.replicas,
        "readyReplicas": number(new.ready_replicas),
        "currentReplicas": number(new.current_replicas),
        "updatedReplicas": number(new.updated_replicas),
        "availableReplicas": new.available_replicas,
        "currentRevision": new.current_revision,
        "updateRevision": new.update_revision,
        "collisionCount": new.collision_count,
    });
    vec![Action::merge(&STATEFULSETS, &set.metadata, "status", json!({"status": status}))]
}
