//! The bench that chose the embedded engine: `cargo run --release`. Prints Markdown tables of medians.
//!
//! Each engine keeps the same things in the same way, the one that costs it least: a commit adds one record to a log
//! and is durable; a fold puts the objects that have changed into the base and takes the folded records out of the
//! log. Values are random bytes, so that compression neither helps nor costs.

mod amplification;
mod engine;
mod flush;
mod kill;
mod load;
mod objects;
mod rates;

use std::path::Path;

use crate::engine::NAMES;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["load", name, dir] => load::child(name, Path::new(dir)),
        ["kill", name, dir] => kill::child(name, Path::new(dir)),
        ["amplification", name, dir] => amplification::child(name, Path::new(dir)),
        _ => report(&words),
    }
}

/// Runs the parts that are named; all of them if none is.
fn report(parts: &[&str]) {
    let root = tempfile::Builder::new().prefix("engines-").tempdir_in(".").expect("a directory to work in");
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    println!("| | {} |\n|---|{}", NAMES.join(" | "), "---:|".repeat(NAMES.len()));
    if wanted("rates") {
        rates::report(root.path());
    }
    if wanted("loads") {
        load::report(root.path());
    }
    if wanted("writes") {
        amplification::report(root.path());
    }
    if wanted("kills") {
        kill::report(root.path());
    }
}

/// A line of the table: a figure for each engine.
fn line(title: &str, figures: &[String]) {
    println!("| {title} | {} |", figures.join(" | "));
}

/// The middle one of some measurements.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// This program again, to do one thing in a process of its own.
fn child(what: &str, name: &str, dir: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().expect("this program"));
    command.args([what, name]).arg(dir);
    command
}

/// What a child has printed, as numbers.
fn numbers_of(mut child: std::process::Command) -> Vec<f64> {
    let output = child.stderr(std::process::Stdio::inherit()).output().expect("the child runs");
    assert!(output.status.success(), "{child:?}: {}", output.status);
    let text = String::from_utf8(output.stdout).expect("it prints text");
    text.split_whitespace().map(|word| word.parse().expect("a number")).collect()
}
