//! From a backend's bytes to a replica: the base in parallel, then the log in order.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::backend::{Backend, BackendError, Run};
use crate::image::Image;
use crate::index::IndexDefinition;
use crate::key::ResourceName;
use crate::replica::{Divergence, Replica};
use crate::table::Table;

/// Why a store cannot be opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// The backend cannot be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// What it holds does not make sense.
    #[error(transparent)]
    Divergence(#[from] Divergence),
}

/// Batches of the log that are read before they are applied; the reader waits then.
const BATCHES_AHEAD: usize = 16;
/// How often the floor may move away below a reader before it gives up.
const TRIES_MAX: usize = 16;

/// Loads everything that `backend` holds.
pub(crate) async fn load(
    backend: &dyn Backend,
    definitions: &BTreeMap<ResourceName, Vec<IndexDefinition>>,
) -> Result<Replica, OpenError> {
    let mut tries = 1;
    loop {
        match try_load(backend, definitions).await {
            // Somebody else has folded the log between the two reads.
            Err(OpenError::Backend(BackendError::Compacted { .. })) if tries < TRIES_MAX => tries += 1,
            outcome => return outcome,
        }
    }
}

async fn try_load(
    backend: &dyn Backend,
    definitions: &BTreeMap<ResourceName, Vec<IndexDefinition>>,
) -> Result<Replica, OpenError> {
    let scan = backend.scan().await?;
    // The log is read ahead while the base is put together, and while it is applied.
    let (ahead, mut batches) = mpsc::channel(BATCHES_AHEAD);
    let mut log = backend.log(scan.at).await?;
    let mut reader = JoinSet::new();
    reader.spawn(async move {
        while let Some(batch) = log.next().await {
            if ahead.send(batch).await.is_err() {
                return;
            }
        }
    });
    let mut image = Image { revision: scan.at, tables: BTreeMap::new() };
    // Each part decodes on whatever thread is free; they are put together here, as they come.
    let mut parts = JoinSet::new();
    for part in scan.parts {
        parts.spawn(part.try_collect::<Vec<Run>>());
    }
    while let Some(runs) = parts.join_next().await {
        let runs = runs.map_err(|error| BackendError::Unavailable(format!("a reader died: {error}")))?;
        for run in runs? {
            let table: &mut Table = image.tables.entry(run.resource).or_default();
            run.objects.into_iter().for_each(|object| drop(table.insert(object)));
        }
    }
    let mut replica = Replica::new(&image, definitions);
    while let Some(batch) = batches.recv().await {
        replica.apply(&*batch?)?;
    }
    match reader.join_next().await {
        Some(Err(error)) => Err(BackendError::Unavailable(format!("a reader died: {error}")).into()),
        _ => Ok(replica),
    }
}
