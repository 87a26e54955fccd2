//! Some seeds, and that a seed decides on everything.

use crate::seed::{Voice, run};

/// How many seeds every run of the tests tries. `conformance/run sim` tries others.
const SEEDS: u64 = 12;

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
    for seed in [1, 2] {
        let (one, two) = (run(seed, Voice::Silent), run(seed, Voice::Silent));
        let differs = one.lines.iter().zip(&two.lines).find(|(one, two)| one != two);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(one.hash, two.hash, "seed {seed}");
    }
    assert_ne!(run(1, Voice::Silent).hash, run(2, Voice::Silent).hash);
}
