//! The API server: requests in, committed objects and watch events out.
//!
//! A request's whole way is one straight line, written down in [`pipeline`]; [`server::ApiServer`] holds what its
//! stages share. A caller comes in by one of two doors and takes the same line from there: the network ([`serve`]),
//! or a `tower` service handed to a component of the same process ([`server::ApiServer::door`]).
//!
//! This crate owns HTTP and TLS, and is the only one that knows the store. It knows no setting, reads no file, makes
//! no certificate and draws no random number: the binary hands in what it needs. It knows no component either; they
//! come to it as any client does.

pub mod admission;
mod advice;
mod api;
mod body;
pub mod bootstrap;
pub mod caller;
mod catalog;
mod cells;
mod claims;
mod compress;
mod condition;
mod defaults;
mod discovery;
mod edit;
mod encoded;
pub mod entropy;
mod extension;
pub mod features;
pub mod health;
mod indexes;
mod media;
mod meta;
pub mod metrics;
pub mod node_ports;
mod object_life;
pub mod offer;
mod on_demand;
mod openapi;
mod ownership;
mod parts;
pub mod pipeline;
pub mod problem;
mod query;
mod questions;
mod refusal;
mod render;
mod resource;
mod resources;
mod routes;
mod rules;
mod selection;
pub mod serve;
pub mod server;
mod stored;
mod subresources;
mod target;
pub mod tokens;
mod verbs;
pub mod version;
mod warnings;
mod websocket;

pub use indexes::indexes;
