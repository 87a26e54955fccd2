//! `DefaultPreemption`: who would go for a more important pod, and on which node that does the least harm.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::selector::label::Selector;
use keelson_client::{Kind, Meta, Resource, Time};
use serde::Deserialize;

use crate::chance::Chance;
use crate::class::Class;
use crate::failure::Verdicts;
use crate::framework::{Preempting, Rejection};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::selectors::{Written, selects};
use crate::snapshot::Snapshot;

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

/// Who would go from a node, and how much harm that does: the less, the smaller.
#[derive(Debug)]
struct Candidate {
    victims: Vec<Arc<PodInfo>>,
    violations: usize,
    harm: Harm,
}

type Harm = (usize, i32, i64, usize, Reverse<Option<Time>>);

/// What was found about nodes for a class of pods, as they were.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// As budgets were.
    budgets: u64,
    /// By slot; the generation is 0 where nothing was found yet.
    by_slot: Vec<(u64, Found)>,
}

/// Who would go, or why nobody: the number of a verdict.
type Found = Result<Arc<Candidate>, u16>;

/// Who goes for this pod.
pub(crate) fn find(
    pod: &PodInfo,
    how: Preempting,
    class: &mut Class,
    snapshot: &Snapshot,
    chance: &mut Chance,
) -> Result<Preemption, Refused> {
    if let Some(why) = not_eligible(pod, &class.verdicts, snapshot) {
        return Err(Refused { message: why.into(), for_good: false });
    }
    let nodes = class.verdicts.resolvable();
    let (candidates, refused) = try_nodes(pod, how, class, &nodes, snapshot, chance);
    let able = candidates.into_iter().filter(|(_, candidate)| !candidate.victims.is_empty());
    // Where the least harm is done; else the first.
    let chosen = able.min_by_key(|(_, candidate)| candidate.harm);
    match chosen.and_then(|(slot, candidate)| Some((snapshot.at(slot)?, candidate))) {
        Some((node, candidate)) => {
            Ok(Preemption { node: node.node.name().into(), victims: candidate.victims.clone() })
        }
        None => {
            class.verdicts.begin();
            class.verdicts.nodes = refused;
            class.verdicts.absent = Some("Preemption is not helpful for scheduling".into());
            Err(Refused { message: class.verdicts.message(snapshot.len()), for_good: true })
        }
    }
}

fn not_eligible(pod: &PodInfo, verdicts: &Verdicts, snapshot: &Snapshot) -> Option<&'static str> {
    if pod.never_preempts {
        return Some("not eligible due to preemptionPolicy=Never.");
    }
    let nominated = snapshot.nominations().node_of(&pod.meta.uid).unwrap_or(&pod.nominated);
    let node = snapshot.node(nominated)?;
    // Where nothing can help any more, room is sought elsewhere.
    let lost =
        verdicts.before.is_some() || verdicts.of(node.slot).is_some_and(|rejection| !rejection.resolvable);
    let leaving =
        |other: &Arc<PodInfo>| other.priority < pod.priority && other.meta.is_deleting() && other.preempted;
    if !lost && node.pods.iter().any(leaving) {
        return Some("not eligible due to a terminating pod on the nominated node.");
    }
    None
}

fn try_nodes(
    pod: &PodInfo,
    how: Preempting,
    class: &mut Class,
    nodes: &[usize],
    snapshot: &Snapshot,
    chance: &mut Chance,
) -> (Vec<(usize, Arc<Candidate>)>, Vec<(usize, u16)>) {
    let (mut candidates, mut refused) = (Vec::new(), Vec::new());
    if nodes.is_empty() {
        return (candidates, refused);
    }
    let enough = (nodes.len() * how.tried_percent / 100).max(how.tried_min).min(nodes.len());
    let (behind, ahead) = nodes.split_at(chance.below(nodes.len()));
    let mut harmless = false;
    let mut tried = std::mem::take(&mut class.tried);
    if tried.budgets != snapshot.budgets().1 {
        tried = Tried { budgets: snapshot.budgets().1, ..Tried::default() };
    }
    tried.by_slot.resize(snapshot.slots(), (0, Err(0)));
    let local = class.is_local();
    // Where room is being made for this very pod, it need not leave room for itself as others of its class have to.
    let own = snapshot.nominations().node_of(&pod.meta.uid).and_then(|node| snapshot.node(node));
    let own = own.map(|node| node.slot);
    for slot in ahead.iter().chain(behind) {
        let Some(node) = snapshot.at(*slot) else { continue };
        let shared = local && own != Some(*slot);
        let known = Some(&tried.by_slot[*slot]);
        let found = match known.filter(|(generation, _)| shared && *generation == node.generation) {
            Some((_, found)) => found.clone(),
            None => {
                let found = Trial::new(pod, class, node, snapshot).run();
                let found =
                    found.map(Arc::new).map_err(|why| class.verdicts.number("DefaultPreemption", why));
                if shared {
                    tried.by_slot[*slot] = (node.generation, found.clone());
                }
                found
            }
        };
        match found {
            Ok(candidate) => {
                harmless |= candidate.violations == 0;
                candidates.push((*slot, candidate));
            }
            Err(number) => refused.push((*slot, number)),
        }
        if harmless && candidates.len() >= enough {
            break;
        }
    }
    class.tried = tried;
    (candidates, refused)
}

