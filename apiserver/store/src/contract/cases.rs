//! The hand-written cases: each finds out whether one sentence of the contract is true.

mod appending;
mod compacting;
mod racing;
mod reading;
mod values;

use super::{Case, History, Outcome};
use crate::backend::Backend;

macro_rules! cases {
    ($($name:literal => $run:path,)*) => {
        &[$(Case { name: $name, run: |place| Box::pin($run(place)) }),*]
    };
}

/// All of them, the simplest first.
pub const CASES: &[Case] = cases! {
    "an empty history is at genesis and stays so" => appending::genesis,
    "an append moves the head by its writes" => appending::moves_the_head,
    "an append that does not extend the head conflicts and has no effect" => appending::conflicts,
    "the same batch is taken once" => appending::once,
    "a path is created, deleted and created again" => appending::again,
    "a batch may write one object several times" => appending::several_times,
    "a log can begin after every revision, also in the middle of a batch" => reading::every_revision,
    "a log ends at the head of the call" => reading::ends_at_the_call,
    "a base stands still while it is read" => reading::stands_still,
    "every floor keeps what comes after it" => compacting::every_floor,
    "the floor moves up step by step" => compacting::step_by_step,
    "compacting to the floor changes nothing" => compacting::to_the_floor,
    "a log that is being read is not cut by compaction" => compacting::under_a_reader,
    "what is empty has no length, what is large comes whole" => values::sizes,
    "names are any text within the limits" => values::names,
    "resources are told apart, however many" => values::resources,
    "a batch may hold thousands of writes" => values::many_writes,
    "what was acknowledged is there after reopening" => appending::reopening,
    "what was compacted is so after reopening" => compacting::reopening,
    "of many appends on one head one is taken" => racing::one_head,
    "of two writers' appends none is lost or taken twice" => racing::two_writers,
    "appends, compactions and reads go on side by side" => racing::side_by_side,
    "who waits for the head is woken" => racing::woken,
};

/// A history with batches of one to four writes, over a few objects in two resources.
async fn some_history(backend: &dyn Backend, batches: u64) -> Outcome<History> {
    const PATHS: &[&str] = &["a/x", "a/y", "a-b/x", "b/x", "cluster-wide"];
    let mut history = History::new(1);
    let mut turn = 0;
    for batch in 0..batches {
        let values: Vec<_> = (0..=batch % 4).map(|write| format!("{batch}.{write}")).collect();
        let mut changes = Vec::new();
        for value in &values {
            turn += 1;
            let resource = if turn % 3 == 0 { "nodes" } else { "pods" };
            let path = PATHS[turn * 7 % PATHS.len()];
            // Only what is there can be deleted; a batch of one write may do so.
            let there =
                history.objects().keys().any(|key| key.resource.as_str() == resource && *key.path == *path);
            let gone = values.len() == 1 && there;
            changes.push((resource, path, (!gone).then_some(value.as_bytes())));
        }
        history.append(backend, &changes).await?;
    }
    Ok(history)
}
