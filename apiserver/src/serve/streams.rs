//! The requests of one HTTP/2 connection, answered in the task of the connection itself.
//!
//! A task of its own for each request would be woken on another processor, write its answer by itself, and so cost a
//! switch of threads and a system call or two, which is more than most requests take. Here all that came together is
//! answered together, and what is written to the store together is told together. Requests that come in great numbers
//! on one connection still go to other processors. A defect still costs one request, as it would cost one task.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use hyper::rt::Executor;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;

/// Requests that one connection answers in its own task before further ones of the same moment get tasks of their own.
const TOGETHER_MAX: usize = 32;

/// Where the connection leaves its requests.
#[derive(Clone, Default)]
pub(super) struct Begun(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl<Request: Future<Output = ()> + Send + 'static> Executor<Request> for Begun {
    fn execute(&self, request: Request) {
        // What has failed is dropped, which resets its stream; it is not looked at again.
        let request = AssertUnwindSafe(request).catch_unwind().map(|ended| {
            if ended.is_err() {
                tracing::error!("an answer ran into a defect while it was sent");
            }
        });
        self.0.lock().push(Box::pin(request));
    }
}

/// The requests that are being answered.
#[derive(Default)]
pub(super) struct Streams {
    begun: Begun,
    running: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Streams {
    /// Where new ones are left.
    pub(super) fn begun(&self) -> Begun {
        self.begun.clone()
    }

    /// Goes on with all that can go on. Says whether any could.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> bool {
        let mut begun = std::mem::take(&mut *self.begun.0.lock());
        let mut moved = !begun.is_empty();
        for request in begun.drain(begun.len().min(TOGETHER_MAX)..) {
            TokioExecutor::new().execute(request);
        }
        for mut request in begun {
            // Most are answered at once, and need no place among those that wait.
            if Pin::new(&mut request).poll(context).is_pending() {
                self.running.push(request);
            }
        }
        while let Poll::Ready(Some(())) = self.running.poll_next_unpin(context) {
            moved = true;
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_waits_is_gone_on_with() {
        let mut streams = Streams::default();
        let done = Arc::new(AtomicUsize::new(0));
        let (tell, wait) = oneshot::channel::<()>();
        let count = done.clone();
        streams.begun().execute(async move {
            wait.await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
        });
        let moved = std::future::poll_fn(|context| Poll::Ready(streams.poll(context)));
        assert!(moved.await);
        assert_eq!(done.load(Ordering::Relaxed), 0);
        tell.send(()).unwrap();
        let moved = std::future::poll_fn(|context| Poll::Ready(streams.poll(context)));
        assert!(moved.await);
        assert_eq!(done.load(Ordering::Relaxed), 1);
        let moved = std::future::poll_fn(|context| Poll::Ready(streams.poll(context)));
        assert!(!moved.await);
    }

    #[tokio::test]
    async fn a_defect_costs_one_request() {
        let mut streams = Streams::default();
        let done = Arc::new(AtomicUsize::new(0));
        let (tell, wait) = oneshot::channel::<()>();
        let count = done.clone();
        streams.begun().execute(async move {
            wait.await.unwrap();
            panic!("later");
        });
        streams.begun().execute(async { panic!("at once") });
        streams.begun().execute(async move {
            tokio::task::yield_now().await;
            count.fetch_add(1, Ordering::Relaxed);
        });
        tell.send(()).unwrap();
        std::future::poll_fn(|context| {
            streams.poll(context);
            if streams.running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert_eq!(done.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_crowd_is_answered_by_others_too() {
        let mut streams = Streams::default();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..TOGETHER_MAX + 5 {
            let tell = tell.clone();
            streams.begun().execute(async move { tell.send(()).unwrap() });
        }
        std::future::poll_fn(|context| Poll::Ready(streams.poll(context))).await;
        let mut at_once = 0;
        while told.try_recv().is_ok() {
            at_once += 1;
        }
        assert_eq!(at_once, TOGETHER_MAX);
        for _ in 0..5 {
            told.recv().await.unwrap();
        }
    }
}
