//! Writing decisions: bindings, conditions, and the going of those who make room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::Clock;
use keelson_client::client::Deletion;
use keelson_client::events::{Event, Recorder, Regarding, Weight};
use keelson_client::{Client, Kind, Meta, Patch, Problem, Time};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::figures::Figures;
use crate::framework::Write;
use crate::pod::{PODS, PodInfo};
use crate::preemption::Preemption;
use crate::state::Untold;

/// How long a note may be, in bytes; what is longer ends in dots, as upstream.
const NOTE_BYTES_MAX: usize = 1024;
/// How often is asked what became of a binding whose answer was lost.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Of an answer, what says as of when it is.
#[derive(Deserialize)]
struct Answer {
    metadata: Meta,
}

/// Writes what was decided.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) client: Client,
    /// By the scheduler's name that pods ask for.
    pub(crate) recorders: Arc<HashMap<CompactString, Recorder>>,
    pub(crate) clock: Clock,
    pub(crate) figures: Figures,
}

impl Writer {
    /// An extension point was run for a pod since `began`.
    pub(crate) fn ran(&self, point: &'static str, well: bool, pod: &PodInfo, began: Instant) {
        let status = if well { "Success" } else { "Error" };
        self.figures.ran(point, status, &pod.scheduler_name, began.elapsed());
    }

