//! Daemon sets, as far as controllers look at them.

use keelson_client::{Kind, Meta, Resource};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::condition::Condition;
use super::labels::Selection;
use super::strategy::{OneByOne, Spread};
use super::taint::Toleration;
use super::template::Template;

/// The resource.
pub(crate) const DAEMONSETS: Resource = Resource::namespaced("apps", "v1", "daemonsets", "DaemonSet");

/// A daemon set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DaemonSet {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

impl Kind for DaemonSet {
    const RESOURCE: Resource = DAEMONSETS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// What is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) selector: Selection,
    pub(crate) template: PodTemplate,
    pub(crate) update_strategy: Strategy,
    pub(crate) min_ready_seconds: i64,
    pub(crate) revision_history_limit: Option<i32>,
}

/// What its pods are made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodTemplate {
    pub(crate) template: Template,
    /// Where they may be, as it was written.
    pub(crate) placing: Placing,
}

/// Where pods may be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Placing {
    pub(crate) node_name: String,
    pub(crate) node_selector: Value,
    pub(crate) affinity: Value,
    pub(crate) tolerations: Vec<Toleration>,
    pub(crate) host_network: bool,
}

impl<'de> Deserialize<'de> for PodTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Value::deserialize(deserializer)?;
        let placing = Option::<Placing>::deserialize(&written["spec"]).map_err(serde::de::Error::custom)?;
        Ok(Self { placing: placing.unwrap_or_default(), template: Template::new(written) })
    }
}

/// How a new template replaces the old one.
pub(crate) type Strategy = super::strategy::Strategy<OneByOne, Spread>;

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) current_number_scheduled: i32,
    pub(crate) number_misscheduled: i32,
    pub(crate) desired_number_scheduled: i32,
    pub(crate) number_ready: i32,
    pub(crate) observed_generation: i64,
    pub(crate) updated_number_scheduled: i32,
    pub(crate) number_available: i32,
    pub(crate) number_unavailable: i32,
    pub(crate) collision_count: Option<i32>,
    pub(crate) conditions: Vec<Condition>,
}
