//! Memory and time to open, each in a fresh process.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use keelson_store::At;

use crate::subject::{fill, open, pods, runtime};
use crate::{ROUNDS, median};

pub fn report(root: &Path) {
    for objects in [100_000_usize, 1_000_000] {
        let dir = root.join(format!("footprint-{objects}"));
        child_process("fill", &dir, objects);
        let opened: Vec<Vec<f64>> = (0..ROUNDS).map(|_| child_process("open", &dir, objects)).collect();
        let column = |column: usize| median(opened.iter().map(|figures| figures[column]).collect());
        println!("| open with {objects} objects of 1 KiB | {:.0} ms | |", 1e3 * column(0));
        println!("| memory per object beyond its key and value, {objects} objects | {:.0} bytes | |", column(1));
        println!("| disk, {objects} objects | ×{:.2} of keys and values | |", column(2));
        std::fs::remove_dir_all(&dir).expect("the children made it");
    }
}

fn child_process(what: &str, dir: &Path, objects: usize) -> Vec<f64> {
    let own = std::env::current_exe().expect("a program knows itself");
    let output = Command::new(own).arg("child").arg(what).arg(dir).arg(objects.to_string()).output().expect("a child");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(|word| word.parse().expect("a number")).collect()
}

/// Runs in the child: prints its figures.
pub fn child(what: &str, dir: &str, objects: usize) {
    let runtime = runtime();
    runtime.block_on(async {
        let empty = resident_bytes();
        let began = Instant::now();
        let store = open(Path::new(dir)).await;
        let seconds = began.elapsed().as_secs_f64();
        if what == "fill" {
            fill(&store, objects).await;
            // As it is after a while: what was written is folded into the base.
            store.compact(store.revision()).await.expect("a compaction");
        } else {
            let resident = resident_bytes() - empty;
            let snapshot = store.list(&pods(), At::Latest).await.expect("a list");
            assert_eq!(snapshot.table.len(), objects);
            let payload: usize = snapshot.table.iter().map(|object| object.path_and_value().len()).sum();
            let usage = store.status().await.expect("a status").usage;
            let disk = (usage.log_bytes + usage.base_bytes) as f64 / payload as f64;
            println!("{seconds} {} {disk}", (resident as f64 - payload as f64) / objects as f64);
        }
        store.close().await;
    });
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("Linux's statm");
    pages * rustix::param::page_size()
}
