//! Where a pod goes: a pure decision on a snapshot, and on what is remembered of it.

use std::sync::Arc;

use compact_str::CompactString;

use crate::chance::Chance;
use crate::class::{Class, Classes};
use crate::failure::Failure;
use crate::figures::Laps;
use crate::framework::Profile;
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::preemption;
use crate::snapshot::Snapshot;

/// How upstream calls what has no place.
const UNSCHEDULABLE: &str = "Unschedulable";

/// Where a pod goes.
#[derive(Debug)]
pub enum Decision {
    /// To this node.
    Placed(CompactString),
    /// Nowhere.
    Unfit(Failure),
}

/// Where this pod goes.
pub(crate) fn schedule(
    profile: &Profile,
    pod: &Arc<PodInfo>,
    snapshot: &Snapshot,
    classes: &mut Classes,
    chance: &mut Chance,
    laps: &mut Laps,
) -> Decision {
    if snapshot.is_empty() {
        return Decision::Unfit(Failure {
            message: "no nodes available to schedule pods".into(),
            rejected_by: Vec::new(),
            preemption: None,
            gives_up_nomination: true,
        });
    }
    let mut class = classes.take(pod, profile, snapshot);
    laps.done("PreFilter", if class.rejected().is_none() { "Success" } else { UNSCHEDULABLE });
    let decision = decide(profile, pod, &mut class, snapshot, chance, laps);
    classes.keep(class);
    decision
}

fn decide(
    profile: &Profile,
    pod: &PodInfo,
    class: &mut Class,
    snapshot: &Snapshot,
    chance: &mut Chance,
    laps: &mut Laps,
) -> Decision {
    class.verdicts.begin();
    let feasible = match class.rejected() {
        None => find(profile, pod, class, snapshot, chance),
        Some(rejected) => {
            class.verdicts.before = Some(rejected);
            Vec::new()
        }
    };
    laps.done("Filter", if feasible.is_empty() { UNSCHEDULABLE } else { "Success" });
    match feasible.as_slice() {
        [] => {
            let failure = fail(profile, pod, class, snapshot, chance);
            laps.done("PostFilter", if failure.preemption.is_some() { "Success" } else { UNSCHEDULABLE });
            Decision::Unfit(failure)
        }
        [only] => Decision::Placed(only.node.name().into()),
        several => {
            let best = best(class, several, chance);
            laps.done("Score", "Success");
            Decision::Placed(best.node.name().into())
        }
    }
}

/// The nodes that will do: as many as are wanted, from where the last search ended.
fn find<'a>(
    profile: &Profile,
    pod: &PodInfo,
    class: &mut Class,
    snapshot: &'a Snapshot,
    chance: &mut Chance,
) -> Vec<&'a NodeInfo> {
    class.verdicts.absent = class.others_are().map(Into::into);
    // Where room was made for it, if that will do. There it need not leave room for itself.
    let nominated = snapshot.nominations().node_of(&pod.meta.uid).unwrap_or(&pod.nominated);
    let own = snapshot.node(nominated);
    if let Some(node) = own
        && class.only().is_none_or(|only| only.contains(&node.slot))
        && class.check(node, &pod.meta.uid, snapshot).is_ok()
    {
        return vec![node];
    }
    let own = own.map(|node| node.slot);
    let few: Option<Vec<usize>> = class.only().map(<[usize]>::to_vec);
    let order = snapshot.order();
    let (slots, start) = match &few {
        Some(few) => (few.as_slice(), 0),
        None => (&*order, chance.start % order.len().max(1)),
    };
    let wanted = profile.wanted(slots.len());
    let local = class.is_local();
    let mut feasible = Vec::new();
    for (seen, slot) in slots[start..].iter().chain(&slots[..start]).enumerate() {
        let Some(node) = snapshot.at(*slot) else { continue };
        let verdict = match own == Some(*slot) {
            // It has been looked at above, and what is known of it is not for this pod.
            true => match class.check(node, &pod.meta.uid, snapshot) {
                Ok(()) => 0,
                Err((plugin, rejection)) => class.verdicts.number(plugin, rejection),
            },
            false => class.judge(node, local, snapshot),
        };
        match verdict {
            0 => feasible.push(node),
            number => class.verdicts.nodes.push((*slot, number)),
        }
        if feasible.len() >= wanted {
            if few.is_none() {
                chance.start = (start + seen + 1) % slots.len();
            }
            break;
        }
    }
    feasible
}

/// The node that is liked best; chance decides among several.
fn best<'a>(class: &mut Class, feasible: &[&'a NodeInfo], chance: &mut Chance) -> &'a NodeInfo {
    let totals = class.totals(feasible);
    let most = totals.iter().copied().max().unwrap_or(0);
    let best: Vec<usize> = (0..totals.len()).filter(|at| totals[*at] == most).collect();
    feasible[best[chance.below(best.len())]]
}

/// Why there is no place, and whether others would go.
fn fail(
    profile: &Profile,
    pod: &PodInfo,
    class: &mut Class,
    snapshot: &Snapshot,
    chance: &mut Chance,
) -> Failure {
    let mut failure = Failure {
        message: class.verdicts.message(snapshot.len()),
        rejected_by: class.verdicts.rejected_by(),
        preemption: None,
        gives_up_nomination: false,
    };
    let Some(how) = profile.preempting else { return failure };
    match preemption::find(pod, how, class, snapshot, chance) {
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
