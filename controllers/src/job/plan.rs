//! What is to be done about a job: whether it ends, which pods it needs, what is written down.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::UnixMillis;
use keelson_client::Time;

use super::failure::{Verdict, fails_index, has_failed, is_later, verdict, wait_of_index, wait_of_job};
use super::indexes::Indexes;
use super::pods::{create, create_indexed, surplus};
use super::tracking::{Ending, Known, Result, written};
use super::{BATCH, has_finalizer, index_of, release};
use crate::making;
use crate::plan::{Action, Pace, Plan};
use crate::pods::{is_active, is_ready, is_terminating};
use crate::views::job::{JOBS, Job};
use crate::views::pod::{Phase, Pod};

/// Pods that are made or deleted at once; the rest follows when those are seen. Upstream's.
const BURST_MAX: usize = 500;

/// What is done about pods.
enum Move {
    Nothing,
    Wait(Duration),
    Create(Vec<Action>),
    /// Those lose the finalizer first: they are not to count as failed.
    Delete(Vec<Arc<Pod>>),
    /// Those are counted.
    End(Vec<Arc<Pod>>),
}

/// Decides.
pub(super) fn plan(job: Arc<Job>, mut pods: Vec<Arc<Pod>>, now: UnixMillis) -> Plan {
    if job.is_indexed() {
        pods.sort_by_key(|pod| index_of(pod));
    }
    let known = known(job, pods, now);
    let (job, active) = (Arc::clone(&known.job), active(&known));
    let count = |pods: usize| i32::try_from(pods).unwrap_or(i32::MAX);
    let before = Result {
        active: count(active.len()),
        ready: count(active.iter().filter(|pod| is_ready(pod)).count()),
        terminating: count(known.pods.iter().filter(|pod| is_terminating(pod)).count()),
        start_time: job.status.start_time.or_else(|| (!job.spec.suspend).then(|| Time::of(now))),
        ending: None,
        notes_suspension: false,
    };
    let succeeded = succeeded(&known);
    let (ending, mut again) = ending(&known, before.start_time);
    let manages = ending.is_none() && !job.metadata.is_deleting();
    let next = match &ending {
        Some(_) => Move::End(active),
        None if manages => manage(&known, &active, succeeded, &before),
        None => Move::Nothing,
    };
    let (mut first, mut then, mut pace) = (Vec::new(), Vec::new(), Pace::AtOnce);
    let mut after = Result { ending, ..before };
    match next {
        Move::Nothing => {}
        Move::Wait(wait) => again = again.into_iter().chain([wait.max(BATCH)]).min(),
        Move::Create(creations) => {
            after.active += count(creations.len());
            (then, pace) = (creations, Pace::SlowStart);
        }
        Move::Delete(gone) | Move::End(gone) => {
            after.active -= count(gone.len());
            after.terminating += count(gone.len());
            after.ready -= count(gone.iter().filter(|pod| is_ready(pod)).count());
            if after.ending.is_none() {
                first = gone.iter().filter(|pod| has_finalizer(pod)).map(|pod| release(pod)).collect();
            }
            then = gone.iter().map(|pod| making::delete((&JOBS, &job.metadata), pod)).collect();
        }
    }
    let concluded = [after, before].map(|result| conclude(&job, result, succeeded, manages));
    let plan = Plan { first, then, pace, again, ending: Pace::FirstAlone, ..Plan::default() };
    plan.finishing(move |failure| {
        let [after, before] = concluded;
        written(&known, if failure.is_none() { &after } else { &before })
    })
}

/// Whether all that was wanted has succeeded now, and whether that the job is suspended is to be said.
fn conclude(job: &Job, mut result: Result, succeeded: i32, manages: bool) -> Result {
    if result.ending.is_none() && result.active == 0 {
        // Without a number, one success ends the work, when those under way have ended.
        let wanted = job.spec.completions.unwrap_or(1);
        if succeeded >= wanted {
            let message = "Reached expected number of succeeded pods";
            result.ending = Some(Ending::success("CompletionsReached", message));
        }
    }
    result.notes_suspension = manages && result.ending.is_none();
    result
}

fn active(known: &Known) -> Vec<Arc<Pod>> {
    known.pods.iter().filter(|pod| is_active(pod)).cloned().collect()
}

