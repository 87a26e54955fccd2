//! Pods that wait for a place: those to be tried now, those that wait a while after a failure, those that wait until
//! something happens that may help them, and those that are not to be tried yet.
//!
//! It reads no clock: whoever calls says what time it is.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use tokio::time::Instant;

use crate::event::Event;
use crate::figures::{Figures, Waiting as Shown};
use crate::framework::Profiles;
use crate::like::Like;
use crate::pod::PodInfo;

/// How long a pod waits after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    /// After the first one; twice as long after each further one.
    pub first: Duration,
    /// At most.
    pub max: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max: Duration::from_secs(10) }
    }
}

impl BackOff {
    fn after(self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.first.saturating_mul(2_u32.pow(doublings)).min(self.max)
    }
}

/// How long a pod waits for something that helps; then it is tried anyway.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// To be tried now.
    Active,
    /// To be tried then.
    BackOff(Instant),
    /// To be tried when something helps, at the latest then.
    Stuck(Instant),
    /// Not to be tried yet.
    Gated,
    /// Being tried.
    Out,
}

impl Place {
    /// Upstream's name of it.
    fn queue(self) -> &'static str {
        match self {
            Self::Active | Self::Out => "active",
            Self::BackOff(_) => "backoff",
            Self::Stuck(_) => "unschedulable",
            Self::Gated => "gated",
        }
    }
}

/// Upstream's names of what brings pods into a queue, besides events.
const UPDATED: &str = "UnscheduledPodUpdate";
const FAILED: &str = "ScheduleAttemptFailure";

#[derive(Debug)]
struct Waiting {
    pod: Arc<PodInfo>,
    place: Place,
    /// Since when it stands in line.
    since: Instant,
    /// Tells apart what came at the same time.
    number: u64,
    attempts: u32,
    /// When it was first tried.
    first_tried: Option<Instant>,
    rejected_by: Vec<&'static str>,
}

type Uid = CompactString;

