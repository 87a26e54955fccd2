//! Which node a pod runs on.
//!
//! A pod waits in the [`queue`]; [`schedule`] decides, purely, on a [`snapshot`] that is kept incrementally; the
//! decision is taken for true at once (the pod is *assumed* on its node) and written in the background, so that no
//! placement waits for the one before. If it cannot be written it is taken back.
//!
//! Read in this order: [`pod`] and [`node`] (what there is, read once), [`snapshot`] (all of it), [`framework`] (what a
//! plugin is), [`plugins`] (the list), any plugin, `class` (what is known of pods that are alike), [`schedule`] (one
//! decision), [`preemption`] (who goes for whom), [`queue`], [`event`] (what wakes whom), [`state`] (what events and
//! decisions change) and [`run`] (reading and writing). [`config`] is what people may decide.
//!
//! It must not know who serves the API, nor any other component. It reads no clock, and chance has a seed.

#[cfg(test)]
mod cases;
pub mod chance;
mod class;
#[cfg(test)]
mod class_tests;
pub mod config;
pub mod event;
pub mod failure;
pub mod figures;
pub mod framework;
mod like;
pub mod node;
mod nominations;
pub mod peers;
pub mod plugins;
pub mod pod;
pub mod preemption;
pub mod queue;
#[cfg(test)]
mod random_tests;
pub mod resources;
pub mod run;
pub mod schedule;
mod selectors;
pub mod snapshot;
pub mod state;
mod views;
pub mod volumes;
mod wire;
mod write;

pub use figures::Figures;
pub use run::{Failed, Parts, run};
pub use state::Settings;
