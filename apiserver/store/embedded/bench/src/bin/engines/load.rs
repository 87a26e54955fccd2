//! From a directory to tables in memory, in a process of its own, from the page cache.

use std::path::Path;
use std::time::Instant;

use keelson_store::table::Table;

use crate::engine::{self, NAMES};
use crate::{child as again, line, median, numbers_of};

const ROUNDS: usize = 3;

pub fn report(root: &Path) {
    for objects in [100_000, 1_000_000] {
        let mut figures = vec![Vec::new(); 5];
        for name in NAMES {
            let dir = root.join("load");
            let began = Instant::now();
            let mut engine = engine::open(name, &dir);
            engine::fill(&mut *engine, objects);
            drop(engine);
            figures[0].push(format!("{:.1} s", began.elapsed().as_secs_f64()));
            let rounds: Vec<_> = (0..ROUNDS).map(|_| numbers_of(again("load", name, &dir))).collect();
            let middle = |place: usize| median(rounds.iter().map(|round| round[place]).collect());
            figures[1].push(format!("{:.0} ms", middle(0) * 1e3));
            figures[2].push(format!("{:.0} ms", middle(1) * 1e3));
            figures[3].push(format!("{:.0} MB", (middle(2) - middle(3)) / 1e6));
            figures[4].push(format!("{:.0} MB", taken(&dir) as f64 / 1e6));
            std::fs::remove_dir_all(dir).expect("it was made above");
        }
        let count = objects / 1000;
        line(&format!("{count}k objects of 1 KiB: written and folded in groups of 256"), &figures[0]);
        line(&format!("{count}k: opened and read by two threads"), &figures[1]);
        line(&format!("{count}k: the same with tables built"), &figures[2]);
        line(&format!("{count}k: memory then, beyond paths and values"), &figures[3]);
        line(&format!("{count}k: on the disk"), &figures[4]);
    }
}

/// Prints the seconds until everything was read, and until the tables stood; the memory then, and what of it is data.
pub fn child(name: &str, dir: &Path) {
    let began = Instant::now();
    let engine = engine::open(name, dir);
    let objects = engine.scan();
    let read = began.elapsed().as_secs_f64();
    let table: Table = objects.into_iter().collect();
    let built = began.elapsed().as_secs_f64();
    let data: usize = table.iter().map(|object| object.path_and_value().len()).sum();
    println!("{read} {built} {} {data}", resident_bytes());
    drop(engine);
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// What the files below `dir` take up on the disk.
pub fn taken(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    // A file may be gone before it is looked at.
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let data = entry.metadata().ok()?;
        Some(if data.is_dir() { taken(&entry.path()) } else { data.blocks() * 512 })
    };
    entries.filter_map(size).sum()
}
