//! Jobs: pods that come to an end, until enough of them have succeeded.
//!
//! A pod that has ended is counted once, whatever happens to it or to this process: while it carries the finalizer it is
//! not counted. First its uid (or its index) is written into the status, then the finalizer is taken away, then it is
//! added to the count. Each of these steps is a plan of its own that rests on what the last one left.

mod failure;
mod indexes;
mod plan;
mod pods;
#[cfg(test)]
mod tests;
mod tracking;

use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Change, Key, Kind};
use serde_json::json;

use crate::claim::{claim_with, selects};
use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan};
use crate::pods::{BY_CONTROLLER, index};
use crate::replicaset::concerned;
use crate::views::job::{JOBS, Job};
use crate::views::pod::{PODS, Pod};

/// What says that a pod is not counted yet.
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
/// A pod's number, as a label and as an annotation.
const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// Who works on jobs that say nothing of it; this one.
const MANAGER: &str = "kubernetes.io/job-controller";
/// Pods of a job change together: what changes within this time is looked at once. Upstream's.
const BATCH: Duration = Duration::from_secs(1);
/// What keys of pods begin with that no job counts. No job's name has a slash.
const LEFT_BEHIND: &str = "pod/";

/// The controller.
pub(crate) struct Jobs {
    jobs: Arc<Cache<Job>>,
    pods: Arc<Cache<Pod>>,
}

impl Jobs {
    pub(crate) fn new(caches: &Caches) -> Self {
        let new = Self { jobs: caches.of(), pods: caches.of() };
        index(&new.pods);
        new
    }
}

fn has_finalizer(pod: &Pod) -> bool {
    pod.metadata.finalizers.iter().any(|finalizer| finalizer == FINALIZER)
}

/// A pod's number.
fn index_of(pod: &Pod) -> Option<i32> {
    pod.metadata.annotation(INDEX)?.parse().ok().filter(|index| *index >= 0)
}

/// Takes the finalizer away.
fn release(pod: &Pod) -> Action {
    let meta = &pod.metadata;
    let change = json!({"metadata": {"uid": meta.uid, "$deleteFromPrimitiveList/finalizers": [FINALIZER]}});
    Action::strategic(&PODS, meta.key(), change)
}

fn is_ours(job: &Job) -> bool {
    job.spec.managed_by.as_ref().is_none_or(|manager| manager == MANAGER)
}

/// Whether a job counts this pod, or will.
fn is_counted(pod: &Pod, jobs: &Cache<Job>) -> bool {
    let Some(owner) = pod.metadata.controller() else { return false };
    if owner.kind != JOBS.kind || owner.api_version != JOBS.api_version() {
        return true;
    }
    let job = jobs.get(&Key::new(&pod.metadata.namespace, &owner.name));
    job.is_some_and(|job| job.metadata.uid == owner.uid && (job.outcome().is_none() || !is_ours(&job)))
}

fn left_behind(pod: &Pod) -> Key {
    Key::new(&pod.metadata.namespace, &format!("{LEFT_BEHIND}{}", pod.metadata.name))
}

/// Which keys a change of a pod concerns, and how soon.
fn of_pod(change: &Change<'_, Pod>, jobs: &Cache<Job>) -> Vec<(Key, Duration)> {
    let metas = [change.old, change.new].map(|pod| pod.map(|pod| &pod.metadata));
    let could_adopt =
        |job: &Job, pod: &keelson_client::Meta| selects(&job.spec.selector.selector, &pod.labels);
    // Our own doing is followed up at once.
    let is_released =
        change.old.is_some_and(|pod| has_finalizer(pod)) && change.new.is_none_or(|pod| !has_finalizer(pod));
    let wait = if is_released { Duration::ZERO } else { BATCH };
    let mut keys: Vec<_> = concerned(jobs, metas, could_adopt).into_iter().map(|key| (key, wait)).collect();
    if let Some(pod) = change.new.filter(|pod| has_finalizer(pod) && !is_counted(pod, jobs)) {
        keys.push((left_behind(pod), Duration::ZERO));
    }
    keys
}

/// Pods that a job does not count any more, since it has ended or is gone.
fn of_job(change: &Change<'_, Job>, pods: &Cache<Pod>) -> Vec<Key> {
    let Some(job) = change.latest().filter(|job| change.new.is_none() || job.outcome().is_some()) else {
        return Vec::new();
    };
    let pods = pods.by(BY_CONTROLLER, &job.metadata.uid);
    pods.iter().filter(|pod| has_finalizer(pod)).map(|pod| left_behind(pod)).collect()
}

impl Controller for Jobs {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.jobs);
        let pods = Arc::clone(&self.pods);
        inputs.map(&self.jobs, move |change| of_job(change, &pods));
        let jobs = Arc::clone(&self.jobs);
        inputs.map_later(&self.pods, move |change| of_pod(change, &jobs));
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        if let Some(name) = key.name().strip_prefix(LEFT_BEHIND) {
            let pod = self.pods.get(&Key::new(key.namespace(), name));
            let pod = pod.filter(|pod| has_finalizer(pod) && !is_counted(pod, &self.jobs));
            return Plan::of(pod.iter().map(|pod| release(pod)).collect());
        }
        let Some(job) = self.jobs.get(key) else { return Plan::nothing() };
        if !is_ours(&job) || job.outcome().is_some() {
            return Plan::nothing();
        }
        let mut candidates = self.pods.by(BY_CONTROLLER, &job.metadata.uid);
        candidates.extend(self.pods.by(BY_CONTROLLER, &format!("{}/", key.namespace())));
        let owner = (&JOBS, job.meta());
        let (selector, mut actions) = (&job.spec.selector.selector, Vec::new());
        let pods = claim_with(owner, Some(FINALIZER), selector, candidates, &mut actions);
        // What is adopted gets the finalizer: it is looked at when it has it.
        if actions.is_empty() { plan::plan(job, pods, now) } else { Plan::of(actions) }
    }
}
