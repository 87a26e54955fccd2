//! What a plugin is, and what it says.
//!
//! A plugin is asked once per class of like pods what it has to say ([`Plugin::filter`], [`Plugin::score`]). What it says of
//! a node by itself is a function, whose answer holds until that node changes. What depends on pods of other nodes is a
//! [`Filter`] or [`Score`] that is told of each pod that comes or goes, so that it too is made once ([`crate::class`]).
//! Nothing is looked up by name in between, and a plugin that has nothing to say about a pod costs nothing. What has to be
//! taken with the node is promised by [`Plugin::reserve`] and written before the pod is bound ([`Reserved`]): upstream's
//! `Reserve`, `Unreserve` and `PreBind`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use keelson_client::{Key, Resource};
use serde_json::Value;
use smallvec::{SmallVec, smallvec};

use crate::event::Event;
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;

/// The best score that a plugin gives.
pub const SCORE_MAX: i64 = 100;

/// What people are told.
pub type Reason = Cow<'static, str>;

/// A node, or all of them, will not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Whether it would do if pods went: what upstream calls `Unschedulable`. Else it is
    /// `UnschedulableAndUnresolvable`.
    pub resolvable: bool,
    /// Why.
    pub reasons: SmallVec<[Reason; 1]>,
}

impl Rejection {
    /// It would do if other pods went.
    #[must_use]
    pub fn resolvable(reason: &'static str) -> Self {
        Self { resolvable: true, reasons: smallvec![reason.into()] }
    }

    /// It would not do whoever went.
    #[must_use]
    pub fn final_one(reason: &'static str) -> Self {
        Self { resolvable: false, reasons: smallvec![reason.into()] }
    }
}

/// Whether a node will do, judged by itself: the answer changes only with the node.
pub type Check = Box<dyn Fn(&NodeInfo, &Snapshot) -> Result<(), Rejection> + Send>;

/// Whether nodes will do, where that depends on pods of other nodes.
pub trait Filter: Send {
    /// Whether this node will do, as the pods are.
    ///
    /// # Errors
    /// Why it will not.
    fn check(&self, node: &NodeInfo) -> Result<(), Rejection>;

    /// Whether all nodes will do at the moment.
    fn is_idle(&self) -> bool;

    /// From now on, as a pod more (1) or less (-1) is on that node.
    fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64, snapshot: &Snapshot);
}

/// What a plugin has to say about a pod before it sees nodes.
pub enum Prepared {
    /// Nothing.
    Skip,
    /// No node will do.
    Rejected(Rejection),
    /// These nodes at most, and of them those that pass.
    Only(Vec<CompactString>, Check),
    /// The nodes that pass, judged each by itself.
    Local(Check),
    /// The nodes that pass.
    Wide(Box<dyn Filter>),
}

impl Prepared {
    /// Nodes that pass, judged each by itself.
    pub(crate) fn local(
        check: impl Fn(&NodeInfo, &Snapshot) -> Result<(), Rejection> + Send + 'static,
    ) -> Self {
        Self::Local(Box::new(check))
    }
}

/// How what is said of single nodes becomes a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// It is one.
    Absolute,
    /// In proportion to the largest.
    Proportional,
    /// The same, and the largest is the worst.
    Reversed,
}

impl Scale {
    /// Brings what was said of all nodes into 0 ..= [`SCORE_MAX`].
    pub(crate) fn normalize(self, scores: &mut [i64]) {
        if self == Self::Absolute {
            return;
        }
        let largest = scores.iter().copied().max().unwrap_or(0);
        for score in scores {
            let part = if largest > 0 { SCORE_MAX * *score / largest } else { 0 };
            *score = if self == Self::Reversed { SCORE_MAX - part } else { part };
        }
    }
}

/// How a node is liked, judged by itself: the answer changes only with the node.
pub struct LocalScore {
    /// How this one is liked.
    pub(crate) of: Box<dyn Fn(&NodeInfo) -> i64 + Send>,
    pub(crate) scale: Scale,
}

/// How nodes are liked, where that depends on pods of other nodes.
pub trait Score: Send {
    /// From now on, as a pod more (1) or less (-1) is on that node.
    fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64, snapshot: &Snapshot);

    /// Sees the nodes of which one is to be chosen. Says whether they are liked differently at all.
    fn see(&mut self, feasible: &[&NodeInfo]) -> bool;

    /// How it likes one of them.
    fn of(&self, node: &NodeInfo) -> i64;

    /// Brings what it said of all of them into 0 ..= [`SCORE_MAX`].
    fn normalize(&self, scores: &mut [i64]);
}

/// How a plugin likes nodes for one pod.
pub enum Liking {
    /// All the same.
    Same,
    /// By what a node is by itself.
    Local(LocalScore),
    /// Also by what others are.
    Wide(Box<dyn Score>),
}

impl Liking {
    /// By what a node is by itself.
    pub(crate) fn local(scale: Scale, of: impl Fn(&NodeInfo) -> i64 + Send + 'static) -> Self {
        Self::Local(LocalScore { of: Box::new(of), scale })
    }
}

/// Something to be written: a merge patch that names the revision it rests on.
#[derive(Clone, Debug)]
pub struct Write {
    /// The kind of the object.
    pub resource: Resource,
    /// The object.
    pub key: Key,
    /// What is to change.
    pub change: Value,
}

/// What was taken of the cluster for a pod besides its node.
pub trait Reserved: fmt::Debug + Send + Sync {
    /// Whose it is.
    fn plugin(&self) -> &'static str;

    /// Gives it back: the pod does not go there after all.
    fn release(&self, snapshot: &mut Snapshot);

    /// What is to be written before the pod is bound.
    fn writes(&self) -> Vec<Write>;

