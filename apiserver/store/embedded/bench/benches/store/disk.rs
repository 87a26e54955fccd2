//! What the disk alone takes.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

/// The median time in seconds of a write of `bytes` into a preallocated file and its `fdatasync`.
pub fn flush_seconds(dir: &Path, bytes: usize) -> f64 {
    const TIMES: usize = 300;
    let path = dir.join("flush");
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path).expect("a file");
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, (TIMES * bytes) as u64).expect("room");
    file.sync_all().expect("a flush");
    let block = vec![b'x'; bytes];
    let times = (0..TIMES).map(|n| {
        let began = Instant::now();
        file.write_all_at(&block, (n * bytes) as u64).expect("a write");
        file.sync_data().expect("a flush");
        began.elapsed().as_secs_f64()
    });
    let times = times.collect();
    std::fs::remove_file(path).expect("it was made above");
    crate::median(times)
}
