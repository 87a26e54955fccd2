//! Jobs that say how long they are kept when they have ended: they go then, and their pods before them.

use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::UnixMillis;
use keelson_client::client::Deletion;
use keelson_client::{Cache, Caches, Key, Time};

use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan, What};
use crate::views::job::{JOBS, Job};

/// The controller.
pub(crate) struct TtlAfterFinished {
    jobs: Arc<Cache<Job>>,
}

impl TtlAfterFinished {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self { jobs: caches.of() }
    }
}

/// When a job is to go, if it has ended and says so.
fn due(job: &Job) -> Option<Time> {
    let seconds = job.spec.ttl_seconds_after_finished?;
    let ended = job.condition("Complete").or_else(|| job.condition("Failed"))?;
    Some(Time(ended.last_transition_time?.0.saturating_add(seconds)))
}

impl Controller for TtlAfterFinished {
    fn inputs(&self, inputs: &Inputs) {
        inputs.map(&self.jobs, |change| {
            let ended = change.new.filter(|job| due(job).is_some());
            ended.map(|job| job.metadata.key()).into_iter().collect()
        });
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let Some(job) = self.jobs.get(key).filter(|job| !job.metadata.is_deleting()) else {
            return Plan::nothing();
        };
        let Some(due) = due(&job).map(Time::millis) else { return Plan::nothing() };
        if due > now {
            return Plan { again: Some(Duration::from_millis(due.since(now))), ..Plan::default() };
        }
        // Only as it was seen: somebody may have decided to keep it longer.
        let how = Deletion {
            resource_version: Some(job.metadata.resource_version),
            propagation: Some("Foreground"),
            ..Deletion::of(&job.metadata.uid)
        };
        Plan::of(vec![Action::new(What::Delete { resource: JOBS, key: key.clone(), how })])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::plan::lines;

    fn check(change: &Value, now: &str, expected: &[&str]) {
        let ended = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let mut job = json!({
            "metadata": {"name": "pi", "namespace": "ns", "uid": "u"},
            "spec": {"ttlSecondsAfterFinished": 60},
            "status": {"conditions": [ended("Failed")]},
        });
        for (part, value) in change.as_object().unwrap() {
            for (key, value) in value.as_object().unwrap() {
                job[part][key] = value.clone();
            }
        }
        let jobs = Cache::holding([serde_json::from_value(job).unwrap()]);
        let now = Time::parse(&format!("2026-01-01T{now}Z")).unwrap().millis();
        let plan = TtlAfterFinished { jobs }.plan(&Key::new("ns", "pi"), now);
        assert_eq!(lines(plan), expected, "{change} at {now:?}");
    }

    #[test]
    fn ended_jobs_go_in_time() {
        check(&json!({}), "00:00:59", &["again in 1s"]);
        check(&json!({}), "00:01:00", &["delete jobs ns/pi"]);
        check(&json!({"spec": {"ttlSecondsAfterFinished": 0}}), "00:00:00", &["delete jobs ns/pi"]);
        check(&json!({"spec": {"ttlSecondsAfterFinished": null}}), "00:01:00", &[]);
        check(&json!({"status": {"conditions": []}}), "00:01:00", &[]);
        check(&json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:30Z"}}), "00:01:00", &[]);
    }
}
