//! What is written down of a job: its counts, which pods are counted now, and how it ends.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::Time;
use keelson_client::events::Weight;
use serde_json::{Value, json};

use super::failure::{Verdict, has_failed, verdict};
use super::indexes::Indexes;
use super::{has_finalizer, index_of, release};
use crate::plan::{Action, Word};
use crate::views::condition::Condition;
use crate::views::job::{JOBS, Job, Status, Uncounted};
use crate::views::pod::{Phase, Pod};

/// So many pods are counted at once; more would make the status large. Upstream's.
const UNCOUNTED_MAX: usize = 500;

/// That enough has succeeded, as long as pods still go.
pub(super) const ENOUGH: &str = "SuccessCriteriaMet";
/// That it will have failed, as long as pods still go.
pub(super) const FAILING: &str = "FailureTarget";

/// Why jobs fail.
const FAILURES: [&str; 5] = [
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "FailedIndexes",
    "MaxFailedIndexesExceeded",
    "PodFailurePolicy",
];

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) succeeds: bool,
    pub(super) reason: CompactString,
    pub(super) message: String,
}

impl Ending {
    pub(super) fn failure(reason: &str, message: impl Into<String>) -> Self {
        Self { succeeds: false, reason: reason.into(), message: message.into() }
    }

    pub(super) fn success(reason: &str, message: impl Into<String>) -> Self {
        Self { succeeds: true, reason: reason.into(), message: message.into() }
    }

    /// As it was written down, if it was.
    pub(super) fn written(job: &Job) -> Option<Self> {
        let of = |succeeds, condition: &Condition| Self {
            succeeds,
            reason: condition.reason.clone(),
            message: condition.message.clone(),
        };
        let enough = job.condition(ENOUGH).map(|condition| of(true, condition));
        enough.or_else(|| job.condition(FAILING).map(|condition| of(false, condition)))
    }
}

/// What is known of a job and its pods.
pub(super) struct Known {
    pub(super) job: Arc<Job>,
    /// Its pods; by number, if they have one.
    pub(super) pods: Vec<Arc<Pod>>,
    /// Numbers that have succeeded, as written down.
    pub(super) succeeded_before: Indexes,
    /// With those that have since.
    pub(super) succeeded_indexes: Indexes,
    /// Numbers that have failed for good, if such a thing is.
    pub(super) failed_indexes: Option<Indexes>,
    /// Pods that failed and whose counts the next one of their number takes over: until then they are kept.
    pub(super) kept: HashMap<i32, Arc<Pod>>,
    pub(super) now: UnixMillis,
}

/// What has come of the decision.
#[derive(Clone, Debug, Default)]
pub(super) struct Result {
    pub(super) active: i32,
    pub(super) ready: i32,
    pub(super) terminating: i32,
    pub(super) start_time: Option<Time>,
    pub(super) ending: Option<Ending>,
    /// Whether it was looked into whether the job is suspended.
    pub(super) notes_suspension: bool,
}

/// What is written down, and the pods that are let go when it is.
pub(super) fn written(known: &Known, result: &Result) -> Vec<Action> {
    let job = &known.job;
    let mut status = Status {
        active: result.active,
        ready: Some(result.ready),
        terminating: Some(result.terminating),
        start_time: result.start_time,
        ..job.status.clone()
    };
    let mut words = Vec::new();
    if result.notes_suspension {
        words.extend(note_suspension(job, &mut status, known.now));
    }
    count_released(known, &mut status);
    let going = count_ended(known, result, &mut status);
    let mut told = Vec::new();
    if let Some(ending) = &result.ending {
        let is_known = Ending::written(job).is_some();
        let kind = match (is_known, ending.succeeds) {
            (false, true) => Some(ENOUGH),
            (false, false) => Some(FAILING),
            // Nobody is to think that it has ended who then sees its counts change.
            _ if !going.is_empty() || result.terminating > 0 || !is_all_counted(&status) => None,
            (true, true) => Some("Complete"),
            (true, false) => Some("Failed"),
        };
        if let Some(kind) = kind {
            let made = condition(kind, "True", &ending.reason, &ending.message, known.now);
            if kind == "Complete" {
                status.completion_time = made.last_transition_time;
            }
            status.conditions.push(made);
            if is_known {
                told = told_at_end(job, &status, ending);
            }
        }
    }
    let mut actions = Vec::new();
    if !is_same(&status, &job.status) {
        let action = Action::merge(&JOBS, &job.metadata, "status", json!({"status": as_json(&status)}));
        actions.push(action.telling((&JOBS, &job.metadata), words, None));
        actions.append(&mut told);
    }
    actions.extend(going.iter().map(|pod| release(pod)));
    actions
}

