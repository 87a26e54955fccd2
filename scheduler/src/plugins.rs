//! All plugins, one file each, in running order.
//!
//! Upstream's `SchedulingGates`
//! and `PrioritySort` are the queue itself ([`crate::queue`]), `DefaultPreemption` is [`crate::preemption`] and
//! `DefaultBinder` is the writing in [`crate::run`].

mod balance;
mod fit;
mod images;
mod node_affinity;
mod node_name;
mod pod_affinity;
mod ports;
mod spread;
mod taints;
mod unschedulable;
mod volume_binding;
mod volume_limits;
mod volume_restrictions;
mod volume_zone;

use std::sync::Arc;
use std::time::Duration;

pub use balance::BalancedAllocation;
pub use fit::{Fit, Strategy};
pub use node_affinity::NodeAffinity;
pub use pod_affinity::InterPodAffinity;
pub use spread::{DefaultConstraint, PodTopologySpread};

use crate::framework::{Plugin, Preempting, Profile};

/// How long a pod waits until what was taken for it is there; upstream's.
const PREPARED_WITHIN: Duration = Duration::from_secs(600);

/// One of each, as upstream has them where nobody says otherwise.
pub(crate) fn all() -> Vec<Arc<dyn Plugin>> {
    let profile = default_profile();
    let scores = profile.scores.into_iter().map(|(plugin, _)| plugin);
    profile.filters.into_iter().chain(scores).chain(profile.reserves).collect()
}

/// The profile that pods get which ask for no other: upstream's plugins, in upstream's order, with upstream's weights.
#[must_use]
pub fn default_profile() -> Profile {
    let binding: Arc<dyn Plugin> = Arc::new(volume_binding::VolumeBinding);
    let taints: Arc<dyn Plugin> = Arc::new(taints::TaintToleration);
    let node_affinity: Arc<dyn Plugin> = Arc::new(NodeAffinity::default());
    let fit: Arc<dyn Plugin> = Arc::new(Fit::default());
    let spread: Arc<dyn Plugin> = Arc::new(PodTopologySpread::system());
    let pods: Arc<dyn Plugin> = Arc::new(InterPodAffinity::default());
    Profile {
        scheduler_name: "default-scheduler".into(),
        filters: vec![
            Arc::new(node_name::NodeName),
            Arc::new(unschedulable::NodeUnschedulable),
            Arc::clone(&taints),
            Arc::clone(&node_affinity),
            Arc::new(ports::NodePorts),
            Arc::clone(&fit),
            Arc::new(volume_restrictions::VolumeRestrictions),
            Arc::new(volume_limits::NodeVolumeLimits),
            Arc::clone(&binding),
            Arc::new(volume_zone::VolumeZone),
            Arc::clone(&spread),
            Arc::clone(&pods),
        ],
        scores: vec![
            (taints, 3),
            (node_affinity, 2),
            (fit, 1),
            (spread, 2),
            (pods, 2),
            (Arc::new(BalancedAllocation::default()), 1),
            (Arc::new(images::ImageLocality), 1),
        ],
        reserves: vec![binding],
        preempting: Some(Preempting::default()),
        gates: true,
        percentage_of_nodes_to_score: None,
        prepared_within: PREPARED_WITHIN,
    }
}
