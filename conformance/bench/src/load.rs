//! Requests, as many as go or as many as are due, by workers that each do one thing at a time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::join_all;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::connection::{Answer, Ask, Connections};
use crate::statistics::Latencies;

/// What does the same again and again.
pub(crate) trait Worker: Send {
    /// The next request.
    fn ask(&mut self) -> Result<Ask>;

    /// What was answered to it.
    fn hear(&mut self, answer: &Answer) {
        let _ = answer;
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) latencies: Latencies,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    /// Bytes of answers.
    pub(crate) bytes: u64,
    pub(crate) failed: u64,
    /// What the first failure was.
    pub(crate) why: Option<String>,
}

impl Outcome {
    fn note(&mut self, answer: Result<Answer>, took: Duration) {
        match answer.and_then(Answer::good) {
            Ok(answer) => {
                self.latencies.add(took);
                self.bytes += answer.bytes;
            }
            Err(error) => {
                self.failed += 1;
                self.why.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }

    fn join(mut self, other: Self) -> Self {
        self.latencies.append(other.latencies);
        self.bytes += other.bytes;
        self.failed += other.failed;
        self.why = self.why.or(other.why);
        self
    }
}

/// When a closed loop ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After this time.
    Over(Duration),
    /// After so many requests, of all workers together.
    Done(u64),
}

/// Each worker asks again as soon as it was answered.
pub(crate) async fn closed(
    connections: &Connections,
    workers: &mut [Box<dyn Worker>],
    until: Until,
) -> Result<Outcome> {
    let began = Instant::now();
    let left = std::sync::atomic::AtomicU64::new(match until {
        Until::Over(_) => u64::MAX,
        Until::Done(count) => count,
    });
    let goes_on = || {
        use std::sync::atomic::Ordering::Relaxed;
        left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
            && !matches!(until, Until::Over(span) if began.elapsed() >= span)
    };
    let work = workers.iter_mut().enumerate().map(async |(lane, worker)| {
        let mut outcome = Outcome::default();
        while goes_on() {
            one(connections, lane, &mut **worker, Instant::now(), &mut outcome).await?;
        }
        anyhow::Ok(outcome)
    });
    let outcomes = join_all(work).await.into_iter().collect::<Result<Vec<_>>>()?;
    let sum = outcomes.into_iter().fold(Outcome::default(), Outcome::join);
    Ok(Outcome { took: began.elapsed(), ..sum })
}

/// Requests become due at a fixed rate, whether or not earlier ones were answered; each worker takes its turn. What is
/// measured counts from when it was due.
pub(crate) async fn open(
    connections: &Arc<Connections>,
    workers: Vec<Box<dyn Worker>>,
    rate: f64,
    span: Duration,
) -> Result<Outcome> {
    let workers: Vec<_> = workers.into_iter().map(|worker| Arc::new(Mutex::new(worker))).collect();
    let (began, mut running, mut sum) = (Instant::now(), JoinSet::new(), Outcome::default());
    for turn in 0.. {
        let due = began + Duration::from_secs_f64(f64::from(turn) / rate);
        if due >= began + span {
            break;
        }
        sleep_until(due).await;
        let lane = turn as usize % workers.len();
        let (connections, worker) = (Arc::clone(connections), Arc::clone(&workers[lane]));
        running.spawn(async move {
            let mut outcome = Outcome::default();
            one(&connections, lane, &mut **worker.lock().await, due, &mut outcome).await.map(|()| outcome)
        });
    }
    while let Some(ended) = running.join_next().await {
        sum = sum.join(ended.context("a worker ran into a defect")??);
    }
    Ok(Outcome { took: began.elapsed(), ..sum })
}

async fn one(
    connections: &Connections,
    lane: usize,
    worker: &mut dyn Worker,
    due: Instant,
    outcome: &mut Outcome,
) -> Result<()> {
    let answer = connections.exchange(lane, worker.ask()?).await;
    if let Ok(answer) = &answer {
        worker.hear(answer);
    }
    outcome.note(answer, due.elapsed());
    Ok(())
}
