//! What is to be done about a stateful set: which revision it is of, which pods it needs, what is written down.

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use serde_json::json;

use super::identity::{self, ordinal};
use super::rollout::outdated;
use super::status::{counted, written};
use super::volumes::{self, Claims, Missing};
use crate::plan::{Action, Pace, Plan};
use crate::pods::{is_available, is_ready, is_terminal, next_available};
use crate::revisions;
use crate::views::pod::{Phase, Pod};
use crate::views::revision::Revision;
use crate::views::statefulset::{Management, STATEFULSETS, StatefulSet};
use crate::views::strategy::OneByOne;
use crate::views::template::Template;

/// The label that says the hash of a revision.
const HASH_LABEL: &str = "controller.kubernetes.io/hash";

/// What the decision rests on.
pub(super) struct View<'a> {
    pub(super) set: &'a StatefulSet,
    /// Its pods.
    pub(super) pods: Vec<Arc<Pod>>,
    /// Its revisions, the oldest first.
    pub(super) revisions: Vec<Arc<Revision>>,
    pub(super) claim: Claims<'a>,
    /// Whether there is a revision of this name, whosever it is.
    pub(super) is_taken: &'a dyn Fn(&str) -> bool,
}

/// A place among the pods that are wanted.
#[derive(Debug)]
pub(super) enum Place {
    Taken(Arc<Pod>),
    /// Nobody has this number.
    Free(i32),
}

/// Whether the next pod may be looked at, where they wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Go,
    Stop,
}

/// Decides.
pub(super) fn plan(view: &View<'_>, now: UnixMillis) -> Plan {
    let set = view.set;
    let update = match update_revision(view) {
        Ok(update) => update,
        Err(actions) => return Plan::of(actions),
    };
    let named = |revision: &&Arc<Revision>| revision.metadata.name == set.status.current_revision;
    let current = view.revisions.iter().find(named).unwrap_or(&update).clone();
    let mut work = Work::new(view, &current, &update, now);
    if !set.metadata.is_deleting() {
        work.decide();
    }
    let pace = if work.monotonic { Pace::InOrder } else { Pace::SlowStart };
    let then = std::mem::take(&mut work.actions);
    let status = counted(set, &view.pods, &current, &update, now);
    let waits = set.spec.min_ready_seconds > 0 && status.ready_replicas != status.available_replicas;
    let again = if waits { next_available(&view.pods, set.spec.min_ready_seconds, now) } else { None };
    let is_used = |revision: &Revision| {
        let name = &revision.metadata.name;
        *name == current.metadata.name
            || *name == update.metadata.name
            || view.pods.iter().any(|pod| identity::revision(pod) == name)
    };
    let mut last = written(set, &status);
    last.extend(revisions::forget(&view.revisions, set.spec.revision_history_limit, is_used));
    Plan { then, pace, again, ..Plan::default() }.finishing(move |_| last)
}

/// The revision that the set is to be of; or what has to be done before there is one.
fn update_revision(view: &View<'_>) -> Result<Arc<Revision>, Vec<Action>> {
    let (set, revisions) = (view.set, &view.revisions);
    let patch = revisions::patch_to(&set.spec.template);
    if let Some(equal) = revisions.iter().rfind(|revision| *revision.data == *patch) {
        let is_last = revisions.last().is_some_and(|last| last.metadata.uid == equal.metadata.uid);
        // One that comes back becomes the newest.
        return if is_last {
            Ok(Arc::clone(equal))
        } else {
            Err(vec![revisions::renumber(equal, revisions::next(revisions))])
        };
    }
    let collisions = set.status.collision_count.unwrap_or(0);
    let hash = revisions::hash(&patch, collisions);
    if (view.is_taken)(&revisions::name(&set.metadata.name, &hash)) {
        // Another one has that name: the next try counts that in.
        let change = json!({"status": {"collisionCount": collisions + 1}});
        return Err(vec![Action::merge(&STATEFULSETS, &set.metadata, "status", change)]);
    }
    let new = revisions::New {
        template: &set.spec.template,
        label: HASH_LABEL,
        hash: &hash,
        number: revisions::next(revisions),
        patch: &patch,
    };
    Err(vec![revisions::create((&STATEFULSETS, &set.metadata), &new)])
}

/// What is known and decided so far.
pub(super) struct Work<'a> {
    pub(super) set: &'a StatefulSet,
    claims: Claims<'a>,
    current: (&'a str, Template),
    pub(super) update: &'a str,
    /// Those wanted, by number.
    pub(super) places: Vec<Place>,
    /// Those that are too many, the last one first.
    surplus: Vec<Arc<Pod>>,
    /// Whether pods wait for each other.
    pub(super) monotonic: bool,
    pub(super) now: UnixMillis,
    pub(super) actions: Vec<Action>,
}

impl<'a> Work<'a> {
    fn new(view: &'a View<'_>, current: &'a Revision, update: &'a Revision, now: UnixMillis) -> Self {
        let set = view.set;
        let first = set.spec.ordinals.as_ref().map_or(0, |ordinals| ordinals.start);
        let mut places: Vec<Place> = (0..set.spec.replicas).map(|at| Place::Free(first + at)).collect();
        let mut surplus = Vec::new();
        for pod in &view.pods {
            let Some(ordinal) = ordinal(&set.metadata.name, &pod.metadata.name) else { continue };
            let place = usize::try_from(ordinal - first).ok().and_then(|at| places.get_mut(at));
            match place {
                Some(place) => *place = Place::Taken(Arc::clone(pod)),
                None => surplus.push((ordinal, Arc::clone(pod))),
            }
        }
        surplus.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
        let template = if current.metadata.name == update.metadata.name {
            set.spec.template.clone()
        } else {
            revisions::template_of(current)
        };
        Self {
            set,
            claims: view.claim,
            current: (&current.metadata.name, template),
            update: &update.metadata.name,
            places,
            surplus: surplus.into_iter().map(|(_, pod)| pod).collect(),
            monotonic: set.spec.pod_management_policy == Management::OrderedReady,
            now,
            actions: Vec::new(),
        }
    }

