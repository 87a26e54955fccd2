//! Stateful sets, as far as controllers look at them.

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::condition::Condition;
use super::labels::Selection;
use super::strategy::OneByOne;
use super::template::Template;

/// The resource.
pub(crate) const STATEFULSETS: Resource = Resource::namespaced("apps", "v1", "statefulsets", "StatefulSet");

/// A stateful set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StatefulSet {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

impl Kind for StatefulSet {
    const RESOURCE: Resource = STATEFULSETS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// What is wanted.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) replicas: i32,
    pub(crate) selector: Selection,
    pub(crate) template: Template,
    pub(crate) volume_claim_templates: Box<[ClaimTemplate]>,
    pub(crate) service_name: CompactString,
    pub(crate) pod_management_policy: Management,
    pub(crate) update_strategy: Strategy,
    pub(crate) revision_history_limit: Option<i32>,
    pub(crate) min_ready_seconds: i64,
    pub(crate) ordinals: Option<Ordinals>,
    pub(crate) persistent_volume_claim_retention_policy: Retention,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            replicas: 1,
            selector: Selection::default(),
            template: Template::default(),
            volume_claim_templates: Box::default(),
            service_name: CompactString::default(),
            pod_management_policy: Management::default(),
            update_strategy: Strategy::default(),
            revision_history_limit: None,
            min_ready_seconds: 0,
            ordinals: None,
            persistent_volume_claim_retention_policy: Retention::default(),
        }
    }
}

/// Whether pods wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Management {
    #[default]
    OrderedReady,
    Parallel,
}

/// How a new template replaces the old one.
pub(crate) type Strategy = super::strategy::Strategy<OneByOne, RollingUpdate>;

/// How far a rolling update goes, and how far at once: a number, or a share of a hundred.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RollingUpdate {
    pub(crate) partition: i32,
    pub(crate) max_unavailable: Value,
}

/// Where pods' numbers begin.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ordinals {
    pub(crate) start: i32,
}

/// What becomes of claims.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Retention {
    pub(crate) when_deleted: Keeping,
    pub(crate) when_scaled: Keeping,
}

/// Whether something is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Keeping {
    #[default]
    Retain,
    Delete,
}

/// What claims are made of, as it was written.
#[derive(Clone, Debug)]
pub(crate) struct ClaimTemplate {
    pub(crate) name: CompactString,
    text: Box<str>,
}

impl ClaimTemplate {
    /// What it says.
    pub(crate) fn written(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for ClaimTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Value::deserialize(deserializer)?;
        let name = written["metadata"]["name"].as_str().unwrap_or_default().into();
        Ok(Self { name, text: written.to_string().into() })
    }
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) observed_generation: i64,
    pub(crate) replicas: i32,
    pub(crate) ready_replicas: i32,
    pub(crate) current_replicas: i32,
    pub(crate) updated_replicas: i32,
    pub(crate) available_replicas: i32,
    pub(crate) current_revision: CompactString,
    pub(crate) update_revision: CompactString,
    pub(crate) collision_count: Option<i32>,
    pub(crate) conditions: Vec<Condition>,
}
