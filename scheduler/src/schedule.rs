//! Where a pod goes: a pure decision on a snapshot.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use compact_str::CompactString;

use crate::chance::Chance;
use crate::failure::{Failure, Verdicts};
use crate::framework::{Filter, Prepared, Profile, Rejection};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::preemption::{self, Budget};
use crate::snapshot::Snapshot;

/// Pods for which room is being made, by node.
#[derive(Debug, Default)]
pub struct Nominations {
    by_node: HashMap<CompactString, Vec<Arc<PodInfo>>>,
    node_of: HashMap<CompactString, CompactString>,
}

impl Nominations {
    /// Room is being made for a pod on this node; on none if that is empty.
    pub fn set(&mut self, pod: &Arc<PodInfo>, node: &str) {
        self.remove(&pod.meta.uid);
        if !node.is_empty() {
            self.by_node.entry(node.into()).or_default().push(Arc::clone(pod));
            self.node_of.insert(pod.meta.uid.clone(), node.into());
        }
    }

    /// A pod needs no room any more.
    pub fn remove(&mut self, uid: &str) {
        let Some(node) = self.node_of.remove(uid) else { return };
        if let Some(pods) = self.by_node.get_mut(&node) {
            pods.retain(|pod| pod.meta.uid != uid);
            if pods.is_empty() {
                self.by_node.remove(&node);
            }
        }
    }

    /// Where room is being made for a pod.
    #[must_use]
    pub fn node_of(&self, uid: &str) -> Option<&str> {
        self.node_of.get(uid).map(CompactString::as_str)
    }

    /// The pods for which room is being made on a node.
    #[must_use]
    pub fn on(&self, node: &str) -> &[Arc<PodInfo>] {
        self.by_node.get(node).map_or(&[], Vec::as_slice)
    }
}

/// What a decision is made on.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// Nodes with their pods.
    pub snapshot: &'a Snapshot,
    /// Pods for which room is being made.
    pub nominations: &'a Nominations,
    /// How many pods may be disturbed.
    pub budgets: &'a [Arc<Budget>],
}

/// Where a pod goes.
#[derive(Debug)]
pub enum Decision {
    /// To this node.
    Placed(CompactString),
    /// Nowhere.
    Unfit(Failure),
}

/// What plugins have to say about one pod, in running order.
pub(crate) type Filters<'a> = Vec<(&'static str, Box<dyn Filter + 'a>)>;

/// Whether a node will do.
pub(crate) fn check(filters: &Filters<'_>, node: &NodeInfo) -> Result<(), (&'static str, Rejection)> {
    for (name, filter) in filters {
        filter.check(node).map_err(|rejection| (*name, rejection))?;
    }
    Ok(())
}

pub(crate) fn copies<'a>(filters: &'a Filters<'_>) -> Filters<'a> {
    filters.iter().map(|(name, filter)| (*name, filter.copy())).collect()
}

/// Whether a node will do also when those come for whom room is being made there, and also if they do not: a pod may
/// need one of them to be near.
pub(crate) fn check_with_nominated(
    filters: &Filters<'_>,
    pod: &PodInfo,
    node: &NodeInfo,
    nominations: &Nominations,
) -> Result<(), (&'static str, Rejection)> {
    let nominated = nominations.on(node.node.name()).iter();
    let coming: Vec<_> = nominated
        .filter(|other| other.priority >= pod.priority && other.meta.uid != pod.meta.uid)
        .filter(|other| !node.pods.iter().any(|there| there.meta.uid == other.meta.uid))
        .collect();
    if !coming.is_empty() {
        let (mut with, mut filters) = (node.clone(), copies(filters));
        for other in coming {
            with.put(other);
            filters.iter_mut().for_each(|(_, filter)| filter.change(other, &with, 1));
        }
        check(&filters, &with)?;
    }
    check(filters, node)
}

/// Where this pod goes.
pub fn schedule(profile: &Profile, pod: &PodInfo, world: World<'_>, chance: &mut Chance) -> Decision {
    let snapshot = world.snapshot;
    if snapshot.is_empty() {
        return Decision::Unfit(Failure {
            message: "no nodes available to schedule pods".into(),
            rejected_by: Vec::new(),
            preemption: None,
            gives_up_nomination: true,
        });
    }
    let mut verdicts = Verdicts::default();
    let (filters, feasible) = match prepare(profile, pod, snapshot, &mut verdicts) {
        Some((filters, only)) => {
            let feasible = find(profile, pod, world, (&filters, only.as_ref()), &mut verdicts, chance);
            (filters, feasible)
        }
        None => (Vec::new(), Vec::new()),
    };
    match feasible.as_slice() {
        [] => Decision::Unfit(fail(profile, pod, world, &filters, &verdicts, chance)),
        [only] => Decision::Placed(only.node.name().into()),
        several => Decision::Placed(best(profile, pod, snapshot, several, chance).node.name().into()),
    }
}

type Only<'a> = HashSet<&'a str>;

