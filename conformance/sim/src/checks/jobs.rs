//! A job has no more pods than it may have at once, none for what is done already, none after its end; and counts each of
//! them once.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Check, Write};
use crate::world::{Object, World};

/// What pods are kept by until they are counted.
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

/// By uid of a job: the pods that ended well, by uid, with their index.
#[derive(Default)]
pub(super) struct Jobs {
    well: BTreeMap<String, BTreeMap<String, String>>,
}

impl Check for Jobs {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        match write.resource {
            "pods" => {
                self.keep(world, write);
                self.made(world, write).into_iter().collect()
            }
            "jobs.batch" => self.counted(write).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

fn index(pod: &Value) -> &str {
    pod.at("metadata/annotations")
        .get("batch.kubernetes.io/job-completion-index")
        .and_then(Value::as_str)
        .unwrap_or("")
}

fn is_over(job: &Value) -> bool {
    job.condition("Complete") == "True" || job.condition("Failed") == "True"
}

fn count(all: usize) -> i64 {
    i64::try_from(all).unwrap_or(i64::MAX)
}

impl Jobs {
    fn keep(&mut self, world: &World, write: &Write<'_>) {
        let Some(new) = write.new.filter(|new| !new.owner("Job").is_empty()) else { return };
        // What was let go before its end is counted already, or is not to be, whatever becomes of it.
        if !new.has_finalizer(FINALIZER) {
            self.forget(world, write, new);
            return;
        }
        let (job, uid) = (new.owner("Job").to_owned(), new.uid().to_owned());
        if new.text("status/phase") == "Succeeded" {
            self.well.entry(job).or_default().insert(uid, index(new).to_owned());
        }
    }

    /// Pods that a job lets go because it is suspended do not count, as it is upstream, even if they have just succeeded.
    fn forget(&mut self, world: &World, write: &Write<'_>, pod: &Value) {
        let held = write.old.is_some_and(|old| old.has_finalizer(FINALIZER));
        let job = world.by_uid("jobs.batch", pod.space(), pod.owner("Job")).filter(|_| held);
        if job.is_some_and(|job| job.at("spec/suspend") == &Value::Bool(true))
            && let Some(well) = self.well.get_mut(pod.owner("Job"))
        {
            well.remove(pod.uid());
        }
    }

    fn made(&self, world: &World, write: &Write<'_>) -> Option<String> {
        let pod = write.made()?;
        let job = world.by_uid("jobs.batch", pod.space(), pod.owner("Job"))?;
        let (path, name) = (write.path, job.name());
        if is_over(job) {
            return Some(format!("pod {path} was made for job {name}, which is over"));
        }
        let pods = world.of("pods", job.uid());
        let active: Vec<_> = pods.iter().filter(|pod| pod.is_active()).collect();
        let (there, at_once) = (count(active.len()), job.at("spec/parallelism").as_i64().unwrap_or(1));
        if there > at_once {
            return Some(format!(
                "pod {path} is one too many: job {name} has {there}, {at_once} at once are allowed"
            ));
        }
        let well = self.well.get(job.uid());
        let succeeded = well.map_or(0, |well| count(well.len()));
        let completions = job.at("spec/completions").as_i64()?;
        if job.text("spec/completionMode") != "Indexed" {
            return (there + succeeded > completions).then(|| {
                format!("pod {path} is one too many: of job {name} {succeeded} have succeeded and {there} run, {completions} are asked for")
            });
        }
        let own = index(pod);
        let twice = active.iter().filter(|other| index(other) == own).count() > 1;
        let done = well.is_some_and(|well| well.values().any(|done| done == own));
        (twice || done)
            .then(|| format!("pod {path} has index {own} of job {name}, which another pod has or had"))
    }

    fn counted(&self, write: &Write<'_>) -> Option<String> {
        let (new, path) = (write.new?, write.path);
        let succeeded = new.number("status/succeeded");
        let known = self.well.get(new.uid()).map_or(0, |well| count(well.len()));
        if succeeded > known {
            return Some(format!("job {path} counts {succeeded} that succeeded, of {known} that did"));
        }
        let before =
            write.old.filter(|old| old.uid() == new.uid()).map_or(0, |old| old.number("status/succeeded"));
        let indexed = new.text("spec/completionMode") == "Indexed";
        if succeeded < before && !indexed {
            return Some(format!("job {path} counted {before} that succeeded, and counts {succeeded} now"));
        }
        let completions = new.at("spec/completions").as_i64()?;
        let complete = new.condition("Complete") == "True"
            && write.old.is_some_and(|old| old.condition("Complete") != "True");
        (complete && succeeded != completions)
            .then(|| format!("job {path} is complete with {succeeded} of {completions}"))
    }
}
