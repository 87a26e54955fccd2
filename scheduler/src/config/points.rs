//! Which plugin runs at which extension point, and in which order: upstream's rules for lists that add to, replace and
//! take from the default ones, for single points and for all at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::Arguments;
use super::arguments::{self, Arguments as One};
use super::check;
use crate::framework::{Plugin, Preempting, Profile};
use crate::plugins::{self, default_profile};

/// The points of a plugin, in the order in which upstream looks at them, and upstream's type.
const POINTS: [(&str, &str); 15] = [
    ("preFilter", "PreFilterPlugin"),
    ("filter", "FilterPlugin"),
    ("postFilter", "PostFilterPlugin"),
    ("reserve", "ReservePlugin"),
    ("preScore", "PreScorePlugin"),
    ("score", "ScorePlugin"),
    ("preBind", "PreBindPlugin"),
    ("bind", "BindPlugin"),
    ("postBind", "PostBindPlugin"),
    ("permit", "PermitPlugin"),
    ("preEnqueue", "PreEnqueuePlugin"),
    ("queueSort", "QueueSortPlugin"),
    ("placementGenerate", "PlacementGeneratePlugin"),
    ("placementScore", "PlacementScorePlugin"),
    ("podGroupPostFilter", "PodGroupPostFilterPlugin"),
];

const JUDGES: &[&str] = &["preFilter", "filter"];
const LIKES: &[&str] = &["preScore", "score"];
const BOTH: &[&str] = &["preFilter", "filter", "preScore", "score"];

/// All plugins there are, in the default order, with their default weight and the points that they have.
const PLUGINS: [(&str, i64, &[&str]); 18] = [
    ("SchedulingGates", 0, &["preEnqueue"]),
    ("PrioritySort", 0, &["queueSort"]),
    ("NodeName", 0, &["filter"]),
    ("NodeUnschedulable", 0, &["filter"]),
    ("TaintToleration", 3, &["filter", "preScore", "score"]),
    ("NodeAffinity", 2, BOTH),
    ("NodePorts", 0, JUDGES),
    ("NodeResourcesFit", 1, BOTH),
    ("VolumeRestrictions", 0, JUDGES),
    ("NodeVolumeLimits", 0, JUDGES),
    // It likes nodes only where a feature is on that is off by default.
    ("VolumeBinding", 0, &["preFilter", "filter", "reserve", "preBind"]),
    ("VolumeZone", 0, JUDGES),
    ("PodTopologySpread", 2, BOTH),
    ("InterPodAffinity", 2, BOTH),
    ("DefaultPreemption", 0, &["postFilter"]),
    ("NodeResourcesBalancedAllocation", 1, LIKES),
    ("ImageLocality", 1, &["score"]),
    ("DefaultBinder", 0, &["bind"]),
];

/// Plugins that upstream has and this has not.
const ABSENT: [&str; 6] = [
    "DynamicResources",
    "GangScheduling",
    "NodeDeclaredFeatures",
    "DeferredPodScheduling",
    "TopologyPlacementGenerator",
    "PodGroupPodsCount",
];

/// What is written about the plugins of a profile: sets by point.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Written(BTreeMap<String, Option<Set>>);

/// What is written about the plugins of a point.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Set {
    enabled: Option<Vec<Named>>,
    disabled: Option<Vec<Named>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
    weight: Option<i64>,
}

impl Written {
    /// What is written about one point.
    pub(super) fn set(&self, point: &str) -> Set {
        self.0.get(point).cloned().flatten().unwrap_or_default()
    }
}

fn names(list: Option<&Vec<Named>>) -> Vec<String> {
    list.into_iter().flatten().map(|named| named.name.clone()).collect()
}

impl Set {
    pub(super) fn enabled_names(&self) -> Vec<String> {
        names(self.enabled.as_ref())
    }

    pub(super) fn disabled_names(&self) -> Vec<String> {
        names(self.disabled.as_ref())
    }

    fn disables(&self, name: &str) -> bool {
        self.disabled.iter().flatten().any(|named| named.name == name || named.name == "*")
    }

    fn enabled(&self) -> &[Named] {
        self.enabled.as_deref().unwrap_or_default()
    }
}

