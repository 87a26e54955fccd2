//! What is to be done about a cron job.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use keelson_api::time::UnixMillis;
use keelson_client::client::Deletion;
use keelson_client::events::Weight;
use keelson_client::{Meta, OwnerReference, Time};
use serde_json::{Value, json};

use super::calendar::{self, Clockwork};
use super::due::{self, Never};
use crate::plan::{Action, Plan, What, Word};
use crate::views::cronjob::{CRONJOBS, Concurrency, CronJob, Reference, Status};
use crate::views::job::{JOBS, Job, Outcome};

/// For which time a job was made.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// Decides. `is_taken` says whether there is a job of a name, whosever it is.
pub(super) fn plan(
    cron: &CronJob,
    jobs: &[Arc<Job>],
    is_taken: &dyn Fn(&str) -> bool,
    now: UnixMillis,
) -> Plan {
    let mut state = State { cron: cron.clone(), first: Vec::new(), told: Vec::new() };
    state.look(jobs);
    state.miss(jobs, is_taken);
    let cleaning = state.old(jobs);
    let mut plan = if cron.metadata.is_deleting() { Plan::nothing() } else { state.due(jobs, now) };
    plan.first = state.first;
    let (resource, before, after) = (&CRONJOBS, cron, state.cron.status);
    let changed = (after != before.status).then(|| {
        let status = json!({"status": as_json(&after)});
        Action::merge(resource, &before.metadata, "status", status)
    });
    // What is told follows from what is seen: it is told once, when that is written down.
    let written: Vec<Action> = changed.into_iter().chain(state.told).chain(cleaning).collect();
    plan.finishing(move |_| written)
}

struct State {
    /// With the status as it will be.
    cron: CronJob,
    first: Vec<Action>,
    told: Vec<Action>,
}

/// For which time we made a job, if we did.
fn scheduled(cron: &Meta, job: &Job) -> Option<Time> {
    let at = Time::parse(job.metadata.annotation(SCHEDULED)?)?;
    (job.metadata.name == job_name(cron, at)).then_some(at)
}

fn job_name(cron: &Meta, at: Time) -> String {
    format!("{}-{}", cron.name, at.0.div_euclid(60))
}

impl State {
    fn tell(&mut self, weight: Weight, reason: &'static str, note: impl Into<String>) {
        let word = Word::new(reason, "Schedule", note);
        self.told.push(Action::tell(&CRONJOBS, &self.cron.metadata, weight, &word));
    }

    fn is_active(&self, job: &Meta) -> bool {
        self.cron.status.active.iter().any(|active| active.uid == job.uid)
    }

    fn forget(&mut self, job: &Meta) {
        self.cron.status.active.retain(|active| active.uid != job.uid);
    }

    /// Takes note of jobs: those made, those ended.
    fn look(&mut self, jobs: &[Arc<Job>]) {
        for job in jobs {
            let meta = &job.metadata;
            let made_for = scheduled(&self.cron.metadata, job);
            let is_new =
                made_for.is_some_and(|at| self.cron.status.last_schedule_time.is_none_or(|last| at > last));
            if is_new {
                self.cron.status.last_schedule_time = made_for;
            }
            let was_active = self.is_active(meta);
            match job.outcome() {
                None if was_active || meta.is_deleting() => {}
                None if made_for.is_some() => self.cron.status.active.push(Reference::to(meta)),
                None => {
                    let note =
                        format!("Saw a job that the controller did not create or forgot: {}", meta.name);
                    self.tell(Weight::Warning, "UnexpectedJob", note);
                }
                Some(outcome) => {
                    if was_active || is_new {
                        self.forget(meta);
                        let note = format!("Saw completed job: {}, condition: {outcome:?}", meta.name);
                        self.tell(Weight::Normal, "SawCompletedJob", note);
                    }
                    if outcome == Outcome::Complete {
                        let latest = &mut self.cron.status.last_successful_time;
                        *latest = (*latest).max(job.status.completion_time);
                    }
                }
            }
        }
    }

