//! What is known of a class of like pods: what plugins said of each node, kept as long as it holds.
//!
//! What was said of a node by itself holds until the node changes: its generation tells. What depends on other nodes'
//! pods follows each pod that comes or goes ([`crate::snapshot::Moves`]). Where more has changed than that, labels of
//! nodes say, everything is asked anew: the epoch tells. So a placement costs one look at each node that is considered,
//! and judging those that changed since the last of the class, whatever else the cluster holds. Pods with volumes of
//! their own are no class: theirs is made for one decision.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;

use crate::failure::Verdicts;
use crate::framework::{Check, Filter, Liking, LocalScore, Prepared, Profile, Rejection, Scale, Score};
use crate::like::Like;
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::preemption::Tried;
use crate::snapshot::Snapshot;

/// How many classes are remembered; beyond it, the one that was not asked for the longest time is forgotten.
pub(crate) const CLASSES_MAX: usize = 64;
/// How many different verdicts a class remembers; beyond it, it begins anew.
const VERDICTS_MAX: usize = 256;

/// What was said of a node by itself.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Of the node as it was; 0 if nothing was said.
    generation: u64,
    /// The verdict's number, from 1; 0 if the node will do.
    rejected: u16,
    /// Whether pods are expected there: where other nodes' pods count, they are looked at with them and without.
    expects: bool,
    /// Whether some of those care about other pods themselves.
    expects_choosy: bool,
    /// The sum of what absolute scores say; 0 until it is asked for.
    score: i64,
    /// Whether it was asked for.
    scored: bool,
}

/// A filter that runs at this place.
enum Step {
    Local(Check),
    Wide(Box<dyn Filter>),
}

/// Whether a class can be asked.
enum Readiness {
    Ready,
    /// A plugin said that no node will do.
    Rejected(&'static str, Rejection),
}

/// What is known of a class of pods.
pub(crate) struct Class {
    pod: Arc<PodInfo>,
    epoch: u64,
    /// Up to which move wide filters and scores have followed.
    moves: u64,
    readiness: Readiness,
    steps: Vec<(&'static str, Step)>,
    /// The only nodes that come into question, and the plugins that say so.
    only: Option<Vec<usize>>,
    choosing: Vec<&'static str>,
    absolute: Vec<(i64, LocalScore)>,
    relative: Vec<(i64, LocalScore)>,
    wide: Vec<(i64, Box<dyn Score>)>,
    entries: Vec<Entry>,
    /// What relative scores said, one after the other for each node.
    raw: Vec<i64>,
    pub(crate) verdicts: Verdicts,
    /// What was found about preemption.
    pub(crate) tried: Tried,
}

impl Class {
    fn new(pod: &Arc<PodInfo>, profile: &Profile, snapshot: &Snapshot) -> Self {
        let mut class = Self {
            pod: Arc::clone(pod),
            epoch: snapshot.epoch(),
            moves: snapshot.moves().end(),
            readiness: Readiness::Ready,
            steps: Vec::new(),
            only: None,
            choosing: Vec::new(),
            absolute: Vec::new(),
            relative: Vec::new(),
            wide: Vec::new(),
            entries: Vec::new(),
            raw: Vec::new(),
            verdicts: Verdicts::default(),
            tried: Tried::default(),
        };
        class.ask_filters(profile, snapshot);
        class.ask_scores(profile, snapshot);
        class.entries = vec![Entry::default(); snapshot.slots()];
        class.raw = vec![0; class.entries.len() * class.relative.len()];
        class
    }

    fn ask_filters(&mut self, profile: &Profile, snapshot: &Snapshot) {
        let mut only: Option<Vec<CompactString>> = None;
        for plugin in &profile.filters {
            match plugin.filter(&self.pod, snapshot) {
                Prepared::Skip => {}
                Prepared::Local(check) => self.steps.push((plugin.name(), Step::Local(check))),
                Prepared::Wide(filter) => self.steps.push((plugin.name(), Step::Wide(filter))),
                Prepared::Only(names, check) => {
                    self.steps.push((plugin.name(), Step::Local(check)));
                    self.choosing.push(plugin.name());
                    only = Some(match only {
                        None => names,
                        Some(before) => names.into_iter().filter(|name| before.contains(name)).collect(),
                    });
                }
                Prepared::Rejected(rejection) => {
                    self.readiness = Readiness::Rejected(plugin.name(), rejection);
                    return;
                }
            }
        }
        self.only = only.map(|names| {
            let slots = names.iter().filter_map(|name| snapshot.node(name)).map(|node| node.slot);
            let mut slots: Vec<usize> = slots.collect();
            slots.sort_unstable();
            slots
        });
    }

    fn ask_scores(&mut self, profile: &Profile, snapshot: &Snapshot) {
        for (plugin, weight) in &profile.scores {
            match plugin.score(&self.pod, snapshot) {
                Liking::Same => {}
                Liking::Local(score) if score.scale == Scale::Absolute => {
                    self.absolute.push((*weight, score))
                }
                Liking::Local(score) => self.relative.push((*weight, score)),
                Liking::Wide(score) => self.wide.push((*weight, score)),
            }
        }
    }

