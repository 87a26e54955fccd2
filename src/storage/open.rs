//! The opened store, and what can be told of it and done with it beside serving.

use std::sync::Arc;

use futures::FutureExt;
use keelson_api::time::Clock;
use keelson_apiserver::metrics::Figure;
use keelson_store::Store;
use keelson_store_embedded::{Embedded, Report};

use super::report::{Checked, Compacted, Status};
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::random;

/// The store, and the engine below it.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    engine: Arc<Embedded>,
}

impl Opened {
    /// Lets everything asked for be answered, and lets go of the directory.
    pub(crate) async fn close(self) {
        self.store.close().await;
        self.engine.close();
    }
}

/// Opens the store in `data_dir`, or makes one. Nothing is changed if that fails.
pub(crate) async fn open(data_dir: &DataDir, clock: &Clock) -> Result<Opened, Failure> {
    if !data_dir.exists() {
        data_dir.make()?;
    }
    let engine = Embedded::open(&data_dir.store(), keelson_store_embedded::Options::default());
    let engine = Arc::new(engine.map_err(|error| Failure::from_error("cannot open the store", &error, ""))?);
    let mut options =
        keelson_store::options::Options::new(clock.clone(), u64::from_le_bytes(random::bytes()?));
    options.indexes = keelson_apiserver::indexes();
    let store = Store::open(engine.clone(), options).await;
    let store = store.map_err(|error| Failure::from_error("cannot open the store", &error, ""))?;
    Ok(Opened { store, engine })
}

/// What is stored and what it takes up.
pub(crate) async fn status(opened: &Opened) -> Result<Status, Failure> {
    let status = opened.store.status().await;
    let status =
        status.map_err(|error| Failure::from_error("the store does not say how it is", &error, ""))?;
    Ok(Status {
        pid: std::process::id(),
        head: status.head.0,
        floor: status.floor.0,
        objects: status
            .objects
            .iter()
            .map(|(resource, count)| (resource.to_string(), *count as u64))
            .collect(),
        history_events: status.history_events as u64,
        history_bytes: status.history_bytes,
        log_bytes: status.usage.log_bytes,
        base_bytes: status.usage.base_bytes,
        free_bytes: status.usage.free_bytes,
        watches: status.watches as u64,
    })
}

/// Verifies everything while the store is open.
pub(crate) fn check(opened: &Opened) -> Result<Checked, Failure> {
    let report = opened.engine.verify();
    report.map(checked).map_err(|error| Failure::from_error("cannot check the store", &error, ""))
}

/// Verifies everything in a directory that nobody has open.
pub(crate) fn check_closed(data_dir: &DataDir) -> Result<Checked, Failure> {
    let report = Embedded::verify_dir(&data_dir.store());
    report.map(checked).map_err(|error| Failure::from_error("cannot check the store", &error, ""))
}

fn checked(report: Report) -> Checked {
    Checked {
        head: report.head.0,
        floor: report.floor.0,
        base_objects: report.objects,
        base_bytes: report.base_bytes,
        log_writes: report.writes,
        log_bytes: report.log_bytes,
        torn: report
            .end
            .filter(|_| report.torn)
            .map(|(path, offset)| format!("{} at byte {offset}", path.display())),
        problems: report.problems.iter().map(ToString::to_string).collect(),
    }
}

/// Drops all history and gives its disk space back.
pub(crate) async fn compact(opened: &Opened) -> Result<Compacted, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::from_error("cannot compact the store", error, "");
    let before = status(opened).await?;
    let image = opened.store.image();
    opened.engine.compact_now(&image).await.map_err(|error| failed(&error))?;
    opened.store.compact(image.revision).await.map_err(|error| failed(&error))?;
    let after = status(opened).await?;
    let bytes = |status: &Status| status.log_bytes + status.base_bytes;
    Ok(Compacted { floor: after.floor, bytes_before: bytes(&before), bytes_after: bytes(&after) })
}

/// Whether the store goes on.
pub(crate) fn health(store: &Store) -> Result<(), String> {
    store.ended_because().now_or_never().map_or(Ok(()), |why| Err(why.to_string()))
}

/// The store among the metrics. What cannot be told at once is left out.
pub(crate) fn figures(store: &Store) -> Vec<Figure> {
    let Some(Ok(status)) = store.status().now_or_never() else { return Vec::new() };
    let objects = status.objects.iter().map(|(resource, count)| {
        let (resource, group) = resource.as_str().split_once('.').unwrap_or((resource.as_str(), ""));
        (vec![("group", group.to_owned()), ("resource", resource.to_owned())], *count as f64)
    });
    let objects = Figure {
        name: "apiserver_resource_objects",
        help: "Stored objects by resource",
        counts: false,
        values: objects.collect(),
        distributions: Vec::new(),
    };
    let size = (status.usage.log_bytes + status.usage.base_bytes) as f64;
    let size = Figure {
        name: "apiserver_storage_size_bytes",
        help: "What stored data takes up on the disk",
        counts: false,
        values: vec![(vec![("storage_cluster_id", "embedded".to_owned())], size)],
        distributions: Vec::new(),
    };
    let gauge = |name, help, value: u64| Figure::one(name, help, false, value as f64);
    let count = |name, help, value: u64| Figure::one(name, help, true, value as f64);
    let mut figures = vec![
        objects,
        size,
        gauge("keelson_storage_revision", "The last revision", status.head.0),
        gauge("keelson_storage_floor", "The oldest revision that can be read", status.floor.0),
        gauge(
            "keelson_storage_history_events",
            "Events in the history that is kept",
            status.history_events as u64,
        ),
        gauge("keelson_storage_history_bytes", "What that history takes up in the log", status.history_bytes),
        gauge("keelson_storage_watches", "Open watches", status.watches as u64),
        count("keelson_storage_appends_total", "Batches made durable", status.appends),
        count("keelson_storage_writes_total", "Writes made durable", status.writes),
        Figure::one(
            "keelson_storage_append_seconds_total",
            "How long making batches durable took",
            true,
            status.append_nanos as f64 / 1e9,
        ),
    ];
    figures.extend(
        status
            .usage
            .free_bytes
            .map(|free| gauge("keelson_storage_free_bytes", "Room left on the disk", free)),
    );
    figures
}
