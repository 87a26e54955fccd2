//! Which pods give way to ones of the newest revision, and on which nodes those come first.

use std::sync::Arc;

use super::eligibility::Verdict;
use super::plan::Work;
use super::pods::is_updated;
use crate::views::pod::Pod;

/// The pods of a node that stay, if there is at most one of each kind.
struct Pair<'a> {
    new: Option<&'a Arc<Pod>>,
    old: Option<&'a Arc<Pod>>,
}

impl<'a> Pair<'a> {
    fn of(work: &Work<'_>, pods: &'a [Arc<Pod>]) -> Option<Self> {
        let mut pair = Self { new: None, old: None };
        for pod in pods.iter().filter(|pod| !pod.metadata.is_deleting()) {
            let place = if is_updated(work.set, pod, work.hash) { &mut pair.new } else { &mut pair.old };
            if place.replace(pod).is_some() {
                return None;
            }
        }
        Some(pair)
    }
}

/// Nodes that get a new pod now, and pods that go now.
pub(super) fn rolled(work: &Work<'_>) -> (Vec<String>, Vec<Arc<Pod>>) {
    let wanted = work.nodes.iter().filter(|(_, verdict)| *verdict == Verdict::Wanted).count();
    let (surge, mut unavailable) = {
        let wanted = i32::try_from(wanted).unwrap_or(i32::MAX);
        (work.surge(wanted), work.unavailable(wanted))
    };
    if wanted > 0 && surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let number = |number: i32| usize::try_from(number).unwrap_or(0);
    if surge == 0 {
        (Vec::new(), replaced(work, number(unavailable)))
    } else {
        surged(work, number(surge), wanted)
    }
}

/// Of all nodes where a pod is or should be, their pods.
fn all<'a>(work: &'a Work<'_>) -> impl Iterator<Item = (&'a str, Verdict, &'a [Arc<Pod>])> {
    work.nodes.iter().filter_map(|(node, verdict)| {
        let name = &node.metadata.name;
        match work.on_nodes.get(name) {
            Some(pods) => Some((name.as_str(), *verdict, pods.as_slice())),
            None if *verdict == Verdict::Wanted => Some((name.as_str(), *verdict, &[][..])),
            None => None,
        }
    })
}

/// Pods that go first, so that others take their place.
fn replaced(work: &Work<'_>, unavailable_max: usize) -> Vec<Arc<Pod>> {
    let (mut unavailable, mut broken, mut candidates) = (0, Vec::new(), Vec::new());
    for (_, _, pods) in all(work) {
        match Pair::of(work, pods) {
            Some(Pair { new: Some(new), old: None }) => {
                unavailable += usize::from(!work.is_available(new));
            }
            Some(Pair { new: None, old: Some(old) }) if !work.is_available(old) => {
                broken.push(Arc::clone(old));
                unavailable += 1;
            }
            Some(Pair { new: None, old: Some(old) }) => candidates.push(Arc::clone(old)),
            _ => unavailable += 1,
        }
    }
    let room = unavailable_max.saturating_sub(unavailable);
    broken.extend(candidates.into_iter().take(room));
    broken
}

/// Nodes where a second pod comes first, and pods that have been relieved.
fn surged(work: &Work<'_>, surge_max: usize, wanted: usize) -> (Vec<String>, Vec<Arc<Pod>>) {
    let (mut surging, mut available) = (0, 0);
    let (mut allowed, mut candidates) = (Vec::new(), Vec::new());
    let (mut going, mut misplaced) = (Vec::new(), Vec::new());
    for (node, verdict, pods) in all(work) {
        let Some(pair) = Pair::of(work, pods) else {
            surging += 1;
            continue;
        };
        available += usize::from(pair.old.or(pair.new).is_some_and(|pod| work.is_available(pod)));
        let is_wanted = verdict == Verdict::Wanted;
        match (pair.old, pair.new) {
            (None, _) => {}
            (Some(old), None) => match (work.is_available(old), is_wanted) {
                (false, true) => allowed.push(node.to_owned()),
                (false, false) => going.push(Arc::clone(old)),
                (true, true) => candidates.push(node.to_owned()),
                (true, false) => misplaced.push(Arc::clone(old)),
            },
            (Some(old), Some(new)) if work.is_available(new) => going.push(Arc::clone(old)),
            (Some(_), Some(_)) => surging += 1,
        }
    }
    // What works where it should not goes when enough works where it should.
    going.extend(misplaced.into_iter().take(available.saturating_sub(wanted)));
    allowed.extend(candidates.into_iter().take(surge_max.saturating_sub(surging)));
    (allowed, going)
}