/// Asks plugins what they have to say. `None` if one said that no node will do.
fn prepare<'a>(
    profile: &'a Profile,
    pod: &'a PodInfo,
    snapshot: &'a Snapshot,
    verdicts: &mut Verdicts,
) -> Option<(Filters<'a>, Option<Only<'a>>)> {
    let mut filters = Filters::new();
    let mut only: Option<Only<'a>> = None;
    let mut choosing = Vec::new();
    for (plugin, _) in &profile.plugins {
        match plugin.filter(pod, snapshot) {
            Prepared::Skip => {}
            Prepared::Filter(filter) => filters.push((plugin.name(), filter)),
            Prepared::Only(names, filter) => {
                filters.push((plugin.name(), filter));
                choosing.push(plugin.name());
                only = Some(match only {
                    None => names.into_iter().collect(),
                    Some(before) => names.into_iter().filter(|name| before.contains(name)).collect(),
                });
            }
            Prepared::Rejected(rejection) => {
                verdicts.before = Some((plugin.name(), rejection));
                return None;
            }
        }
    }
    if only.is_some() {
        verdicts.absent = Some(format!("node(s) didn't satisfy plugin(s) [{}]", choosing.join(" ")).into());
    }
    Some((filters, only))
}

/// The nodes that will do: as many as are wanted, from where the last search ended.
fn find<'a>(
    profile: &Profile,
    pod: &PodInfo,
    world: World<'a>,
    (filters, only): (&Filters<'_>, Option<&Only<'_>>),
    verdicts: &mut Verdicts,
    chance: &mut Chance,
) -> Vec<&'a NodeInfo> {
    let snapshot = world.snapshot;
    let fits = |node: &NodeInfo| check_with_nominated(filters, pod, node, world.nominations);
    let allowed = |node: &NodeInfo| only.is_none_or(|only| only.contains(node.node.name()));
    // Where room was made for it, if that will do.
    let nominated = world.nominations.node_of(&pod.meta.uid).unwrap_or(&pod.nominated);
    if let Some(node) = snapshot.node(nominated)
        && allowed(node)
        && fits(node).is_ok()
    {
        return vec![node];
    }
    let mut feasible = Vec::new();
    let named = |only: &Only<'_>| -> Vec<&'a NodeInfo> {
        let mut nodes: Vec<_> = only.iter().filter_map(|name| snapshot.node(name)).collect();
        nodes.sort_unstable_by_key(|node| node.slot);
        nodes
    };
    let few = only.map(named);
    let nodes: Box<dyn Iterator<Item = &'a NodeInfo>> = match few {
        Some(few) => Box::new(few.into_iter()),
        None => Box::new(snapshot.nodes_from(chance.start)),
    };
    let wanted = profile.wanted(only.map_or(snapshot.len(), HashSet::len));
    for node in nodes {
        match fits(node) {
            Ok(()) => feasible.push(node),
            Err((plugin, rejection)) => verdicts.nodes.push((node.node.name().into(), plugin, rejection)),
        }
        if feasible.len() >= wanted {
            if only.is_none() {
                chance.start = node.slot + 1;
            }
            break;
        }
    }
    feasible
}

/// The node that is liked best; chance decides among several.
fn best<'a>(
    profile: &'a Profile,
    pod: &'a PodInfo,
    snapshot: &'a Snapshot,
    feasible: &[&'a NodeInfo],
    chance: &mut Chance,
) -> &'a NodeInfo {
    let mut totals = vec![0; feasible.len()];
    let mut scores = vec![0; feasible.len()];
    for (plugin, weight) in profile.plugins.iter().filter(|(_, weight)| *weight > 0) {
        let Some(score) = plugin.score(pod, snapshot, feasible) else { continue };
        for (slot, node) in scores.iter_mut().zip(feasible) {
            *slot = score.of(node);
        }
        score.normalize(&mut scores);
        for (total, score) in totals.iter_mut().zip(&scores) {
            *total += score * weight;
        }
    }
    let most = totals.iter().copied().max().unwrap_or(0);
    let best: Vec<usize> = (0..totals.len()).filter(|at| totals[*at] == most).collect();
    feasible[best[chance.below(best.len())]]
}

/// Why there is no place, and whether others would go.
fn fail(
    profile: &Profile,
    pod: &PodInfo,
    world: World<'_>,
    filters: &Filters<'_>,
    verdicts: &Verdicts,
    chance: &mut Chance,
) -> Failure {
    let mut failure = Failure {
        message: verdicts.message(world.snapshot.len()),
        rejected_by: verdicts.rejected_by(),
        preemption: None,
        gives_up_nomination: false,
    };
    if !profile.preempts {
        return failure;
    }
    match preemption::find(pod, world, filters, verdicts, chance) {
        Ok(found) => {
            let told = format!(
                "found a potential placement for pod on node {}, preempting {} victims",
                found.node,
                found.victims.len()
            );
            failure.message.push_str(&format!(" preemption: {told}"));
            failure.preemption = Some(found);
        }
        Err(refused) => {
            failure.message.push_str(&format!(" preemption: {}", refused.message));
            failure.gives_up_nomination = refused.for_good;
        }
    }
    failure
}
