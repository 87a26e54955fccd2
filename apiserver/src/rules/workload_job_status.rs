//! Rules for the status of jobs. Most hold only of what has changed: a status that was wrong before can still be written,
//! and one that the spec has made wrong is put right by whoever looks after the job.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_schema::tree::{Object, Value, View};

use super::workload::counts;
use super::workload_indexes::{count, overlap};
use super::workload_job::INDEXED;
use super::{At, IMMUTABLE};

/// Whether a condition stands at that.
fn stands(status: View<'_>, kind: &str, at: &str) -> bool {
    let mut conditions = status.field("conditions").items();
    conditions.any(|one| one.field("type").text() == kind && one.field("status").text() == at)
}

fn is(status: View<'_>, kind: &str) -> bool {
    stands(status, kind, "True")
}

fn is_finished(status: View<'_>) -> bool {
    is(status, "Complete") || is(status, "Failed")
}

/// A job whose status has changed.
pub(crate) fn update(new: &Object, old: &Object, errors: &mut Errors) {
    let (status, was) = (At::root(new, "status"), old.view().field("status"));
    let spec = new.view().field("spec");
    let change = Change { now: status.view, was };
    counts(&status, &["active", "succeeded", "failed", "ready", "terminating"], errors);
    uncounted(&status.field("uncountedTerminatedPods"), errors);
    ends(&status, &change, errors);
    finished(&status, spec, &change, errors);
    indexes(&status, spec, &change, errors);
    running(&status, &change, errors);
    criteria(&status, spec, errors);
    nothing_undone(&status, spec, &change, errors);
}

/// What is, and what was.
struct Change<'a> {
    now: View<'a>,
    was: View<'a>,
}

impl Change<'_> {
    fn of_field(&self, name: &str) -> bool {
        self.now.field(name).value() != self.was.field(name).value()
    }

    fn of_condition(&self, kind: &str) -> bool {
        is(self.now, kind) != is(self.was, kind)
    }

    fn of_end(&self) -> bool {
        is_finished(self.now) != is_finished(self.was)
    }
}

fn refuse_conditions(status: &At<'_, '_>, words: &str, errors: &mut Errors) {
    errors.push(Error::invalid(&status.path.child("conditions"), Shown::Omitted, words.to_owned()));
}

fn uncounted(pods: &At<'_, '_>, errors: &mut Errors) {
    let mut seen = HashSet::new();
    for list in ["succeeded", "failed"] {
        for uid in pods.field(list).items() {
            if uid.text().is_empty() {
                uid.invalid("must not be empty", errors);
            } else if !seen.insert(uid.text()) {
                uid.duplicate(errors);
            }
        }
    }
}

/// A job ends in one way, and says when.
fn ends(status: &At<'_, '_>, change: &Change<'_>, errors: &mut Errors) {
    let now = change.now;
    let completion = status.field("completionTime");
    let (completes, fails) = (change.of_condition("Complete"), change.of_condition("Failed"));
    if (completes || fails) && is(now, "Complete") && is(now, "Failed") {
        refuse_conditions(status, "cannot set Complete=True and Failed=true conditions", errors);
    }
    if (completes || change.of_condition("FailureTarget")) && is(now, "Complete") && is(now, "FailureTarget")
    {
        refuse_conditions(status, "cannot set Complete=True and FailureTarget=true conditions", errors);
    }
    let timed = change.of_field("completionTime");
    if completes || timed {
        if completion.is_present() && !is(now, "Complete") {
            let words = "cannot set completionTime when there is no Complete=True condition";
            completion.invalid(words, errors);
        }
        if !completion.is_present() && is(now, "Complete") {
            completion.missing("completionTime is required for Complete jobs", errors);
        }
    }
    let time = |name: &str| now.field(name).value().and_then(Value::as_time);
    if (change.of_field("startTime") || timed)
        && let Some((start, end)) = time("startTime").zip(time("completionTime"))
        && (end.seconds, end.nanos) < (start.seconds, start.nanos)
    {
        completion.invalid("must be equal to or after `startTime`", errors);
    }
    if (fails || change.of_field("failedIndexes")) && is(now, "Failed") && !is(now, "FailureTarget") {
        let words = "cannot set Failed=True condition without the FailureTarget=true condition";
        refuse_conditions(status, words, errors);
    }
    if (completes || change.of_condition("SuccessCriteriaMet"))
        && is(now, "Complete")
        && !is(now, "SuccessCriteriaMet")
    {
        let words = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition";
        refuse_conditions(status, words, errors);
    }
}

/// A job that has ended has begun, and nothing of it runs or is still to be counted.
fn finished(status: &At<'_, '_>, spec: View<'_>, change: &Change<'_>, errors: &mut Errors) {
    let is_finished = is_finished(change.now);
    let active = status.field("active");
    if (change.of_end() || change.of_field("active")) && is_finished && active.int().unwrap_or(0) > 0 {
        active.invalid("active>0 is invalid for finished job", errors);
    }
    let never_began = spec.field("suspend").is_true() && spec.field("completions").int() == Some(0);
    let start = status.field("startTime");
    if (change.of_end() || change.of_field("startTime")) && !never_began && is_finished && !start.is_present()
    {
        start.missing("startTime is required for finished job", errors);
    }
    let uncounted = status.field("uncountedTerminatedPods");
    if (change.of_end() || change.of_field("uncountedTerminatedPods"))
        && is_finished
        && uncounted.field("failed").len() + uncounted.field("succeeded").len() > 0
    {
        uncounted.invalid("must be empty for finished job", errors);
    }
}

