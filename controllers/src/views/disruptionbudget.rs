//! Budgets of disruptions, as far as controllers look at them.

use std::collections::BTreeMap;

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::labels::Selection;

/// The resource.
pub(crate) const BUDGETS: Resource =
    Resource::namespaced("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget");

/// A budget.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Budget {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

impl Kind for Budget {
    const RESOURCE: Resource = BUDGETS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// What is wanted: numbers, or shares of a hundred.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) selector: Selection,
    pub(crate) min_available: Value,
    pub(crate) max_unavailable: Value,
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) observed_generation: i64,
    pub(crate) disrupted_pods: BTreeMap<CompactString, Time>,
    pub(crate) disruptions_allowed: i32,
    pub(crate) current_healthy: i32,
    pub(crate) desired_healthy: i32,
    pub(crate) expected_pods: i32,
    pub(crate) conditions: Vec<Condition>,
}

/// What holds of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: CompactString,
    pub(crate) status: CompactString,
    pub(crate) observed_generation: i64,
    pub(crate) last_transition_time: Option<Time>,
    pub(crate) reason: CompactString,
    pub(crate) message: String,
}
