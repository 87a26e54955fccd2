//! The workloads, by how they are measured.

pub(crate) mod filled;
pub(crate) mod requests;
pub(crate) mod watch;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use http::{Method, StatusCode};
use keelson_subject::cost::{self, Cost};
use serde_json::json;

use crate::arguments::Scale;
use crate::bodies::{self, Form};
use crate::connection::{Ask, Connections};
use crate::figures::{Figure, Figures};
use crate::load::Outcome;
use crate::place::Running;

/// A server and what a workload needs on it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) running: Running,
    pub(crate) connections: Arc<Connections>,
    pub(crate) scale: Scale,
    /// How long a loop lasts.
    pub(crate) span: Duration,
    /// Names given so far.
    names: u64,
    /// Pods there are to be read.
    pods: u64,
}

impl Stage {
    pub(crate) async fn on(running: Running, scale: Scale, span: Duration) -> Result<Self> {
        let connections = Connections::open(&running.access(), scale.connections).await?;
        let stage = Self { running, connections: Arc::new(connections), scale, span, names: 0, pods: 0 };
        Ok(stage)
    }

    /// So many names that nobody has: the first of them, each followed by the next.
    pub(crate) fn names(&mut self, count: u64) -> u64 {
        self.names += count;
        self.names - count
    }

    /// A namespace in which pods can be made, where there is no controller that would make what that takes.
    pub(crate) async fn namespace(&self, name: &str) -> Result<()> {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        let account =
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } });
        let accounts = format!("/api/v1/namespaces/{name}/serviceaccounts");
        for (path, object) in [("/api/v1/namespaces".to_owned(), namespace), (accounts, account)] {
            let body = bodies::encode(&object, Form::Json)?.into();
            let answer =
                self.connections.exchange(0, Ask::send(Method::POST, path, Form::Json, body)).await?;
            if answer.status != StatusCode::CONFLICT {
                answer.good()?;
            }
        }
        Ok(())
    }

    /// Deletes all of a namespace's objects of a resource.
    pub(crate) async fn clear(&self, namespace: &str, resource: &str) -> Result<()> {
        let path = format!("/api/v1/namespaces/{namespace}/{resource}?gracePeriodSeconds=0");
        let ask = Ask { method: Method::DELETE, ..Ask::get(path, Form::Json) };
        self.connections.exchange(0, ask).await?.good()?;
        Ok(())
    }
}

/// What was used up at some moment.
#[derive(Debug)]
pub(crate) struct Meter {
    server: Option<Cost>,
    client: Cost,
}

impl Meter {
    pub(crate) fn read(running: &Running) -> Self {
        Self { server: running.cost(), client: cost::of(&[std::process::id()]) }
    }

    /// What was used up since, for what came of it.
    pub(crate) fn figures(&self, running: &Running, mut outcome: Outcome) -> Figures {
        let now = Self::read(running);
        let (count, seconds) = (outcome.latencies.len() as f64, outcome.took.as_secs_f64());
        let each = |before: Cost, now: Cost| (now.processor - before.processor).as_secs_f64() / count * 1e3;
        let mut millis = |percent| outcome.latencies.percentile(percent).map(|took| took.as_secs_f64() * 1e3);
        let (half, most) = (millis(50), millis(99));
        let server = self.server.zip(now.server);
        Figures::default()
            .with(Figure::Rate, Some(count / seconds))
            .with(Figure::Half, half)
            .with(Figure::Most, most)
            .with(Figure::Server, server.map(|(before, now)| each(before, now)))
            .with(Figure::Client, Some(each(self.client, now.client)))
            .with(Figure::Bytes, Some(outcome.bytes as f64 / MEGABYTE / seconds))
            .with(Figure::Resident, now.server.map(|cost| cost.resident as f64 / MEGABYTE))
            .with(Figure::Failed, Some(outcome.failed as f64))
    }
}

/// Bytes in what figures are said in.
pub(crate) const MEGABYTE: f64 = 1e6;
