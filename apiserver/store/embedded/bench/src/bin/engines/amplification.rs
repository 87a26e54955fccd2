//! Bytes written to the disk for each byte of data, while objects are written over and over and the log is folded.

use std::os::linux::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use crate::engine::{self, NAMES, puts};
use crate::load::taken;
use crate::objects::VALUE_BYTES;
use crate::{child as again, line, numbers_of};

const OBJECTS: u64 = 100_000;
const UPDATES: u64 = 400_000;
const GROUP: u64 = 16;
const FOLD_EVERY: usize = 8 << 10;

pub fn report(root: &Path) {
    let mut figures = vec![Vec::new(); 4];
    for name in NAMES {
        let dir = root.join("amplification");
        let mut engine = engine::open(name, &dir);
        engine::fill(&mut *engine, OBJECTS);
        drop(engine);
        let numbers = numbers_of(again("amplification", name, &dir));
        figures[0].push(format!("{:.0}/s", UPDATES as f64 / numbers[0]));
        figures[1].push(format!("{:.1}", numbers[1]));
        figures[2].push(format!("{:.1} ms", numbers[2] * 1e3));
        figures[3].push(format!("{:.1}", numbers[3]));
        std::fs::remove_dir_all(dir).expect("it was made above");
    }
    line("400k updates of 100k objects in groups of 16, folded on the way", &figures[0]);
    line("bytes written for each byte of data then", &figures[1]);
    line("99.9 % of the commits took less than", &figures[2]);
    line("most on the disk, in times of what lives", &figures[3]);
}

/// Prints the seconds it took, bytes written for each byte of data, what a slow commit took, and the most disk.
pub fn child(name: &str, dir: &Path) {
    let mut engine = engine::open(name, dir);
    let mut writer = crate::objects::Writer::new(engine.head(), OBJECTS);
    writer
        .image
        .tables
        .insert(keelson_store::key::ResourceName::new("configmaps"), engine.scan().into_iter().collect());
    let (mut changed, mut times, mut most) = (Vec::new(), Vec::new(), 0);
    let (before, began) = (written_bytes(dir), Instant::now());
    for _ in 0..UPDATES / GROUP {
        let batch = writer.update(GROUP);
        let commit = Instant::now();
        engine.commit(&batch);
        times.push(commit.elapsed().as_secs_f64());
        if times.len() % 64 == 0 {
            most = most.max(taken(dir));
        }
        changed.extend(puts(&batch));
        if changed.len() >= FOLD_EVERY {
            engine.fold(&writer.image, &changed);
            changed.clear();
        }
    }
    engine.fold(&writer.image, &changed);
    let seconds = began.elapsed().as_secs_f64();
    drop(engine);
    most = most.max(taken(dir));
    let data = UPDATES as usize * (VALUE_BYTES + 29);
    let live = OBJECTS as usize * (VALUE_BYTES + 29);
    times.sort_by(f64::total_cmp);
    let slow = times[times.len() * 999 / 1000];
    println!(
        "{seconds} {} {slow} {}",
        (written_bytes(dir) - before) as f64 / data as f64,
        most as f64 / live as f64
    );
}

/// What the disk below `dir` has written since it was started, for whomever: the machine must do nothing else. What
/// the system counts for a process is not what its overwrites cost: it counts whole folios.
fn written_bytes(dir: &Path) -> u64 {
    rustix::fs::sync();
    let device = std::fs::metadata(dir).expect("it is there").st_dev();
    let place = format!("/sys/dev/block/{}:{}/stat", rustix::fs::major(device), rustix::fs::minor(device));
    let counters = std::fs::read_to_string(place).expect("a file system on a disk");
    let sectors = counters.split_whitespace().nth(6).expect("Linux says so");
    sectors.parse::<u64>().expect("a number") * 512
}
