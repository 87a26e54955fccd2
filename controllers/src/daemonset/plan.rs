//! What is to be done about a daemon set: of which revision it is, which nodes lack a pod, which pods go.

use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::UnixMillis;
use keelson_client::events::Weight;
use serde_json::json;

use super::backoff::Waits;
use super::eligibility::{Eligibility, Verdict};
use super::pods::{HASH_LABEL, OnNodes, by_node, create};
use super::rollout::rolled;
use super::status;
use crate::hash;
use crate::making;
use crate::plan::{Action, Pace, Plan, Word};
use crate::pods::{is_available, is_ready, next_available};
use crate::revisions::{self, KEPT};
use crate::share::{Share, scaled};
use crate::views::daemonset::{DAEMONSETS, DaemonSet};
use crate::views::node::Node;
use crate::views::pod::{Phase, Pod};
use crate::views::revision::{REVISIONS, Revision};
use crate::views::strategy::{OneByOne, Spread};

/// Pods that are made, and pods that are deleted, at once; the rest follows when those are seen. Upstream's.
const BURST_MAX: usize = 250;

/// What the decision rests on.
pub(super) struct View<'a> {
    pub(super) set: &'a DaemonSet,
    pub(super) nodes: Vec<Arc<Node>>,
    /// Its pods.
    pub(super) pods: Vec<Arc<Pod>>,
    /// Its revisions, the oldest first.
    pub(super) revisions: Vec<Arc<Revision>>,
    /// Whether there is a revision of this name, whosever it is.
    pub(super) is_taken: &'a dyn Fn(&str) -> bool,
    pub(super) waits: &'a Waits,
}

/// What is known and decided so far.
pub(super) struct Work<'a> {
    pub(super) set: &'a DaemonSet,
    /// All nodes, and whether a pod is to be there.
    pub(super) nodes: Vec<(Arc<Node>, Verdict)>,
    pub(super) on_nodes: OnNodes,
    /// That of the newest revision.
    pub(super) hash: &'a str,
    pub(super) now: UnixMillis,
    /// Nodes for which a pod is made.
    pub(super) lacking: Vec<String>,
    pub(super) going: Vec<Arc<Pod>>,
    told: Vec<Action>,
    again: Option<Duration>,
}

/// Nothing is done about a set that takes everybody's pods for its own.
pub(super) fn selecting_all(set: &DaemonSet) -> Plan {
    let note = "This daemon set is selecting all pods. A non-empty selector is required.";
    let word = Word::new("SelectingAll", "SelectingAll", note);
    Plan::of(vec![Action::tell(&DAEMONSETS, &set.metadata, Weight::Warning, &word)])
}

/// Decides.
pub(super) fn plan(view: View<'_>, now: UnixMillis) -> Plan {
    let set = view.set;
    let current = match newest(&view) {
        Ok(current) => current,
        Err(actions) => return Plan::of(actions),
    };
    // One from long ago has no hash; its name will do.
    let hash = current.metadata.labels.get(HASH_LABEL).unwrap_or(&current.metadata.name);
    let eligibility = Eligibility::of(&set.spec.template.placing);
    let nodes = view.nodes.into_iter().map(|node| {
        let verdict = eligibility.verdict(&node);
        (node, verdict)
    });
    let mut work = Work {
        set,
        nodes: nodes.collect(),
        on_nodes: by_node(&view.pods),
        hash,
        now,
        lacking: Vec::new(),
        going: Vec::new(),
        told: Vec::new(),
        again: None,
    };
    work.manage(view.waits);
    // Whatever is missing or too many comes first.
    if work.lacking.is_empty()
        && work.going.is_empty()
        && set.spec.update_strategy.kind == OneByOne::RollingUpdate
    {
        (work.lacking, work.going) = rolled(&work);
    }
    let mut last = status::written(&work);
    last.extend(forgotten(set, &view.revisions, &current, &view.pods));
    let seconds = set.spec.min_ready_seconds;
    let available = if seconds > 0 { next_available(&view.pods, seconds, now) } else { None };
    let creations = work.lacking.iter().take(BURST_MAX).map(|node| create(set, node, hash));
    let owner = (&DAEMONSETS, &set.metadata);
    let deletions = work.going.iter().take(BURST_MAX).map(|pod| making::delete(owner, pod));
    let plan = Plan {
        first: work.told,
        then: creations.chain(deletions).collect(),
        pace: Pace::SlowStart,
        again: work.again.into_iter().chain(available).min(),
        ..Plan::default()
    };
    plan.finishing(move |_| last)
}

/// The revision that the set is of; or what has to be done before there is one.
fn newest(view: &View<'_>) -> Result<Arc<Revision>, Vec<Action>> {
    let (set, revisions) = (view.set, &view.revisions);
    let template = &set.spec.template.template;
    let patch = revisions::patch_to(template);
    if let Some(equal) = revisions.iter().rfind(|revision| *revision.data == *patch) {
        let others = revisions.iter().filter(|revision| *revision.data != *patch);
        let next = others.map(|other| other.revision).max().unwrap_or(0) + 1;
        // One that comes back becomes the newest.
        return if equal.revision >= next {
            Ok(Arc::clone(equal))
        } else {
            Err(vec![revisions::renumber(equal, next)])
        };
    }
    let collisions = set.status.collision_count;
    let hash = hash::of_template(template.text(), collisions);
    if (view.is_taken)(&revisions::name(&set.metadata.name, &hash)) {
        // Another one has that name: the next try counts that in.
        let change = json!({"status": {"collisionCount": collisions.unwrap_or(0) + 1}});
        return Err(vec![Action::merge(&DAEMONSETS, &set.metadata, "status", change)]);
    }
    let new = revisions::New {
        template,
        label: HASH_LABEL,
        hash: &hash,
        number: revisions::next(revisions),
        patch: &patch,
    };
    Err(vec![revisions::create((&DAEMONSETS, &set.metadata), &new)])
}

