//! When somebody else was faster: read anew, decide anew, write again.

use std::time::Duration;

use crate::problem::Problem;

/// How often a write is tried; upstream's.
const TRIES_MAX: u32 = 5;
/// The first wait between two tries; each is longer by half.
const WAIT_MILLIS: u64 = 10;

/// Tries `write` until it meets no conflict, a few times at most. `write` has to read anew each time.
///
/// # Errors
/// The first [`Problem`] that is no conflict, or the last conflict.
pub async fn on_conflict<T, F>(mut write: impl FnMut() -> F + Send) -> Result<T, Problem>
where
    F: Future<Output = Result<T, Problem>> + Send,
{
    let mut wait = WAIT_MILLIS;
    for _ in 1..TRIES_MAX {
        match write().await {
            Err(problem) if problem.is_conflict() => {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                wait += wait / 2;
            }
            ended => return ended,
        }
    }
    write().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_conflicts_are_tried_again() {
        for (code, expected) in [(409, 5), (404, 1)] {
            let mut tries = 0;
            let ended = on_conflict(|| {
                tries += 1;
                async move { Err::<(), _>(Problem::refused(code, b"{}")) }
            });
            assert!(ended.await.is_err());
            assert_eq!(tries, expected);
        }
    }
}
