//! Keys that wait for work: each once, never the same one twice at a time, in the order in which they came.
//!
//! First come, first served is the fairness: a key that is added while it is worked on goes behind all that wait. Keys
//! may come later (`add_after`), or ever later the more often they failed (`add_failed`). Bounded by the number of
//! objects there are, since a key waits only once.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// First and longest wait after failures of one key; upstream's.
const FAILED_MILLIS_MIN: u64 = 5;
const FAILED_MILLIS_MAX: u64 = 1_000_000;

/// The queue. Cheap to clone; every clone is the same one.
pub struct Queue<K> {
    shared: Arc<Shared<K>>,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

struct Shared<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

struct State<K> {
    /// In order.
    ready: VecDeque<K>,
    /// Those in `ready`, and those to be put there when they are done.
    waiting: HashSet<K>,
    working: HashSet<K>,
    /// By when they come; the number tells those of one moment apart, in order.
    later: BTreeMap<(Instant, u64), K>,
    /// When a key in `later` comes.
    due: HashMap<K, (Instant, u64)>,
    failures: HashMap<K, u32>,
    counted: Figures,
}

/// What a queue has done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Keys that wait now.
    pub depth: usize,
    /// Keys that are worked on now.
    pub working: usize,
    /// Keys that were added, not counting those that already waited.
    pub adds: u64,
    /// Keys that failed and were put back.
    pub retries: u64,
}

impl<K: Clone + Eq + Hash> Default for Queue<K> {
    fn default() -> Self {
        let state = State {
            ready: VecDeque::new(),
            waiting: HashSet::new(),
            working: HashSet::new(),
            later: BTreeMap::new(),
            due: HashMap::new(),
            failures: HashMap::new(),
            counted: Figures::default(),
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }) }
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    /// Puts a key at the end, unless it waits already.
    pub fn add(&self, key: K) {
        self.shared.state.lock().add(key);
        self.shared.changed.notify_one();
    }

    /// Puts a key at the end after `wait`, or earlier if somebody asked for that.
    pub fn add_after(&self, key: K, wait: Duration) {
        if wait.is_zero() {
            return self.add(key);
        }
        self.shared.state.lock().add_at(key, Instant::now() + wait);
        self.shared.changed.notify_one();
    }

    /// Puts a key back that failed; the more often it has, the later.
    pub fn add_failed(&self, key: K) {
        let mut state = self.shared.state.lock();
        let failures = state.failures.entry(key.clone()).or_default();
        let millis = FAILED_MILLIS_MIN.saturating_mul(1 << (*failures).min(32)).min(FAILED_MILLIS_MAX);
        *failures = failures.saturating_add(1);
        state.counted.retries += 1;
        state.add_at(key, Instant::now() + Duration::from_millis(millis));
        drop(state);
        self.shared.changed.notify_one();
    }

    /// How often a key has failed since it was forgotten.
    #[must_use]
    pub fn failures(&self, key: &K) -> u32 {
        self.shared.state.lock().failures.get(key).copied().unwrap_or(0)
    }

    /// Forgets that a key has failed.
    pub fn forget(&self, key: &K) {
        self.shared.state.lock().failures.remove(key);
    }

    /// The next key; waits for one. It has to be [done](Self::done) before it comes again.
    pub async fn next(&self) -> K {
        loop {
            let notified = self.shared.changed.notified();
            let due = {
                let mut state = self.shared.state.lock();
                state.ripen(Instant::now());
                if let Some(key) = state.ready.pop_front() {
                    state.waiting.remove(&key);
                    state.working.insert(key.clone());
                    if !state.ready.is_empty() {
                        self.shared.changed.notify_one();
                    }
                    return key;
                }
                state.later.first_key_value().map(|((due, _), _)| *due)
            };
            match due {
                Some(due) => tokio::select! {
                    biased;
                    () = notified => {}
                    () = tokio::time::sleep_until(due) => {}
                },
                None => notified.await,
            }
        }
    }

    /// A key is no longer worked on.
    pub fn done(&self, key: &K) {
        let mut state = self.shared.state.lock();
        state.working.remove(key);
        if state.waiting.contains(key) {
            state.ready.push_back(key.clone());
            drop(state);
            self.shared.changed.notify_one();
        }
    }

    /// What it has done so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let state = self.shared.state.lock();
        Figures { depth: state.waiting.len(), working: state.working.len(), ..state.counted }
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    fn add(&mut self, key: K) {
        if let Some(due) = self.due.remove(&key) {
            self.later.remove(&due);
        }
        if !self.waiting.insert(key.clone()) {
            return;
        }
        self.counted.adds += 1;
        if !self.working.contains(&key) {
            self.ready.push_back(key);
        }
    }

    fn add_at(&mut self, key: K, at: Instant) {
        if self.waiting.contains(&key) && !self.working.contains(&key) {
            return;
        }
        match self.due.get(&key) {
            Some((due, _)) if *due <= at => return,
            Some(due) => {
                self.later.remove(due);
            }
            None => {}
        }
        let place = (at, self.counted.adds.wrapping_add(self.later.len() as u64));
        let place = self.free(place);
        self.later.insert(place, key.clone());
        self.due.insert(key, place);
    }

    fn free(&self, mut place: (Instant, u64)) -> (Instant, u64) {
        while self.later.contains_key(&place) {
            place.1 = place.1.wrapping_add(1);
        }
        place
    }

    fn ripen(&mut self, now: Instant) {
        while let Some(first) = self.later.first_entry() {
            if first.key().0 > now {
                break;
            }
            let key = first.remove();
            self.due.remove(&key);
            self.add(key);
        }
    }
}

impl<K> fmt::Debug for Queue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queue")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn now(queue: &Queue<&'static str>) -> Option<&'static str> {
        tokio::time::timeout(Duration::from_millis(1), queue.next()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_waits_once_and_is_worked_on_once() {
        let queue = Queue::default();
        for key in ["a", "b", "a"] {
            queue.add(key);
        }
        assert_eq!(queue.next().await, "a");
        queue.add("a");
        queue.add("c");
        assert_eq!((queue.next().await, queue.next().await), ("b", "c"));
        assert_eq!(now(&queue).await, None, "a is still worked on");
        queue.done(&"a");
        assert_eq!(now(&queue).await, Some("a"));
        assert_eq!(queue.figures(), Figures { depth: 0, working: 3, adds: 4, retries: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn failures_make_it_wait_longer_until_they_are_forgotten() {
        let queue = Queue::default();
        let mut waits = Vec::new();
        for round in 0..5 {
            if round == 3 {
                queue.forget(&"a");
            }
            queue.add_failed("a");
            let began = Instant::now();
            queue.next().await;
            waits.push(began.elapsed().as_millis());
            queue.done(&"a");
        }
        assert_eq!(waits, [5, 10, 20, 5, 10]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_of_two_times_counts() {
        let queue = Queue::default();
        queue.add_after("a", Duration::from_secs(9));
        queue.add_after("a", Duration::from_secs(3));
        queue.add_after("b", Duration::from_secs(5));
        let began = Instant::now();
        for (key, seconds) in [("a", 3), ("b", 5)] {
            assert_eq!(queue.next().await, key);
            assert_eq!(began.elapsed().as_secs(), seconds);
        }
        assert_eq!(now(&queue).await, None);
    }
}
