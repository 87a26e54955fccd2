//! What is counted and measured, by upstream's names, for whoever shows it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use tokio::time::Instant;

/// What tells values apart: names and values of labels.
pub type Labels = Vec<(&'static str, String)>;

/// A figure, as it is to be shown.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Upstream's name of it.
    pub name: &'static str,
    /// What it is, without a full stop.
    pub help: &'static str,
    /// Whether it can only grow.
    pub counts: bool,
    /// Its values.
    pub values: Vec<(Labels, f64)>,
    /// The same where they are distributions.
    pub distributions: Vec<(Labels, Distribution)>,
}

/// How often something was how large.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// The first bound; each further one is twice as large.
    first: f64,
    counts: Vec<u64>,
    /// All of it together.
    pub sum: f64,
}

impl Distribution {
    fn new(first: f64, bounds: usize) -> Self {
        Self { first, counts: vec![0; bounds + 1], sum: 0.0 }
    }

    fn add(&mut self, value: f64) {
        self.sum += value;
        let last = self.counts.len() - 1;
        let (mut at, mut bound) = (0, self.first);
        while at < last && value > bound {
            at += 1;
            bound *= 2.0;
        }
        self.counts[at] += 1;
    }

    /// Each bound, and how often it was at most that and more than the bound before; the last has no bound.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let last = self.counts.len() - 1;
        let mut bound = self.first;
        let mut buckets = Vec::with_capacity(self.counts.len());
        for (at, count) in self.counts.iter().enumerate() {
            buckets.push((if at == last { f64::INFINITY } else { bound }, *count));
            bound *= 2.0;
        }
        buckets
    }
}

/// How an attempt to place a pod ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Scheduled,
    Unschedulable,
    Error,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Unschedulable => "unschedulable",
            Self::Error => "error",
        }
    }
}

/// Attempts from here on are shown as one.
const ATTEMPTS_SHOWN: u32 = 15;

#[derive(Debug)]
struct Counted {
    attempts: BTreeMap<(Outcome, CompactString), Distribution>,
    algorithm: Distribution,
    /// From the first wait to the binding, by the number of attempts.
    until_bound: BTreeMap<u32, Distribution>,
    attempts_of_pods: Distribution,
    preemptions: u64,
    victims: Distribution,
    incoming: BTreeMap<(&'static str, &'static str), u64>,
    points: BTreeMap<(&'static str, &'static str, CompactString), Distribution>,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            attempts: BTreeMap::new(),
            algorithm: Distribution::new(0.001, 15),
            until_bound: BTreeMap::new(),
            attempts_of_pods: Distribution::new(1.0, 5),
            preemptions: 0,
            victims: Distribution::new(1.0, 7),
            incoming: BTreeMap::new(),
            points: BTreeMap::new(),
        }
    }
}

/// How long the extension points of one decision took. It looks at the time and decides nothing by it.
#[derive(Debug)]
pub(crate) struct Laps {
    last: Instant,
    laps: Vec<(&'static str, &'static str, Duration)>,
}

impl Laps {
    pub(crate) fn begin() -> Self {
        Self { last: Instant::now(), laps: Vec::new() }
    }

    /// A point is done.
    pub(crate) fn done(&mut self, point: &'static str, status: &'static str) {
        let now = Instant::now();
        self.laps.push((point, status, now - self.last));
        self.last = now;
    }

    pub(crate) fn tell(self, figures: &Figures, profile: &CompactString) {
        let mut counted = figures.counted.lock();
        for (point, status, took) in self.laps {
            counted.ran(point, status, profile, took);
        }
    }
}

