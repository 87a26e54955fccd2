//! Everything that reads what strangers send, under mutated input: decoders, selectors, patches, applied
//! configurations, and whole requests to a server.
//!
//! Each target says what must hold of any input: it is answered, not with a panic, and what was read and written again
//! reads the same. Inputs grow from seeds by mutation; one whose answer was never seen before becomes a seed itself.
//! The rounds are numbered and nothing else decides on an input, so a failure comes again with the same build.
//! `KEELSON_FUZZ_ROUNDS=1000000 ./test -p keelson-fuzz patches` goes on for longer than a usual test run.

#![cfg(test)]

mod mutate;
mod objects;
mod requests;
mod seeds;
mod words;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use keelson_store::fault::Random;
use mutate::Mutator;

/// Seeds there are at most: more would each have too little of a turn.
const SEEDS_MAX: usize = 2000;

/// Runs `target` on mutations of `seeds`. It says what kind of answer there was, or what is wrong.
fn fuzz(rounds: u64, seeds: &[&str], mut target: impl FnMut(&[u8]) -> Result<String, String>) {
    let mut mutator = Mutator::new(seeds);
    let mut kinds = HashSet::new();
    for round in 0..asked_rounds(rounds) {
        let input = mutator.input(round, &mut Random::new(round));
        let shown = || String::from_utf8_lossy(&input[..input.len().min(4000)]).escape_debug().to_string();
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
        let kind = match outcome {
            Ok(Ok(kind)) => kind,
            Ok(Err(why)) => panic!("round {round}: {why}\n  for {}", shown()),
            Err(_) => panic!("round {round} panics\n  for {}", shown()),
        };
        if kinds.len() < SEEDS_MAX && kinds.insert(without_names(&kind)) {
            mutator.keep(input);
        }
    }
    assert!(kinds.len() > 1, "whatever was tried, the answer was the same");
}

#[expect(clippy::disallowed_methods, reason = "how long to try is for whoever runs the test to say")]
fn asked_rounds(usual: u64) -> u64 {
    std::env::var("KEELSON_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// An answer's text without what only names a part of the input: figures and what is quoted.
fn without_names(text: &str) -> String {
    let mut quoted = false;
    let kept = text.chars().filter(|symbol| {
        quoted ^= *symbol == '"';
        !quoted && !symbol.is_ascii_digit()
    });
    kept.take(120).collect()
}

fn must(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

#[test]
fn what_is_wrong_is_found() {
    let panics = catch_unwind(|| fuzz(10, &["x"], |_| panic!("as planned")));
    assert!(panics.is_err());
    let pairs = |input: &[u8]| {
        must(input.windows(2).all(|two| two[0] != two[1]), || "no two neighbours are alike".to_owned())?;
        Ok("x".repeat(input.len() % 7))
    };
    assert!(catch_unwind(|| fuzz(10_000, &["abc", "de"], pairs)).is_err());
}
