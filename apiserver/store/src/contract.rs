//! What every backend must keep to, as cases that any of them is put through.
//!
//! A backend's tests say where a history can live ([`Place`]) and call [`check`]. The suite sees nothing but the
//! [`Backend`] trait; it compares what it is told with a trivial model, the plain list of batches. Hand-written cases
//! come first, each about one sentence of the contract; then histories generated from seeds, of which each can be
//! replayed alone.

mod cases;
mod generated;
mod history;

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{AbortHandle, Aborted, BoxFuture, abortable};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::backend::{Appended, Backend, BackendError};

pub use cases::CASES;
pub use generated::{generated, replay};
pub use history::{Change, History, Objects};

/// After this long a case counts as stuck.
const CASE_MAX: Duration = Duration::from_secs(120);

/// Where one history lives: a directory, a key range, a piece of memory.
#[async_trait]
pub trait Place: Send + Sync + 'static {
    /// Opens the history that lives here; the first time it is empty.
    ///
    /// Where the backend has its history to itself, every earlier handle has been dropped before.
    async fn open(&self) -> Arc<dyn Backend>;
}

/// Makes a new place with nothing in it.
pub type Fresh = dyn Fn() -> Arc<dyn Place> + Send + Sync;

/// One sentence of the contract.
pub struct Case {
    /// The sentence.
    pub name: &'static str,
    /// Finds out whether it is true.
    pub run: fn(Arc<dyn Place>) -> BoxFuture<'static, Outcome>,
}

/// Whether the backend kept to it, or how it did not.
pub type Outcome<T = ()> = Result<T, Broken>;

/// What a backend did against the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(pub String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<BackendError> for Broken {
    fn from(error: BackendError) -> Self {
        Self(format!("a call failed that had no reason to: {error}"))
    }
}

/// Puts a backend through all cases, and through the generated histories of these seeds.
///
/// # Panics
/// If it breaks the contract; the message names each broken sentence, and the first seed that shows a breach.
pub async fn check(fresh: &Fresh, seeds: Range<u64>) {
    let mut broken = failures(fresh).await;
    if let Err(why) = generated(fresh, seeds).await {
        broken.push(("generated histories", why));
    }
    let report: String = broken.iter().map(|(case, why)| format!("\n- {case}:\n    {why}")).collect();
    assert!(broken.is_empty(), "the backend breaks its contract:{report}");
}

/// The hand-written cases that a backend fails, each with what happened.
pub async fn failures(fresh: &Fresh) -> Vec<(&'static str, Broken)> {
    let mut broken = Vec::new();
    for case in CASES {
        let run = tokio::time::timeout(CASE_MAX, (case.run)(fresh())).await;
        if let Err(why) = run.unwrap_or_else(|_| Err(Broken(format!("stuck for {CASE_MAX:?}")))) {
            broken.push((case.name, why));
        }
    }
    broken
}

/// Breaks off the case unless both are the same.
fn same<T: PartialEq + fmt::Debug + Copy>(what: &str, got: T, expected: T) -> Outcome {
    if got == expected {
        return Ok(());
    }
    Err(Broken(format!("{what}: expected {expected:?}, got {got:?}")))
}

/// Breaks off the case unless it holds.
fn holds(what: impl FnOnce() -> String, condition: bool) -> Outcome {
    if condition { Ok(()) } else { Err(Broken(what())) }
}

fn committed(what: &str, appended: &Appended) -> Outcome {
    holds(|| format!("{what}: expected Committed, got {appended:?}"), matches!(appended, Appended::Committed))
}

/// Runs `call` on a thread of its own, since an append may block the one it is made on.
fn aside<T: Send + 'static>(call: impl Future<Output = Outcome<T>> + Send + 'static) -> Aside<T> {
    let runtime = Handle::current();
    let (call, abort) = abortable(call);
    Aside { running: tokio::task::spawn_blocking(move || runtime.block_on(call)), abort }
}

/// What runs aside; given up when this is dropped, so that a case that fails leaves nothing behind that waits.
struct Aside<T> {
    running: JoinHandle<Result<Outcome<T>, Aborted>>,
    abort: AbortHandle,
}

impl<T> Aside<T> {
    async fn outcome(mut self) -> Outcome<T> {
        match (&mut self.running).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(Aborted)) => Err(Broken("given up".to_owned())),
            Err(panic) => Err(Broken(format!("a call panicked: {panic}"))),
        }
    }
}

impl<T> Drop for Aside<T> {
    fn drop(&mut self) {
        self.abort.abort();
    }
}
