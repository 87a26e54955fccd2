//! The parts of the process: they begin here, and end here together.
//!
//! A part runs until it is told to stop. One that ends before takes the process down, loudly: nothing limps on. A
//! signal tells all parts to stop; a second one does not wait for them.

use std::future::Future;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use crate::failure::Failure;

/// Tells a part when to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Waits until it is time.
    pub(crate) async fn wait(mut self) {
        // An error says that nobody is left to tell, which is as good a reason.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// The parts that run.
#[derive(Debug)]
pub(crate) struct Parts {
    running: JoinSet<Result<(), Failure>>,
    names: Vec<(Id, &'static str)>,
    stop: watch::Sender<bool>,
}

/// How the parts came to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// They were told to, and did.
    InOrder,
    /// They were told a second time, and were not waited for.
    AtOnce,
}

impl Parts {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { running: JoinSet::new(), names: Vec::new(), stop: watch::Sender::new(false) }
    }

    /// What tells a part when to stop.
    pub(crate) fn stop(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Begins a part. It is expected to end once its [`Stop`] says so, and not before.
    pub(crate) fn begin(
        &mut self,
        name: &'static str,
        part: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) {
        let handle = self.running.spawn(part);
        self.names.push((handle.id(), name));
    }

    /// Waits for a signal and then for all parts, or for a part that ends too early.
    pub(crate) async fn run(mut self, signals: &mut Signals) -> Result<Ended, Failure> {
        let why = tokio::select! {
            ended = self.running.join_next_with_id() => return Err(self.too_early(ended)),
            name = signals.next() => name,
        };
        tracing::info!(signal = why, "stopping; send it again to end at once");
        self.stop.send_replace(true);
        while !self.running.is_empty() {
            tokio::select! {
                ended = self.running.join_next_with_id() => if let Some(ended) = ended {
                    self.after_stop(ended)?;
                },
                _ = signals.next() => {
                    self.running.shutdown().await;
                    return Ok(Ended::AtOnce);
                }
            }
        }
        Ok(Ended::InOrder)
    }

    fn too_early(&self, ended: Option<Result<(Id, Result<(), Failure>), JoinError>>) -> Failure {
        match ended {
            None => Failure::stopped("nothing was begun"),
            Some(Ok((id, Ok(())))) => {
                Failure::stopped(format!("{} has ended by itself; please report this", self.name(id)))
            }
            Some(Ok((id, Err(failure)))) => Failure::stopped(format!("{} died: {failure}", self.name(id))),
            Some(Err(error)) => self.defect(&error),
        }
    }

    fn after_stop(&self, ended: Result<(Id, Result<(), Failure>), JoinError>) -> Result<(), Failure> {
        match ended {
            Ok((_, Ok(()))) => Ok(()),
            Ok((id, Err(failure))) => {
                Err(Failure::stopped(format!("{} did not end well: {failure}", self.name(id))))
            }
            Err(error) => Err(self.defect(&error)),
        }
    }

    fn defect(&self, error: &JoinError) -> Failure {
        let name = self.name(error.id());
        Failure::stopped(format!(
            "{name} ran into a defect and died; please report this with the log: {error}"
        ))
    }

    fn name(&self, id: Id) -> &'static str {
        self.names.iter().find(|(of, _)| *of == id).map_or("a part", |(_, name)| name)
    }
}

/// The signals that ask a process to end.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes them over from the system, which would end the process at once.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(parts: Parts) -> Result<Ended, Failure> {
        parts.run(&mut Signals::take().unwrap()).await
    }

    #[tokio::test]
    async fn a_part_that_ends_by_itself_takes_the_process_down() {
        for (part, said) in [
            (Ok(()), "the thing has ended by itself; please report this"),
            (Err(Failure::stopped("no disk")), "the thing died: no disk"),
        ] {
            let mut parts = Parts::new();
            parts.begin("the thing", async { part });
            let stop = parts.stop();
            parts.begin("another", async {
                stop.wait().await;
                Ok(())
            });
            assert_eq!(run(parts).await.unwrap_err().to_string(), said);
        }
    }

    #[tokio::test]
    async fn so_does_one_that_panics() {
        let mut parts = Parts::new();
        parts.begin("the thing", async { panic!("oh") });
        let said = run(parts).await.unwrap_err().to_string();
        assert!(said.starts_with("the thing ran into a defect and died"), "{said}");
    }
}
