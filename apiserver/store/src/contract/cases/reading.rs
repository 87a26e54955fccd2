//! Reading the log and the base.

use std::sync::Arc;

use futures::TryStreamExt;

use super::some_history;
use crate::contract::history::{compare_batches, compare_objects, read_base};
use crate::contract::{Outcome, Place, same};
use crate::revision::Revision;

pub(super) async fn every_revision(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let history = some_history(&*backend, 9).await?;
    for after in history.revisions() {
        history.compare_log(&*backend, after, Revision::GENESIS).await?;
    }
    Ok(())
}

pub(super) async fn ends_at_the_call(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let mut history = some_history(&*backend, 4).await?;
    let log = backend.log(Revision::GENESIS).await?;
    let nothing = backend.log(history.head()).await?;
    let before = history.batches().to_vec();
    history.append(&*backend, &[("pods", "a/later", Some(b""))]).await?;
    let log: Vec<_> = log.try_collect().await?;
    compare_batches("the log begun before an append", &log, &before)?;
    let nothing: Vec<_> = nothing.try_collect().await?;
    compare_batches("the log begun at the head before an append", &nothing, &[])
}

pub(super) async fn stands_still(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let mut history = some_history(&*backend, 8).await?;
    let floor = Revision(history.head().0 - 2);
    backend.compact(&history.image_at(floor)).await?;
    let first = read_base(&*backend).await?;
    history.append(&*backend, &[("pods", "a/x", Some(b"later")), ("pods", "a/new", Some(b""))]).await?;
    let second = read_base(&*backend).await?;
    same("the floor before and after an append", second.0, first.0)?;
    compare_objects("the base after an append", &second.1, &first.1)
}
