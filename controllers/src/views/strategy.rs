//! How a new template replaces the old one: what the kinds of workloads have in common.

use serde::Deserialize;
use serde_json::Value;

/// A way, and how far it goes at once.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    rename_all = "camelCase",
    default,
    bound = "Way: Default + Deserialize<'de>, Pace: Default + Deserialize<'de>"
)]
pub(crate) struct Strategy<Way, Pace> {
    #[serde(rename = "type")]
    pub(crate) kind: Way,
    pub(crate) rolling_update: Option<Pace>,
}

/// The ways of what keeps its pods apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum OneByOne {
    #[default]
    RollingUpdate,
    OnDelete,
}

/// How far a rolling update may go at once: numbers, or shares of a hundred.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spread {
    pub(crate) max_surge: Value,
    pub(crate) max_unavailable: Value,
}
