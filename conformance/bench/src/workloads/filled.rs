//! What servers take up, and how soon they are ready: empty ones, and those that hold much.

use std::time::Duration;

use anyhow::Result;
use http::Method;
use tokio::time::sleep;

use crate::bodies::Form;
use crate::connection::{Ask, Connections};
use crate::figures::{Figure, Figures};
use crate::place::Running;
use crate::workloads::{MEGABYTE, Stage, requests};

/// How long a server is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(2);

/// One round of a server that holds nothing: what a first start writes is there already.
pub(crate) async fn empty(stage: Stage) -> Result<(Stage, Figures)> {
    let (scale, span) = (stage.scale, stage.span);
    drop(stage.connections);
    let (running, took) = stage.running.again().await?;
    sleep(REST).await;
    let figures = Figures::default()
        .with(Figure::StartEmpty, Some(millis(took)))
        .with(Figure::ResidentIdle, resident(&running));
    Ok((Stage::on(running, scale, span).await?, figures))
}

/// One round of a server that is filled: its memory on the way, and a start.
pub(crate) async fn filled(mut stage: Stage) -> Result<(Stage, Figures)> {
    let (scale, span) = (stage.scale, stage.span);
    requests::fill(&mut stage, scale.objects).await?;
    sleep(REST).await;
    let mut figures = Figures::default().with(Figure::ResidentFull, resident(&stage.running));
    for form in [Form::Json, Form::Protobuf] {
        stage.connections.exchange(0, Ask::get("/api/v1/pods".into(), form)).await?.good()?;
    }
    figures = figures.with(Figure::ResidentListed, resident(&stage.running));
    drop(stage.connections);
    let (running, took) = stage.running.again().await?;
    // The first request shows that ready is ready.
    let connections = Connections::open(&running.access(), 1).await?;
    let ask = Ask { method: Method::GET, ..Ask::get("/api/v1/pods?limit=1".into(), Form::Json) };
    connections.exchange(0, ask).await?.good()?;
    sleep(REST).await;
    let figures = figures
        .with(Figure::StartFull, Some(millis(took)))
        .with(Figure::ResidentStarted, resident(&running))
        .with(Figure::Disk, running.disk()?.map(|bytes| bytes as f64 / MEGABYTE));
    Ok((Stage::on(running, scale, span).await?, figures))
}

fn resident(running: &Running) -> Option<f64> {
    running.cost().map(|cost| cost.resident as f64 / MEGABYTE)
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
