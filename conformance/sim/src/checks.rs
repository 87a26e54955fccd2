//! What must hold of a cluster, whoever runs it: judged from outside, at every write of the store and at the end.
//!
//! A check allows for what components cannot know: a view may lag behind by [`STALE_MILLIS`]. Where upstream promises
//! less than one would like, the check asks for what upstream promises, and says so.

mod budgets;
mod cronjobs;
mod deployments;
mod ends;
mod jobs;
mod namespaces;
mod owners;
mod pods;
mod replicasets;
mod statefulsets;

use std::sync::Arc;

use serde_json::Value;

use crate::world::World;
pub(crate) use ends::undone;

/// How far behind what a component sees may be, in milliseconds: a watch that lags, breaks, and is taken up again.
pub(crate) const STALE_MILLIS: u64 = 45_000;

/// One write of the store. The world is as it is after it.
pub(crate) struct Write<'a> {
    /// Virtual milliseconds.
    pub(crate) now: u64,
    pub(crate) resource: &'a str,
    pub(crate) path: &'a str,
    pub(crate) old: Option<&'a Value>,
    pub(crate) new: Option<&'a Value>,
    /// Who may have asked for it.
    pub(crate) by: &'a [Arc<str>],
}

impl<'a> Write<'a> {
    /// Whether nobody but `who` can have asked for it.
    pub(crate) fn is_by(&self, who: &str) -> bool {
        !self.by.is_empty() && self.by.iter().all(|by| **by == *who)
    }

    /// The object, if this has made it.
    pub(crate) fn made(&self) -> Option<&'a Value> {
        use crate::world::Object;
        self.new.filter(|new| self.old.is_none_or(|old| old.uid() != new.uid()))
    }

    /// The object as it was, if this has begun or finished its deletion.
    pub(crate) fn deleted(&self) -> Option<&'a Value> {
        use crate::world::Object;
        let going = |new: &Value| new.is_deleting();
        self.old.filter(|old| !old.is_deleting() && self.new.is_none_or(going))
    }
}

/// One thing that must hold.
trait Check: Send {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String>;
}

/// All of them.
pub(crate) struct Checks(Vec<Box<dyn Check>>);

impl Default for Checks {
    fn default() -> Self {
        Self(vec![
            Box::new(pods::Pods),
            Box::<replicasets::ReplicaSets>::default(),
            Box::<deployments::Deployments>::default(),
            Box::<statefulsets::StatefulSets>::default(),
            Box::<jobs::Jobs>::default(),
            Box::<budgets::Budgets>::default(),
            Box::<owners::Owners>::default(),
            Box::new(namespaces::Namespaces),
            Box::new(cronjobs::CronJobs),
        ])
    }
}

impl Checks {
    /// What is wrong with a write.
    pub(crate) fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        self.0.iter_mut().flat_map(|check| check.look(world, write)).collect()
    }
}
