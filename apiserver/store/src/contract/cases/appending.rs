//! Appends one after another: the fence, and what stays.

use std::sync::Arc;

use super::some_history;
use crate::backend::{Appended, Backend};
use crate::batch::Batch;
use crate::contract::history::describe;
use crate::contract::{Broken, History, Outcome, Place, committed, same};
use crate::revision::Revision;

pub(super) async fn genesis(place: Arc<dyn Place>) -> Outcome {
    for _ in 0..2 {
        let backend = place.open().await;
        History::new(1).compare(&*backend, Revision::GENESIS).await?;
    }
    Ok(())
}

pub(super) async fn moves_the_head(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let mut history = History::new(1);
    for changes in [
        &[("pods", "a/x", Some(&b"1"[..]))][..],
        &[("pods", "a/y", Some(b"2")), ("nodes", "n", Some(b"3"))],
        &[("pods", "a/x", None)],
    ] {
        history.append(&*backend, changes).await?;
        same("the head", backend.head().await?, history.head())?;
    }
    same("the head after four writes", history.head(), Revision::GENESIS.plus(4))?;
    history.compare(&*backend, Revision::GENESIS).await
}

pub(super) async fn conflicts(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let mut history = some_history(&*backend, 5).await?;
    let head = history.head().0;
    for base in (0..head).chain([head + 1, head + 100]) {
        let stale = history.draft_on(Revision(base), &[("pods", "a/stale", Some(b"never"))]);
        conflict(&*backend, &stale, Revision(head)).await?;
    }
    history.compare(&*backend, Revision::GENESIS).await?;
    history.append(&*backend, &[("pods", "a/fresh", Some(b"at last"))]).await?;
    history.compare(&*backend, Revision::GENESIS).await
}

pub(super) async fn once(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let mut history = some_history(&*backend, 3).await?;
    let first = history.draft(&[("pods", "a/once", Some(b"1")), ("pods", "a/twice", Some(b"2"))]);
    committed("the first time", &backend.append(&first).await)?;
    history.push(first.clone());
    conflict(&*backend, &first, history.head()).await?;
    history.append(&*backend, &[("pods", "a/once", None)]).await?;
    conflict(&*backend, &first, history.head()).await?;
    history.compare(&*backend, Revision::GENESIS).await
}

pub(super) async fn again(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let mut history = History::new(1);
    for value in [Some(&b"1"[..]), Some(b"2"), None, Some(b"3"), None, Some(b"4")] {
        history.append(&*backend, &[("pods", "a/x", value)]).await?;
    }
    history.compare(&*backend, Revision::GENESIS).await?;
    backend.compact(&history.image_at(history.head())).await?;
    history.compare(&*backend, history.head()).await
}

pub(super) async fn several_times(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let mut history = History::new(1);
    let values = [Some(&b"1"[..]), None, Some(b"2"), Some(b"3"), None, Some(b"4")];
    history.append(&*backend, &values.map(|value| ("pods", "a/x", value))).await?;
    history.compare(&*backend, Revision::GENESIS).await?;
    for floor in history.revisions() {
        backend.compact(&history.image_at(floor)).await?;
        history.compare(&*backend, floor).await?;
    }
    Ok(())
}

pub(super) async fn reopening(place: Arc<dyn Place>) -> Outcome {
    let mut history = History::new(1);
    for batch in 0..12_u64 {
        let backend = place.open().await;
        history.compare(&*backend, Revision::GENESIS).await?;
        // Of two in a row, the last must be as safe as the first.
        for write in 0..=batch % 2 {
            let value = format!("{batch}.{write}");
            history
                .append(&*backend, &[("pods", "a/x", Some(value.as_bytes())), ("nodes", "n", Some(b""))])
                .await?;
        }
    }
    history.compare(&*place.open().await, Revision::GENESIS).await
}

async fn conflict(backend: &dyn Backend, batch: &Arc<Batch>, head: Revision) -> Outcome {
    match backend.append(batch).await {
        Appended::Conflict { head: told } => same("the head in the conflict", told, head),
        other => Err(Broken(format!("{}: expected a conflict at {head}, got {other:?}", describe(batch)))),
    }
}
