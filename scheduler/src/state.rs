//! What events and decisions change: snapshot, queue and all that goes with them, as one.

use std::collections::HashSet;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::Change;
use tokio::time::Instant;

use crate::chance::Chance;
use crate::event::Event;
use crate::failure::Failure;
use crate::framework::{Profile, Reserved};
use crate::node::Node;
use crate::pod::PodInfo;
use crate::preemption::Budget;
use crate::queue::Queue;
use crate::schedule::{Decision, Nominations, World, schedule};
use crate::snapshot::Snapshot;
use crate::volumes::Kept;

/// All that placing remembers.
#[derive(Debug)]
pub(crate) struct State {
    profile: Profile,
    pub(crate) snapshot: Snapshot,
    pub(crate) budgets: Vec<Arc<Budget>>,
    queue: Queue,
    nominations: Nominations,
    /// Pods that are taken to be where they were placed, though the server did not say so yet.
    assumed: HashSet<CompactString>,
    chance: Chance,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Step {
    /// To write that a pod is on this node, once what was taken with it is written.
    Bind(Arc<PodInfo>, CompactString, Vec<Arc<dyn Reserved>>),
    /// To write that there is no place for a pod.
    Tell(Box<Untold>),
    /// To wait, at the longest until then.
    Wait(Option<Instant>),
}

/// There is no place for a pod, which is to be told.
#[derive(Debug)]
pub(crate) struct Untold {
    pub(crate) pod: Arc<PodInfo>,
    pub(crate) failure: Failure,
    /// Less important pods for which room was to be made where it is made for this one now.
    pub(crate) displaced: Vec<Arc<PodInfo>>,
}

impl State {
    pub(crate) fn new(profile: Profile, seed: u64) -> Self {
        Self {
            profile,
            snapshot: Snapshot::default(),
            budgets: Vec::new(),
            queue: Queue::default(),
            nominations: Nominations::default(),
            assumed: HashSet::new(),
            chance: Chance::new(seed),
        }
    }

    /// Decides about one pod, if one waits.
    pub(crate) fn step(&mut self, now: Instant) -> Step {
        let Some(pod) = self.queue.take(now) else { return Step::Wait(self.queue.due()) };
        let world =
            World { snapshot: &self.snapshot, nominations: &self.nominations, budgets: &self.budgets };
        match schedule(&self.profile, &pod, world, &mut self.chance) {
            Decision::Placed(node) => match self.reserve(&pod, &node) {
                Ok(reserved) => {
                    self.nominations.remove(&pod.meta.uid);
                    self.snapshot.set_pod(&pod.placed_on(&node));
                    self.assumed.insert(pod.meta.uid.clone());
                    Step::Bind(pod, node, reserved)
                }
                Err(failure) => self.unfit(pod, failure, now),
            },
            Decision::Unfit(failure) => self.unfit(pod, failure, now),
        }
    }

    fn unfit(&mut self, pod: Arc<PodInfo>, failure: Failure, now: Instant) -> Step {
        let displaced = self.nominate(&pod, &failure);
        self.queue.stuck(&pod.meta.uid, failure.rejected_by.clone(), now);
        Step::Tell(Box::new(Untold { pod, failure, displaced }))
    }

    /// Takes what a pod needs besides its node.
    fn reserve(&mut self, pod: &PodInfo, node: &str) -> Result<Vec<Arc<dyn Reserved>>, Failure> {
        let mut all = Vec::new();
        for (plugin, _) in &self.profile.plugins {
            match plugin.reserve(pod, node, &mut self.snapshot) {
                Ok(reserved) => all.extend(reserved),
                Err(rejection) => {
                    all.iter().for_each(|taken: &Arc<dyn Reserved>| taken.release(&mut self.snapshot));
                    let name = plugin.name();
                    return Err(Failure {
                        message: format!(
                            "running Reserve plugin \"{name}\": {}",
                            rejection.reasons.join(", ")
                        ),
                        rejected_by: vec![name],
                        preemption: None,
                        gives_up_nomination: false,
                    });
                }
            }
        }
        Ok(all)
    }

    /// Gives back what was taken for a pod.
    pub(crate) fn release(&mut self, reserved: &[Arc<dyn Reserved>]) {
        reserved.iter().for_each(|reserved| reserved.release(&mut self.snapshot));
    }

    /// Something about volumes has changed.
    pub(crate) fn volumes_changed<V: Kept>(
        &mut self,
        change: &Change<'_, V>,
        event: Option<&Event<'_>>,
        now: Instant,
    ) {
        V::keep(self.snapshot.volumes_mut(), change.old, change.new);
        if let Some(event) = event {
            self.happened(event, now);
        }
    }

