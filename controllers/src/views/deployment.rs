//! Deployments, as far as controllers look at them.

use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;

use super::condition::Condition;
use super::labels::Selection;
use super::strategy::Spread;
use super::template::Template;

/// The resource.
pub(crate) const DEPLOYMENTS: Resource = Resource::namespaced("apps", "v1", "deployments", "Deployment");

/// A deployment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Deployment {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

impl Kind for Deployment {
    const RESOURCE: Resource = DEPLOYMENTS;

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
    pub(crate) strategy: Strategy,
    pub(crate) min_ready_seconds: i64,
    pub(crate) revision_history_limit: Option<i32>,
    pub(crate) paused: bool,
    pub(crate) progress_deadline_seconds: Option<i32>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            replicas: 1,
            selector: Selection::default(),
            template: Template::default(),
            strategy: Strategy::default(),
            min_ready_seconds: 0,
            revision_history_limit: None,
            paused: false,
            progress_deadline_seconds: None,
        }
    }
}

/// How a new template replaces the old one.
pub(crate) type Strategy = super::strategy::Strategy<StrategyKind, Spread>;

/// The ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum StrategyKind {
    #[default]
    RollingUpdate,
    Recreate,
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) observed_generation: i64,
    pub(crate) replicas: i32,
    pub(crate) updated_replicas: i32,
    pub(crate) ready_replicas: i32,
    pub(crate) available_replicas: i32,
    pub(crate) unavailable_replicas: i32,
    pub(crate) terminating_replicas: Option<i32>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) collision_count: Option<i32>,
}
