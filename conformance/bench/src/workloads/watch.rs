//! Events to many watchers, and how long they were under way.
//!
//! What is written carries the moment of its writing in its name, so whoever receives it knows without asking anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use h2::RecvStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::bodies::{self, Form};
use crate::connection::{Ask, Connections};
use crate::figures::Figures;
use crate::load::{self, Outcome, Until};
use crate::statistics::Latencies;
use crate::workloads::requests::creators;
use crate::workloads::{Meter, Stage};

const NAMESPACE: &str = "bench-watched";
/// Streams on one connection: as many as servers allow by default.
const STREAMS: usize = 100;
/// Writers; more would measure the queue and not the way.
const WRITERS: usize = 8;
/// Until the last event has arrived, and that none comes any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// One round: so many writes, each to all watchers.
pub(crate) async fn round(
    stage: &mut Stage,
    watchers: usize,
    writes: u64,
    form: Form,
    pace: Option<f64>,
) -> Result<Figures> {
    let writes = stage.scale.writes.unwrap_or(writes);
    stage.namespace(NAMESPACE).await?;
    let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
    let list = stage.connections.exchange(0, Ask::get(format!("{path}?limit=1"), form)).await?.good()?;
    let revision = bodies::revision_of_list(&list.head, form).context("a list says no revision")?;
    let connections = Arc::new(Connections::open(&stage.running.access(), watchers.div_ceil(STREAMS)).await?);
    let began = Instant::now();
    let mut watching = JoinSet::new();
    for lane in 0..watchers {
        let ask = Ask::get(format!("{path}?watch=true&resourceVersion={revision}&timeoutSeconds=600"), form);
        let (status, stream) = connections.begin(lane / STREAMS, ask).await?;
        ensure!(status.is_success(), "a watch is answered with {status}");
        watching.spawn(Watcher { stream, form, rest: Vec::new() }.receive(writes, began));
    }
    let meter = Meter::read(&stage.running);
    let written = Instant::now();
    write(stage, &path, form, writes, began, pace).await?;
    let mut outcome = Outcome::default();
    while let Some(received) = watching.join_next().await {
        let (latencies, why) = received.context("a watcher ran into a defect")?;
        outcome.failed += writes - latencies.len() as u64;
        outcome.latencies.append(latencies);
        outcome.why = outcome.why.or(why);
    }
    outcome.took = written.elapsed();
    if let Some(why) = &outcome.why {
        eprintln!("  {} events were lost: {why}", outcome.failed);
    }
    let figures = meter.figures(&stage.running, outcome);
    drop(connections);
    stage.clear(NAMESPACE, "configmaps").await?;
    Ok(figures)
}

async fn write(
    stage: &Stage,
    path: &str,
    form: Form,
    writes: u64,
    began: Instant,
    pace: Option<f64>,
) -> Result<()> {
    // No two have the same name, even if they are written at the same moment.
    let last = Arc::new(AtomicU64::new(0));
    let stamp = move || {
        let now = began.elapsed().as_nanos() as u64;
        let before = last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
        before.map_or(now, |before| now.max(before + 1))
    };
    let mut workers = creators(path, form, stamp, WRITERS)?;
    let outcome = match pace {
        None => load::closed(&stage.connections, &mut workers, Until::Done(writes)).await?,
        Some(rate) => {
            let span = Duration::from_secs_f64((writes as f64 - 0.5) / rate);
            load::open(&stage.connections, workers, rate, span).await?
        }
    };
    ensure!(outcome.failed == 0, "what is watched cannot be written: {}", outcome.why.unwrap_or_default());
    Ok(())
}

struct Watcher {
    stream: RecvStream,
    form: Form,
    /// The beginning of an event whose end has not come yet.
    rest: Vec<u8>,
}

impl Watcher {
    /// So many events, and how long each was under way; fewer if no more come, and why.
    async fn receive(mut self, count: u64, began: Instant) -> (Latencies, Option<String>) {
        let mut latencies = Latencies::default();
        while (latencies.len() as u64) < count {
            let chunk = match timeout(PATIENCE, self.stream.data()).await {
                Ok(Some(Ok(chunk))) => chunk,
                Ok(Some(Err(error))) => return (latencies, Some(error.to_string())),
                Ok(None) => return (latencies, Some("the watch ended".into())),
                Err(_) => return (latencies, Some("no more came".into())),
            };
            let now = began.elapsed();
            if let Err(error) = self.stream.flow_control().release_capacity(chunk.len()) {
                return (latencies, Some(error.to_string()));
            }
            self.rest.extend_from_slice(&chunk);
            let mut read = 0;
            while let Some(end) = end_of_event(&self.rest[read..], self.form) {
                if let Some(written) = bodies::number(&self.rest[read..read + end]) {
                    latencies.add(now.saturating_sub(Duration::from_nanos(written)));
                }
                read += end;
            }
            self.rest.drain(..read);
        }
        (latencies, None)
    }
}

/// Where the first event ends, if it is there as a whole: a line, or what the length before it says.
fn end_of_event(bytes: &[u8], form: Form) -> Option<usize> {
    match form {
        Form::Json => memchr::memchr(b'\n', bytes).map(|at| at + 1),
        Form::Protobuf => {
            let (length, _) = bytes.split_first_chunk()?;
            let end = 4 + u32::from_be_bytes(*length) as usize;
            (end <= bytes.len()).then_some(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_end_where_they_say() {
        assert_eq!(end_of_event(b"{}\n{}", Form::Json), Some(3));
        assert_eq!(end_of_event(b"{}", Form::Json), None);
        assert_eq!(end_of_event(&[0, 0, 0, 2, 7, 7, 0], Form::Protobuf), Some(6));
        assert_eq!(end_of_event(&[0, 0, 0, 2, 7], Form::Protobuf), None);
        assert_eq!(end_of_event(&[0, 0], Form::Protobuf), None);
    }
}