/// Old revisions that nobody needs any more go, as far as there are too many.
fn forgotten(set: &DaemonSet, all: &[Arc<Revision>], current: &Revision, pods: &[Arc<Pod>]) -> Vec<Action> {
    let old: Vec<_> = all.iter().filter(|revision| revision.metadata.uid != current.metadata.uid).collect();
    let kept = usize::try_from(set.spec.revision_history_limit.unwrap_or(KEPT)).unwrap_or(0);
    let surplus = old.len().saturating_sub(kept);
    let is_used = |revision: &Revision| {
        let hash = revision.metadata.labels.get(HASH_LABEL);
        hash.is_some() && pods.iter().any(|pod| pod.metadata.labels.get(HASH_LABEL) == hash)
    };
    let going = old.into_iter().filter(|revision| !is_used(revision)).take(surplus);
    going.map(|revision| Action::delete(&REVISIONS, &revision.metadata)).collect()
}

impl Work<'_> {
    pub(super) fn is_available(&self, pod: &Pod) -> bool {
        is_available(pod, self.set.spec.min_ready_seconds, self.now)
    }

    fn rolling(&self) -> Option<&Spread> {
        let strategy = &self.set.spec.update_strategy;
        strategy.rolling_update.as_ref().filter(|_| strategy.kind == OneByOne::RollingUpdate)
    }

    /// How many more pods there may be than nodes, of so many.
    pub(super) fn surge(&self, wanted: i32) -> i32 {
        self.rolling().map_or(0, |rolling| scaled(&rolling.max_surge, wanted, Share::Up))
    }

    /// How many may be missing, of so many.
    pub(super) fn unavailable(&self, wanted: i32) -> i32 {
        self.rolling().map_or(0, |rolling| scaled(&rolling.max_unavailable, wanted, Share::Up))
    }

    /// Sees to it that every node has what belongs there.
    fn manage(&mut self, waits: &Waits) {
        for at in 0..self.nodes.len() {
            let (node, verdict) = (self.nodes[at].0.metadata.name.clone(), self.nodes[at].1);
            let pods = self.on_nodes.get(&node).cloned();
            match (verdict, pods) {
                (Verdict::Wanted, None) => self.lacking.push(node.to_string()),
                (Verdict::Wanted | Verdict::Tolerated, Some(pods)) => {
                    self.keep(&node, verdict, &pods, waits);
                }
                (Verdict::Unwanted, Some(pods)) => {
                    self.going.extend(pods.into_iter().filter(|pod| !pod.metadata.is_deleting()));
                }
                (_, None) => {}
            }
        }
        // Nobody else will ever delete a pod that waits for a node that is gone.
        let is_there = |name: &str| self.nodes.iter().any(|(node, _)| node.metadata.name == name);
        let lost = self.on_nodes.iter().filter(|(name, _)| !is_there(name));
        let lost = lost.flat_map(|(_, pods)| pods).filter(|pod| pod.spec.node_name.is_empty());
        self.going.extend(lost.cloned());
    }

    /// Keeps the one pod of a node, or the two while one takes over from the other.
    fn keep(&mut self, node: &str, verdict: Verdict, pods: &[Arc<Pod>], waits: &Waits) {
        let mut running = Vec::new();
        for pod in pods.iter().filter(|pod| !pod.metadata.is_deleting()) {
            match pod.status.phase {
                Phase::Failed => match waits.next(&self.set.metadata.uid, node, self.now) {
                    Some(wait) => self.again = self.again.into_iter().chain([wait]).min(),
                    None => self.replace(node, pod, Weight::Warning),
                },
                Phase::Succeeded => self.replace(node, pod, Weight::Normal),
                _ => running.push(Arc::clone(pod)),
            }
        }
        if self.surge(1) == 0 {
            self.going.extend(running.into_iter().skip(1));
            return;
        }
        if running.is_empty() && verdict == Verdict::Wanted {
            self.lacking.push(node.to_owned());
        }
        let is_new = |pod: &Arc<Pod>| pod.metadata.labels.get(HASH_LABEL) == Some(self.hash);
        let (new, old): (Vec<_>, Vec<_>) = running.into_iter().partition(is_new);
        let (new, old) = (new.split_first(), old.split_first());
        if let (Some((new, _)), Some((old, _))) = (new, old)
            && (!is_ready(old) || self.is_available(new))
        {
            self.going.push(Arc::clone(old));
        }
        self.going.extend([new, old].into_iter().flatten().flat_map(|(_, rest)| rest.iter().cloned()));
    }

    fn replace(&mut self, node: &str, pod: &Arc<Pod>, weight: Weight) {
        let of = format!("daemon pod {} on node {node}", pod.metadata.key());
        let word = if weight == Weight::Warning {
            Word::new("FailedDaemonPod", "Delete", format!("Found failed {of}, will try to kill it"))
        } else {
            Word::new("SucceededDaemonPod", "Delete", format!("Found succeeded {of}, will try to delete it"))
        };
        self.told.push(Action::tell(&DAEMONSETS, &self.set.metadata, weight, &word));
        self.going.push(Arc::clone(pod));
    }
}
