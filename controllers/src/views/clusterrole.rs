//! Cluster roles, as far as controllers look at them.

use keelson_client::meta::or_none;
use keelson_client::{Kind, Meta, Resource};
use serde::Deserialize;
use serde_json::Value;

use super::labels::Selection;

/// The resource.
pub(crate) const CLUSTERROLES: Resource =
    Resource::cluster("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole");

/// A cluster role.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClusterRole {
    pub(crate) metadata: Meta,
    /// What it allows.
    #[serde(deserialize_with = "or_none")]
    pub(crate) rules: Vec<Value>,
    /// Whose rules it takes over, if it does.
    pub(crate) aggregation_rule: Option<AggregationRule>,
}

/// Whose rules a role takes over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AggregationRule {
    #[serde(deserialize_with = "or_none")]
    pub(crate) cluster_role_selectors: Vec<Selection>,
}

impl Kind for ClusterRole {
    const RESOURCE: Resource = CLUSTERROLES;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