    /// Whether all is there that the pod has to have before it is bound. `written` are the revisions of what was
    /// written, in order.
    ///
    /// # Errors
    /// Why it never will be.
    fn is_done(&self, snapshot: &Snapshot, written: &[u64]) -> Result<bool, String>;
}

/// One concern of placing.
pub trait Plugin: Send + Sync {
    /// Upstream's name of it.
    fn name(&self) -> &'static str;

    /// What it has to say about where this pod cannot be. Nothing that tells like pods apart may count.
    fn filter(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Prepared;

    /// How it likes nodes for this pod, of those that will do.
    fn score(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Liking {
        let _ = (pod, snapshot);
        Liking::Same
    }

    /// Takes what the pod needs besides this node, so that nobody else does.
    ///
    /// # Errors
    /// Why that cannot be, though the node would do.
    fn reserve(
        &self,
        pod: &PodInfo,
        node: &str,
        snapshot: &mut Snapshot,
    ) -> Result<Option<Arc<dyn Reserved>>, Rejection> {
        let _ = (pod, node, snapshot);
        Ok(None)
    }

    /// Whether what happened may help a pod that this plugin rejected.
    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool;
}

impl fmt::Debug for dyn Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How preemption looks for a place: upstream's `DefaultPreemptionArgs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preempting {
    /// Of a hundred nodes that might do, how many are tried.
    pub tried_percent: usize,
    /// How many are tried at least.
    pub tried_min: usize,
}

impl Default for Preempting {
    fn default() -> Self {
        Self { tried_percent: 10, tried_min: 100 }
    }
}

/// The plugins that place the pods of one scheduler name, each list in running order.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The name that pods ask for.
    pub scheduler_name: CompactString,
    /// Those that say where a pod cannot be.
    pub filters: Vec<Arc<dyn Plugin>>,
    /// Those that say where it is better, with what that weighs.
    pub scores: Vec<(Arc<dyn Plugin>, i64)>,
    /// Those that take something with a node.
    pub reserves: Vec<Arc<dyn Plugin>>,
    /// How less important pods go for more important ones; `None` if they do not.
    pub preempting: Option<Preempting>,
    /// Whether a pod that has gates waits until they are open.
    pub gates: bool,
    /// How many of all nodes are to be found before the best is chosen, of a hundred; `None` for upstream's rule: fewer
    /// where there are more.
    pub percentage_of_nodes_to_score: Option<usize>,
    /// How long a pod waits until what was taken for it is there.
    pub prepared_within: Duration,
}

impl Profile {
    /// Of so many nodes, how many that will do are looked for.
    pub(crate) fn wanted(&self, nodes: usize) -> usize {
        const FEWEST: usize = 100;
        const LEAST_PERCENTAGE: usize = 5;
        if nodes < FEWEST {
            return nodes;
        }
        let rule = || 50_usize.saturating_sub(nodes / 125).max(LEAST_PERCENTAGE);
        let percentage = self.percentage_of_nodes_to_score.unwrap_or_else(rule);
        (nodes * percentage / 100).max(FEWEST)
    }

    /// Whether what happened may help a pod that these plugins rejected. One that nobody rejected is helped by
    /// anything.
    pub(crate) fn wakes(&self, rejected_by: &[&'static str], event: &Event<'_>, pod: &PodInfo) -> bool {
        let rejecting = |name: &str| rejected_by.contains(&name);
        rejected_by.is_empty()
            || self.filters.iter().any(|plugin| rejecting(plugin.name()) && plugin.wakes(event, pod))
    }
}

/// All profiles, by the name that pods ask for.
#[derive(Clone, Debug)]
pub struct Profiles(Vec<Profile>);

impl From<Vec<Profile>> for Profiles {
    fn from(profiles: Vec<Profile>) -> Self {
        Self(profiles)
    }
}

impl Profiles {
    /// The profile of this name.
    #[must_use]
    pub fn of(&self, scheduler_name: &str) -> Option<&Profile> {
        self.0.iter().find(|profile| profile.scheduler_name == scheduler_name)
    }

    /// Whether a pod is not to be tried yet.
    pub(crate) fn holds_back(&self, pod: &PodInfo) -> bool {
        !pod.gates.is_empty() && self.of(&pod.scheduler_name).is_some_and(|profile| profile.gates)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Profile> {
        self.0.iter()
    }

    /// Whether what happened may help a pod that these plugins of its profile rejected.
    pub(crate) fn wakes(&self, rejected_by: &[&'static str], event: &Event<'_>, pod: &PodInfo) -> bool {
        self.of(&pod.scheduler_name).is_some_and(|profile| profile.wakes(rejected_by, event, pod))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins;

    #[test]
    fn fewer_of_more_nodes_are_looked_at() {
        let mut profile = plugins::default_profile();
        for (nodes, expected) in
            [(0, 0), (99, 99), (100, 100), (250, 120), (1000, 420), (5000, 500), (9000, 450)]
        {
            assert_eq!(profile.wanted(nodes), expected, "{nodes}");
        }
        profile.percentage_of_nodes_to_score = Some(100);
        assert_eq!(profile.wanted(5000), 5000);
    }

    #[test]
    fn scores_are_put_in_proportion() {
        for (scores, scale, expected) in [
            (vec![1, 2, 4], Scale::Proportional, vec![25, 50, 100]),
            (vec![1, 2, 3], Scale::Reversed, vec![67, 34, 0]),
            (vec![0, 0], Scale::Proportional, vec![0, 0]),
            (vec![0, 0], Scale::Reversed, vec![100, 100]),
            (vec![7], Scale::Absolute, vec![7]),
        ] {
            let mut normal = scores;
            scale.normalize(&mut normal);
            assert_eq!(normal, expected);
        }
    }
}
