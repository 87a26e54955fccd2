//! Keeping up with other writers of the same history.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::backend::BackendError;
use crate::committer::Request;
use crate::revision::Revision;
use crate::shared::Shared;

/// Has the committer catch up whenever somebody else has extended the history.
pub(crate) async fn follow(shared: Arc<Shared>, requests: mpsc::WeakSender<Request>) {
    const RETRY_AFTER: Duration = Duration::from_millis(100);
    let mut progress = shared.progress.subscribe();
    loop {
        let head = progress.borrow_and_update().head;
        match shared.backend.advanced(head).await {
            Ok(_) => {
                let Some(requests) = requests.upgrade() else { return };
                if requests.send(Request::CatchUp).await.is_err() {
                    return;
                }
                // Whether by this or by a batch of our own: the replica moves, or the store ends.
                let moved =
                    progress.wait_for(|progress| progress.head > head || progress.ended.is_some()).await;
                if !moved.is_ok_and(|progress| progress.ended.is_none()) {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot follow other writers; trying again");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Answers readers who want the most recent state: one question to the backend serves all who asked before it.
pub(crate) async fn answer_barriers(
    shared: Arc<Shared>,
    mut asked: mpsc::Receiver<oneshot::Sender<Result<Revision, BackendError>>>,
) {
    const READERS_MAX: usize = 4096;
    let mut readers = Vec::new();
    while asked.recv_many(&mut readers, READERS_MAX).await > 0 {
        let head = shared.backend.head().await;
        for reader in readers.drain(..) {
            drop(reader.send(head.clone()));
        }
    }
}
