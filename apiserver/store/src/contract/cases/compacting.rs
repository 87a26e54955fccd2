//! Moving the floor: nothing behind it is needed any more, nothing above it is touched.

use std::sync::Arc;

use futures::TryStreamExt;

use super::some_history;
use crate::backend::BackendError;
use crate::contract::history::compare_batches;
use crate::contract::{History, Outcome, Place};
use crate::revision::Revision;

/// Enough that floors lie between batches and in the middle of some, and that every object is written twice.
const BATCHES: u64 = 14;

pub(super) async fn every_floor(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let mut history = some_history(&*backend, BATCHES).await?;
    // Each floor in turn meets a log that goes on behind it, and an append on top of it.
    for floor in history.revisions() {
        backend.compact(&history.image_at(floor)).await?;
        history.compare(&*backend, floor).await?;
        history.append(&*backend, &[("pods", "a/after", Some(b"compaction"))]).await?;
        history.compare(&*backend, floor).await?;
    }
    Ok(())
}

pub(super) async fn step_by_step(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let mut history = some_history(&*backend, BATCHES).await?;
    let mut floor = Revision::GENESIS;
    for step in [1, 2, 3, 5] {
        floor = floor.plus(step);
        backend.compact(&history.image_at(floor)).await?;
        history.compare(&*backend, floor).await?;
    }
    backend.compact(&history.image_at(history.head())).await?;
    history.compare(&*backend, history.head()).await?;
    let floor = history.head();
    for value in [Some(&b"1"[..]), None] {
        history.append(&*backend, &[("pods", "a/x", Some(b"")), ("pods", "a/after", value)]).await?;
        history.compare(&*backend, floor).await?;
    }
    Ok(())
}

pub(super) async fn to_the_floor(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let empty = History::new(1);
    backend.compact(&empty.image_at(Revision::GENESIS)).await?;
    empty.compare(&*backend, Revision::GENESIS).await?;
    let history = some_history(&*backend, BATCHES).await?;
    let floor = Revision(history.head().0 - 3);
    for _ in 0..3 {
        backend.compact(&history.image_at(floor)).await?;
        history.compare(&*backend, floor).await?;
    }
    Ok(())
}

pub(super) async fn under_a_reader(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let history = some_history(&*backend, BATCHES).await?;
    let mut log = backend.log(Revision::GENESIS).await?;
    let mut read = Vec::from_iter(log.try_next().await?);
    backend.compact(&history.image_at(history.head())).await?;
    // It may be told so, but must not miss anything silently.
    loop {
        match log.try_next().await {
            Ok(Some(batch)) => read.push(batch),
            Ok(None) => return compare_batches("the log while it is compacted", &read, history.batches()),
            Err(BackendError::Compacted { .. }) => {
                return compare_batches(
                    "the log until it is compacted",
                    &read,
                    &history.batches()[..read.len()],
                );
            }
            Err(other) => return Err(other.into()),
        }
    }
}

pub(super) async fn reopening(place: Arc<dyn Place>) -> Outcome {
    let mut history = some_history(&*place.open().await, BATCHES).await?;
    for floor in history.revisions() {
        let backend = place.open().await;
        backend.compact(&history.image_at(floor)).await?;
        drop(backend);
        let backend = place.open().await;
        history.compare(&*backend, floor).await?;
        history.append(&*backend, &[("pods", "a/after", Some(b"reopening"))]).await?;
        history.compare(&*backend, floor).await?;
        drop(backend);
        history.compare(&*place.open().await, floor).await?;
    }
    Ok(())
}