/// What waits at the moment.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// By queue.
    pub(crate) pods: Vec<(&'static str, usize)>,
    /// By plugin and profile.
    pub(crate) rejected: BTreeMap<(&'static str, CompactString), usize>,
    /// Nodes, pods on them, and pods that are taken to be on them.
    pub(crate) known: [usize; 3],
}

type Look = Box<dyn Fn() -> Waiting + Send>;

/// All of it. Cheap to clone: the clones are one.
#[derive(Clone, Default)]
pub struct Figures {
    counted: Arc<Mutex<Counted>>,
    look: Arc<Mutex<Option<Look>>>,
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

impl Figures {
    /// What waits is asked of this from now on.
    pub(crate) fn look_by(&self, look: impl Fn() -> Waiting + Send + 'static) {
        *self.look.lock() = Some(Box::new(look));
    }

    /// A decision was made, which took so long.
    pub(crate) fn decided(&self, took: Duration) {
        self.counted.lock().algorithm.add(took.as_secs_f64());
    }

    /// An attempt ended; it took so long with all that belongs to it.
    pub(crate) fn attempted(&self, outcome: Outcome, profile: &CompactString, took: Duration) {
        let mut counted = self.counted.lock();
        let attempts = counted.attempts.entry((outcome, profile.clone()));
        attempts.or_insert_with(|| Distribution::new(0.001, 15)).add(took.as_secs_f64());
    }

    /// A pod is bound, after so many attempts and so long.
    pub(crate) fn bound(&self, attempts: u32, waited: Duration) {
        let mut counted = self.counted.lock();
        counted.attempts_of_pods.add(f64::from(attempts));
        let waited_so = counted.until_bound.entry(attempts.min(ATTEMPTS_SHOWN));
        waited_so.or_insert_with(|| Distribution::new(0.01, 20)).add(waited.as_secs_f64());
    }

    /// So many pods go for another.
    pub(crate) fn preempts(&self, victims: usize) {
        let mut counted = self.counted.lock();
        counted.preemptions += 1;
        counted.victims.add(victims as f64);
    }

    /// So many pods came into a queue because of this.
    pub(crate) fn came(&self, queue: &'static str, event: &'static str, pods: usize) {
        if pods > 0 {
            *self.counted.lock().incoming.entry((queue, event)).or_default() += pods as u64;
        }
    }

    /// All plugins of an extension point took so long.
    pub(crate) fn ran(
        &self,
        point: &'static str,
        status: &'static str,
        profile: &CompactString,
        took: Duration,
    ) {
        self.counted.lock().ran(point, status, profile, took);
    }

    /// All of them as they are.
    #[must_use]
    pub fn read(&self) -> Vec<Figure> {
        let waiting = self.look.lock().as_ref().map(|look| look()).unwrap_or_default();
        let mut figures = waiting.shown();
        figures.extend(self.counted.lock().shown());
        figures
    }
}

fn label(name: &'static str, value: impl Into<String>) -> (&'static str, String) {
    (name, value.into())
}

fn values(
    name: &'static str,
    help: &'static str,
    counts: bool,
    values: impl Iterator<Item = (Labels, f64)>,
) -> Figure {
    Figure { name, help, counts, values: values.collect(), distributions: Vec::new() }
}

fn distributions(
    name: &'static str,
    help: &'static str,
    shown: impl Iterator<Item = (Labels, Distribution)>,
) -> Figure {
    Figure { name, help, counts: false, values: Vec::new(), distributions: shown.collect() }
}

impl Waiting {
    fn shown(&self) -> Vec<Figure> {
        let pods = self.pods.iter().map(|(queue, count)| (vec![label("queue", *queue)], *count as f64));
        let rejected = self.rejected.iter().map(|((plugin, profile), count)| {
            (vec![label("plugin", *plugin), label("profile", profile.as_str())], *count as f64)
        });
        let known = ["nodes", "pods", "assumed_pods"].into_iter().zip(self.known);
        let known = known.map(|(kind, count)| (vec![label("type", kind)], count as f64));
        vec![
            values("scheduler_pending_pods", "Pods that wait for a place, by queue", false, pods),
            values(
                "scheduler_unschedulable_pods",
                "Pods that have no place, by a plugin that rejected them",
                false,
                rejected,
            ),
            values("scheduler_cache_size", "Nodes, pods and assumed pods that are known", false, known),
        ]
    }
}

impl Counted {
    fn ran(&mut self, point: &'static str, status: &'static str, profile: &CompactString, took: Duration) {
        let points = self.points.entry((point, status, profile.clone()));
        points.or_insert_with(|| Distribution::new(0.0001, 12)).add(took.as_secs_f64());
    }

    fn shown(&self) -> Vec<Figure> {
        let of_attempts = |(outcome, profile): &(Outcome, CompactString)| {
            vec![label("result", outcome.as_str()), label("profile", profile.as_str())]
        };
        let attempts = self.attempts.iter();
        let counts =
            attempts.clone().map(|(key, took)| (of_attempts(key), took.counts.iter().sum::<u64>() as f64));
        let waited = self.until_bound.iter().map(|(attempts, waited)| {
            let plus = if *attempts == ATTEMPTS_SHOWN { "+" } else { "" };
            (vec![label("attempts", format!("{attempts}{plus}"))], waited.clone())
        });
        let incoming = self.incoming.iter().map(|((queue, event), pods)| {
            (vec![label("queue", *queue), label("event", *event)], *pods as f64)
        });
        let points = self.points.iter().map(|((point, status, profile), took)| {
            let labels = vec![
                label("extension_point", *point),
                label("status", *status),
                label("profile", profile.as_str()),
            ];
            (labels, took.clone())
        });
        let alone = |shown: &Distribution| std::iter::once((Vec::new(), shown.clone()));
        vec![
            values(
                "scheduler_schedule_attempts_total",
                "Attempts to place pods, by how they ended",
                true,
                counts,
            ),
            distributions(
                "scheduler_scheduling_attempt_duration_seconds",
                "How long attempts took, with binding",
                attempts.map(|(key, took)| (of_attempts(key), took.clone())),
            ),
            distributions(
                "scheduler_scheduling_algorithm_duration_seconds",
                "How long decisions took",
                alone(&self.algorithm),
            ),
            distributions(
                "scheduler_pod_scheduling_sli_duration_seconds",
                "How long pods waited until they were bound, by the number of attempts",
                waited,
            ),
            distributions(
                "scheduler_pod_scheduling_attempts",
                "Attempts until a pod was bound",
                alone(&self.attempts_of_pods),
            ),
            values(
                "scheduler_queue_incoming_pods_total",
                "Pods that came into a queue, by what brought them",
                true,
                incoming,
            ),
            values(
                "scheduler_preemption_attempts_total",
                "How often pods were to go for another",
                true,
                std::iter::once((Vec::new(), self.preemptions as f64)),
            ),
            distributions("scheduler_preemption_victims", "How many go for another", alone(&self.victims)),
            distributions(
                "scheduler_framework_extension_point_duration_seconds",
                "How long all plugins of an extension point took",
                points,
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_buckets() {
        let mut shown = Distribution::new(1.0, 3);
        for value in [0.5, 1.0, 3.0, 4.0, 100.0] {
            shown.add(value);
        }
        assert_eq!(shown.buckets(), [(1.0, 2), (2.0, 0), (4.0, 2), (f64::INFINITY, 1)]);
        assert!((shown.sum - 108.5).abs() < 1e-9);
    }

    #[test]
    fn what_was_counted_is_shown_by_upstreams_names() {
        let figures = Figures::default();
        figures.attempted(Outcome::Scheduled, &"p".into(), Duration::from_millis(3));
        figures.bound(17, Duration::from_secs(1));
        figures.came("active", "PodAdd", 2);
        figures.look_by(|| Waiting { pods: vec![("active", 3)], ..Waiting::default() });
        let shown = figures.read();
        let of = |name: &str| shown.iter().find(|figure| figure.name == name).unwrap();
        let attempts = vec![label("result", "scheduled"), label("profile", "p")];
        assert_eq!(of("scheduler_schedule_attempts_total").values, [(attempts, 1.0)]);
        assert_eq!(of("scheduler_pending_pods").values, [(vec![label("queue", "active")], 3.0)]);
        let waited = &of("scheduler_pod_scheduling_sli_duration_seconds").distributions;
        assert_eq!(waited[0].0, [label("attempts", "15+")]);
    }
}
