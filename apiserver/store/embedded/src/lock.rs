//! One process at a time: an advisory lock that the kernel lets go of when its holder dies, however it dies.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::error::OpenError;

pub(crate) const NAME: &str = "lock";

/// Held as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is just being started may have it open too for a moment.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

/// Takes the lock of a directory and writes our process id into it, for those who find it taken.
pub(crate) fn take(dir: &Path) -> Result<Lock, OpenError> {
    let path = dir.join(NAME);
    let access = |error| OpenError::access("lock", &path, error);
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(access)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(OpenError::Locked { dir: dir.into(), holder: holder(&mut file) });
        }
        Err(error) => return Err(access(error.into())),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(access)?;
    Ok(Lock(file))
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok()) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let held = take(dir.path()).unwrap();
        let message = take(dir.path()).unwrap_err().to_string();
        assert!(message.contains(&format!("in use by process {};", std::process::id())), "{message}");
        drop(held);
        take(dir.path()).unwrap();
    }
}
