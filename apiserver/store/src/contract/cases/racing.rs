//! Several at once: writers on one history, and compactions and reads beside them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::some_history;
use crate::backend::{Appended, Backend, BackendError, Sharing};
use crate::batch::Batch;
use crate::contract::history::{compare_batches, compare_objects, describe, read_base, read_log};
use crate::contract::{Broken, History, Outcome, Place, aside, holds, same};
use crate::revision::Revision;

const WRITERS: u64 = 4;
const ROUNDS: u64 = 8;
/// Far longer than it takes, far shorter than for ever.
const WOKEN_MAX: Duration = Duration::from_secs(10);

pub(super) async fn one_head(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    let mut history = some_history(&*backend, 3).await?;
    for round in 0..ROUNDS {
        let drafts: Vec<_> =
            (0..WRITERS).map(|writer| own(&mut history.clone(), 10 + writer, round)).collect();
        let calls: Vec<_> =
            drafts.iter().map(|batch| aside(append(backend.clone(), batch.clone()))).collect();
        let mut winners = Vec::new();
        for (call, batch) in calls.into_iter().zip(drafts) {
            if call.outcome().await? {
                winners.push(batch);
            }
        }
        same("how many of them were committed", winners.len(), 1)?;
        history.push(winners.remove(0));
        history.compare(&*backend, Revision::GENESIS).await?;
    }
    Ok(())
}

pub(super) async fn two_writers(place: Arc<dyn Place>) -> Outcome {
    let one = place.open().await;
    // Where a second handle is not to be had, two writers share the one there is.
    let two = if one.sharing() == Sharing::Shared { place.open().await } else { one.clone() };
    let writers = [aside(write_on(one.clone(), 1)), aside(write_on(two.clone(), 2))];
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.outcome().await?);
    }
    acknowledged.sort_by_key(|batch| batch.base);
    for backend in [&one, &two] {
        let log = read_log(&**backend, Revision::GENESIS).await?;
        compare_batches("the log beside what was acknowledged", &log, &acknowledged)?;
    }
    Ok(())
}

/// Appends some batches, each on the head that the last conflict told, and returns what was acknowledged.
async fn write_on(backend: Arc<dyn Backend>, writer: u64) -> Outcome<Vec<Arc<Batch>>> {
    const BATCHES: usize = 30;
    let (mut acknowledged, mut head, mut drafter) = (Vec::new(), backend.head().await?, History::new(writer));
    let path = format!("a/{writer}");
    while acknowledged.len() < BATCHES {
        let batch = drafter.draft_on(head, &[("pods", &path, Some(b"1")), ("pods", "a/both", Some(b"2"))]);
        match backend.append(&batch).await {
            Appended::Committed => {
                head = batch.head();
                acknowledged.push(batch);
            }
            Appended::Conflict { head: told } => {
                holds(|| format!("a conflict on {head} tells the head {told}"), told != head)?;
                head = told;
            }
            other => return Err(Broken(format!("{}: got {other:?}", describe(&batch)))),
        }
    }
    Ok(acknowledged)
}

pub(super) async fn side_by_side(place: Arc<dyn Place>) -> Outcome {
    const BATCHES: u64 = 150;
    let backend = place.open().await;
    let mut history = History::new(1);
    for batch in 0..BATCHES {
        let (path, value) = (format!("a/{}", batch % 7), batch.to_string());
        let drafted = history
            .draft(&[("pods", &path, Some(value.as_bytes())), ("nodes", &path, Some(value.as_bytes()))]);
        history.push(drafted);
    }
    let history = Arc::new(history);
    let (progress, head) = watch::channel(Revision::GENESIS);
    let compacting = aside(compact_along(backend.clone(), history.clone(), head.clone()));
    let reading = aside(read_along(backend.clone(), history.clone(), head));
    let writing = aside({
        let (backend, history) = (backend.clone(), history.clone());
        async move {
            for batch in history.batches() {
                holds(
                    || format!("{} was not taken", describe(batch)),
                    append(backend.clone(), batch.clone()).await?,
                )?;
                progress.send_replace(batch.head());
            }
            Ok(())
        }
    });
    // The writer first: its end is what lets the others end.
    let outcomes = [writing.outcome().await, compacting.outcome().await, reading.outcome().await];
    outcomes.into_iter().collect::<Outcome>()?;
    history.compare(&*backend, history.head()).await
}

/// Moves the floor as the head moves, sometimes into the middle of a batch.
async fn compact_along(
    backend: Arc<dyn Backend>,
    history: Arc<History>,
    mut head: watch::Receiver<Revision>,
) -> Outcome {
    while head.changed().await.is_ok() {
        let head = *head.borrow_and_update();
        backend.compact(&history.image_at(Revision(head.0 - 1))).await?;
    }
    Ok(())
}

/// Reads base and log over and over: together they must make the history up to at least the head before.
async fn read_along(
    backend: Arc<dyn Backend>,
    history: Arc<History>,
    mut head: watch::Receiver<Revision>,
) -> Outcome {
    while head.changed().await.is_ok() {
        let head = *head.borrow_and_update();
        let (floor, objects) = read_base(&*backend).await?;
        compare_objects("the base while all go on", &objects, &history.objects_at(floor))?;
        match read_log(&*backend, floor).await {
            Ok(log) => {
                let expected = history.log_after(floor);
                compare_batches("the log while all go on", &log, &expected[..log.len().min(expected.len())])?;
                let reached = log.last().map_or(floor, |batch| batch.head());
                holds(|| format!("the log ends at {reached}, before the head {head}"), reached >= head)?;
            }
            // The floor may have moved between the two calls.
            Err(BackendError::Compacted { floor: moved }) if moved > floor => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

pub(super) async fn woken(place: Arc<dyn Place>) -> Outcome {
    let backend = place.open().await;
    if backend.sharing() == Sharing::Exclusive {
        // Nobody else writes: there is nothing to wait for.
        return Ok(());
    }
    let (waiter, mut history) = (place.open().await, History::new(1));
    for _ in 0..ROUNDS {
        let past = history.head();
        let waiting = aside({
            let waiter = waiter.clone();
            async move { Ok(waiter.advanced(past).await?) }
        });
        history.append(&*backend, &[("pods", "a/x", Some(b"1")), ("pods", "a/y", Some(b"2"))]).await?;
        let woken = tokio::time::timeout(WOKEN_MAX, waiting.outcome()).await;
        let woken = woken.unwrap_or_else(|_| Err(Broken(format!("not woken within {WOKEN_MAX:?}"))))?;
        same("the head that was waited for", woken, history.head())?;
        same("the head that is already past", waiter.advanced(past).await?, history.head())?;
    }
    Ok(())
}

/// A batch on the head, by another writer.
fn own(history: &mut History, writer: u64, round: u64) -> Arc<Batch> {
    let value = format!("{writer}.{round}");
    let mut batch = Batch::clone(&history.draft(&[("pods", "a/raced", Some(value.as_bytes()))]));
    batch.id.writer = writer;
    Arc::new(batch)
}

/// Whether it was committed; a conflict is the only other outcome allowed.
async fn append(backend: Arc<dyn Backend>, batch: Arc<Batch>) -> Outcome<bool> {
    match backend.append(&batch).await {
        Appended::Committed => Ok(true),
        Appended::Conflict { .. } => Ok(false),
        other => Err(Broken(format!("{}: got {other:?}", describe(&batch)))),
    }
}
