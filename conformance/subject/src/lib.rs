//! Servers that are judged: our binary, or upstream's API server beside its etcd, as processes with a directory and ports
//! of their own; a client that knows of a server what stands in a kubeconfig; and what a server's processes cost.
//!
//! Whoever judges with it is a test or a measurement: what it cannot have, it cannot go on without, and it says why.

#![allow(clippy::unwrap_used, reason = "a judge that does not get what it needs has nothing to say")]

pub mod client;
pub mod cost;
pub mod ours;
pub mod streams;
pub mod upstream;
