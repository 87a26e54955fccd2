//! What is written down of a daemon set.

use serde_json::{Value, json};

use super::eligibility::Verdict;
use super::plan::Work;
use super::pods::is_updated;
use crate::plan::Action;
use crate::pods::is_ready;
use crate::views::daemonset::{DAEMONSETS, Status};

/// Counts what is there, and writes it if it is news.
pub(super) fn written(work: &Work<'_>) -> Vec<Action> {
    let set = work.set;
    let new = counted(work);
    if new == set.status {
        return Vec::new();
    }
    let number = |number: i32| if number == 0 { Value::Null } else { json!(number) };
    let status = json!({
        "currentNumberScheduled": new.current_number_scheduled,
        "numberMisscheduled": new.number_misscheduled,
        "desiredNumberScheduled": new.desired_number_scheduled,
        "numberReady": new.number_ready,
        "observedGeneration": new.observed_generation,
        "updatedNumberScheduled": number(new.updated_number_scheduled),
        "numberAvailable": number(new.number_available),
        "numberUnavailable": number(new.number_unavailable),
    });
    vec![Action::merge(&DAEMONSETS, &set.metadata, "status", json!({"status": status}))]
}

fn counted(work: &Work<'_>) -> Status {
    let set = work.set;
    let mut status = Status {
        observed_generation: set.metadata.generation,
        collision_count: set.status.collision_count,
        conditions: set.status.conditions.clone(),
        ..Status::default()
    };
    for (node, verdict) in &work.nodes {
        let oldest = work.on_nodes.get(&node.metadata.name).and_then(|pods| pods.first());
        if *verdict != Verdict::Wanted {
            status.number_misscheduled += i32::from(oldest.is_some());
            continue;
        }
        status.desired_number_scheduled += 1;
        let Some(pod) = oldest else { continue };
        status.current_number_scheduled += 1;
        status.number_ready += i32::from(is_ready(pod));
        status.number_available += i32::from(is_ready(pod) && work.is_available(pod));
        status.updated_number_scheduled += i32::from(is_updated(set, pod, work.hash));
    }
    status.number_unavailable = status.desired_number_scheduled - status.number_available;
    status
}