/// Pods that are alike and were rejected by the same plugins: what happens helps all of them or none.
type Stuck = (Like, Vec<&'static str>);

/// The queue.
#[derive(Debug, Default)]
pub struct Queue {
    pods: HashMap<Uid, Waiting>,
    /// The most important first, then who waits longest.
    active: BTreeSet<(Reverse<i32>, Instant, u64, Uid)>,
    /// Those to be tried at a certain time, as one of their two reasons to wait says.
    timed: BTreeSet<(Instant, u64, Uid)>,
    /// Those that wait for something to help: what an event costs depends on how many kinds of them there are.
    stuck: HashMap<Stuck, HashSet<Uid>>,
    numbers: u64,
    back_off: BackOff,
    figures: Figures,
}

impl Queue {
    /// With nobody in it.
    #[must_use]
    pub fn new(back_off: BackOff, figures: Figures) -> Self {
        Self { back_off, figures, ..Self::default() }
    }

    /// How often a pod was tried, and when first.
    pub(crate) fn attempts(&self, uid: &str) -> Option<(u32, Instant)> {
        let waiting = self.pods.get(uid)?;
        Some((waiting.attempts, waiting.first_tried?))
    }

    /// How many wait in each way; and for what rejected them.
    pub(crate) fn waiting(&self) -> Shown {
        let mut shown = Shown::default();
        let count = |is: fn(&Place) -> bool| self.pods.values().filter(|one| is(&one.place)).count();
        shown.pods = vec![
            ("active", self.active.len()),
            ("backoff", count(|place| matches!(place, Place::BackOff(_)))),
            ("unschedulable", count(|place| matches!(place, Place::Stuck(_)))),
            ("gated", count(|place| matches!(place, Place::Gated))),
        ];
        for ((like, rejected_by), pods) in &self.stuck {
            for plugin in rejected_by {
                *shown.rejected.entry((plugin, like.0.scheduler_name.clone())).or_default() += pods.len();
            }
        }
        shown
    }

    /// How many wait, in whichever way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pods.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// The pod of this uid.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<&Arc<PodInfo>> {
        self.pods.get(uid).map(|waiting| &waiting.pod)
    }

    /// A pod wants a place, or wants it in another way.
    pub fn put(&mut self, pod: &Arc<PodInfo>, profiles: &Profiles, now: Instant) {
        let uid = pod.meta.uid.clone();
        if let Some(waiting) = self.pods.get_mut(&uid) {
            let old = std::mem::replace(&mut waiting.pod, Arc::clone(pod));
            match waiting.place {
                Place::Gated if !profiles.holds_back(pod) => self.place(&uid, Place::Active, UPDATED),
                Place::Active if old.priority != pod.priority => {
                    self.unplace(&uid, &old);
                    self.place(&uid, Place::Active, UPDATED);
                }
                place @ Place::Stuck(_) => {
                    self.unplace(&uid, &old);
                    self.place(&uid, place, UPDATED);
                    self.consider(&uid, &Event::ItselfChanged { old: &old }, profiles, now);
                }
                _ => {}
            }
            return;
        }
        self.numbers += 1;
        let waiting = Waiting {
            pod: Arc::clone(pod),
            place: Place::Out,
            since: now,
            number: self.numbers,
            attempts: 0,
            first_tried: None,
            rejected_by: Vec::new(),
        };
        self.pods.insert(uid.clone(), waiting);
        let place = if profiles.holds_back(pod) { Place::Gated } else { Place::Active };
        self.place(&uid, place, "UnscheduledPodAdd");
    }

    /// A pod wants no place any more.
    pub fn remove(&mut self, uid: &str) {
        if let Some(pod) = self.get(uid).cloned() {
            self.unplace(uid, &pod);
            self.pods.remove(uid);
        }
    }

    /// The next pod to be tried. It stays known until it is [removed](Self::remove) or comes back.
    pub fn take(&mut self, now: Instant) -> Option<Arc<PodInfo>> {
        self.wake_due(now);
        let (_, _, _, uid) = self.active.pop_first()?;
        let waiting = self.pods.get_mut(&uid)?;
        waiting.place = Place::Out;
        waiting.attempts += 1;
        waiting.first_tried.get_or_insert(now);
        Some(Arc::clone(&waiting.pod))
    }

    /// There is no place for a pod: it waits for something that may change the mind of those that rejected it.
    pub fn stuck(&mut self, uid: &str, rejected_by: Vec<&'static str>, now: Instant) {
        if let Some(waiting) = self.pods.get_mut(uid) {
            waiting.since = now;
            waiting.rejected_by = rejected_by;
            self.place(uid, Place::Stuck(now + PATIENCE), FAILED);
        }
    }

    /// Placing a pod went wrong: it is tried again after a while.
    pub fn retry(&mut self, uid: &str, now: Instant) {
        if let Some(waiting) = self.pods.get_mut(uid) {
            waiting.since = now;
            waiting.rejected_by.clear();
            let until = waiting.since + self.back_off.after(waiting.attempts);
            self.place(uid, Place::BackOff(until), FAILED);
        }
    }

    /// Something happened.
    pub fn happened(&mut self, event: &Event<'_>, profiles: &Profiles, now: Instant) {
        let mut helped: Vec<Uid> = Vec::new();
        for ((like, rejected_by), pods) in &self.stuck {
            if profiles.wakes(rejected_by, event, &like.0) {
                helped.extend(pods.iter().cloned());
            }
        }
        helped.sort_unstable();
        helped.iter().for_each(|uid| self.revive(uid, event.label(), now));
    }

    /// When there will be something to do though nothing happens.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.timed.first().map(|(at, _, _)| *at)
    }

    fn consider(&mut self, uid: &str, event: &Event<'_>, profiles: &Profiles, now: Instant) {
        let waiting = self.pods.get(uid);
        if waiting.is_some_and(|waiting| profiles.wakes(&waiting.rejected_by, event, &waiting.pod)) {
            self.revive(uid, event.label(), now);
        }
    }

    /// Something may help a pod: it is tried, but not before it has waited for what its failures cost it.
    fn revive(&mut self, uid: &str, event: &'static str, now: Instant) {
        let Some(waiting) = self.pods.get(uid) else { return };
        let until = waiting.since + self.back_off.after(waiting.attempts);
        self.place(uid, if until > now { Place::BackOff(until) } else { Place::Active }, event);
    }

    fn wake_due(&mut self, now: Instant) {
        while let Some((at, _, uid)) = self.timed.first().cloned() {
            if at > now {
                return;
            }
            let backs_off = self.pods.get(&uid).is_some_and(|one| matches!(one.place, Place::BackOff(_)));
            self.place(
                &uid,
                Place::Active,
                if backs_off { "BackoffComplete" } else { "UnschedulableTimeout" },
            );
        }
    }

    /// Moves a pod, because of this.
    fn place(&mut self, uid: &str, place: Place, event: &'static str) {
        self.figures.came(place.queue(), event, 1);
        let Some(pod) = self.get(uid).cloned() else { return };
        self.unplace(uid, &pod);
        let Some(waiting) = self.pods.get_mut(uid) else { return };
        waiting.place = place;
        if matches!(place, Place::Stuck(_)) {
            let alike = (Like(Arc::clone(&pod)), waiting.rejected_by.clone());
            self.stuck.entry(alike).or_default().insert(uid.into());
        }
        match place {
            Place::Active => {
                self.active.insert((Reverse(pod.priority), waiting.since, waiting.number, uid.into()));
            }
            Place::BackOff(at) | Place::Stuck(at) => {
                self.timed.insert((at, waiting.number, uid.into()));
            }
            Place::Gated | Place::Out => {}
        }
    }

    /// Takes a pod from where it stands, by what it was when it was placed there.
    fn unplace(&mut self, uid: &str, pod: &Arc<PodInfo>) {
        let Some(waiting) = self.pods.get_mut(uid) else { return };
        if let Place::Stuck(_) = waiting.place {
            let alike = (Like(Arc::clone(pod)), waiting.rejected_by.clone());
            if let Some(pods) = self.stuck.get_mut(&alike) {
                pods.remove(uid);
                if pods.is_empty() {
                    self.stuck.remove(&alike);
                }
            }
        }
        match std::mem::replace(&mut waiting.place, Place::Out) {
            Place::Active => {
                self.active.remove(&(Reverse(pod.priority), waiting.since, waiting.number, uid.into()));
            }
            Place::BackOff(at) | Place::Stuck(at) => {
                self.timed.remove(&(at, waiting.number, uid.into()));
            }
            Place::Gated | Place::Out => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::{node, pod, within};
    use crate::plugins::default_profile;

    fn profiles() -> Profiles {
        Profiles::from(vec![default_profile()])
    }

    fn take(queue: &mut Queue, now: Instant) -> String {
        let mut taken = Vec::new();
        while let Some(pod) = queue.take(now) {
            taken.push(pod.meta.name.to_string());
        }
        taken.join(" ")
    }

    fn put(queue: &mut Queue, name: &str, spec: Value, now: Instant) {
        queue.put(&pod(name, within("spec", spec)), &profiles(), now);
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn the_most_important_first_then_who_waits_longest() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        put(&mut queue, "a", json!({}), now);
        put(&mut queue, "b", json!({}), now);
        put(&mut queue, "c", json!({"priority": 5}), now + seconds(1));
        put(&mut queue, "d", json!({"schedulingGates": [{"name": "g"}]}), now);
        put(&mut queue, "b", json!({"priority": 9}), now);
        assert_eq!(take(&mut queue, now), "b c a");
        put(&mut queue, "d", json!({}), now);
        assert_eq!(take(&mut queue, now), "d");
        assert_eq!(queue.len(), 4);
        queue.remove("uid-a");
        assert_eq!(queue.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_cost_time() {
        let (mut queue, mut now) = (Queue::default(), Instant::now());
        put(&mut queue, "a", json!({}), now);
        for wait in [1, 2, 4, 8, 10, 10] {
            assert_eq!(take(&mut queue, now), "a");
            queue.retry("uid-a", now);
            assert_eq!(queue.due(), Some(now + seconds(wait)));
            now += seconds(wait);
            assert_eq!(take(&mut queue, now - Duration::from_millis(1)), "");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_stuck_waits_for_what_may_help() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        put(&mut queue, "a", json!({"nodeSelector": {"disk": "fast"}}), now);
        assert_eq!(take(&mut queue, now), "a");
        queue.stuck("uid-a", vec!["NodeAffinity"], now);
        queue.happened(&Event::NodeCame(&node("n", json!({}))), &profiles(), now);
        assert_eq!(queue.due(), Some(now + PATIENCE));
        let fast = node("m", json!({"metadata": {"labels": {"disk": "fast"}}}));
        queue.happened(&Event::NodeCame(&fast), &profiles(), now);
        assert_eq!((take(&mut queue, now), queue.due()), (String::new(), Some(now + seconds(1))));
        let now = now + seconds(1);
        assert_eq!(take(&mut queue, now), "a");
        queue.stuck("uid-a", vec!["NodeAffinity"], now);
        // Long after, nothing has to be waited for.
        let now = now + seconds(60);
        queue.happened(&Event::NodeCame(&fast), &profiles(), now);
        assert_eq!(take(&mut queue, now), "a");
        queue.stuck("uid-a", vec!["NodeAffinity"], now);
        assert_eq!(take(&mut queue, now + PATIENCE), "a");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_stuck_may_help_itself() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        put(&mut queue, "a", json!({"nodeSelector": {"disk": "fast"}}), now);
        take(&mut queue, now);
        queue.stuck("uid-a", vec!["NodeAffinity"], now - seconds(9));
        put(&mut queue, "a", json!({"nodeSelector": {"disk": "slow"}}), now);
        assert_eq!(take(&mut queue, now), "a");
    }
}