fn known(job: Arc<Job>, pods: Vec<Arc<Pod>>, now: UnixMillis) -> Known {
    let mut known = Known {
        job,
        pods,
        succeeded_before: Indexes::default(),
        succeeded_indexes: Indexes::default(),
        failed_indexes: None,
        kept: HashMap::new(),
        now,
    };
    if !known.job.is_indexed() {
        return known;
    }
    let (spec, status) = (&known.job.spec, &known.job.status);
    let end = spec.completions.unwrap_or(0);
    let counted = |is: &dyn Fn(&Pod) -> bool| -> Vec<i32> {
        let those = known.pods.iter().filter(|pod| has_finalizer(pod) && is(pod));
        those.filter_map(|pod| known.index(pod)).collect()
    };
    let before = Indexes::parse(&status.completed_indexes, end);
    let succeeded = before.with_each(counted(&|pod| pod.status.phase == Phase::Succeeded));
    let failed = spec.backoff_limit_per_index.map(|_| {
        let before = Indexes::parse(status.failed_indexes.as_deref().unwrap_or(""), end);
        before.with_each(counted(&|pod| fails_index(&known.job, pod)))
    });
    (known.succeeded_before, known.succeeded_indexes, known.failed_indexes) = (before, succeeded, failed);
    known.kept = kept(&known);
    known
}

/// Of each number that is to be tried again, the pod that failed last.
fn kept(known: &Known) -> HashMap<i32, Arc<Pod>> {
    let mut kept: HashMap<i32, Arc<Pod>> = HashMap::new();
    let Some(failed) = &known.failed_indexes else { return kept };
    let done = known.succeeded_indexes.with_all(failed);
    let done = done.with_each(active(known).iter().filter_map(|pod| index_of(pod)));
    for pod in known.pods.iter().filter(|pod| has_finalizer(pod) && has_failed(pod, &known.job)) {
        let Some(index) = known.index(pod).filter(|index| !done.has(*index)) else { continue };
        if kept.get(&index).is_none_or(|other| is_later(pod, other)) {
            kept.insert(index, Arc::clone(pod));
        }
    }
    kept
}

/// Pods that have ended so and are not written down yet.
fn newly<'a>(
    known: &'a Known,
    is: impl Fn(&Pod) -> bool + 'a,
    listed: &'a [compact_str::CompactString],
) -> impl Iterator<Item = &'a Arc<Pod>> {
    known.pods.iter().filter(move |pod| {
        has_finalizer(pod)
            && !listed.contains(&pod.metadata.uid)
            && (!known.job.is_indexed() || known.index(pod).is_some())
            && is(pod)
    })
}

