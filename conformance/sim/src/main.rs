//! The cluster in one thread under virtual time: API server over a store in memory, controllers, scheduler, hollow nodes,
//! and people who use it, while everything between them fails now and then. One seed decides on all of it: the same seed,
//! the same history. What must hold is judged from outside, at every write.
//!
//! `seed` is one run from its beginning to its end; `user` does what people do, `life` begins components anew that die,
//! `network` is where things go wrong, `tap` and `history` see every write, `checks` say what must hold. `stories` are
//! tests of another kind: what somebody does, and what has to come of it.
//!
//! ```text
//! keelson-sim [--from SEED] [--seeds NUMBER] [--seed SEED [--trace]] [--threads NUMBER]
//! ```

mod checks;
mod history;
mod house;
mod life;
mod network;
mod seed;
#[cfg(test)]
mod stories;
mod tap;
#[cfg(test)]
mod tests;
mod user;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use seed::{Outcome, Voice};

/// How many lines of a history are shown of a seed that fails.
const LINES_SHOWN: usize = 60;
/// How long a seed may take at most, in real time; a run that hangs is a defect like any other.
const SEED_SECONDS_MAX: u64 = 300;

const HELP: &str = "\
conformance/run sim [--from SEED] [--seeds NUMBER] [--threads NUMBER]
    runs so many seeds (100), and ends at the first that fails with what it takes to replay it
conformance/run sim --seed SEED [--trace]
    runs one seed, and prints everything that happens if told to";

struct Options {
    from: u64,
    seeds: u64,
    threads: usize,
    voice: Voice,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let (send, outcomes) = mpsc::channel();
    let (next, stop) = (Arc::new(AtomicU64::new(options.from)), Arc::new(AtomicBool::new(false)));
    let end = options.from + options.seeds;
    for _ in 0..options.threads {
        let (send, next, stop, voice) = (send.clone(), Arc::clone(&next), Arc::clone(&stop), options.voice);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end || send.send((seed, seed::run(seed, voice))).is_err() {
                    return;
                }
            }
        });
    }
    drop(send);
    judge(&options, &outcomes, &stop)
}

fn judge(options: &Options, outcomes: &mpsc::Receiver<(u64, Outcome)>, stop: &AtomicBool) -> ExitCode {
    let (mut ran, mut writes, mut seconds) = (0, 0, 0);
    loop {
        match outcomes.recv_timeout(Duration::from_secs(SEED_SECONDS_MAX)) {
            Ok((seed, outcome)) if outcome.wrongs.is_empty() => {
                ran += 1;
                writes += outcome.writes;
                seconds += outcome.seconds;
                if options.seeds == 1 {
                    println!("seed {seed} is {:016x}", outcome.hash);
                }
            }
            Ok((seed, outcome)) => {
                stop.store(true, Ordering::Relaxed);
                show(seed, &outcome);
                return ExitCode::FAILURE;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                println!("a seed from {} on hangs: {ran} ended well before", options.from);
                return ExitCode::FAILURE;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    if ran < options.seeds {
        println!("only {ran} of {} seeds came to an end", options.seeds);
        return ExitCode::FAILURE;
    }
    println!("{ran} seeds, {writes} writes, {} virtual hours: nothing wrong", seconds / 3600);
    ExitCode::SUCCESS
}

fn show(seed: u64, outcome: &Outcome) {
    let first = outcome.lines.len().saturating_sub(LINES_SHOWN);
    outcome.lines[first..].iter().for_each(|line| println!("{line}"));
    println!("\nseed {seed} fails after {} requests and {} writes:", outcome.requests, outcome.writes);
    outcome.wrongs.iter().for_each(|wrong| println!("  {wrong}"));
    println!("replay it: conformance/run sim --seed {seed} --trace");
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options { from: 0, seeds: 100, threads, voice: Voice::Silent };
    while let Some(flag) = arguments.next() {
        if flag == "--trace" {
            options.voice = Voice::Aloud;
            continue;
        }
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        let value = value.ok_or(format!("{flag} needs a number, or there is no such option"))?;
        match flag.as_str() {
            "--from" => options.from = value,
            "--seeds" => options.seeds = value,
            "--seed" => (options.from, options.seeds) = (value, 1),
            "--threads" => options.threads = usize::try_from(value).unwrap_or(1).max(1),
            _ => return Err(format!("there is no option {flag}")),
        }
    }
    Ok(options)
}
