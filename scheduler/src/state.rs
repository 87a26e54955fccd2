//! What events and decisions change: snapshot, queue and all that goes with them, as one.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use keelson_client::Change;
use tokio::time::Instant;

use crate::chance::Chance;
use crate::class::{CLASSES_MAX, Classes};
use crate::event::Event;
use crate::failure::Failure;
use crate::figures::{Figures, Laps, Waiting};
use crate::framework::{Profiles, Reserved};
use crate::node::Node;
use crate::plugins::default_profile;
use crate::pod::PodInfo;
use crate::queue::{BackOff, Queue};
use crate::schedule::{Decision, schedule};
use crate::snapshot::Snapshot;
use crate::volumes::Kept;

/// What people decide.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose pods are placed, and how.
    pub profiles: Profiles,
    /// How long pods wait after a failure.
    pub back_off: BackOff,
}

impl Default for Settings {
    fn default() -> Self {
        Self { profiles: Profiles::from(vec![default_profile()]), back_off: BackOff::default() }
    }
}

/// All that placing remembers.
#[derive(Debug)]
pub struct State {
    profiles: Profiles,
    pub(crate) snapshot: Snapshot,
    queue: Queue,
    classes: Classes,
    figures: Figures,
    /// Pods that are taken to be where they were placed, though the server did not say so yet.
    assumed: HashSet<CompactString>,
    chance: Chance,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// To write that a pod is on this node, once what was taken with it is written.
    Bind(Arc<PodInfo>, CompactString, Vec<Arc<dyn Reserved>>),
    /// To write that there is no place for a pod.
    Tell(Box<Untold>),
    /// To wait, at the longest until then.
    Wait(Option<Instant>),
}

/// There is no place for a pod, which is to be told.
#[derive(Debug)]
pub struct Untold {
    /// The pod.
    pub pod: Arc<PodInfo>,
    /// Why not.
    pub failure: Failure,
    /// Less important pods for which room was to be made where it is made for this one now.
    pub displaced: Vec<Arc<PodInfo>>,
}

impl State {
    /// Nothing yet.
    #[must_use]
    pub fn new(settings: Settings, figures: Figures, seed: u64) -> Self {
        Self {
            profiles: settings.profiles,
            snapshot: Snapshot::default(),
            queue: Queue::new(settings.back_off, figures.clone()),
            figures,
            classes: Classes::new(CLASSES_MAX),
            assumed: HashSet::new(),
            chance: Chance::new(seed),
        }
    }

    /// The same, remembering so many classes of like pods: none decides about each pod anew.
    #[cfg(test)]
    pub(crate) fn remembering(classes: usize, seed: u64) -> Self {
        Self { classes: Classes::new(classes), ..Self::new(Settings::default(), Figures::default(), seed) }
    }

    /// Decides about one pod, if one waits.
    pub fn step(&mut self, now: Instant) -> Step {
        let Some(pod) = self.queue.take(now) else { return Step::Wait(self.queue.due()) };
        // Nobody is let in for whom there is no profile.
        let Some(profile) = self.profiles.of(&pod.scheduler_name) else {
            return Step::Wait(self.queue.due());
        };
        let mut laps = Laps::begin();
        let decision =
            schedule(profile, &pod, &self.snapshot, &mut self.classes, &mut self.chance, &mut laps);
        laps.tell(&self.figures, &pod.scheduler_name);
        match decision {
            Decision::Placed(node) => match self.reserve(&pod, &node) {
                Ok(reserved) => {
                    self.snapshot.forget_nomination(&pod.meta.uid);
                    self.snapshot.set_pod(&pod.placed_on(&node));
                    self.assumed.insert(pod.meta.uid.clone());
                    Step::Bind(pod, node, reserved)
                }
                Err(failure) => self.unfit(pod, failure, now),
            },
            Decision::Unfit(failure) => self.unfit(pod, failure, now),
        }
    }

    /// How often a pod was tried, and when first.
    pub(crate) fn attempts(&self, uid: &str) -> Option<(u32, Instant)> {
        self.queue.attempts(uid)
    }

    /// What waits, and how much is known.
    pub(crate) fn waiting(&self) -> Waiting {
        let known = [self.snapshot.len(), self.snapshot.pods(), self.assumed.len()];
        Waiting { known, ..self.queue.waiting() }
    }

    fn unfit(&mut self, pod: Arc<PodInfo>, failure: Failure, now: Instant) -> Step {
        if let Some(preemption) = &failure.preemption {
            self.figures.preempts(preemption.victims.len());
        }
        let displaced = self.nominate(&pod, &failure);
        self.queue.stuck(&pod.meta.uid, failure.rejected_by.clone(), now);
        Step::Tell(Box::new(Untold { pod, failure, displaced }))
    }

    /// Takes what a pod needs besides its node.
    fn reserve(&mut self, pod: &PodInfo, node: &str) -> Result<Vec<Arc<dyn Reserved>>, Failure> {
        let mut all = Vec::new();
        let reserves = self.profiles.of(&pod.scheduler_name).map(|profile| profile.reserves.as_slice());
        for plugin in reserves.unwrap_or_default() {
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

    /// How long a pod waits until what was taken for it is there.
    pub(crate) fn prepared_within(&self, pod: &PodInfo) -> Duration {
        self.profiles.of(&pod.scheduler_name).map_or(Duration::ZERO, |profile| profile.prepared_within)
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
                self.snapshot.forget_nomination(&pod.meta.uid);
            }
            return Vec::new();
        };
        let there = self.snapshot.nominations().on(&preemption.node).iter();
        let displaced: Vec<_> = there.filter(|other| other.priority < pod.priority).cloned().collect();
        displaced.iter().for_each(|other| self.snapshot.forget_nomination(&other.meta.uid));
        self.snapshot.nominate(pod, &preemption.node);
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
        self.queue.happened(event, &self.profiles, now);
    }

    /// A pod came, changed or went.
    pub fn pod_changed(&mut self, change: &Change<'_, PodInfo>, now: Instant) {
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
        let nominated = self.snapshot.nominations().node_of(uid).is_some();
        self.snapshot.forget_nomination(uid);
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
        self.snapshot.forget_nomination(uid);
        self.snapshot.set_pod(new);
        match before.filter(|_| !was_assumed) {
            Some(old) => self.happened(&Event::PodChanged { old: &old, new }, now),
            None => self.happened(&Event::PodPlaced(new), now),
        }
    }

    fn pod_waits(&mut self, old: Option<&Arc<PodInfo>>, new: &Arc<PodInfo>, now: Instant) {
        if self.profiles.of(&new.scheduler_name).is_none() {
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
            self.snapshot.nominate(new, &new.nominated);
        }
        self.queue.put(new, &self.profiles, now);
    }

    /// A node came, changed or went.
    pub fn node_changed(&mut self, change: &Change<'_, Node>, now: Instant) {
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

    /// A service selects these; `None` if it is gone or selects nothing.
    pub fn set_service(&mut self, namespace: &str, name: &str, selector: Option<&keelson_client::Labels>) {
        self.snapshot.peers_mut().set_service(namespace, name, selector);
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
