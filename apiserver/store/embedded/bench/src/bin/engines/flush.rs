//! What the disk alone takes: the time of a write and its flush into a file of each kind.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How a file has got its room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It grows with each write.
    Growing,
    /// Set aside, never written.
    SetAside,
    /// Written with zeros before.
    Written,
}

/// The times of writes of `bytes` with a flush each, for about `time`.
pub fn flushes(dir: &Path, room: Room, bytes: usize, time: Duration) -> Vec<f64> {
    let path = dir.join("flush");
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path).expect("a file");
    let length = (64 << 20) / bytes * bytes;
    if room != Room::Growing {
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, length as u64).expect("room");
    }
    if room == Room::Written {
        file.write_all_at(&vec![0; length], 0).expect("a write");
    }
    file.sync_all().expect("a flush");
    let (block, mut times, began) = (vec![b'x'; bytes], Vec::new(), Instant::now());
    for offset in (0..length).step_by(bytes) {
        if began.elapsed() > time {
            break;
        }
        let began = Instant::now();
        file.write_all_at(&block, offset as u64).expect("a write");
        file.sync_data().expect("a flush");
        times.push(began.elapsed().as_secs_f64());
    }
    std::fs::remove_file(path).expect("it was made above");
    times
}