fn told_at_end(job: &Job, status: &Status, ending: &Ending) -> Vec<Action> {
    let tell = |weight, word: &Word| Action::tell(&JOBS, &job.metadata, weight, word);
    if !ending.succeeds {
        let reason = FAILURES.iter().find(|reason| **reason == ending.reason).unwrap_or(&"Failed");
        return vec![tell(Weight::Warning, &Word::new(reason, "Run", ending.message.as_str()))];
    }
    let mut all = Vec::new();
    if job.spec.completions.is_some_and(|completions| status.succeeded > completions) {
        let note = "Too many succeeded pods running after completion count reached";
        all.push(tell(Weight::Warning, &Word::new("TooManySucceededPods", "Run", note)));
    }
    all.push(tell(Weight::Normal, &Word::new("Completed", "Run", "Job completed")));
    all
}

/// A condition as of now.
fn condition(kind: &str, status: &str, reason: &str, message: &str, now: UnixMillis) -> Condition {
    Condition {
        kind: kind.into(),
        status: status.into(),
        last_probe_time: Some(Time::of(now)),
        last_update_time: None,
        last_transition_time: Some(Time::of(now)),
        reason: reason.into(),
        message: message.to_owned(),
    }
}

/// Says that the job is suspended, or no longer is; its time begins when it is not.
fn note_suspension(job: &Job, status: &mut Status, now: UnixMillis) -> Option<Word> {
    let (word, value, reason, message) = if job.spec.suspend {
        ("Suspended", "True", "JobSuspended", "Job suspended")
    } else {
        ("Resumed", "False", "JobResumed", "Job resumed")
    };
    let new = condition("Suspended", value, reason, message, now);
    match status.conditions.iter_mut().find(|known| known.kind == "Suspended") {
        Some(known) if known.status == new.status && known.reason == new.reason => return None,
        Some(known) => *known = new,
        // That it is not suspended goes without saying.
        None if !job.spec.suspend => return None,
        None => status.conditions.push(new),
    }
    status.start_time = (!job.spec.suspend).then(|| Time::of(now));
    Some(Word::new(word, "Suspend", message))
}

fn is_all_counted(status: &Status) -> bool {
    let uncounted = status.uncounted_terminated_pods.as_ref();
    uncounted.is_none_or(|uncounted| uncounted.succeeded.is_empty() && uncounted.failed.is_empty())
}

/// Adds to the counts whatever was to be counted and has lost its finalizer.
fn count_released(known: &Known, status: &mut Status) {
    let held: HashSet<&str> =
        known.pods.iter().filter(|pod| has_finalizer(pod)).map(|pod| pod.metadata.uid.as_str()).collect();
    let uncounted = status.uncounted_terminated_pods.get_or_insert_default();
    for (uids, counter) in
        [(&mut uncounted.succeeded, &mut status.succeeded), (&mut uncounted.failed, &mut status.failed)]
    {
        let before = uids.len();
        uids.retain(|uid| held.contains(uid.as_str()));
        *counter += i32::try_from(before - uids.len()).unwrap_or(0);
    }
}