    /// Forgets jobs that are gone.
    fn miss(&mut self, jobs: &[Arc<Job>], is_taken: &dyn Fn(&str) -> bool) {
        let (there, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.cron.status.active)
            .into_iter()
            .partition(|active| jobs.iter().any(|job| job.metadata.uid == active.uid));
        self.cron.status.active = there;
        for missing in gone {
            let word =
                Word::new("MissingJob", "Schedule", format!("Active job went missing: {}", missing.name));
            let told = Action::tell(&CRONJOBS, &self.cron.metadata, Weight::Normal, &word);
            // Another of that name says nothing of this one, which is gone for certain then.
            let key = keelson_client::Key::new(&missing.namespace, &missing.name);
            self.first.push(if is_taken(&missing.name) { told } else { told.while_gone(&JOBS, key) });
        }
    }

    /// Deletes ended jobs beyond those that are to be kept.
    fn old(&mut self, jobs: &[Arc<Job>]) -> Vec<Action> {
        let spec = &self.cron.spec;
        let limits = [
            (Outcome::Complete, spec.successful_jobs_history_limit),
            (Outcome::Failed, spec.failed_jobs_history_limit),
        ];
        let mut deletions = Vec::new();
        for (outcome, limit) in limits {
            let Some(limit) = limit else { continue };
            let mut ended: Vec<_> = jobs.iter().filter(|job| job.outcome() == Some(outcome)).collect();
            ended.sort_by_key(|job| {
                let begun = job.status.start_time;
                (begun.is_none(), begun, &job.metadata.name)
            });
            let surplus = ended.len().saturating_sub(limit);
            let going = ended.into_iter().take(surplus).filter(|job| !job.metadata.is_deleting());
            deletions.extend(going.map(|job| self.delete(&job.metadata)));
        }
        deletions
    }

    fn delete(&self, job: &Meta) -> Action {
        let how = Deletion { propagation: Some("Background"), ..Deletion::of(&job.uid) };
        let done = Word::new("SuccessfulDelete", "Delete", "Deleted job {name}");
        let failed = Word::new("FailedDelete", "Delete", "Deleted job: {error}");
        let action = Action::new(What::Delete { resource: JOBS, key: job.key(), how });
        action.telling((&CRONJOBS, &self.cron.metadata), vec![done], Some(failed))
    }

    /// Makes the job whose time has come.
    fn due(&mut self, jobs: &[Arc<Job>], now: UnixMillis) -> Plan {
        let Some((clockwork, zone)) = self.clockwork() else { return Plan::nothing() };
        let at = match due::passed(&self.cron, &clockwork, true, Time::of(now)) {
            Err(Never) => {
                let why = "time difference between two schedules is less than 1 second";
                let note = format!("invalid schedule: {} : {why}", self.cron.spec.schedule);
                self.tell(Weight::Warning, "InvalidSchedule", note);
                return Plan::nothing();
            }
            Ok(passed) => {
                if passed.last.is_some() && passed.are_too_many() {
                    let note = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
                    self.tell(Weight::Warning, "TooManyMissedTimes", note);
                }
                passed.last
            }
        };
        let mut plan = Plan { again: due::again(&self.cron, &clockwork, now), ..Plan::default() };
        let Some(at) = at else { return plan };
        if self.is_too_late(at, now) || self.is_done(at) || self.must_wait() {
            return plan;
        }
        if self.cron.spec.concurrency_policy == Concurrency::Replace {
            for job in jobs.iter().filter(|job| job.outcome().is_none()) {
                if self.is_active(&job.metadata) {
                    plan.then.push(self.delete(&job.metadata));
                    self.forget(&job.metadata);
                }
            }
        }
        plan.then.push(self.create(at, &zone));
        plan
    }