/// A profile of the default plugins and what is written about them.
pub(super) fn profile(name: &str, written: Option<&Written>, given: &Arguments) -> Result<Profile, String> {
    let everything = Written::default();
    let written = written.unwrap_or(&everything);
    let multi = merged(&written.set("multiPoint"));
    let made = make_all(given)?;
    for (point, kind) in POINTS {
        check_names(point, kind, &written.set(point))?;
    }
    for named in &multi {
        known(&named.name, "PreFilterPlugin")?;
    }
    let mut at: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (point, kind) in POINTS {
        at.insert(point, expanded(point, kind, &written.set(point), &multi)?);
    }
    let sorting = at["queueSort"].len();
    if sorting != 1 {
        return Err(format!(
            "only one queue sort plugin required for profile with scheduler name \"{name}\", but got {sorting}"
        ));
    }
    if at["bind"].is_empty() {
        return Err(format!("at least one bind plugin is needed for profile with scheduler name \"{name}\""));
    }
    agree(&at)?;
    let plugins = |point: &str| -> Vec<Arc<dyn Plugin>> {
        at[point].iter().filter_map(|name| made.get(name.as_str()).cloned()).collect()
    };
    let weights = written.set("score");
    let weight = |name: &str| {
        let said = weights.enabled().iter().chain(&multi).find(|named| named.name == name);
        said.and_then(|named| named.weight).filter(|weight| *weight != 0).unwrap_or(1)
    };
    let scores = plugins("score").into_iter().map(|plugin| (Arc::clone(&plugin), weight(plugin.name())));
    let preempting = match given.get("DefaultPreemption") {
        Some(One::Preemption(arguments)) => arguments.made(),
        _ => Preempting::default(),
    };
    let usual = default_profile();
    Ok(Profile {
        scheduler_name: name.into(),
        filters: plugins("filter"),
        scores: scores.collect(),
        reserves: plugins("reserve"),
        preempting: at["postFilter"].iter().any(|name| name == "DefaultPreemption").then_some(preempting),
        gates: at["preEnqueue"].iter().any(|name| name == "SchedulingGates"),
        percentage_of_nodes_to_score: None,
        prepared_within: match given.get("VolumeBinding") {
            Some(One::Binding(arguments)) => arguments.made(),
            _ => usual.prepared_within,
        },
    })
}

/// All plugins by name, as they are told to be.
fn make_all(given: &Arguments) -> Result<BTreeMap<&'static str, Arc<dyn Plugin>>, String> {
    let mut made: BTreeMap<&'static str, Arc<dyn Plugin>> = BTreeMap::new();
    for plugin in plugins::all() {
        made.insert(plugin.name(), plugin);
    }
    for (name, told) in given {
        if let One::Fit(told) = told {
            check::fit(told).map_err(|why| format!("initializing plugin \"{name}\": {why}"))?;
        }
        if let Some(plugin) = arguments::plugin(told) {
            made.insert(plugin.name(), plugin);
        }
    }
    Ok(made)
}

/// The default list for all points, with what is written about it.
fn merged(written: &Set) -> Vec<Named> {
    let mut merged = Vec::new();
    let mut replacing = Vec::new();
    for (name, weight, _) in PLUGINS {
        if written.disables(name) {
            continue;
        }
        match written.enabled().iter().rposition(|named| named.name == name) {
            Some(at) => {
                replacing.push(at);
                merged.push(written.enabled()[at].clone());
            }
            None => merged.push(Named { name: name.into(), weight: Some(weight) }),
        }
    }
    let others = written.enabled().iter().enumerate().filter(|(at, _)| !replacing.contains(at));
    merged.extend(others.map(|(_, named)| named.clone()));
    merged
}

fn known(name: &str, kind: &str) -> Result<&'static [&'static str], String> {
    if ABSENT.contains(&name) {
        return Err(format!("plugin \"{name}\" is not supported: it is not there yet"));
    }
    let plugin = PLUGINS.iter().find(|(known, _, _)| *known == name);
    plugin.map(|(_, _, points)| *points).ok_or_else(|| format!("{kind} \"{name}\" does not exist"))
}

fn check_names(point: &str, kind: &str, written: &Set) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    for named in written.enabled() {
        let name = named.name.as_str();
        if !known(name, kind)?.contains(&point) {
            return Err(format!("plugin \"{name}\" does not extend {kind} plugin"));
        }
        if seen.contains(&name) {
            return Err(format!("plugin \"{name}\" already registered as \"{kind}\""));
        }
        seen.push(name);
    }
    Ok(())
}

/// The plugins of a point: those that are said for it and for all points, in the order in which they are said for it;
/// then those said for all; then the others said for it.
fn expanded(point: &str, kind: &str, own: &Set, multi: &[Named]) -> Result<Vec<String>, String> {
    let said = own.enabled_names();
    if own.disabled.iter().flatten().any(|named| named.name == "*") {
        return Ok(said);
    }
    let (mut overriding, mut general): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for named in multi {
        let name = named.name.as_str();
        if !known(name, kind)?.contains(&point) || own.disables(name) {
            continue;
        }
        if said.iter().any(|said| said == name) {
            overriding.push(name);
            continue;
        }
        if general.contains(&name) {
            return Err(format!("plugin \"{name}\" already registered as \"{kind}\""));
        }
        general.push(name);
    }
    let (first, last): (Vec<String>, Vec<String>) =
        said.into_iter().partition(|name| overriding.contains(&name.as_str()));
    Ok(first.into_iter().chain(general.into_iter().map(str::to_owned)).chain(last).collect())
}

/// What upstream does at two points is one step here: a plugin runs at both or at none.
fn agree(at: &BTreeMap<&str, Vec<String>>) -> Result<(), String> {
    for (name, _, points) in PLUGINS {
        let runs = |point: &str| at[point].iter().any(|known| known == name);
        let has = |point: &str| points.contains(&point);
        for (one, other) in [("preFilter", "filter"), ("reserve", "preBind")] {
            if has(one) && has(other) && runs(one) != runs(other) {
                let (on, off) = if runs(one) { (one, other) } else { (other, one) };
                return Err(format!(
                    "plugin \"{name}\" at {on} and not at {off} is not supported: it runs at both or at none"
                ));
            }
        }
        if has("preScore") && runs("score") && !runs("preScore") {
            return Err(format!("plugin \"{name}\" at score and not at preScore is not supported"));
        }
    }
    Ok(())
}
