//! The control socket: how the storage commands reach a running server.
//!
//! A client sends one line, a [`Request`] as JSON. The server answers with one line, an [`Answer`] as JSON; behind it
//! come the bytes of the snapshot if that was asked for, whose own end tells that nothing is missing. Then the
//! connection ends. Only the user that runs the server, and root, are listened to.

mod client;
mod server;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use client::Client;
pub(crate) use server::{Socket, serve};

const NAME: &str = "control.sock";
/// A request or an answer in bytes.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// How long either side may keep the other waiting.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What can be asked of a running server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Request {
    Status,
    Check,
    Compact,
    Snapshot,
}

/// How it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer<T> {
    Done(T),
    Failed(String),
}

/// The socket's path by way of an open directory: as a socket's, a path may have only 107 bytes.
fn reach(dir: &Path) -> io::Result<(File, PathBuf)> {
    let dir = File::open(dir)?;
    let path = Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(NAME);
    Ok((dir, path))
}
