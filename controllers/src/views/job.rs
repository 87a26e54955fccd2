//! Jobs, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource, Time};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::condition::{self, Condition};
use super::labels::Selection;
use super::template::Template;

/// The resource.
pub(crate) const JOBS: Resource = Resource::namespaced("batch", "v1", "jobs", "Job");

/// A job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Job {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

impl Kind for Job {
    const RESOURCE: Resource = JOBS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Complete,
    Failed,
}

impl Job {
    /// How it ended, if it has.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        let holds = |kind| self.condition(kind).is_some();
        match (holds("Complete"), holds("Failed")) {
            (true, _) => Some(Outcome::Complete),
            (_, true) => Some(Outcome::Failed),
            _ => None,
        }
    }

    /// The condition of a kind, if it holds.
    pub(crate) fn condition(&self, kind: &str) -> Option<&Condition> {
        condition::find(&self.status.conditions, kind).filter(|condition| condition.status == "True")
    }

    /// Whether each of its pods has a number.
    pub(crate) fn is_indexed(&self) -> bool {
        self.spec.completion_mode.as_deref() == Some("Indexed")
    }

    /// Whether a pod is replaced only when it has ended.
    pub(crate) fn replaces_only_failed(&self) -> bool {
        self.spec.pod_replacement_policy.as_deref() == Some("Failed")
    }
}

/// What is wanted.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) parallelism: i32,
    pub(crate) completions: Option<i32>,
    pub(crate) completion_mode: Option<CompactString>,
    pub(crate) backoff_limit: i32,
    pub(crate) backoff_limit_per_index: Option<i32>,
    pub(crate) max_failed_indexes: Option<i32>,
    pub(crate) pod_failure_policy: Option<FailurePolicy>,
    pub(crate) success_policy: Option<SuccessPolicy>,
    pub(crate) pod_replacement_policy: Option<CompactString>,
    pub(crate) active_deadline_seconds: Option<i64>,
    pub(crate) ttl_seconds_after_finished: Option<i64>,
    pub(crate) suspend: bool,
    pub(crate) managed_by: Option<CompactString>,
    pub(crate) selector: Selection,
    pub(crate) template: PodTemplate,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            parallelism: 1,
            completions: None,
            completion_mode: None,
            backoff_limit: 6,
            backoff_limit_per_index: None,
            max_failed_indexes: None,
            pod_failure_policy: None,
            success_policy: None,
            pod_replacement_policy: None,
            active_deadline_seconds: None,
            ttl_seconds_after_finished: None,
            suspend: false,
            managed_by: None,
            selector: Selection::default(),
            template: PodTemplate::default(),
        }
    }
}

/// What its pods are made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodTemplate {
    pub(crate) template: Template,
    /// Whether a pod starts its containers again when they fail.
    pub(crate) restarts_containers: bool,
}

impl<'de> Deserialize<'de> for PodTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Value::deserialize(deserializer)?;
        let restarts_containers = written["spec"]["restartPolicy"] == "OnFailure";
        Ok(Self { template: Template::new(written), restarts_containers })
    }
}

/// What follows from a pod's failure.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FailurePolicy {
    pub(crate) rules: Vec<FailureRule>,
}

/// What follows, and from which failures.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FailureRule {
    pub(crate) action: CompactString,
    pub(crate) on_exit_codes: Option<OnExitCodes>,
    pub(crate) on_pod_conditions: Option<Vec<OnPodCondition>>,
}

/// Failures with these codes, or with others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OnExitCodes {
    pub(crate) container_name: Option<CompactString>,
    pub(crate) operator: CompactString,
    pub(crate) values: Vec<i32>,
}

/// Failures of pods with this condition.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OnPodCondition {
    #[serde(rename = "type")]
    pub(crate) kind: CompactString,
    pub(crate) status: CompactString,
}

/// When it is enough.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SuccessPolicy {
    pub(crate) rules: Vec<SuccessRule>,
}

/// It is enough when so many of these have succeeded.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SuccessRule {
    pub(crate) succeeded_indexes: Option<String>,
    pub(crate) succeeded_count: Option<usize>,
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) start_time: Option<Time>,
    pub(crate) completion_time: Option<Time>,
    pub(crate) active: i32,
    pub(crate) succeeded: i32,
    pub(crate) failed: i32,
    pub(crate) terminating: Option<i32>,
    pub(crate) ready: Option<i32>,
    pub(crate) completed_indexes: String,
    pub(crate) failed_indexes: Option<String>,
    pub(crate) uncounted_terminated_pods: Option<Uncounted>,
}

/// Pods that have ended and are about to be counted, by uid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Uncounted {
    pub(crate) succeeded: Vec<CompactString>,
    pub(crate) failed: Vec<CompactString>,
}
