//! `DefaultPreemption`: who would go for a more important pod, and on which node that does the least harm.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::selector::label::Selector;
use keelson_client::{Kind, Meta, Resource, Time};
use serde::Deserialize;

use crate::chance::Chance;
use crate::failure::Verdicts;
use crate::framework::Rejection;
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::schedule::{Filters, World, check_with_nominated, copies};
use crate::selectors::{Written, selects};

/// Of a hundred nodes that might do, how many are tried; and how many at least.
const TRIED_PERCENT: usize = 10;
const TRIED_MIN: usize = 100;

/// How many pods may be disturbed: a `PodDisruptionBudget`.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "WrittenBudget")]
pub struct Budget {
    meta: Meta,
    selector: Selector,
    allowed: i64,
    /// Pods that are on their way out with the budget's blessing.
    disrupted: HashSet<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenBudget {
    metadata: Meta,
    spec: WrittenBudgetSpec,
    status: WrittenBudgetStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenBudgetSpec {
    selector: Option<Written>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrittenBudgetStatus {
    disruptions_allowed: i64,
    disrupted_pods: std::collections::BTreeMap<CompactString, serde::de::IgnoredAny>,
}

impl From<WrittenBudget> for Budget {
    fn from(written: WrittenBudget) -> Self {
        let selector = Written::read_option(written.spec.selector.as_ref());
        Self {
            meta: written.metadata,
            // One of everything protects nothing, as upstream.
            selector: if selector.is_everything() { Selector::nothing() } else { selector },
            allowed: written.status.disruptions_allowed,
            disrupted: written.status.disrupted_pods.into_keys().collect(),
        }
    }
}

impl Kind for Budget {
    const RESOURCE: Resource =
        Resource::namespaced("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget");

    fn meta(&self) -> &Meta {
        &self.meta
    }
}

/// Who goes, and from where.
#[derive(Clone, Debug)]
pub struct Preemption {
    /// Where room is made.
    pub node: CompactString,
    /// Who goes, the most important first.
    pub victims: Vec<Arc<PodInfo>>,
}

/// Nobody goes.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) message: String,
    /// Also room that was being made before would be of no use.
    pub(crate) for_good: bool,
}

#[derive(Debug)]
struct Candidate {
    node: CompactString,
    victims: Vec<Arc<PodInfo>>,
    violations: usize,
}

/// Who goes for this pod.
pub(crate) fn find(
    pod: &PodInfo,
    world: World<'_>,
    filters: &Filters<'_>,
    verdicts: &Verdicts,
    chance: &mut Chance,
) -> Result<Preemption, Refused> {
    if let Some(why) = not_eligible(pod, world, verdicts) {
        return Err(Refused { message: why.into(), for_good: false });
    }
    let resolvable = verdicts.nodes.iter().filter(|(_, _, rejection)| rejection.resolvable);
    let nodes: Vec<&NodeInfo> = resolvable.filter_map(|(name, _, _)| world.snapshot.node(name)).collect();
    let (candidates, mut refusals) = try_nodes(pod, world, filters, &nodes, chance);
    match choose(candidates) {
        Some(chosen) => Ok(Preemption { node: chosen.node, victims: chosen.victims }),
        None => {
            refusals.absent = Some("Preemption is not helpful for scheduling".into());
            Err(Refused { message: refusals.message(world.snapshot.len()), for_good: true })
        }
    }
}

fn not_eligible(pod: &PodInfo, world: World<'_>, verdicts: &Verdicts) -> Option<&'static str> {
    if pod.never_preempts {
        return Some("not eligible due to preemptionPolicy=Never.");
    }
    let nominated = world.nominations.node_of(&pod.meta.uid).unwrap_or(&pod.nominated);
    let node = world.snapshot.node(nominated)?;
    // Where nothing can help any more, room is sought elsewhere.
    let lost =
        verdicts.before.is_some() || verdicts.of(nominated).is_some_and(|rejection| !rejection.resolvable);
    let leaving =
        |other: &Arc<PodInfo>| other.priority < pod.priority && other.meta.is_deleting() && other.preempted;
    if !lost && node.pods.iter().any(leaving) {
        return Some("not eligible due to a terminating pod on the nominated node.");
    }
    None
}

fn try_nodes(
    pod: &PodInfo,
    world: World<'_>,
    filters: &Filters<'_>,
    nodes: &[&NodeInfo],
    chance: &mut Chance,
) -> (Vec<Candidate>, Verdicts) {
    let (mut candidates, mut refusals) = (Vec::new(), Verdicts::default());
    if nodes.is_empty() {
        return (candidates, refusals);
    }
    let enough = (nodes.len() * TRIED_PERCENT / 100).max(TRIED_MIN).min(nodes.len());
    let (behind, ahead) = nodes.split_at(chance.below(nodes.len()));
    let mut harmless = false;
    for node in ahead.iter().chain(behind) {
        match victims_on(pod, world, filters, node) {
            Ok(candidate) => {
                harmless |= candidate.violations == 0;
                candidates.push(candidate);
            }
            Err(rejection) => refusals.nodes.push((node.node.name().into(), "DefaultPreemption", rejection)),
        }
        if harmless && candidates.len() >= enough {
            break;
        }
    }
    (candidates, refusals)
}

/// The more important of two pods comes first.
fn importance(pod: &Arc<PodInfo>) -> (Reverse<i32>, Time) {
    (Reverse(pod.priority), pod.started.unwrap_or(Time(i64::MAX)))
}

/// A node on which pods come and go, for trying.
struct Trial<'a> {
    node: NodeInfo,
    filters: Filters<'a>,
    pod: &'a PodInfo,
    world: World<'a>,
}

impl Trial<'_> {
    fn without(&mut self, other: &PodInfo) {
        self.node.take(&other.meta.uid);
        let node = &self.node;
        self.filters.iter_mut().for_each(|(_, filter)| filter.change(other, node, -1));
    }

    fn with(&mut self, other: &Arc<PodInfo>) {
        self.node.put(other);
        let node = &self.node;
        self.filters.iter_mut().for_each(|(_, filter)| filter.change(other, node, 1));
    }

    fn fits(&self) -> Result<(), Rejection> {
        check_with_nominated(&self.filters, self.pod, &self.node, self.world.nominations)
            .map_err(|(_, rejection)| rejection)
    }

    /// Whether a pod can stay after all.
    fn reprieves(&mut self, other: &Arc<PodInfo>) -> bool {
        self.with(other);
        let fits = self.fits().is_ok();
        if !fits {
            self.without(other);
        }
        fits
    }
}

/// The fewest that have to go from a node: all less important ones, less those that can stay after all, the most
/// important first, and before them those that a budget protects.
fn victims_on(
    pod: &PodInfo,
    world: World<'_>,
    filters: &Filters<'_>,
    node: &NodeInfo,
) -> Result<Candidate, Rejection> {
    let mut possible: Vec<_> =
        node.pods.iter().filter(|other| other.priority < pod.priority).cloned().collect();
    if possible.is_empty() {
        return Err(Rejection::final_one("No preemption victims found for incoming pod"));
    }
    let mut trial = Trial { node: node.clone(), filters: copies(filters), pod, world };
    possible.iter().for_each(|other| trial.without(other));
    trial.fits()?;
    possible.sort_by_key(importance);
    let (protected, others) = by_budget(possible, world.budgets);
    let (mut victims, mut violations) = (Vec::new(), 0);
    for other in protected {
        if !trial.reprieves(&other) {
            violations += 1;
            victims.push(other);
        }
    }
    for other in others {
        if !trial.reprieves(&other) {
            victims.push(other);
        }
    }
    victims.sort_by_key(importance);
    Ok(Candidate { node: node.node.name().into(), victims, violations })
}

/// Those whose going breaks a budget, and the others.
fn by_budget(pods: Vec<Arc<PodInfo>>, budgets: &[Arc<Budget>]) -> (Vec<Arc<PodInfo>>, Vec<Arc<PodInfo>>) {
    let mut left: Vec<i64> = budgets.iter().map(|budget| budget.allowed).collect();
    let breaks = |pod: &Arc<PodInfo>| {
        if pod.meta.labels.is_empty() {
            return false;
        }
        for (budget, left) in budgets.iter().zip(&mut left) {
            let counts = budget.meta.namespace == pod.meta.namespace
                && selects(&budget.selector, &pod.meta.labels)
                && !budget.disrupted.contains(&pod.meta.name);
            if counts {
                *left -= 1;
                if *left < 0 {
                    return true;
                }
            }
        }
        false
    };
    pods.into_iter().partition(breaks)
}

/// Where the least harm is done: fewest broken budgets, the least important most important victim, the smallest sum of
/// importance, the fewest victims, the youngest of the most important ones; else the first.
fn choose(candidates: Vec<Candidate>) -> Option<Candidate> {
    candidates.into_iter().filter(|candidate| !candidate.victims.is_empty()).min_by_key(|candidate| {
        let victims = &candidate.victims;
        let highest = victims[0].priority;
        let sum: i64 = victims.iter().map(|victim| i64::from(victim.priority) + (1 << 31)).sum();
        let most_important = victims.iter().filter(|victim| victim.priority == highest);
        let oldest = most_important.map(|victim| importance(victim).1).min();
        (candidate.violations, highest, sum, victims.len(), Reverse(oldest))
    })
}
