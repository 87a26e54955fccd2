//! Keys that wait for work: each once, never the same one twice at a time, in the order in which they came.
//!
//! First come, first served is the fairness: a key that is added while it is worked on goes behind all that wait. Keys
//! may come later (`add_after`), or ever later the more often they failed (`add_failed`). Bounded by the number of
//! objects there are, since a key waits only once.

use std::collections::{BTreeMap, HashMap, VecDeque};
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
    /// Those in `ready`, and those to be put there when they are done, each since when.
    waiting: HashMap<K, Instant>,
    /// Each since when.
    working: HashMap<K, Instant>,
    /// By when they come; the number tells those of one moment apart, in order.
    later: BTreeMap<(Instant, u64), K>,
    /// When a key in `later` comes.
    due: HashMap<K, (Instant, u64)>,
    failures: HashMap<K, u32>,
    counted: Figures,
}

/// How long something took, each time that it was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    counts: [u64; TOOK_NANOS.len() + 1],
    sum: Duration,
}

/// Upstream's bounds of what is counted together: 10 nanoseconds to 1000 seconds.
const TOOK_NANOS: [u64; 12] = [
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
];

impl Took {
    fn add(&mut self, took: Duration) {
        let at = TOOK_NANOS.iter().take_while(|bound| took > Duration::from_nanos(**bound)).count();
        self.counts[at] += 1;
        self.sum += took;
    }

    /// Each bound in seconds, and how often it took at most that long but longer than the bound before. The last one has
    /// no bound.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = TOOK_NANOS.iter().map(|bound| Duration::from_nanos(*bound).as_secs_f64());
        bounds.chain([f64::INFINITY]).zip(self.counts).collect()
    }

    /// All together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }
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
    /// How long keys waited.
    pub waited: Took,
    /// How long they were worked on.
    pub worked: Took,
    /// How long those have been worked on, together, that are worked on now.
    pub unfinished: Duration,
    /// How long the one among them that has been for longest.
    pub longest: Duration,
}

impl<K: Clone + Eq + Hash> Default for Queue<K> {
    fn default() -> Self {
        let state = State {
            ready: VecDeque::new(),
            waiting: HashMap::new(),
            working: HashMap::new(),
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
                let now = Instant::now();
                state.ripen(now);
                if let Some(key) = state.ready.pop_front() {
                    let since = state.waiting.remove(&key).unwrap_or(now);
                    state.counted.waited.add(now.saturating_duration_since(since));
                    state.working.insert(key.clone(), now);
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
        if let Some(since) = state.working.remove(key) {
            state.counted.worked.add(since.elapsed());
        }
        if state.waiting.contains_key(key) {
            state.ready.push_back(key.clone());
            drop(state);
            self.shared.changed.notify_one();
        }
    }

    /// What it has done so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let state = self.shared.state.lock();
        let taking = || state.working.values().map(Instant::elapsed);
        Figures {
            depth: state.waiting.len(),
            working: state.working.len(),
            unfinished: taking().sum(),
            longest: taking().max().unwrap_or_default(),
            ..state.counted
        }
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    fn add(&mut self, key: K) {
        if let Some(due) = self.due.remove(&key) {
            self.later.remove(&due);
        }
        if self.waiting.contains_key(&key) {
            return;
        }
        self.waiting.insert(key.clone(), Instant::now());
        self.counted.adds += 1;
        if !self.working.contains_key(&key) {
            self.ready.push_back(key);
        }
    }

    fn add_at(&mut self, key: K, at: Instant) {
        if self.waiting.contains_key(&key) && !self.working.contains_key(&key) {
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
        let figures = queue.figures();
        assert_eq!((figures.depth, figures.working, figures.adds, figures.retries), (0, 3, 4, 0));
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
    async fn it_tells_how_long_keys_take() {
        let queue = Queue::default();
        queue.add("a");
        tokio::time::sleep(Duration::from_secs(3)).await;
        queue.next().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        queue.add("b");
        queue.next().await;
        queue.done(&"a");
        tokio::time::sleep(Duration::from_secs(5)).await;
        let figures = queue.figures();
        let filled = |took: Took| {
            took.buckets()
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .map(|(bound, _)| bound)
                .collect::<Vec<_>>()
        };
        assert_eq!((filled(figures.waited), figures.waited.sum().as_secs()), (vec![1e-8, 10.0], 3));
        assert_eq!((filled(figures.worked), figures.worked.sum().as_millis() / 10), (vec![0.1], 2));
        assert_eq!((figures.unfinished.as_secs(), figures.longest.as_secs()), (5, 5));
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
