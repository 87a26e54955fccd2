//! What a plugin is, and what it says.
//!
//! A plugin is asked once per pod what it has to say ([`Plugin::filter`], [`Plugin::score`]). The answer holds what it
//! needs to judge node after node: nothing is looked up by name in between, and a plugin that has nothing to say about
//! this pod costs nothing. What has to be taken with the node is promised by [`Plugin::reserve`] and written before the pod
//! is bound ([`Reserved`]): upstream's `Reserve`, `Unreserve` and `PreBind`. `Permit` comes with the first that needs it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

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

/// What a plugin says about nodes for one pod.
pub trait Filter {
    /// Whether this node will do, as the pods on it are.
    ///
    /// # Errors
    /// Why it will not.
    fn check(&self, node: &NodeInfo) -> Result<(), Rejection>;

    /// From now on, as if a pod more (1) or less (-1) were on that node. What looks at the checked node alone has
    /// nothing to do.
    fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64);

    /// A copy, to try changes on.
    fn copy(&self) -> Box<dyn Filter + '_>;
}

/// A filter that looks at the checked node alone.
pub(crate) struct Local<F>(pub(crate) F);

impl<F: Fn(&NodeInfo) -> Result<(), Rejection>> Filter for Local<F> {
    fn check(&self, node: &NodeInfo) -> Result<(), Rejection> {
        (self.0)(node)
    }

    fn change(&mut self, _pod: &PodInfo, _node: &NodeInfo, _by: i64) {}

    fn copy(&self) -> Box<dyn Filter + '_> {
        Box::new(Borrowed(&self.0))
    }
}

/// The same of one that is somebody else's: there is nothing in it that a change could change.
struct Borrowed<'a>(&'a dyn Fn(&NodeInfo) -> Result<(), Rejection>);

impl Filter for Borrowed<'_> {
    fn check(&self, node: &NodeInfo) -> Result<(), Rejection> {
        (self.0)(node)
    }

    fn change(&mut self, _pod: &PodInfo, _node: &NodeInfo, _by: i64) {}

    fn copy(&self) -> Box<dyn Filter + '_> {
        Box::new(Borrowed(self.0))
    }
}

/// What a plugin has to say about a pod before it sees nodes.
pub enum Prepared<'a> {
    /// Nothing.
    Skip,
    /// No node will do.
    Rejected(Rejection),
    /// These nodes at most, and of them those that pass.
    Only(Vec<&'a str>, Box<dyn Filter + 'a>),
    /// The nodes that pass.
    Filter(Box<dyn Filter + 'a>),
}

impl<'a> Prepared<'a> {
    /// Nodes that pass, judged each by itself.
    pub(crate) fn local(check: impl Fn(&NodeInfo) -> Result<(), Rejection> + 'a) -> Self {
        Self::Filter(Box::new(Local(check)))
    }
}

/// How a plugin likes nodes for one pod.
pub trait Score {
    /// How it likes this one.
    fn of(&self, node: &NodeInfo) -> i64;

    /// Brings what it said of all nodes into 0 ..= [`SCORE_MAX`].
    fn normalize(&self, scores: &mut [i64]);
}

/// A score that is in range already.
pub(crate) struct Plain<F>(pub(crate) F);

impl<F: Fn(&NodeInfo) -> i64> Score for Plain<F> {
    fn of(&self, node: &NodeInfo) -> i64 {
        (self.0)(node)
    }

    fn normalize(&self, _scores: &mut [i64]) {}
}

/// A score that is put in proportion to the largest one.
pub(crate) struct Proportional<F> {
    pub(crate) of: F,
    /// The largest one is the worst.
    pub(crate) reversed: bool,
}

impl<F: Fn(&NodeInfo) -> i64> Score for Proportional<F> {
    fn of(&self, node: &NodeInfo) -> i64 {
        (self.of)(node)
    }

    fn normalize(&self, scores: &mut [i64]) {
        let largest = scores.iter().copied().max().unwrap_or(0);
        for score in scores {
            let part = if largest > 0 { SCORE_MAX * *score / largest } else { 0 };
            *score = if self.reversed { SCORE_MAX - part } else { part };
        }
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

    /// What it has to say about where this pod cannot be.
    fn filter<'a>(&'a self, pod: &'a PodInfo, snapshot: &'a Snapshot) -> Prepared<'a>;

    /// How it likes nodes for this pod, of those that will do; `None` if it likes them all the same.
    fn score<'a>(
        &'a self,
        pod: &'a PodInfo,
        snapshot: &'a Snapshot,
        feasible: &[&'a NodeInfo],
    ) -> Option<Box<dyn Score + 'a>> {
        let _ = (pod, snapshot, feasible);
        None
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

/// The plugins that place the pods of one scheduler name.
#[derive(Debug)]
pub struct Profile {
    /// The name that pods ask for.
    pub scheduler_name: &'static str,
    /// In running order, with what their scores weigh.
    pub plugins: Vec<(Box<dyn Plugin>, i64)>,
    /// Whether less important pods go for more important ones.
    pub preempts: bool,
    /// How many of all nodes are to be found before the best is chosen, of a hundred; `None` for upstream's rule: fewer
    /// where there are more.
    pub percentage_of_nodes_to_score: Option<usize>,
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
            || self.plugins.iter().any(|(plugin, _)| rejecting(plugin.name()) && plugin.wakes(event, pod))
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
        for (scores, reversed, expected) in [
            (vec![1, 2, 4], false, vec![25, 50, 100]),
            (vec![1, 2, 3], true, vec![67, 34, 0]),
            (vec![0, 0], false, vec![0, 0]),
            (vec![0, 0], true, vec![100, 100]),
        ] {
            let mut normal = scores;
            Proportional { of: |_: &NodeInfo| 0, reversed }.normalize(&mut normal);
            assert_eq!(normal, expected);
        }
    }
}