    /// Follows what has happened since; says whether that is possible.
    fn follow(&mut self, snapshot: &Snapshot) -> bool {
        if self.epoch != snapshot.epoch() || self.verdicts.kinds() > VERDICTS_MAX {
            return false;
        }
        let Some(moves) = snapshot.moves().since(self.moves) else { return false };
        for (pod, slot, by) in moves {
            // A node that is gone has begun another epoch.
            let Some(node) = snapshot.at(*slot) else { return false };
            for (_, step) in &mut self.steps {
                if let Step::Wide(filter) = step {
                    filter.change(pod, node, *by, snapshot);
                }
            }
            for (_, score) in &mut self.wide {
                score.change(pod, node, *by, snapshot);
            }
        }
        self.moves = snapshot.moves().end();
        true
    }

    /// Why no node will do, if that is known before any is looked at.
    pub(crate) fn rejected(&self) -> Option<(&'static str, Rejection)> {
        match &self.readiness {
            Readiness::Ready => None,
            Readiness::Rejected(plugin, rejection) => Some((plugin, rejection.clone())),
        }
    }

    /// The only nodes that come into question.
    pub(crate) fn only(&self) -> Option<&[usize]> {
        self.only.as_deref()
    }

    /// What is said of all other nodes then.
    pub(crate) fn others_are(&self) -> Option<String> {
        let plugins = self.choosing.join(" ");
        self.only.as_ref().map(|_| format!("node(s) didn't satisfy plugin(s) [{plugins}]"))
    }

    /// Whether nothing but the node itself counts at the moment.
    pub(crate) fn is_local(&self) -> bool {
        !self.steps.iter().any(|(_, step)| matches!(step, Step::Wide(filter) if !filter.is_idle()))
    }

    /// Whether a node will do for this pod of the class: 0, or the verdict's number.
    pub(crate) fn judge(&mut self, node: &NodeInfo, local: bool, snapshot: &Snapshot) -> u16 {
        let entry = &self.entries[node.slot];
        let entry = if entry.generation == node.generation {
            *entry
        } else {
            let judged = self.judge_alone(node, snapshot);
            self.entries[node.slot] = judged;
            judged
        };
        // Whoever comes makes it no better for what looks at the node alone.
        if local && !entry.expects_choosy {
            return entry.rejected;
        }
        self.judge_wide(node, entry, snapshot)
    }

    /// What of a node is said by itself: as it will be when those come for whom room is being made there.
    fn judge_alone(&mut self, node: &NodeInfo, snapshot: &Snapshot) -> Entry {
        let coming = coming(&self.pod, node, snapshot);
        let expects = !coming.is_empty();
        let with = expects.then(|| expecting(node, &coming));
        let seen = with.as_ref().unwrap_or(node);
        let mut rejected = 0;
        for (plugin, step) in &self.steps {
            if let Step::Local(check) = step
                && let Err(rejection) = check(seen, snapshot)
            {
                rejected = self.verdicts.number(plugin, rejection);
                break;
            }
        }
        let expects_choosy = coming.iter().any(|other| other.has_pod_terms());
        Entry { generation: node.generation, rejected, expects, expects_choosy, ..Entry::default() }
    }

    /// The same where pods of other nodes count, too: the first that rejects is the one that is named.
    fn judge_wide(&mut self, node: &NodeInfo, entry: Entry, snapshot: &Snapshot) -> u16 {
        if entry.expects {
            let uid = CompactString::default();
            return match self.check(node, &uid, snapshot) {
                Ok(()) => 0,
                Err((plugin, rejection)) => self.verdicts.number(plugin, rejection),
            };
        }
        let by = self.verdicts.plugin(entry.rejected);
        for (plugin, step) in &self.steps {
            match step {
                Step::Local(_) if by == Some(*plugin) => return entry.rejected,
                Step::Local(_) => {}
                Step::Wide(filter) => {
                    if let Err(rejection) = filter.check(node) {
                        return self.verdicts.number(plugin, rejection);
                    }
                }
            }
        }
        entry.rejected
    }

    /// Whether a node will do for the pod `uid` of the class, as it is given: also when those come for whom room is being
    /// made there, and also if they do not, for a pod may need one of them to be near.
    pub(crate) fn check(
        &mut self,
        node: &NodeInfo,
        uid: &str,
        snapshot: &Snapshot,
    ) -> Result<(), (&'static str, Rejection)> {
        let mut coming = coming(&self.pod, node, snapshot);
        coming.retain(|other| other.meta.uid != uid);
        if !coming.is_empty() {
            let with = expecting(node, &coming);
            coming.iter().for_each(|other| self.change(other, &with, 1, snapshot));
            let verdict = self.check_as_is(&with, snapshot);
            coming.iter().for_each(|other| self.change(other, &with, -1, snapshot));
            verdict?;
        }
        self.check_as_is(node, snapshot)
    }

