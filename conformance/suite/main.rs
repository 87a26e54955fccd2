//! Proves the running binary from outside: as a process with arguments, signals and exit codes, as a directory on the
//! disk, and as a server behind TLS. Nothing here sees the inside of a part; the library of the store is used only to
//! put objects into a directory before a server starts on it.
//!
//! Each test has its own directory and port, waits for conditions and never for a time, and leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "a test that does not get what it needs has failed")]

mod crash;
mod files;
mod health;
mod identity;
mod judged;
mod kubectl;
mod mistakes;
mod negotiation;
mod objects;
mod past;
mod patch;
mod robust;
mod services;
mod settings;
mod shutdown;
mod startup;
mod storage;
mod tokens;

use std::path::Path;

use keelson_subject::ours::Scratch;

/// Where the binary is that is judged.
const BINARY: &str = env!("CARGO_BIN_EXE_keelson");

/// A place for one test.
fn place() -> Scratch {
    place_with("data")
}

/// With the data directory at this path below it.
fn place_with(data: &str) -> Scratch {
    Scratch::new(Path::new(BINARY), data)
}
