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
    loop {
        let followed = match shared.backend.advanced(shared.head()).await {
            Ok(to) => catch_up(&requests, to).await,
            Err(error) => Some(Err(error)),
        };
        match followed {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::warn!(%error, "cannot follow other writers; trying again");
                tokio::time::sleep(RETRY_AFTER).await;
            }
            None => return,
        }
    }
}

/// Answers readers who want the most recent state: one question to the backend serves all who asked before it.
pub(crate) async fn answer_barriers(
    shared: Arc<Shared>,
    requests: mpsc::WeakSender<Request>,
    mut asked: mpsc::Receiver<oneshot::Sender<Result<Revision, BackendError>>>,
) {
    const READERS_MAX: usize = 4096;
    let mut readers = Vec::new();
    while asked.recv_many(&mut readers, READERS_MAX).await > 0 {
        let answer = match shared.backend.head().await {
            Ok(head) if head > shared.head() => match catch_up(&requests, head).await {
                Some(caught_up) => caught_up.map(|()| head),
                None => return,
            },
            head => head,
        };
        for reader in readers.drain(..) {
            drop(reader.send(answer.clone()));
        }
    }
}

/// Has the committer apply everything up to `to`; nothing comes back if there is no committer any more.
async fn catch_up(requests: &mpsc::WeakSender<Request>, to: Revision) -> Option<Result<(), BackendError>> {
    let (done, caught_up) = oneshot::channel();
    requests.upgrade()?.send(Request::CatchUp { to, done }).await.ok()?;
    caught_up.await.ok()
}
