//! Reaching an API server: what every component needs of one, so that a component is only what is particular to it.
//!
//! Read in this order: [`resource`] (what is asked for), [`meta`] (what all objects have, kept small), [`client`]
//! (requests, through the router of this process or over TLS, behind one type), [`reflect`] (list and watch as a state
//! machine), [`cache`] (one shared cache per kind and process), [`queue`] (keys that wait for work), [`expect`] (what a
//! worker still has to see of its own writes), [`events`] (telling people), [`lease`] (one of several does it),
//! [`retry`] (when somebody else was faster), [`discovery`] (which kinds there are).
//!
//! It must not know who serves the API, nor what any component does. It reads no clock: wall time comes as a
//! [`keelson_api::time::Clock`], waiting is tokio's, so that a paused runtime is virtual time. It begins no task: what
//! fills caches and writes events are futures that the caller runs, and ends.
//!
//! `kube` is used for what it does best (kubeconfigs, TLS, the transport) and belongs to this crate alone;
//! `k8s-openapi` is here because `kube` has to be told which version it speaks, and for its times. `compact_str` keeps
//! short names without an allocation. The cache is our own because kube's keeps whole objects: ours keeps only what its
//! consumers declare as fields of a view, and drops the rest while it decodes. Writes therefore never send an object
//! back whole: they are merge patches that name the revision they rest on, which the server refuses like an update.
//!
//! **Bytes per cached object**: `cargo test -p keelson-controllers cached_pods -- --nocapture` measures it, the
//! three indexes included: 1.6 kB for a pod of one container, whose JSON has 2.6 kB.

pub mod cache;
pub mod client;
pub mod discovery;
pub mod events;
pub mod expect;
pub mod lease;
pub mod meta;
pub mod problem;
pub mod queue;
pub mod reflect;
pub mod resource;
pub mod retry;
pub mod time;

pub use cache::{Cache, Caches, Change};
pub use client::{Client, Patch};
pub use meta::{Labels, Meta, OwnerReference};
pub use problem::Problem;
pub use resource::{Key, Kind, Resource};
pub use time::Time;