/// How many have succeeded.
fn succeeded(known: &Known) -> i32 {
    let status = &known.job.status;
    let count = if known.job.is_indexed() {
        known.succeeded_indexes.total()
    } else {
        let listed = status.uncounted_terminated_pods.as_ref().map_or(&[][..], |all| &all.succeeded);
        let new = newly(known, |pod| pod.status.phase == Phase::Succeeded, listed);
        usize::try_from(status.succeeded).unwrap_or(0) + new.count() + listed.len()
    };
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// How many have failed in ways that count.
fn failed(known: &Known) -> usize {
    let status = &known.job.status;
    let listed = status.uncounted_terminated_pods.as_ref().map_or(&[][..], |all| &all.failed);
    let policy = known.job.spec.pod_failure_policy.as_ref();
    let new = newly(known, |pod| has_failed(pod, &known.job), listed);
    let new = new.filter(|pod| verdict(policy, pod) != Verdict::Ignored);
    usize::try_from(status.failed).unwrap_or(0) + new.count() + listed.len()
}

/// How the job ends, if it does; and when its time is up, if that is known.
fn ending(known: &Known, start: Option<Time>) -> (Option<Ending>, Option<Duration>) {
    let (job, now) = (&known.job, known.now);
    if let Some(written) = Ending::written(job) {
        return (Some(written), None);
    }
    let policy = job.spec.pod_failure_policy.as_ref();
    let mut failures = known.pods.iter().filter(|pod| has_failed(pod, job));
    let fails = failures.find_map(|pod| match verdict(policy, pod) {
        Verdict::FailsJob(message) => Some(Ending::failure("PodFailurePolicy", message)),
        _ => None,
    });
    if fails.is_some() {
        return (fails, None);
    }
    if failed(known) > usize::try_from(job.spec.backoff_limit).unwrap_or(0) || restarted_too_often(known) {
        let message = "Job has reached the specified backoff limit";
        return (Some(Ending::failure("BackoffLimitExceeded", message)), None);
    }
    let mut again = None;
    if let (Some(seconds), Some(start), false) = (job.spec.active_deadline_seconds, start, job.spec.suspend) {
        let due = Time(start.0.saturating_add(seconds)).millis();
        if now >= due {
            let message = "Job was active longer than specified deadline";
            return (Some(Ending::failure("DeadlineExceeded", message)), None);
        }
        again = Some(Duration::from_millis(due.since(now)));
    }
    (of_indexes(known), again)
}

/// How a job ends whose pods have numbers, for reasons that lie in these.
fn of_indexes(known: &Known) -> Option<Ending> {
    let spec = &known.job.spec;
    if !known.job.is_indexed() {
        return None;
    }
    let completions = usize::try_from(spec.completions.unwrap_or(0)).unwrap_or(0);
    if let Some(failed) = known.failed_indexes.as_ref().map(Indexes::total) {
        let most = spec.max_failed_indexes.and_then(|most| usize::try_from(most).ok());
        if most.is_some_and(|most| failed > most) {
            let message = "Job has exceeded the specified maximal number of failed indexes";
            return Some(Ending::failure("MaxFailedIndexesExceeded", message));
        }
        if failed > 0 && failed + known.succeeded_indexes.total() >= completions {
            return Some(Ending::failure("FailedIndexes", "Job has failed indexes"));
        }
    }
    let rules = spec.success_policy.as_ref().map_or(&[][..], |policy| &policy.rules);
    let met = rules.iter().position(|rule| {
        let Some(indexes) = &rule.succeeded_indexes else {
            return rule.succeeded_count.is_some_and(|count| known.succeeded_indexes.total() >= count);
        };
        let indexes = Indexes::parse(indexes, spec.completions.unwrap_or(0));
        let shared = indexes.shared_with(&known.succeeded_indexes);
        let enough = rule.succeeded_count.unwrap_or(usize::MAX).min(indexes.total());
        !indexes.is_empty() && shared >= enough
    });
    let at = met.filter(|_| !known.succeeded_indexes.is_empty())?;
    Some(Ending::success("SuccessPolicy", format!("Matched rules at index {at}")))
}

/// Whether containers that are started again in their pods have been too often.
fn restarted_too_often(known: &Known) -> bool {
    let spec = &known.job.spec;
    if !spec.template.restarts_containers {
        return false;
    }
    let under_way =
        known.pods.iter().filter(|pod| matches!(pod.status.phase, Phase::Running | Phase::Pending));
    let restarts: u64 = under_way
        .map(|pod| {
            let status = &pod.status;
            u64::from(status.containers.all_restarts) + u64::from(status.init_containers.all_restarts)
        })
        .sum();
    restarts >= u64::try_from(spec.backoff_limit).unwrap_or(0).max(1)
}

/// Which pods are needed.
fn manage(known: &Known, active: &[Arc<Pod>], succeeded: i32, counted: &Result) -> Move {
    let (job, now) = (&known.job, known.now);
    let spec = &job.spec;
    let count = counted.active;
    if spec.suspend {
        return match surplus(job, active, active.len(), now) {
            gone if gone.is_empty() => Move::Nothing,
            gone => Move::Delete(gone),
        };
    }
    let wanted = match spec.completions {
        None if succeeded > 0 => count,
        None => spec.parallelism,
        Some(completions) => (completions - succeeded).min(spec.parallelism).max(0),
    };
    let mut gone = surplus(job, active, usize::try_from(count - wanted).unwrap_or(0), now);
    if !gone.is_empty() {
        gone.truncate(BURST_MAX);
        return Move::Delete(gone);
    }
    let terminating = if job.replaces_only_failed() { counted.terminating } else { 0 };
    let missing = usize::try_from(wanted - terminating - count).unwrap_or(0).min(BURST_MAX);
    if missing == 0 {
        return Move::Nothing;
    }
    if spec.backoff_limit_per_index.is_none()
        && let Some(wait) = wait_of_job(job, &known.pods, now)
    {
        return Move::Wait(wait);
    }
    if !job.is_indexed() {
        return Move::Create(vec![create(job); missing]);
    }
    create_missing(known, active, missing)
}

/// Makes the pods of the first numbers that have none.
fn create_missing(known: &Known, active: &[Arc<Pod>], missing: usize) -> Move {
    let job = &known.job;
    let mut done = known.succeeded_indexes.with_each(active.iter().filter_map(|pod| index_of(pod)));
    if job.replaces_only_failed() {
        let going = known.pods.iter().filter(|pod| is_terminating(pod));
        done = done.with_each(going.filter_map(|pod| index_of(pod)));
    }
    if let Some(failed) = &known.failed_indexes {
        done = done.with_all(failed);
    }
    let (mut creations, mut wait): (_, Option<Duration>) = (Vec::new(), None);
    for index in done.missing(missing, job.spec.completions.unwrap_or(0)) {
        let replaced = known.kept.get(&index).map(AsRef::as_ref);
        match replaced.and_then(|replaced| wait_of_index(replaced, known.now)) {
            Some(longer) => wait = wait.into_iter().chain([longer]).min(),
            None => creations.push(create_indexed(job, index, replaced)),
        }
    }
    match wait {
        Some(wait) if creations.is_empty() => Move::Wait(wait),
        _ if creations.is_empty() => Move::Nothing,
        _ => Move::Create(creations),
    }
}
