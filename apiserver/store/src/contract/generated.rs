//! Histories that a seed tells: appends, compactions, reopenings and reads in any order, compared step by step.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::history::{compare_batches, describe, read_log};
use super::{Broken, Fresh, History, Outcome, Place, committed, same};
use crate::backend::{Appended, Backend};
use crate::batch::Batch;
use crate::fault::Random;
use crate::revision::Revision;

const RESOURCES: &[&str] = &["pods", "nodes", "widgets.example.com"];
const PATHS: &[&str] = &["a/x", "a/y", "a-b/x", "b/x", "b/y", "alone"];
const STEPS_MAX: u64 = 40;
const WRITES_MAX: u64 = 5;
const VALUE_BYTES_MAX: u64 = 64;

/// Puts a backend through the histories of these seeds.
///
/// # Errors
/// What the first of them shows that breaks the contract, with the seed for [`replay`] and the steps until then.
pub async fn generated(fresh: &Fresh, seeds: Range<u64>) -> Outcome {
    for seed in seeds {
        replay(fresh, seed).await?;
    }
    Ok(())
}

/// Puts a backend through the history of one seed.
///
/// # Errors
/// What it shows that breaks the contract.
pub async fn replay(fresh: &Fresh, seed: u64) -> Outcome {
    let mut run = Run::new(fresh(), seed).await;
    let outcome = run.all().await;
    outcome.map_err(|Broken(why)| {
        let steps = run.steps.join("\n      ");
        Broken(format!("`replay(fresh, {seed})` shows it; {why}; the steps were\n      {steps}"))
    })
}

struct Run {
    place: Arc<dyn Place>,
    /// Absent only while it is reopened.
    backend: Option<Arc<dyn Backend>>,
    random: Random,
    history: History,
    /// The floor last asked for.
    floor: Revision,
    steps: Vec<String>,
}

impl Run {
    async fn new(place: Arc<dyn Place>, seed: u64) -> Self {
        let backend = Some(place.open().await);
        let (random, history) = (Random::new(seed), History::new(seed));
        Self { place, backend, random, history, floor: Revision::GENESIS, steps: Vec::new() }
    }

    async fn all(&mut self) -> Outcome {
        for _ in 0..self.random.between(1, STEPS_MAX) {
            self.step().await?;
        }
        self.reopen().await?;
        self.history.compare(&*self.backend(), self.floor).await
    }

    async fn step(&mut self) -> Outcome {
        match self.random.below(100) {
            0..50 => self.append().await,
            50..58 => self.append_stale().await,
            58..63 => self.append_again().await,
            63..75 => self.compact().await,
            75..80 => self.reopen().await,
            _ => self.read().await,
        }
    }

    fn backend(&self) -> Arc<dyn Backend> {
        self.backend.clone().expect("present between steps")
    }

    async fn append(&mut self) -> Outcome {
        let batch = self.draft();
        self.steps.push(format!("append {}", describe(&batch)));
        committed("the append", &self.backend().append(&batch).await)?;
        self.history.push(batch);
        Ok(())
    }

    async fn append_stale(&mut self) -> Outcome {
        let base = Revision(self.random.below(self.history.head().0 + 3));
        if base == self.history.head() {
            return Ok(());
        }
        let batch = self.history.draft_on(base, &[("pods", "a/x", Some(b"stale"))]);
        self.steps.push(format!("append stale {}", describe(&batch)));
        self.conflict(&batch).await
    }

    async fn append_again(&mut self) -> Outcome {
        let Some(batch) = self.history.batches().last().cloned() else { return Ok(()) };
        self.steps.push(format!("append again {}", describe(&batch)));
        self.conflict(&batch).await
    }

    async fn conflict(&mut self, batch: &Arc<Batch>) -> Outcome {
        match self.backend().append(batch).await {
            Appended::Conflict { head } => same("the head in the conflict", head, self.history.head()),
            other => Err(Broken(format!("expected a conflict, got {other:?}"))),
        }
    }

    async fn compact(&mut self) -> Outcome {
        self.floor = Revision(self.random.between(self.floor.0, self.history.head().0));
        self.steps.push(format!("compact to {}", self.floor));
        Ok(self.backend().compact(&self.history.image_at(self.floor)).await?)
    }

    async fn reopen(&mut self) -> Outcome {
        self.steps.push("reopen".to_owned());
        self.backend = None;
        self.backend = Some(self.place.open().await);
        same("the head", self.backend().head().await?, self.history.head())
    }

    async fn read(&mut self) -> Outcome {
        let after = Revision(self.random.between(self.floor.0, self.history.head().0));
        self.steps.push(format!("read the base, and the log after {after}"));
        let backend = self.backend();
        same("the head", backend.head().await?, self.history.head())?;
        self.history.compare_base(&*backend, self.floor).await?;
        compare_batches("the log", &read_log(&*backend, after).await?, self.history.log_after(after))
    }

    /// A batch of a few writes. What is not there is put, what is there is sometimes deleted.
    fn draft(&mut self) -> Arc<Batch> {
        let mut there: BTreeSet<_> = self
            .history
            .objects()
            .keys()
            .map(|key| (key.resource.to_string(), key.path.to_string()))
            .collect();
        let mut changes = Vec::new();
        for _ in 0..self.random.between(1, WRITES_MAX) {
            let (resource, path) = (*self.random.pick(RESOURCES), *self.random.pick(PATHS));
            let name = (resource.to_owned(), path.to_owned());
            let delete = there.contains(&name) && self.random.chance(300);
            if delete {
                there.remove(&name);
                changes.push((resource, path, None));
            } else {
                there.insert(name);
                changes.push((resource, path, Some(self.value())));
            }
        }
        let changes: Vec<_> =
            changes.iter().map(|(resource, path, value)| (*resource, *path, value.as_deref())).collect();
        self.history.draft(&changes)
    }

    fn value(&mut self) -> Vec<u8> {
        (0..self.random.below(VALUE_BYTES_MAX)).map(|_| self.random.draw() as u8).collect()
    }
}
