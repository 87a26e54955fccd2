//! Quotas, as far as controllers look at them.

use compact_str::CompactString;
use keelson_api::quota::{Requirement, Scopes};
use keelson_client::{Kind, Labels, Meta, Resource};
use serde::Deserialize;

/// The resource.
pub(crate) const QUOTAS: Resource = Resource::namespaced("", "v1", "resourcequotas", "ResourceQuota");

/// A quota.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Quota {
    pub(crate) metadata: Meta,
    spec: Spec,
    pub(crate) status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    hard: Labels,
    scopes: Box<[CompactString]>,
    scope_selector: Selector,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Selector {
    match_expressions: Box<[Expression]>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Expression {
    scope_name: String,
    operator: String,
    values: Vec<String>,
}

/// What became of it: amounts by their names.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) hard: Option<Labels>,
    pub(crate) used: Option<Labels>,
}

impl Kind for Quota {
    const RESOURCE: Resource = QUOTAS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Quota {
    /// What may be used.
    pub(crate) fn hard(&self) -> &Labels {
        &self.spec.hard
    }

    /// Which objects it is meant for.
    pub(crate) fn scopes(&self) -> Scopes {
        let named = self.spec.scopes.iter().map(|scope| Requirement::named(scope));
        let expressions = self.spec.scope_selector.match_expressions.iter();
        let asked = expressions.map(|expression| Requirement {
            scope: expression.scope_name.clone(),
            operator: expression.operator.clone(),
            values: expression.values.clone(),
        });
        Scopes(named.chain(asked).collect())
    }
}
