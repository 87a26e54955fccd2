//! Defaults that depend on other values, of types that several kinds contain: what a writer left open is filled in.
//!
//! The `default` hooks call these after the structural defaults, which stand in the arena, have been filled in. Upstream
//! keeps the two apart in the same way: markers on fields, and a function per type.

pub(crate) mod claim;
pub(crate) mod container;
pub(crate) mod gated;
pub(crate) mod image;
pub(crate) mod pod;
pub(crate) mod pod_resources;
pub(crate) mod quantity;
pub(crate) mod volume;
pub(crate) mod webhook;