    pub(super) fn is_available(&self, pod: &Pod) -> bool {
        is_available(pod, self.set.spec.min_ready_seconds, self.now)
    }

    pub(super) fn is_unavailable(&self, place: &Place) -> bool {
        match place {
            Place::Taken(pod) => !self.is_available(pod) || pod.metadata.is_deleting(),
            Place::Free(_) => true,
        }
    }

    fn decide(&mut self) {
        let places = std::mem::take(&mut self.places);
        let step = self.all(&places, |work, place| work.fill(place));
        self.places = places;
        if step == Step::Stop {
            return;
        }
        let surplus = std::mem::take(&mut self.surplus);
        for pod in &surplus {
            self.actions.extend(volumes::owned(self.set, pod, true, self.claims));
        }
        let first = self.first_unavailable(&surplus);
        let step = self.all(&surplus, |work, pod| work.reduce(pod, first.as_deref()));
        if step == Step::Stop || self.set.spec.update_strategy.kind == OneByOne::OnDelete {
            return;
        }
        let gone = outdated(self);
        self.actions.extend(gone.iter().map(|pod| identity::delete(self.set, pod)));
    }

    /// Looks at all; at none behind one that has to be waited for, where pods wait for each other.
    fn all<T>(&mut self, all: &[T], mut look: impl FnMut(&mut Self, &T) -> Step) -> Step {
        for one in all {
            if look(self, one) == Step::Stop && self.monotonic {
                return Step::Stop;
            }
        }
        Step::Go
    }

    /// Sees to it that there is a pod that works.
    fn fill(&mut self, place: &Place) -> Step {
        let pod = match place {
            Place::Free(ordinal) => return self.create(*ordinal),
            Place::Taken(pod) => pod,
        };
        if is_terminal(pod) {
            if !pod.metadata.is_deleting() {
                self.actions.push(identity::delete(self.set, pod));
            }
            // The next one is made when it is gone.
            return Step::Stop;
        }
        let ordinal = ordinal(&self.set.metadata.name, &pod.metadata.name);
        if let Some(ordinal) = ordinal.filter(|_| pod.status.phase == Phase::Pending) {
            match volumes::missing(self.set, ordinal, self.claims) {
                Missing::None => {}
                Missing::Create(creations) => self.actions.extend(creations),
                Missing::Waits(told) => self.actions.push(*told),
            }
        }
        let works = !pod.metadata.is_deleting()
            && pod.status.phase == Phase::Running
            && is_ready(pod)
            && self.is_available(pod);
        if !works && self.monotonic {
            if pod.status.phase == Phase::Pending {
                self.actions.extend(volumes::owned(self.set, pod, false, self.claims));
            }
            return Step::Stop;
        }
        self.actions.extend(identity::repair(self.set, pod));
        self.actions.extend(volumes::owned(self.set, pod, false, self.claims));
        Step::Go
    }

    fn create(&mut self, ordinal: i32) -> Step {
        if volumes::is_stale(self.set, ordinal, self.claims) {
            return Step::Stop;
        }
        match volumes::missing(self.set, ordinal, self.claims) {
            Missing::None => {
                let (revision, template) = if self.is_of_current(ordinal) {
                    (self.current.0, &self.current.1)
                } else {
                    (self.update, &self.set.spec.template)
                };
                self.actions.push(identity::create(self.set, ordinal, template, revision));
            }
            // The pod is made when its claims are there.
            Missing::Create(creations) => self.actions.extend(creations),
            Missing::Waits(told) => self.actions.push(*told),
        }
        Step::Stop
    }

    /// Whether a new pod of this number is still of the revision before.
    fn is_of_current(&self, ordinal: i32) -> bool {
        let spec = &self.set.spec;
        let first = spec.ordinals.as_ref().map_or(0, |ordinals| ordinals.start);
        match &spec.update_strategy.rolling_update {
            Some(rolling) => ordinal < first + rolling.partition,
            None => {
                spec.update_strategy.kind == OneByOne::RollingUpdate
                    && ordinal < first + self.set.status.current_replicas
            }
        }
    }

    /// The first pod that is not available; `None` also if it is one that is not there.
    fn first_unavailable(&self, surplus: &[Arc<Pod>]) -> Option<Arc<Pod>> {
        if let Some(place) = self.places.iter().find(|place| self.is_unavailable(place)) {
            return match place {
                Place::Taken(pod) => Some(Arc::clone(pod)),
                Place::Free(_) => None,
            };
        }
        let unavailable = |pod: &&Arc<Pod>| !self.is_available(pod) || pod.metadata.is_deleting();
        surplus.iter().rev().find(unavailable).cloned()
    }

    /// Takes a pod away that is too many.
    fn reduce(&mut self, pod: &Arc<Pod>, first_unavailable: Option<&Pod>) -> Step {
        if pod.metadata.is_deleting() {
            return Step::Stop;
        }
        let works = pod.status.phase == Phase::Running && is_ready(pod) && self.is_available(pod);
        let is_first = first_unavailable.is_some_and(|first| first.metadata.uid == pod.metadata.uid);
        if self.monotonic && !works && !is_first {
            return Step::Stop;
        }
        self.actions.push(identity::delete(self.set, pod));
        Step::Stop
    }
}
