//! What plugins may be told, filled in as upstream fills it in, and the plugins that are made of it.

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{API_VERSION, shape};
use crate::framework::Preempting;
use crate::plugins::{
    BalancedAllocation, DefaultConstraint, Fit, InterPodAffinity, NodeAffinity, PodTopologySpread, Strategy,
};
use crate::selectors::NodeTerm;
use crate::wire;

/// Arguments of a plugin.
#[derive(Clone, Debug)]
pub(super) enum Arguments {
    Preemption(Preemption),
    PodAffinity(PodAffinity),
    NodeAffinity(Added),
    Balance(Balance),
    Fit(FitArguments),
    Spread(Spread),
    Binding(Binding),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Preemption {
    pub(super) min_candidate_nodes_percentage: Option<i64>,
    pub(super) min_candidate_nodes_absolute: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PodAffinity {
    pub(super) hard_pod_affinity_weight: Option<i64>,
    ignore_preferred_terms_of_existing_pods: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Added {
    /// As it was written, to be checked.
    pub(super) added_affinity: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resource {
    pub(super) name: String,
    pub(super) weight: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Balance {
    pub(super) resources: Vec<Resource>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Point {
    pub(super) utilization: i64,
    pub(super) score: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ratio {
    pub(super) shape: Vec<Point>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ScoringStrategy {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) resources: Vec<Resource>,
    pub(super) requested_to_capacity_ratio: Option<Ratio>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FitArguments {
    pub(super) ignored_resources: Vec<CompactString>,
    pub(super) ignored_resource_groups: Vec<CompactString>,
    pub(super) scoring_strategy: Option<ScoringStrategy>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Constraint {
    pub(super) max_skew: i64,
    pub(super) topology_key: String,
    pub(super) when_unsatisfiable: String,
    pub(super) label_selector: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spread {
    pub(super) default_constraints: Vec<Constraint>,
    pub(super) defaulting_type: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Binding {
    pub(super) bind_timeout_seconds: Option<i64>,
    pub(super) shape: Option<Value>,
}

/// Reads the arguments of a plugin; nothing if it is none that takes any. Adds what there is no place for.
pub(super) fn decode(
    plugin: &str,
    written: &Value,
    unknown: &mut Vec<String>,
) -> Result<Option<Arguments>, String> {
    let Some((_, shape)) = shape::ARGUMENTS.iter().find(|(name, _)| *name == plugin) else {
        return Ok(None);
    };
    let text = |key: &str| written.get(key).and_then(Value::as_str).unwrap_or_default();
    let (version, kind, expected) = (text("apiVersion"), text("kind"), format!("{plugin}Args"));
    if !version.is_empty() && version != API_VERSION {
        return Err(format!(
            "decoding args for plugin {plugin}: no kind \"{expected}\" is registered for version \"{version}\""
        ));
    }
    if !kind.is_empty() && kind != expected {
        let group = "kubescheduler.config.k8s.io";
        return Err(format!(
            "args for plugin {plugin} were not of type {expected}.{group}, got {kind}.{group}"
        ));
    }
    let wrong = |why: String| format!("decoding args for plugin {plugin}: {why}");
    shape.check(written, unknown).map_err(wrong)?;
    let empty = Value::Object(serde_json::Map::new());
    let written = if written.is_null() { &empty } else { written };
    let arguments = match plugin {
        "DefaultPreemption" => Arguments::Preemption(typed(written)?),
        "InterPodAffinity" => Arguments::PodAffinity(typed(written)?),
        "NodeAffinity" => Arguments::NodeAffinity(typed(written)?),
        "NodeResourcesBalancedAllocation" => {
            let mut balance: Balance = typed(written)?;
            balance.resources.iter_mut().for_each(Resource::fill_in);
            Arguments::Balance(balance)
        }
        "NodeResourcesFit" => Arguments::Fit(filled_in(typed(written)?)),
        "PodTopologySpread" => {
            let mut spread: Spread = typed(written)?;
            if spread.defaulting_type.is_empty() {
                spread.defaulting_type = "System".into();
            }
            Arguments::Spread(spread)
        }
        _ => Arguments::Binding(typed(written)?),
    };
    Ok(Some(arguments))
}

fn typed<T: DeserializeOwned>(written: &Value) -> Result<T, String> {
    // What is `null` counts as not said.
    let Value::Object(members) = written else { return Err("expected an object".into()) };
    let said = members.iter().filter(|(_, value)| !value.is_null());
    let said = said.map(|(name, value)| (name.clone(), value.clone())).collect();
    serde_json::from_value(Value::Object(said)).map_err(|error| error.to_string())
}

impl Resource {
    fn fill_in(&mut self) {
        if self.weight == 0 {
            self.weight = 1;
        }
    }
}

fn filled_in(mut fit: FitArguments) -> FitArguments {
    let strategy = fit.scoring_strategy.get_or_insert_with(|| ScoringStrategy {
        kind: "LeastAllocated".into(),
        ..ScoringStrategy::default()
    });
    if strategy.resources.is_empty() {
        let usual = |name: &str| Resource { name: name.into(), weight: 1 };
        strategy.resources = vec![usual("cpu"), usual("memory")];
    }
    strategy.resources.iter_mut().for_each(Resource::fill_in);
    fit
}

impl Preemption {
    pub(super) fn percentage(&self) -> i64 {
        self.min_candidate_nodes_percentage.unwrap_or(10)
    }

    pub(super) fn absolute(&self) -> i64 {
        self.min_candidate_nodes_absolute.unwrap_or(100)
    }

    /// How preemption looks for a place then.
    pub(super) fn made(&self) -> Preempting {
        let count = |number: i64| usize::try_from(number).unwrap_or(0);
        Preempting { tried_percent: count(self.percentage()), tried_min: count(self.absolute()) }
    }
}

impl PodAffinity {
    pub(super) fn made(&self) -> InterPodAffinity {
        InterPodAffinity {
            hard_weight: self.hard_pod_affinity_weight.unwrap_or(1),
            ignores_wishes_of_others: self.ignore_preferred_terms_of_existing_pods,
        }
    }
}

impl Added {
    pub(super) fn made(&self) -> NodeAffinity {
        let affinity = self.added_affinity.clone().unwrap_or_default();
        let affinity: wire::NodeAffinity = typed(&affinity).unwrap_or_default();
        let required = affinity.required.as_ref();
        let preferred = affinity.preferred.iter();
        NodeAffinity {
            required: required.map(|terms| terms.node_selector_terms.iter().map(NodeTerm::read).collect()),
            preferred: preferred.map(|term| (term.weight, NodeTerm::read(&term.preference))).collect(),
        }
    }
}

impl Balance {
    pub(super) fn made(&self) -> BalancedAllocation {
        if self.resources.is_empty() {
            return BalancedAllocation::default();
        }
        BalancedAllocation(self.resources.iter().map(|resource| resource.name.as_str().into()).collect())
    }
}

impl FitArguments {
    pub(super) fn made(&self) -> Fit {
        let Some(scoring) = &self.scoring_strategy else { return Fit::default() };
        let strategy = match scoring.kind.as_str() {
            "MostAllocated" => Strategy::MostAllocated,
            "RequestedToCapacityRatio" => {
                let points = scoring.requested_to_capacity_ratio.iter().flat_map(|ratio| &ratio.shape);
                let points = points.map(|point| (point.utilization, point.score));
                Strategy::RequestedToCapacityRatio(points.collect())
            }
            _ => Strategy::LeastAllocated,
        };
        let resources = scoring.resources.iter();
        Fit {
            strategy,
            resources: resources.map(|one| (one.name.clone().into(), one.weight)).collect(),
            ignored: self.ignored_resources.clone(),
            ignored_groups: self.ignored_resource_groups.clone(),
        }
    }
}

impl Spread {
    pub(super) fn made(&self) -> PodTopologySpread {
        if self.defaulting_type == "System" {
            return PodTopologySpread::system();
        }
        let constraint = |written: &Constraint| DefaultConstraint {
            max_skew: written.max_skew,
            topology_key: written.topology_key.as_str().into(),
            hard: written.when_unsatisfiable == "DoNotSchedule",
        };
        PodTopologySpread {
            defaults: self.default_constraints.iter().map(constraint).collect(),
            of_system: false,
        }
    }
}

impl Binding {
    /// How long a pod waits for its volumes.
    pub(super) fn made(&self) -> Duration {
        Duration::from_secs(
            self.bind_timeout_seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(600),
        )
    }
}

/// A plugin of this name that takes arguments, made of them.
pub(super) fn plugin(arguments: &Arguments) -> Option<Arc<dyn crate::framework::Plugin>> {
    Some(match arguments {
        Arguments::Preemption(_) | Arguments::Binding(_) => return None,
        Arguments::PodAffinity(arguments) => Arc::new(arguments.made()),
        Arguments::NodeAffinity(arguments) => Arc::new(arguments.made()),
        Arguments::Balance(arguments) => Arc::new(arguments.made()),
        Arguments::Fit(arguments) => Arc::new(arguments.made()),
        Arguments::Spread(arguments) => Arc::new(arguments.made()),
    })
}
