//! Pods on nodes: what they ask for, what a runtime shows of them, and what becomes of both.
//!
//! A pod goes round in a circle. What it asks for ([`pod`]) and what the runtime shows (`runtime`) are put into a pure
//! step (`life`), which says what the runtime is to do next; when there is nothing left to do, a pure report (`report`)
//! says what to tell the API server. `worker` goes the round and has no opinion of its own. Nodes themselves are
//! registered, and say every ten seconds that they are alive, in `nodes`.
//!
//! There is one runtime so far, the hollow one: it runs nothing and says what a runtime would, after delays and with
//! failures that settings and annotations ask for. It is what the words in `runtime` are there for: whatever speaks to
//! containers that exist takes its place there, and nothing else changes.
//!
//! One process may be a thousand nodes: they share one watch of pods, one of nodes, and a few tasks.
//!
//! It must not know who serves the API, nor any other component. It reads no clock and draws no random number.

mod backoff;
mod hollow;
mod life;
mod node;
mod nodes;
mod pod;
mod report;
mod room;
mod run;
mod runtime;
mod status;
#[cfg(test)]
mod tests;
mod worker;

pub use hollow::behaviour::Behaviour;
pub use node::Shape;
pub use run::{Failed, Parts, run};
