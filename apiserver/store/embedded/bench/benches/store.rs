//! The store's figures on this machine: `cargo bench --bench store`. Prints a Markdown table of medians.
//!
//! Write rates are measured in rounds that alternate between this store and etcd (Debian's `etcd-server`; left out,
//! and said so, where it is not installed), with the bare flush latency of the disk beside them. What is measured in
//! a fresh process (memory, time to open) runs as a child of this one.

#[path = "store/disk.rs"]
mod disk;
#[path = "store/etcd.rs"]
mod etcd;
#[path = "store/footprint.rs"]
mod footprint;
#[path = "store/reads.rs"]
mod reads;
#[path = "store/subject.rs"]
mod subject;
#[path = "store/writes.rs"]
mod writes;

const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == "child");
    match at.map(|at| &arguments[at + 1..]) {
        Some([what, dir, count]) => footprint::child(what, dir, count.parse().expect("a number of objects")),
        _ => report(),
    }
}

fn report() {
    let root = tempfile::Builder::new().prefix("keelson-bench-").tempdir_in(".").expect("a directory to work in");
    println!("| figure | median of {ROUNDS} | |\n|---|---|---|");
    writes::report(root.path());
    reads::report(root.path());
    footprint::report(root.path());
}

/// The middle one of some measurements.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
