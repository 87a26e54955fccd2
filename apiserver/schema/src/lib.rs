//! The schema model: what every Kubernetes type looks like, and everything that is written against that once.
//!
//! Pure: no I/O, no clock, no randomness. Bytes go in, bytes or a structured error with upstream's words come out.
//! The reader's way: [`arena`] (the tables that describe types, generated from `facts/`, and the same form at run time
//! for custom resources) → [`tree`] (an object in memory) → [`json`], [`proto`], [`yaml`] (the three encodings, byte
//! for byte as upstream's) → [`normal`] (what is the same to upstream) → [`defaults`], [`metadata`] → [`convert`]
//! (all of it put together).
//!
//! [`patch`] holds the JSON, merge and strategic merge patches, [`apply`] is server-side apply, [`publish`] is OpenAPI. What
//! is still to come has its place: defaults that depend on other values in `defaults/`.
//!
//! A type that upstream encodes by hand is a [`arena::Kind`] of its own, named in one table of the build script.

pub mod apply;
pub mod arena;
pub mod convert;
pub mod defaults;
pub mod error;
pub mod json;
pub mod marked;
pub mod metadata;
pub mod normal;
pub mod patch;
pub mod path;
pub mod proto;
pub mod publish;
pub mod scalar;
pub mod tree;
pub mod yaml;
