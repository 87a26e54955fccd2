//! Cron jobs, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::meta::or_none;
use keelson_client::{Kind, Meta, Resource, Time};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::job::JOBS;

/// The resource.
pub(crate) const CRONJOBS: Resource = Resource::namespaced("batch", "v1", "cronjobs", "CronJob");

/// A cron job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CronJob {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

impl Kind for CronJob {
    const RESOURCE: Resource = CRONJOBS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// What is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) schedule: String,
    pub(crate) time_zone: Option<String>,
    pub(crate) starting_deadline_seconds: Option<i64>,
    pub(crate) concurrency_policy: Concurrency,
    pub(crate) suspend: bool,
    pub(crate) successful_jobs_history_limit: Option<usize>,
    pub(crate) failed_jobs_history_limit: Option<usize>,
    pub(crate) job_template: JobTemplate,
}

/// What happens when a job goes on for longer than its successor may wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Concurrency {
    #[default]
    Allow,
    Forbid,
    Replace,
}

/// What its jobs are made of, as it was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobTemplate(Box<str>);

impl JobTemplate {
    /// What it says.
    pub(crate) fn written(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for JobTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Value::deserialize(deserializer)?.to_string().into()))
    }
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    #[serde(deserialize_with = "or_none")]
    pub(crate) active: Vec<Reference>,
    pub(crate) last_schedule_time: Option<Time>,
    pub(crate) last_successful_time: Option<Time>,
}

/// One of its jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Reference {
    pub(crate) api_version: CompactString,
    pub(crate) kind: CompactString,
    pub(crate) name: CompactString,
    pub(crate) namespace: CompactString,
    pub(crate) resource_version: CompactString,
    pub(crate) uid: CompactString,
}

impl Reference {
    /// A reference to a job.
    pub(crate) fn to(job: &Meta) -> Self {
        Self {
            api_version: JOBS.api_version().into(),
            kind: (*JOBS.kind).into(),
            name: job.name.clone(),
            namespace: job.namespace.clone(),
            resource_version: compact_str::format_compact!("{}", job.resource_version),
            uid: job.uid.clone(),
        }
    }
}
