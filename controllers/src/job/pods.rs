//! The pods of a job: which are made, which go.

use std::collections::HashMap;
use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::Labels;
use serde_json::{Value, json};

use super::failure::{FAILURES, FAILURES_IGNORED, counts_after};
use super::{FINALIZER, INDEX, index_of};
use crate::making;
use crate::plan::{Action, prefix};
use crate::pods::sort_for_deletion;
use crate::views::job::{JOBS, Job};
use crate::views::pod::Pod;

/// How long a name may be before the letters that make it unique.
const PREFIX_BYTES_MAX: usize = 58;
/// By which a container learns the number of its pod.
const VARIABLE: &str = "JOB_COMPLETION_INDEX";

/// Makes a pod without a number.
pub(super) fn create(job: &Job) -> Action {
    let template = &job.spec.template.template;
    let pod = making::of_template(template.with_labels(&template.labels), &prefix(&job.metadata.name));
    making::create((&JOBS, &job.metadata), with_finalizer(pod))
}

/// Makes the pod of a number, instead of one that failed, if one did.
pub(super) fn create_indexed(job: &Job, index: i32, replaced: Option<&Pod>) -> Action {
    let template = &job.spec.template.template;
    let number = index.to_string();
    let labels: Labels = template.labels.iter().chain([(INDEX, number.as_str())]).collect();
    let suffix = format!("-{index}-");
    let name = &job.metadata.name;
    let room = name.len().min(PREFIX_BYTES_MAX - suffix.len());
    let mut pod = making::of_template(template.with_labels(&labels), &format!("{}{suffix}", &name[..room]));
    let annotations = &mut pod["metadata"]["annotations"];
    annotations[INDEX] = json!(number);
    if job.spec.backoff_limit_per_index.is_some() {
        let (failures, ignored) = counts_after(job, replaced);
        annotations[FAILURES] = json!(failures.to_string());
        if ignored > 0 {
            annotations[FAILURES_IGNORED] = json!(ignored.to_string());
        }
    }
    pod["spec"]["hostname"] = json!(format!("{name}-{index}"));
    for part in ["initContainers", "containers"] {
        for container in pod["spec"][part].as_array_mut().into_iter().flatten() {
            tell_index(container);
        }
        if pod["spec"][part].is_null() {
            pod["spec"].as_object_mut().map(|spec| spec.remove(part));
        }
    }
    making::create((&JOBS, &job.metadata), with_finalizer(pod))
}

fn tell_index(container: &mut Value) {
    let variables = container["env"].as_array().cloned().unwrap_or_default();
    if variables.iter().any(|variable| variable["name"] == VARIABLE) {
        return;
    }
    let source = json!({"fieldRef": {"fieldPath": format!("metadata.labels['{INDEX}']")}});
    let own = json!({"name": VARIABLE, "valueFrom": source});
    container["env"] = variables.into_iter().chain([own]).collect();
}

fn with_finalizer(mut pod: Value) -> Value {
    let mut all = pod["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    if !all.iter().any(|finalizer| finalizer == FINALIZER) {
        all.push(json!(FINALIZER));
    }
    pod["metadata"]["finalizers"] = json!(all);
    pod
}

/// Which of the active pods go, `least` of them or more: those that should not be there, then those missed least.
pub(super) fn surplus(job: &Job, active: &[Arc<Pod>], least: usize, now: UnixMillis) -> Vec<Arc<Pod>> {
    let (mut gone, mut left) = (Vec::new(), active.to_vec());
    if job.is_indexed() {
        let end = job.spec.completions.unwrap_or(0);
        let mut by_index: HashMap<i32, Vec<Arc<Pod>>> = HashMap::new();
        for pod in left.drain(..) {
            match index_of(&pod).filter(|index| *index < end) {
                Some(index) => by_index.entry(index).or_default().push(pod),
                None => gone.push(pod),
            }
        }
        let mut by_index: Vec<_> = by_index.into_iter().collect();
        by_index.sort_by_key(|(index, _)| *index);
        for (_, mut pods) in by_index {
            sort_for_deletion(&mut pods, &[], now);
            left.extend(pods.pop());
            gone.append(&mut pods);
        }
    }
    let more = least.saturating_sub(gone.len()).min(left.len());
    if more > 0 {
        sort_for_deletion(&mut left, &[], now);
        gone.extend(left.into_iter().take(more));
    }
    gone
}