fn indexes(status: &At<'_, '_>, spec: View<'_>, change: &Change<'_>, errors: &mut Errors) {
    let (done, lost) = (status.field("completedIndexes"), status.field("failedIndexes"));
    let (done_changed, lost_changed) =
        (change.of_field("completedIndexes"), change.of_field("failedIndexes"));
    let completions = spec.field("completions").int();
    let per_index = spec.field("backoffLimitPerIndex").is_present();
    if let Some(completions) = completions {
        if done_changed && let Err(why) = count(done.text(), completions) {
            done.invalid(format!("error parsing completedIndexes: {why}"), errors);
        }
        if lost_changed
            && per_index
            && let Err(why) = count(lost.text(), completions)
        {
            let shown = Shown::Named(lost.text());
            let words = format!("error parsing failedIndexes: {why}");
            errors.push(Error::invalid(&lost.path, shown, words));
        }
    }
    if done_changed && !done.is_empty() && spec.field("completionMode").text() != INDEXED {
        done.invalid("cannot set non-empty completedIndexes when non-indexed completion mode", errors);
    }
    if lost_changed && !per_index && lost.is_present() {
        lost.invalid("cannot set non-null failedIndexes when backoffLimitPerIndex is null", errors);
    }
    if (done_changed || lost_changed)
        && let Some(completions) = completions
        && let Some(index) = overlap(done.text(), lost.text(), completions)
    {
        lost.invalid(format!("failedIndexes and completedIndexes overlap at index: {index}"), errors);
    }
}

fn running(status: &At<'_, '_>, change: &Change<'_>, errors: &mut Errors) {
    let (ending, ready) = (status.field("terminating"), status.field("ready"));
    if (change.of_end() || change.of_field("terminating"))
        && is_finished(change.now)
        && ending.int().unwrap_or(0) > 0
    {
        ending.invalid("terminating>0 is invalid for finished job", errors);
    }
    let active = status.field("active").int().unwrap_or(0);
    if (change.of_field("ready") || change.of_field("active"))
        && ready.int().is_some_and(|ready| ready > active)
    {
        ready.invalid("cannot set more ready pods than active", errors);
    }
}

/// A job that has met its criteria has not failed.
fn criteria(status: &At<'_, '_>, spec: View<'_>, errors: &mut Errors) {
    let met = is(status.view, "SuccessCriteriaMet");
    if met && is(status.view, "Failed") {
        refuse_conditions(status, "cannot set SuccessCriteriaMet=True and Failed=true conditions", errors);
    }
    if met && is(status.view, "FailureTarget") {
        let words = "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions";
        refuse_conditions(status, words, errors);
    }
    if spec.field("successPolicy").is_present() && !met && is(status.view, "Complete") {
        let words = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True";
        refuse_conditions(status, words, errors);
    }
}

/// What has happened stays so.
fn nothing_undone(status: &At<'_, '_>, spec: View<'_>, change: &Change<'_>, errors: &mut Errors) {
    let (now, was) = (change.now, change.was);
    for kind in ["Failed", "Complete", "FailureTarget"] {
        if is(was, kind) && !is(now, kind) {
            let words = format!("cannot disable the terminal {kind}=True condition");
            refuse_conditions(status, &words, errors);
        }
    }
    let number = |of: View<'_>, name: &str| of.field(name).int().unwrap_or(0);
    let can_shrink = spec.field("completionMode").text() == INDEXED
        && spec.field("completions").int() == spec.field("parallelism").int();
    for name in ["failed", "succeeded"] {
        let kept = name == "failed" || !can_shrink;
        if kept && number(now, name) < number(was, name) {
            status.field(name).invalid(format!("cannot decrease the {name} counter"), errors);
        }
    }
    let (start, end) = (status.field("startTime"), status.field("completionTime"));
    if end.is_present() && was.field("completionTime").is_present() && change.of_field("completionTime") {
        end.invalid(IMMUTABLE, errors);
    }
    let resumes = is(was, "Suspended") && stands(now, "Suspended", "False");
    if !resumes
        && was.field("startTime").is_present()
        && change.of_field("startTime")
        && !spec.field("suspend").is_true()
    {
        start.invalid("field is immutable for unsuspended job once set", errors);
    }
    if is(was, "SuccessCriteriaMet") && !is(now, "SuccessCriteriaMet") {
        refuse_conditions(status, "cannot disable the SuccessCriteriaMet=True condition", errors);
    }
    if is(was, "Complete") && !is(was, "SuccessCriteriaMet") && is(now, "SuccessCriteriaMet") {
        let words = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
        refuse_conditions(status, words, errors);
    }
}
