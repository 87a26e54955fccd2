//! Pods that failed: which count, what follows from it, and how long their replacement waits.

use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::UnixMillis;
use keelson_client::Time;

use super::{has_finalizer, index_of};
use crate::views::job::{FailurePolicy, Job, OnExitCodes};
use crate::views::pod::{Ended, Phase, Pod};

/// How long the first replacement waits, and at most any; each further failure doubles it. Upstream's.
const BACKOFF_SECONDS: u64 = 10;
const BACKOFF_SECONDS_MAX: u64 = 600;
/// How often pods of an index have failed before this one.
pub(super) const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// How often they have in ways that do not count.
pub(super) const FAILURES_IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// Whether a pod has failed, for this job: one on its way out has, unless somebody wants to see it end.
pub(super) fn has_failed(pod: &Pod, job: &Job) -> bool {
    let phase = pod.status.phase;
    phase == Phase::Failed
        || (!job.replaces_only_failed() && pod.metadata.is_deleting() && phase != Phase::Succeeded)
}

/// What follows from a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Counts,
    Ignored,
    FailsIndex,
    /// With the reason, in words.
    FailsJob(String),
}

/// What the policy says of a pod that failed.
pub(super) fn verdict(policy: Option<&FailurePolicy>, pod: &Pod) -> Verdict {
    for (at, rule) in policy.iter().flat_map(|policy| &policy.rules).enumerate() {
        let what = if let Some(codes) = &rule.on_exit_codes {
            ended_so(pod, codes).map(|ended| {
                format!("Container {} for pod {{pod}} failed with exit code {}", ended.name, ended.exit_code)
            })
        } else {
            let patterns = rule.on_pod_conditions.iter().flatten();
            let said = |kind: &str, status: &str| {
                pod.status.conditions.said.iter().any(|said| said.split_once('=') == Some((kind, status)))
            };
            // Which of several is named, the pod's order decides.
            let mut kinds: Vec<&str> =
                patterns.filter(|one| said(&one.kind, &one.status)).map(|one| one.kind.as_str()).collect();
            kinds.sort_by_key(|kind| {
                pod.status.conditions.said.iter().position(|said| said.split('=').next() == Some(*kind))
            });
            kinds.first().map(|kind| format!("Pod {{pod}} has condition {kind}"))
        };
        let Some(what) = what else { continue };
        return match rule.action.as_str() {
            "Ignore" => Verdict::Ignored,
            "FailIndex" => Verdict::FailsIndex,
            "FailJob" => {
                let what = what.replace("{pod}", pod.metadata.key().as_str());
                Verdict::FailsJob(format!("{what} matching {} rule at index {at}", rule.action))
            }
            _ => Verdict::Counts,
        };
    }
    Verdict::Counts
}

fn ended_so<'a>(pod: &'a Pod, codes: &OnExitCodes) -> Option<&'a Ended> {
    let all = pod.status.containers.ended.iter().chain(&pod.status.init_containers.ended);
    let mut matching = all.filter(|ended| {
        let is_meant = codes.container_name.as_ref().is_none_or(|name| *name == ended.name);
        let is_listed = codes.values.contains(&ended.exit_code);
        let matches = match codes.operator.as_str() {
            "In" => is_listed,
            "NotIn" => !is_listed,
            _ => false,
        };
        is_meant && ended.exit_code != 0 && matches
    });
    matching.next()
}

/// When a pod ended, as well as that can be known.
pub(super) fn ended_at(pod: &Pod) -> Time {
    let (status, meta) = (&pod.status, &pod.metadata);
    let stays = |name: &str| {
        let mut all = pod.spec.init_containers.iter();
        all.any(|one| one.name == name && one.restart_policy.as_deref() == Some("Always"))
    };
    let sidecars = status.init_containers.ended.iter().filter(|ended| stays(&ended.name));
    let ended = status.containers.ended.iter().chain(sidecars);
    let of_containers = ended.filter_map(|ended| ended.at).max().filter(|_| !status.containers.some_go_on);
    let ready = status.conditions.ready;
    let of_readiness = ready.since.filter(|_| !ready.is);
    // When it was told to go is when it may be gone, less the time that it has for that.
    let of_deletion = meta.deletion_timestamp.map(|at| Time(at.0 - meta.deletion_grace_period_seconds));
    let of_creation = meta.creation_timestamp.unwrap_or_default();
    of_containers.or(of_readiness).or(of_deletion).unwrap_or(of_creation)
}