    fn check_as_is(&self, node: &NodeInfo, snapshot: &Snapshot) -> Result<(), (&'static str, Rejection)> {
        for (plugin, step) in &self.steps {
            let verdict = match step {
                Step::Local(check) => check(node, snapshot),
                Step::Wide(filter) => filter.check(node),
            };
            verdict.map_err(|rejection| (*plugin, rejection))?;
        }
        Ok(())
    }

    /// From now on, as a pod more (1) or less (-1) is on a node, for trying. Whoever tries puts everything back.
    pub(crate) fn change(&mut self, pod: &PodInfo, node: &NodeInfo, by: i64, snapshot: &Snapshot) {
        for (_, step) in &mut self.steps {
            if let Step::Wide(filter) = step {
                filter.change(pod, node, by, snapshot);
            }
        }
    }

    /// How the nodes that will do are liked, in their order.
    pub(crate) fn totals(&mut self, feasible: &[&NodeInfo]) -> Vec<i64> {
        let mut totals: Vec<i64> = feasible.iter().map(|node| self.score_alone(node)).collect();
        let mut scores = vec![0; feasible.len()];
        let count = self.relative.len();
        for (at, (weight, score)) in self.relative.iter().enumerate() {
            for (slot, node) in scores.iter_mut().zip(feasible) {
                *slot = self.raw[node.slot * count + at];
            }
            score.scale.normalize(&mut scores);
            add(&mut totals, &scores, *weight);
        }
        for (weight, score) in &mut self.wide {
            if !score.see(feasible) {
                continue;
            }
            for (slot, node) in scores.iter_mut().zip(feasible) {
                *slot = score.of(node);
            }
            score.normalize(&mut scores);
            add(&mut totals, &scores, *weight);
        }
        totals
    }

    fn score_alone(&mut self, node: &NodeInfo) -> i64 {
        let entry = &mut self.entries[node.slot];
        // Where room was made for a pod, nothing was judged.
        if entry.generation != node.generation || !entry.scored {
            entry.score = self.absolute.iter().map(|(weight, score)| weight * (score.of)(node)).sum();
            entry.scored = entry.generation == node.generation;
            let count = self.relative.len();
            for (at, (_, score)) in self.relative.iter().enumerate() {
                self.raw[node.slot * count + at] = (score.of)(node);
            }
        }
        entry.score
    }
}

fn add(totals: &mut [i64], scores: &[i64], weight: i64) {
    for (total, score) in totals.iter_mut().zip(scores) {
        *total += score * weight;
    }
}

/// Those for whom room is being made on a node, as far as a pod has to leave it to them.
fn coming(pod: &PodInfo, node: &NodeInfo, snapshot: &Snapshot) -> Vec<Arc<PodInfo>> {
    if node.expected == 0 {
        return Vec::new();
    }
    let nominated = snapshot.nominations().on(node.node.name()).iter();
    let coming = nominated.filter(|other| other.priority >= pod.priority);
    coming.filter(|other| !node.pods.iter().any(|there| there.meta.uid == other.meta.uid)).cloned().collect()
}

/// A node as it will be when they have come.
fn expecting(node: &NodeInfo, coming: &[Arc<PodInfo>]) -> NodeInfo {
    let mut with = node.clone();
    coming.iter().for_each(|other| with.put(other));
    with
}

/// All classes that are remembered.
pub(crate) struct Classes {
    kept: HashMap<Like, (Class, u64)>,
    max: usize,
    looks: u64,
}

impl Classes {
    /// Remembers so many at most.
    pub(crate) fn new(max: usize) -> Self {
        Self { kept: HashMap::new(), max, looks: 0 }
    }

    /// What is known of pods that are like this one, up to date.
    pub(crate) fn take(&mut self, pod: &Arc<PodInfo>, profile: &Profile, snapshot: &Snapshot) -> Class {
        let known = self.kept.remove(&Like(Arc::clone(pod)));
        if let Some((mut class, _)) = known
            && class.follow(snapshot)
        {
            return class;
        }
        Class::new(pod, profile, snapshot)
    }

    /// Remembers it, if that can help anybody.
    pub(crate) fn keep(&mut self, class: Class) {
        let pod = &class.pod;
        if self.max == 0 || !pod.claims.is_empty() || !pod.disks.is_empty() || !pod.drivers.is_empty() {
            return;
        }
        self.looks += 1;
        if self.kept.len() >= self.max {
            let oldest = self.kept.iter().min_by_key(|(_, (_, looked))| *looked);
            if let Some(oldest) = oldest.map(|(like, _)| like.clone()) {
                self.kept.remove(&oldest);
            }
        }
        self.kept.insert(Like(Arc::clone(pod)), (class, self.looks));
    }
}

impl std::fmt::Debug for Classes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Classes").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}
