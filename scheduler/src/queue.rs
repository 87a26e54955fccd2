//! Pods that wait for a place: those to be tried now, those that wait a while after a failure, those that wait until
//! something happens that may help them, and those that are not to be tried yet.
//!
//! It reads no clock: whoever calls says what time it is.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use tokio::time::Instant;

use crate::event::Event;
use crate::framework::Profile;
use crate::pod::PodInfo;

/// How long a pod waits after its first failure; twice as long after each further one.
const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
const BACK_OFF_MAX: Duration = Duration::from_secs(10);
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

#[derive(Debug)]
struct Waiting {
    pod: Arc<PodInfo>,
    place: Place,
    /// Since when it stands in line.
    since: Instant,
    /// Tells apart what came at the same time.
    number: u64,
    attempts: u32,
    rejected_by: Vec<&'static str>,
}

impl Waiting {
    fn backs_off_until(&self) -> Instant {
        let doublings = self.attempts.saturating_sub(1).min(8);
        self.since + (BACK_OFF_FIRST * 2_u32.pow(doublings)).min(BACK_OFF_MAX)
    }
}

type Uid = CompactString;

/// The queue.
#[derive(Debug, Default)]
pub struct Queue {
    pods: HashMap<Uid, Waiting>,
    /// The most important first, then who waits longest.
    active: BTreeSet<(Reverse<i32>, Instant, u64, Uid)>,
    /// Those to be tried at a certain time, as one of their two reasons to wait says.
    timed: BTreeSet<(Instant, u64, Uid)>,
    /// Those that wait for something to help: what an event costs depends on them alone.
    stuck: BTreeSet<Uid>,
    numbers: u64,
}

impl Queue {
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
    pub fn put(&mut self, pod: &Arc<PodInfo>, profile: &Profile, now: Instant) {
        let uid = pod.meta.uid.clone();
        if let Some(waiting) = self.pods.get_mut(&uid) {
            let old = std::mem::replace(&mut waiting.pod, Arc::clone(pod));
            match waiting.place {
                Place::Gated if pod.gates.is_empty() => self.place(&uid, Place::Active),
                Place::Active if old.priority != pod.priority => {
                    self.unplace(&uid, &old);
                    self.place(&uid, Place::Active);
                }
                Place::Stuck(_) => self.consider(&uid, &Event::ItselfChanged { old: &old }, profile, now),
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
            rejected_by: Vec::new(),
        };
        self.pods.insert(uid.clone(), waiting);
        self.place(&uid, if pod.gates.is_empty() { Place::Active } else { Place::Gated });
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
        Some(Arc::clone(&waiting.pod))
    }

    /// There is no place for a pod: it waits for something that may change the mind of those that rejected it.
    pub fn stuck(&mut self, uid: &str, rejected_by: Vec<&'static str>, now: Instant) {
        if let Some(waiting) = self.pods.get_mut(uid) {
            waiting.since = now;
            waiting.rejected_by = rejected_by;
            self.place(uid, Place::Stuck(now + PATIENCE));
        }
    }

    /// Placing a pod went wrong: it is tried again after a while.
    pub fn retry(&mut self, uid: &str, now: Instant) {
        if let Some(waiting) = self.pods.get_mut(uid) {
            waiting.since = now;
            waiting.rejected_by.clear();
            let until = waiting.backs_off_until();
            self.place(uid, Place::BackOff(until));
        }
    }

    /// Something happened.
    pub fn happened(&mut self, event: &Event<'_>, profile: &Profile, now: Instant) {
        let helps = |uid: &&Uid| {
            let waiting = self.pods.get(*uid);
            waiting.is_some_and(|waiting| profile.wakes(&waiting.rejected_by, event, &waiting.pod))
        };
        let helped: Vec<Uid> = self.stuck.iter().filter(helps).cloned().collect();
        helped.iter().for_each(|uid| self.revive(uid, now));
    }

    /// When there will be something to do though nothing happens.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.timed.first().map(|(at, _, _)| *at)
    }

    fn consider(&mut self, uid: &str, event: &Event<'_>, profile: &Profile, now: Instant) {
        let waiting = self.pods.get(uid);
        if waiting.is_some_and(|waiting| profile.wakes(&waiting.rejected_by, event, &waiting.pod)) {
            self.revive(uid, now);
        }
    }

    /// Something may help a pod: it is tried, but not before it has waited for what its failures cost it.
    fn revive(&mut self, uid: &str, now: Instant) {
        let Some(waiting) = self.pods.get(uid) else { return };
        let until = waiting.backs_off_until();
        self.place(uid, if until > now { Place::BackOff(until) } else { Place::Active });
    }

    fn wake_due(&mut self, now: Instant) {
        while let Some((at, _, uid)) = self.timed.first().cloned() {
            if at > now {
                return;
            }
            self.place(&uid, Place::Active);
        }
    }

    /// Moves a pod.
    fn place(&mut self, uid: &str, place: Place) {
        let Some(pod) = self.get(uid).cloned() else { return };
        self.unplace(uid, &pod);
        let Some(waiting) = self.pods.get_mut(uid) else { return };
        waiting.place = place;
        if matches!(place, Place::Stuck(_)) {
            self.stuck.insert(uid.into());
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
    fn unplace(&mut self, uid: &str, pod: &PodInfo) {
        let Some(waiting) = self.pods.get(uid) else { return };
        self.stuck.remove(uid);
        match waiting.place {
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

    fn take(queue: &mut Queue, now: Instant) -> String {
        let mut taken = Vec::new();
        while let Some(pod) = queue.take(now) {
            taken.push(pod.meta.name.to_string());
        }
        taken.join(" ")
    }

    fn put(queue: &mut Queue, name: &str, spec: Value, now: Instant) {
        queue.put(&pod(name, within("spec", spec)), &default_profile(), now);
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
        let profile = default_profile();
        put(&mut queue, "a", json!({"nodeSelector": {"disk": "fast"}}), now);
        assert_eq!(take(&mut queue, now), "a");
        queue.stuck("uid-a", vec!["NodeAffinity"], now);
        queue.happened(&Event::NodeCame(&node("n", json!({}))), &profile, now);
        assert_eq!(queue.due(), Some(now + PATIENCE));
        let fast = node("m", json!({"metadata": {"labels": {"disk": "fast"}}}));
        queue.happened(&Event::NodeCame(&fast), &profile, now);
        assert_eq!((take(&mut queue, now), queue.due()), (String::new(), Some(now + seconds(1))));
        let now = now + seconds(1);
        assert_eq!(take(&mut queue, now), "a");
        queue.stuck("uid-a", vec!["NodeAffinity"], now);
        // Long after, nothing has to be waited for.
        let now = now + seconds(60);
        queue.happened(&Event::NodeCame(&fast), &profile, now);
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
