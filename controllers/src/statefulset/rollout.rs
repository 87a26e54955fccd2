//! Which pods give way to ones of the new revision.

use std::sync::Arc;

use super::identity;
use super::plan::{Place, Work};
use crate::share::{Share, scaled};
use crate::views::pod::Pod;

/// Those that go now, the last one first.
pub(super) fn outdated(work: &Work<'_>) -> Vec<Arc<Pod>> {
    let spec = &work.set.spec;
    let rolling = spec.update_strategy.rolling_update.as_ref();
    let kept = rolling.and_then(|rolling| usize::try_from(rolling.partition).ok()).unwrap_or(0);
    let most = rolling.filter(|rolling| !rolling.max_unavailable.is_null());
    let most = most.map_or(1, |rolling| scaled(&rolling.max_unavailable, spec.replicas, Share::Down)).max(1);
    let unavailable = work.places.iter().filter(|place| work.is_unavailable(place)).count();
    let budget = usize::try_from(most).unwrap_or(1).saturating_sub(unavailable);
    let old: Vec<&Arc<Pod>> =
        work.places.iter().skip(kept).rev().filter_map(|place| is_old(work, place)).collect();
    if work.monotonic {
        return old.into_iter().take(budget).cloned().collect();
    }
    // What does not work anyway costs nothing.
    let (works, broken): (Vec<_>, Vec<_>) = old.into_iter().partition(|pod| work.is_available(pod));
    broken.into_iter().chain(works.into_iter().take(budget)).cloned().collect()
}

/// The pod in a place, if it is of another revision and stays.
fn is_old<'a>(work: &Work<'_>, place: &'a Place) -> Option<&'a Arc<Pod>> {
    let Place::Taken(pod) = place else { return None };
    (identity::revision(pod) != work.update && !pod.metadata.is_deleting()).then_some(pod)
}
