//! The crate's promises, tested from outside: backends against their contract, the store against a trivial model,
//! and both suites against variants that are broken on purpose.

#[path = "store/backends.rs"]
mod backends;
#[path = "store/cases.rs"]
mod cases;
#[path = "store/clients.rs"]
mod clients;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/flawed.rs"]
mod flawed;
#[path = "store/generated.rs"]
mod generated;
#[path = "store/linear.rs"]
mod linear;
#[path = "store/mirrors.rs"]
mod mirrors;
#[path = "store/model.rs"]
mod model;
#[path = "store/seeds.rs"]
mod seeds;
#[path = "store/simulated.rs"]
mod simulated;
#[path = "store/verdict.rs"]
mod verdict;
#[path = "store/world.rs"]
mod world;

use std::fmt::Debug;

use keelson_store::contract::{Broken, Outcome};

/// Ends the test's run unless both are the same.
fn same<T: PartialEq + Debug + Copy>(what: &str, got: T, expected: T) -> Outcome {
    holds(|| format!("{what}: expected {expected:?}, got {got:?}"), got == expected)
}

/// Ends the test's run unless it holds.
fn holds(what: impl FnOnce() -> String, condition: bool) -> Outcome {
    if condition { Ok(()) } else { Err(Broken(what())) }
}