/// Notes what is to be counted; gives back the pods that may go for it.
fn count_ended(known: &Known, result: &Result, status: &mut Status) -> Vec<Arc<Pod>> {
    let job = &known.job;
    let before = job.status.uncounted_terminated_pods.clone().unwrap_or_default();
    let has = |uids: &[CompactString], pod: &Pod| uids.contains(&pod.metadata.uid);
    let mut uncounted = status.uncounted_terminated_pods.take().unwrap_or_default();
    let (mut going, mut indexes) = (Vec::new(), Vec::new());
    for pod in known.pods.iter().filter(|pod| has_finalizer(pod)) {
        let failed = has_failed(pod, job);
        if !may_go(known, result, pod, failed) {
            continue;
        }
        going.push(Arc::clone(pod));
        let index = known.index(pod);
        if pod.status.phase == Phase::Succeeded && !has(&before.failed, pod) {
            if job.is_indexed() {
                indexes.extend(index.filter(|index| !known.succeeded_before.has(*index)));
            } else if !has(&before.succeeded, pod) {
                uncounted.succeeded.push(pod.metadata.uid.clone());
            }
        } else if failed || result.ending.as_ref().is_some_and(|ending| !ending.succeeds) {
            let counts = verdict(job.spec.pod_failure_policy.as_ref(), pod) != Verdict::Ignored;
            if counts && !has(&before.failed, pod) && (index.is_some() || !job.is_indexed()) {
                uncounted.failed.push(pod.metadata.uid.clone());
            }
        }
        if indexes.len() + uncounted.succeeded.len() + uncounted.failed.len() >= UNCOUNTED_MAX {
            break;
        }
    }
    if job.is_indexed() {
        let succeeded = known.succeeded_indexes.with_each(indexes);
        status.succeeded = i32::try_from(succeeded.total()).unwrap_or(i32::MAX);
        status.completed_indexes = succeeded.to_string();
        status.failed_indexes = known.failed_indexes.as_ref().map(ToString::to_string);
    }
    status.uncounted_terminated_pods = Some(uncounted);
    going
}

fn may_go(known: &Known, result: &Result, pod: &Pod, failed: bool) -> bool {
    if known.job.metadata.is_deleting() || result.ending.is_some() || pod.status.phase == Phase::Succeeded {
        return true;
    }
    let is_kept = || {
        let kept = index_of(pod).and_then(|index| known.kept.get(&index));
        kept.is_some_and(|kept| kept.metadata.uid == pod.metadata.uid)
    };
    failed && !is_kept()
}

impl Known {
    /// A pod's number, if the job has it.
    pub(super) fn index(&self, pod: &Pod) -> Option<i32> {
        let end = self.job.spec.completions.unwrap_or(0);
        index_of(pod).filter(|index| *index < end)
    }
}

fn is_same(new: &Status, old: &Status) -> bool {
    let none = Uncounted::default();
    let uncounted = |status: &Status| status.uncounted_terminated_pods.clone().unwrap_or(none.clone());
    let rest = |status: &Status| Status { uncounted_terminated_pods: None, ..status.clone() };
    uncounted(new) == uncounted(old) && rest(new) == rest(old)
}

fn as_json(status: &Status) -> Value {
    let some = |list: &[CompactString]| if list.is_empty() { Value::Null } else { json!(list) };
    let text = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    let number = |number: i32| if number == 0 { Value::Null } else { json!(number) };
    let uncounted = status.uncounted_terminated_pods.clone().unwrap_or_default();
    json!({
        "conditions": if status.conditions.is_empty() { Value::Null } else { json!(status.conditions) },
        "startTime": status.start_time,
        "completionTime": status.completion_time,
        "active": number(status.active),
        "succeeded": number(status.succeeded),
        "failed": number(status.failed),
        "terminating": status.terminating,
        "ready": status.ready,
        "completedIndexes": text(&status.completed_indexes),
        "failedIndexes": status.failed_indexes,
        "uncountedTerminatedPods": {
            "succeeded": some(&uncounted.succeeded), "failed": some(&uncounted.failed),
        },
    })
}
