//! Words that every part of Keelson shares: what a component may say about objects, time and identity without
//! knowing who serves them.
//!
//! This crate does no I/O, reads no clock and draws no random number; it depends on no other crate of the workspace.
//! What time it is, for one, is *told* to a component through [`time::Clock`]; the binary hands in the machine's
//! clock, a simulation one that it moves by itself.

pub mod difference;
pub mod duration;
pub mod field;
pub mod golang;
pub mod group;
pub mod meta;
pub mod names;
pub mod options;
pub mod quantity;
pub mod quota;
pub mod resource_version;
pub mod schedule;
pub mod selector;
pub mod status;
pub mod time;
pub mod uid;
#[cfg(test)]
mod vectors;
