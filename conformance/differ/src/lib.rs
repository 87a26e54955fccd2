//! The differ: the same questions to upstream's API server and to ours, and what differs in the answers.
//!
//! [`questions`] are scripts of requests, good, bad and absurd. [`ask`] puts them to a server; [`normal`] takes from the
//! answers what no two servers can have alike; [`record`] keeps upstream's in `conformance/fixtures`; [`judge`] says where
//! others differ, and [`known`] which of that is known and why. It reads only what a server answers, so any server that a
//! kubeconfig names can be asked. [`manifests`] are other people's objects as questions.
//!
//! Besides what the workspace has it needs `regex-lite`, for what answers are rid of.

pub mod ask;
pub mod judge;
pub mod known;
pub mod manifests;
pub mod normal;
pub mod questions;
pub mod record;
pub mod script;
pub mod value;
pub mod wire;