/// The more important of two pods comes first.
fn importance(pod: &Arc<PodInfo>) -> (Reverse<i32>, Time) {
    (Reverse(pod.priority), pod.started.unwrap_or(Time(i64::MAX)))
}

/// A node on which pods come and go, for trying.
struct Trial<'a> {
    pod: &'a PodInfo,
    class: &'a mut Class,
    node: NodeInfo,
    snapshot: &'a Snapshot,
    /// Those that are not there for the moment.
    away: Vec<Arc<PodInfo>>,
}

impl<'a> Trial<'a> {
    fn new(pod: &'a PodInfo, class: &'a mut Class, node: &NodeInfo, snapshot: &'a Snapshot) -> Self {
        Self { pod, class, node: node.clone(), snapshot, away: Vec::new() }
    }

    fn without(&mut self, other: &Arc<PodInfo>) {
        self.node.take(&other.meta.uid);
        self.class.change(other, &self.node, -1, self.snapshot);
        self.away.push(Arc::clone(other));
    }

    fn with(&mut self, other: &Arc<PodInfo>) {
        self.node.put(other);
        self.class.change(other, &self.node, 1, self.snapshot);
        self.away.retain(|away| away.meta.uid != other.meta.uid);
    }

    fn fits(&mut self) -> Result<(), Rejection> {
        let verdict = self.class.check(&self.node, &self.pod.meta.uid, self.snapshot);
        verdict.map_err(|(_, rejection)| rejection)
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

    /// The fewest that have to go from a node. Everything is put back afterwards.
    fn run(mut self) -> Result<Candidate, Rejection> {
        let found = self.try_out();
        for other in std::mem::take(&mut self.away) {
            self.class.change(&other, &self.node, 1, self.snapshot);
        }
        found
    }

    /// All less important ones, less those that can stay after all, the most important first, and before them those
    /// that a budget protects.
    fn try_out(&mut self) -> Result<Candidate, Rejection> {
        let less = |other: &&Arc<PodInfo>| other.priority < self.pod.priority;
        let mut possible: Vec<_> = self.node.pods.iter().filter(less).cloned().collect();
        if possible.is_empty() {
            return Err(Rejection::final_one("No preemption victims found for incoming pod"));
        }
        possible.iter().for_each(|other| self.without(other));
        self.fits()?;
        possible.sort_by_key(importance);
        let (protected, others) = by_budget(possible, self.snapshot.budgets().0);
        let (mut victims, mut violations) = (Vec::new(), 0);
        for other in protected {
            if !self.reprieves(&other) {
                violations += 1;
                victims.push(other);
            }
        }
        for other in others {
            if !self.reprieves(&other) {
                victims.push(other);
            }
        }
        victims.sort_by_key(importance);
        Ok(Candidate { harm: harm(&victims, violations), victims, violations })
    }
}

/// Fewest broken budgets, the least important most important victim, the smallest sum of importance, the fewest victims,
/// the youngest of the most important ones.
fn harm(victims: &[Arc<PodInfo>], violations: usize) -> Harm {
    let highest = victims.first().map_or(i32::MIN, |victim| victim.priority);
    let sum: i64 = victims.iter().map(|victim| i64::from(victim.priority) + (1 << 31)).sum();
    let most_important = victims.iter().filter(|victim| victim.priority == highest);
    let oldest = most_important.map(|victim| importance(victim).1).min();
    (violations, highest, sum, victims.len(), Reverse(oldest))
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
