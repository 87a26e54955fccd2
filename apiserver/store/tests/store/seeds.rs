//! Running one test under many seeds, each in a world with a time of its own.

use std::future::Future;

use keelson_store::contract::{Broken, Outcome};
use tokio::runtime::Builder;

/// Runs `replay` with every seed.
///
/// The first that fails ends the test and is named: `replay(seed)` shows it again, alone and step by step the same.
pub(crate) fn every_seed(seeds: impl IntoIterator<Item = u64>, replay: impl Fn(u64) -> Outcome) {
    for seed in seeds {
        if let Err(Broken(why)) = replay(seed) {
            panic!("`replay({seed})` fails: {why}");
        }
    }
}

/// Runs a world to its end on this thread. Its time passes only where all in it wait.
pub(crate) fn virtually<T>(world: impl Future<Output = T>) -> T {
    interleaved(1, world)
}

/// The same, where up to this many tasks of the stores have a turn before those who call them have theirs again.
pub(crate) fn interleaved<T>(turns: u32, world: impl Future<Output = T>) -> T {
    run(Builder::new_current_thread().start_paused(true).event_interval(turns), world)
}

/// The same in the time of the machine.
pub(crate) fn really<T>(world: impl Future<Output = T>) -> T {
    run(&mut Builder::new_current_thread(), world)
}

fn run<T>(builder: &mut Builder, world: impl Future<Output = T>) -> T {
    builder.enable_time().build().expect("a runtime of one thread needs nothing").block_on(world)
}