    /// Remembers where room is made for a pod, and gives back for whom it is not made there any more.
    fn nominate(&mut self, pod: &Arc<PodInfo>, failure: &Failure) -> Vec<Arc<PodInfo>> {
        let Some(preemption) = &failure.preemption else {
            if failure.gives_up_nomination {
                self.nominations.remove(&pod.meta.uid);
            }
            return Vec::new();
        };
        let there = self.nominations.on(&preemption.node).iter();
        let displaced: Vec<_> = there.filter(|other| other.priority < pod.priority).cloned().collect();
        displaced.iter().for_each(|other| self.nominations.remove(&other.meta.uid));
        self.nominations.set(pod, &preemption.node);
        displaced
    }

    /// A pod could not be bound: it is not where it was taken to be.
    pub(crate) fn unbound(&mut self, pod: &PodInfo, now: Instant) {
        if self.assumed.remove(&pod.meta.uid)
            && let Some(gone) = self.snapshot.remove_pod(&pod.meta.uid)
        {
            self.queue.retry(&pod.meta.uid, now);
            self.happened(&Event::PodGone(&gone), now);
        }
    }

    fn happened(&mut self, event: &Event<'_>, now: Instant) {
        self.queue.happened(event, &self.profile, now);
    }

    /// A pod came, changed or went.
    pub(crate) fn pod_changed(&mut self, change: &Change<'_, PodInfo>, now: Instant) {
        if let Some(old) = change.old {
            let same = change.new.is_some_and(|new| new.meta.uid == old.meta.uid && !new.ended);
            if !same {
                self.pod_gone(old, now);
            }
        }
        let Some(new) = change.new.filter(|new| !new.ended) else { return };
        if new.node_name.is_empty() {
            self.pod_waits(change.old, new, now);
        } else {
            self.pod_placed(new, now);
        }
    }

    fn pod_gone(&mut self, pod: &Arc<PodInfo>, now: Instant) {
        let uid = &pod.meta.uid;
        self.queue.remove(uid);
        self.assumed.remove(uid);
        let nominated = self.nominations.node_of(uid).is_some();
        self.nominations.remove(uid);
        if let Some(gone) = self.snapshot.remove_pod(uid) {
            self.happened(&Event::PodGone(&gone), now);
        } else if nominated {
            self.happened(&Event::PodGone(pod), now);
        }
    }

    fn pod_placed(&mut self, new: &Arc<PodInfo>, now: Instant) {
        let uid = &new.meta.uid;
        let before = self.snapshot.pod(uid).cloned();
        let was_assumed = self.assumed.remove(uid);
        self.queue.remove(uid);
        self.nominations.remove(uid);
        self.snapshot.set_pod(new);
        match before.filter(|_| !was_assumed) {
            Some(old) => self.happened(&Event::PodChanged { old: &old, new }, now),
            None => self.happened(&Event::PodPlaced(new), now),
        }
    }

    fn pod_waits(&mut self, old: Option<&Arc<PodInfo>>, new: &Arc<PodInfo>, now: Instant) {
        if new.scheduler_name != self.profile.scheduler_name {
            return;
        }
        let uid = &new.meta.uid;
        if new.meta.is_deleting() {
            if !self.assumed.contains(uid) {
                self.pod_gone(new, now);
            }
            return;
        }
        let said_before = old.map(|old| &old.nominated);
        if said_before != Some(&new.nominated) && !(said_before.is_none() && new.nominated.is_empty()) {
            self.nominations.set(new, &new.nominated);
        }
        self.queue.put(new, &self.profile, now);
    }

    /// A node came, changed or went.
    pub(crate) fn node_changed(&mut self, change: &Change<'_, Node>, now: Instant) {
        match (change.old, change.new) {
            (None, Some(new)) => {
                self.snapshot.set_node(new);
                self.happened(&Event::NodeCame(new), now);
            }
            (Some(old), Some(new)) => {
                self.snapshot.set_node(new);
                // Most changes are only a sign of life.
                if !says_the_same(old, new) {
                    self.happened(&Event::NodeChanged { old, new }, now);
                }
            }
            (Some(old), None) => {
                self.snapshot.remove_node(old.name());
                self.happened(&Event::NodeGone(old), now);
            }
            (None, None) => {}
        }
    }

    /// A namespace has other labels now; `None` if it is gone.
    pub(crate) fn namespace_changed(
        &mut self,
        name: &str,
        labels: Option<&keelson_client::Labels>,
        now: Instant,
    ) {
        self.snapshot.set_namespace(name, labels);
        self.happened(&Event::NamespaceChanged(name), now);
    }
}

fn says_the_same(old: &Node, new: &Node) -> bool {
    old.labels() == new.labels()
        && old.taints == new.taints
        && old.unschedulable == new.unschedulable
        && old.allocatable == new.allocatable
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