/// How long a replacement still waits after so many failures, the last of them at `last`.
fn wait(failures: u32, last: Time, now: UnixMillis) -> Option<Duration> {
    let doubled = failures.checked_sub(1)?.min(16);
    let seconds = (BACKOFF_SECONDS << doubled).min(BACKOFF_SECONDS_MAX);
    let due = UnixMillis(last.millis().0 + seconds * 1000);
    (due > now).then(|| Duration::from_millis(due.since(now)))
}

/// How long new pods of a job wait for its failures since its last success.
pub(super) fn wait_of_job(job: &Job, pods: &[Arc<Pod>], now: UnixMillis) -> Option<Duration> {
    let succeeded = pods.iter().filter(|pod| pod.status.phase == Phase::Succeeded);
    let last_success = succeeded.map(|pod| ended_at(pod)).max();
    // One that was deleted and is counted already was deleted by us, or has waited.
    let failed =
        pods.iter().filter(|pod| has_failed(pod, job) && (has_finalizer(pod) || !pod.metadata.is_deleting()));
    let failures: Vec<Time> = failed
        .map(|pod| ended_at(pod))
        .filter(|at| last_success.is_none_or(|success| *at > success))
        .collect();
    let last = failures.iter().max()?;
    wait(u32::try_from(failures.len()).unwrap_or(u32::MAX), *last, now)
}

/// How long a new pod waits that replaces this one, which failed.
pub(super) fn wait_of_index(replaced: &Pod, now: UnixMillis) -> Option<Duration> {
    wait(all_failures(replaced) + 1, ended_at(replaced), now)
}

/// How often pods of its index have failed before it, in ways that count.
pub(super) fn failures(pod: &Pod) -> u32 {
    number(pod, FAILURES)
}

/// How often pods of its index have failed before it.
pub(super) fn all_failures(pod: &Pod) -> u32 {
    number(pod, FAILURES).saturating_add(number(pod, FAILURES_IGNORED))
}

fn number(pod: &Pod, annotation: &str) -> u32 {
    let number = pod.metadata.annotation(annotation).and_then(|text| text.parse::<i32>().ok());
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

/// What a pod carries that replaces another one of its index: both counts.
pub(super) fn counts_after(job: &Job, replaced: Option<&Pod>) -> (u32, u32) {
    let Some(replaced) = replaced else { return (0, 0) };
    let (counted, ignored) = (failures(replaced), number(replaced, FAILURES_IGNORED));
    match verdict(job.spec.pod_failure_policy.as_ref(), replaced) {
        Verdict::Ignored => (counted, ignored + 1),
        _ => (counted + 1, ignored),
    }
}

/// Whether an index has failed for good with this pod.
pub(super) fn fails_index(job: &Job, pod: &Pod) -> bool {
    let Some(limit) = job.spec.backoff_limit_per_index else { return false };
    let limit = u32::try_from(limit).unwrap_or(0);
    if !has_failed(pod, job) {
        return false;
    }
    match verdict(job.spec.pod_failure_policy.as_ref(), pod) {
        Verdict::FailsIndex => true,
        Verdict::Ignored => false,
        Verdict::Counts | Verdict::FailsJob(_) => failures(pod) >= limit,
    }
}

/// Whether of two pods of an index that failed the first is the later one, whose count goes on.
pub(super) fn is_later(one: &Pod, other: &Pod) -> bool {
    debug_assert_eq!(index_of(one), index_of(other));
    all_failures(other) <= all_failures(one) && ended_at(one) >= ended_at(other)
}
