//! A writer that is killed, and how long the next one takes to open what it leaves.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use keelson_store::revision::Revision;

use crate::engine::{self, NAMES};
use crate::{child as again, line, median};

const ROUNDS: usize = 15;
const OBJECTS: u64 = 100_000;

pub fn report(root: &Path) {
    let mut figures = vec![Vec::new(); 2];
    for name in NAMES {
        let dir = root.join("kill");
        let mut engine = engine::open(name, &dir);
        engine::fill(&mut *engine, OBJECTS);
        drop(engine);
        let (mut lost, mut times) = (0, Vec::new());
        for round in 0..ROUNDS {
            let acknowledged = kill_after(name, &dir, 20 + round * 7);
            let began = Instant::now();
            let engine = engine::open(name, &dir);
            times.push(began.elapsed().as_secs_f64());
            lost += acknowledged.0.saturating_sub(engine.head().0);
        }
        figures[0].push(format!("{lost}"));
        figures[1].push(format!("{:.1} ms", median(times) * 1e3));
        std::fs::remove_dir_all(dir).expect("it was made above");
    }
    line("acknowledged writes lost in 15 kills", &figures[0]);
    line("opened after a kill, with 100k objects, in", &figures[1]);
}

fn kill_after(name: &str, dir: &Path, commits: usize) -> Revision {
    let mut child = again("kill", name, dir).stdout(Stdio::piped()).spawn().expect("the child runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut last = lines.by_ref().take(commits).last();
    child.kill().expect("it can be killed");
    last = lines.filter(|line| line.ends_with('.')).last().or(last);
    child.wait().expect("it has ended");
    let last = last.expect("it has acknowledged something");
    Revision(last.trim_end_matches('.').parse().expect("a head"))
}

/// Writes until it is killed, and prints each head that is durable.
pub fn child(name: &str, dir: &Path) {
    let mut engine = engine::open(name, dir);
    let mut writer = crate::objects::Writer::new(engine.head(), OBJECTS);
    let mut output = std::io::stdout().lock();
    loop {
        let batch = writer.update(16);
        engine.commit(&batch);
        if writeln!(output, "{}.", batch.head()).is_err() {
            return;
        }
    }
}