    /// Writes that a pod is on a node. Says whether it is; only one that may be tried again is not.
    pub(crate) async fn bind(&self, pod: &Arc<PodInfo>, node: &str) -> bool {
        let meta = &pod.meta;
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid},
            "target": {"kind": "Node", "name": node},
        });
        let written = self.client.create_part::<Value>(&PODS, &pod.key(), "binding", &binding).await;
        let problem = match written {
            Ok(_) => None,
            Err(problem) if problem.is_uncertain() => {
                if self.is_bound_after_all(pod, node).await {
                    None
                } else {
                    Some(problem)
                }
            }
            Err(problem) => Some(problem),
        };
        let Some(problem) = problem else {
            let note = format!("Successfully assigned {}/{} to {node}", meta.namespace, meta.name);
            self.record(pod, Weight::Normal, ("Scheduled", "Binding"), &note);
            return true;
        };
        let message = format!("binding rejected: running Bind plugin \"DefaultBinder\": {problem}");
        if !problem.is_not_found() {
            self.refused(pod, node, &message).await;
        }
        false
    }

    /// Writes that a pod cannot be bound to the node that was found for it.
    pub(crate) async fn refused(&self, pod: &PodInfo, node: &str, message: &str) {
        tracing::debug!(pod = %pod.key(), node, message, "cannot bind");
        self.record(pod, Weight::Warning, ("FailedScheduling", "Scheduling"), message);
        self.condition(pod, "SchedulerError", message, None).await;
    }

    /// Writes something that a pod needs; gives back its revision.
    pub(crate) async fn write(&self, write: &Write) -> Result<u64, Problem> {
        let change = (Patch::Merge, &write.change);
        let written: Answer = self.client.patch(&write.resource, &write.key, "", change).await?;
        Ok(written.metadata.resource_version)
    }

    /// What became of a binding whose answer was lost: nothing is placed anew before that is known.
    async fn is_bound_after_all(&self, pod: &PodInfo, node: &str) -> bool {
        loop {
            match self.client.get::<PodInfo>(&PODS, &pod.key()).await {
                Ok(now) => return now.meta.uid == pod.meta.uid && now.node_name == node,
                Err(problem) if problem.is_not_found() => return false,
                Err(_) => tokio::time::sleep(ASK_AGAIN).await,
            }
        }
    }

    /// Writes that there is no place for a pod, and makes room if others are to go for it.
    pub(crate) async fn tell(&self, untold: &Untold) {
        let (pod, failure) = (&untold.pod, &untold.failure);
        self.record(pod, Weight::Warning, ("FailedScheduling", "Scheduling"), &failure.message);
        let nominated = match &failure.preemption {
            Some(preemption) => Some(preemption.node.as_str()),
            None if failure.gives_up_nomination && !pod.nominated.is_empty() => Some(""),
            None => None,
        };
        self.condition(pod, "Unschedulable", &failure.message, nominated).await;
        if let Some(preemption) = &failure.preemption {
            self.make_room(pod, preemption).await;
        }
        for other in &untold.displaced {
            self.patch(other, json!({"nominatedNodeName": null})).await;
        }
    }

    /// `nominated` is left as it is if `None`, and taken away if empty.
    async fn condition(&self, pod: &PodInfo, reason: &str, message: &str, nominated: Option<&str>) {
        let told = pod.told.as_ref();
        let same = told
            .is_some_and(|told| told.status == "False" && told.reason == reason && told.message == message);
        if same && nominated.is_none_or(|nominated| nominated == pod.nominated) {
            return;
        }
        let mut condition = json!({
            "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
            "observedGeneration": pod.meta.generation,
        });
        if told.is_none_or(|told| told.status != "False") {
            condition["lastTransitionTime"] = json!(Time::of(self.clock.now()));
        }
        let mut status = json!({"conditions": [condition]});
        match nominated {
            Some("") => status["nominatedNodeName"] = Value::Null,
            Some(node) => status["nominatedNodeName"] = json!(node),
            None => {}
        }
        self.patch(pod, status).await;
    }

    async fn make_room(&self, pod: &PodInfo, preemption: &Preemption) {
        let message = format!("{}: preempting to accommodate a higher priority pod", pod.scheduler_name);
        for victim in &preemption.victims {
            if !victim.meta.is_deleting() {
                let condition = json!({
                    "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
                    "message": message, "observedGeneration": victim.meta.generation,
                    "lastTransitionTime": Time::of(self.clock.now()),
                });
                self.patch(victim, json!({"conditions": [condition]})).await;
            }
            let how = Deletion::of(&victim.meta.uid);
            match self.client.delete(&PODS, &victim.key(), &how).await {
                Ok(_) => {
                    let note = format!("Preempted by pod {} on node {}", pod.meta.uid, preemption.node);
                    self.record_by(
                        &pod.scheduler_name,
                        victim,
                        Weight::Normal,
                        ("Preempted", "Preempting"),
                        &note,
                    );
                }
                Err(problem) if problem.is_not_found() => {}
                Err(problem) => {
                    tracing::warn!(%problem, victim = %victim.key(), "cannot make room");
                }
            }
        }
    }

    async fn patch(&self, pod: &PodInfo, status: Value) {
        let change = json!({"metadata": {"uid": pod.meta.uid}, "status": status});
        let patched =
            self.client.patch::<Value>(&PODS, &pod.key(), "status", (Patch::Strategic, &change)).await;
        match patched {
            Ok(_) => {}
            Err(problem) if problem.is_not_found() || problem.is_conflict() => {}
            // It is said again when the pod is tried again.
            Err(problem) => tracing::warn!(%problem, pod = %pod.key(), "cannot write a pod's status"),
        }
    }

    fn record(&self, pod: &PodInfo, weight: Weight, what: (&'static str, &'static str), note: &str) {
        self.record_by(&pod.scheduler_name, pod, weight, what, note);
    }

    /// The same, said by the scheduler of this name.
    fn record_by(
        &self,
        scheduler: &str,
        pod: &PodInfo,
        weight: Weight,
        what: (&'static str, &'static str),
        note: &str,
    ) {
        let Some(recorder) = self.recorders.get(scheduler) else { return };
        recorder.record(Event {
            regarding: Regarding::of(&PODS, &pod.meta),
            weight,
            reason: what.0,
            action: what.1,
            note: shortened(note),
        });
    }
}

fn shortened(note: &str) -> String {
    const DOTS: &str = " ...";
    if note.len() <= NOTE_BYTES_MAX {
        return note.to_owned();
    }
    let mut end = NOTE_BYTES_MAX - DOTS.len();
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{DOTS}", &note[..end])
}
