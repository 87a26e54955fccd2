//! Revisions, watch and history above a pluggable backend: what Kubernetes needs of a store, written once.
//!
//! A [`Store`] is opened on a [`backend::Backend`], which is no more than a log with one atomic, conditional append.
//! Everything else happens here: a [`committer`] turns transactions into batches, a [`replica`] applies them to ordered
//! copy-on-write tables, a [`watch`] hub brings their events to whoever watches, and [`retention`] ends history.
//! `ARCHITECTURE.md` follows a write through these rooms.
//!
//! The store knows nothing of Kubernetes: values are opaque bytes, resources are names, what objects are found by is
//! handed in as functions. It knows no engine but the one in memory, reads no clock and draws no random number.
//! Nobody but the API server may depend on it.

pub mod backend;
pub mod batch;
pub mod codec;
mod committer;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod event;
#[cfg(any(test, feature = "contract"))]
pub mod fault;
mod follow;
mod fork;
pub mod image;
pub mod index;
pub mod key;
mod load;
pub mod memory;
pub mod object;
pub mod options;
pub mod replica;
mod retention;
pub mod revision;
mod shared;
pub mod signal;
pub mod snapshot;
mod store;
pub mod table;
pub mod transaction;
pub mod watch;

pub use fork::Fork;
pub use load::OpenError;
pub use store::{At, ReadError, Snapshot, Status, Store};
