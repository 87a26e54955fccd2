//! The house rules as tests: who may know whom, one owner per outside library, lengths that may only shrink, names,
//! words, licences. A rule that matters is here; one that cannot be tested is advice.
//!
//! Each rule is a plain function from what it looks at to a list of problems, and each problem says how to mend it.
//! Beside the test that the workspace keeps a rule stands one that it catches a bad sample: a rule that cannot fail is
//! none.
#![cfg(test)]

mod borders;
mod dependencies;
mod lengths;
mod licences;
mod manifests;
mod names;
mod owners;
mod sources;
mod status;
mod words;

/// Fails with all problems at once.
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n- {}\n", problems.join("\n- "));
}

/// Holds a rule to finding just this in a bad sample.
fn found(problems: &[String], expected: &[&str]) {
    let matches = problems.len() == expected.len()
        && problems.iter().zip(expected).all(|(problem, expected)| problem.contains(expected));
    assert!(matches, "found {problems:#?}\nexpected {expected:#?}");
}
