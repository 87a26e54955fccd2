//! The embedded storage engine: one directory, one process, a checksummed log over a partitioned base.
//!
//! ```text
//! DIR/format              what this is, in plain text
//! DIR/lock                held by the process that has it open
//! DIR/manifest            the floor, and the files of the base; replaced as a whole
//! DIR/log/<revision>.log  the log, from the floor (or a little before) to the head
//! DIR/log/<n>.spare       files for the log to go on in
//! DIR/base/<id>.base      the objects at the floor, each file a range of keys
//! ```
//!
//! An append is one write and one flush. Compaction writes anew what has changed, in the background. Nothing is kept
//! in memory but what these files are called. The README says why it is not one of the engines that exist, and gives
//! the format byte by byte.
//!
//! It knows batches, objects and keys, and nothing of watches, transactions or Kubernetes.

mod base;
mod compaction;
#[cfg(test)]
mod crash;
mod disk;
mod engine;
mod error;
#[cfg(test)]
mod fault;
mod format;
mod frames;
mod lock;
mod log;
mod manifest;
#[cfg(test)]
#[path = "../tests/embedded/model.rs"]
mod model;
mod options;
mod partition;
mod reader;
mod segment;
mod spares;
mod survey;
mod verify;

pub use engine::Embedded;
pub use error::OpenError;
pub use options::Options;
pub use verify::Report;
