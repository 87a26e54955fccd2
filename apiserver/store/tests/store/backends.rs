//! The contract suite on the backend in memory, bare and within a wrapper without faults, and on flawed ones.

use std::sync::Arc;

use async_trait::async_trait;
use keelson_store::backend::Backend;
use keelson_store::contract::{self, Fresh, Place};
use keelson_store::fault::{Faulty, Plan};
use keelson_store::memory::Memory;

use crate::flawed::{Flaw, Flawed};

/// A history in memory, with something around it whenever it is opened.
struct InMemory {
    memory: Memory,
    wrap: Arc<dyn Fn(Arc<dyn Backend>) -> Arc<dyn Backend> + Send + Sync>,
}

#[async_trait]
impl Place for InMemory {
    async fn open(&self) -> Arc<dyn Backend> {
        (self.wrap)(Arc::new(self.memory.clone()))
    }
}

fn places(
    memory: fn() -> Memory,
    wrap: impl Fn(Arc<dyn Backend>) -> Arc<dyn Backend> + Send + Sync + 'static,
) -> Box<Fresh> {
    let wrap = Arc::new(wrap);
    Box::new(move || Arc::new(InMemory { memory: memory(), wrap: wrap.clone() }))
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    contract::check(&*places(Memory::new, |backend| backend), 0..5000).await;
    contract::check(&*places(Memory::shared, |backend| backend), 5000..10_000).await;
}

#[tokio::test]
async fn a_wrapper_without_faults_changes_nothing() {
    let calm = |backend| -> Arc<dyn Backend> { Arc::new(Faulty::new(backend, 1, Plan::calm())) };
    contract::check(&*places(Memory::shared, calm), 0..200).await;
    contract::check(&*places(Memory::shared, |backend| Flawed::around(backend, Flaw::None)), 0..200).await;
}

/// Each flaw, a case that must name it, and whether the generated histories must find it too.
#[tokio::test]
async fn every_flaw_is_caught() {
    let caught = [
        (
            Flaw::SkipsTheHeadCheck,
            "an append that does not extend the head conflicts and has no effect",
            true,
        ),
        (Flaw::LosesABatch, "appends, compactions and reads go on side by side", true),
        (Flaw::AcknowledgesBeforeTheFlush, "what was acknowledged is there after reopening", true),
        (Flaw::RefusesWithEffect, "appends, compactions and reads go on side by side", true),
        (Flaw::AppendsInPart, "an append moves the head by its writes", true),
        (Flaw::TakesTwice, "the same batch is taken once", true),
        (Flaw::TellsAnOldHead, "an append that does not extend the head conflicts and has no effect", true),
        (Flaw::DropsFromTheLog, "a log can begin after every revision, also in the middle of a batch", true),
        (Flaw::Reorders, "a log can begin after every revision, also in the middle of a batch", true),
        (Flaw::SkipsTheMiddle, "a log can begin after every revision, also in the middle of a batch", true),
        (Flaw::HidesCompaction, "every floor keeps what comes after it", true),
        (Flaw::DropsFromTheBase, "every floor keeps what comes after it", true),
        (Flaw::ServesAnOldObject, "every floor keeps what comes after it", true),
        (Flaw::CompactsTooFar, "the floor moves up step by step", true),
        (Flaw::TellsAnOldFloor, "every floor keeps what comes after it", true),
        (Flaw::NeverWakes, "who waits for the head is woken", false),
    ];
    for (flaw, case, by_chance) in caught {
        let memory = if flaw == Flaw::NeverWakes { Memory::shared } else { Memory::new };
        let fresh = places(memory, move |backend| Flawed::around(backend, flaw));
        let failures = contract::failures(&*fresh).await;
        assert!(failures.iter().any(|(name, _)| *name == case), "{flaw:?} passes {case:?}: {failures:#?}");
        let found = contract::generated(&*fresh, 0..100).await.is_err();
        assert_eq!(found, by_chance, "{flaw:?} in generated histories");
    }
}
