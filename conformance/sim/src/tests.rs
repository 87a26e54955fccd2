//! Some seeds, and that a seed decides on everything.

use crate::seed::{Voice, run};

/// How many seeds every run of the tests tries. `conformance/run sim` tries others.
const SEEDS: u64 = 6;

#[test]
fn nothing_goes_wrong() {
    for seed in 0..SEEDS {
        let outcome = run(seed, Voice::Silent);
        let end = outcome.lines[outcome.lines.len().saturating_sub(40)..].join("\n");
        assert!(outcome.wrongs.is_empty(), "{end}\nseed {seed}: {:#?}", outcome.wrongs);
    }
}

#[test]
fn a_seed_is_one_history() {
    let [one, two, other] = [4, 4, 1].map(|seed| run(seed, Voice::Silent));
    let differs = one.lines.iter().zip(&two.lines).find(|(one, two)| one != two);
    assert_eq!(differs, None);
    assert_eq!(one.hash, two.hash);
    assert_ne!(one.hash, other.hash);
}
