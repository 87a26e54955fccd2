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

pub use fit::{Fit, Strategy};

use crate::framework::{Plugin, Profile};

/// The profile that pods get which ask for no other: upstream's plugins, in upstream's order, with upstream's weights.
#[must_use]
pub fn default_profile() -> Profile {
    let plugins: Vec<(Box<dyn Plugin>, i64)> = vec![
        (Box::new(node_name::NodeName), 0),
        (Box::new(unschedulable::NodeUnschedulable), 0),
        (Box::new(taints::TaintToleration), 3),
        (Box::new(node_affinity::NodeAffinity), 2),
        (Box::new(ports::NodePorts), 0),
        (Box::new(Fit::default()), 1),
        (Box::new(volume_restrictions::VolumeRestrictions), 0),
        (Box::new(volume_limits::NodeVolumeLimits), 0),
        (Box::new(volume_binding::VolumeBinding), 0),
        (Box::new(volume_zone::VolumeZone), 0),
        (Box::new(spread::PodTopologySpread), 2),
        (Box::new(pod_affinity::InterPodAffinity), 2),
        (Box::new(balance::BalancedAllocation), 1),
        (Box::new(images::ImageLocality), 1),
    ];
    Profile {
        scheduler_name: "default-scheduler",
        plugins,
        preempts: true,
        percentage_of_nodes_to_score: None,
    }
}