    /// What tells when jobs are due, unless none are.
    fn clockwork(&mut self) -> Option<(Clockwork, TimeZone)> {
        let spec = self.cron.spec.clone();
        let name = spec.time_zone.as_deref().unwrap_or("");
        let zone = match calendar::zone(name) {
            Ok(zone) => zone,
            Err(why) => {
                self.tell(Weight::Warning, "UnknownTimeZone", format!("invalid timeZone: {name:?}: {why}"));
                return None;
            }
        };
        if spec.suspend {
            return None;
        }
        let schedule = &spec.schedule;
        if schedule.contains("TZ") {
            let more =
                "see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details";
            let note =
                format!("CRON_TZ or TZ used in schedule {schedule:?} is not officially supported, {more}");
            self.tell(Weight::Warning, "UnsupportedSchedule", note);
        }
        match Clockwork::parse(schedule, zone.clone()) {
            Ok(clockwork) => Some((clockwork, zone)),
            Err(why) => {
                let note = format!("unparseable schedule: {schedule:?} : {why}");
                self.tell(Weight::Warning, "UnparseableSchedule", note);
                None
            }
        }
    }

    fn is_too_late(&mut self, at: Time, now: UnixMillis) -> bool {
        let deadline = self.cron.spec.starting_deadline_seconds;
        let late = deadline.is_some_and(|seconds| Time(at.0.saturating_add(seconds)).millis() < now);
        if late {
            let shown = Timestamp::from_second(at.0).unwrap_or_default();
            let shown = shown.strftime("%a, %d %b %Y %H:%M:%S +0000");
            self.tell(
                Weight::Warning,
                "MissSchedule",
                format!("Missed scheduled time to start a job: {shown}"),
            );
        }
        late
    }

    fn is_done(&self, at: Time) -> bool {
        let name = job_name(&self.cron.metadata, at);
        let status = &self.cron.status;
        status.last_schedule_time == Some(at) || status.active.iter().any(|active| active.name == name)
    }

    fn must_wait(&mut self) -> bool {
        let forbids = self.cron.spec.concurrency_policy == Concurrency::Forbid;
        let waits = forbids && !self.cron.status.active.is_empty();
        if waits {
            let note = "Not starting job because prior execution is running and concurrency policy is Forbid";
            self.tell(Weight::Normal, "JobAlreadyActive", note);
        }
        waits
    }

    fn create(&self, at: Time, zone: &TimeZone) -> Action {
        let meta = &self.cron.metadata;
        let mut template = self.cron.spec.job_template.written();
        let given = template["metadata"].take();
        let mut metadata = json!({
            "name": job_name(meta, at),
            "ownerReferences": [OwnerReference::controller(&CRONJOBS, meta)],
        });
        for part in ["labels", "annotations"] {
            if given[part].is_object() {
                metadata[part] = given[part].clone();
            }
        }
        metadata["annotations"][SCHEDULED] = json!(shown(at, zone));
        let job = json!({
            "apiVersion": JOBS.api_version(), "kind": JOBS.kind, "metadata": metadata, "spec": template["spec"].take(),
        });
        let done = Word::new("SuccessfulCreate", "Create", "Created job {name}");
        let failed = Word::new("FailedCreate", "Create", "Error creating job: {error}");
        let action = Action::create(&JOBS, &meta.namespace, job).once();
        action.telling((&CRONJOBS, meta), vec![done], Some(failed))
    }
}

/// As clocks in a zone show it.
fn shown(at: Time, zone: &TimeZone) -> String {
    let at = Timestamp::from_second(at.0).unwrap_or_default().to_zoned(zone.clone());
    let text = at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    if at.offset().seconds() == 0 { format!("{text}Z") } else { format!("{text}{}", at.strftime("%:z")) }
}

fn as_json(status: &Status) -> Value {
    json!({
        "active": if status.active.is_empty() { Value::Null } else { json!(status.active) },
        "lastScheduleTime": status.last_schedule_time,
        "lastSuccessfulTime": status.last_successful_time,
    })
}
