//! Upstream's conformance suite on a cluster whose parts are ours or upstream's, and a table of what came of it.
//!
//! In running order: `options` says what is asked for, `specs` which specs that are, `cluster` brings up the parts,
//! `ginkgo` runs the suite, `results` says what came of it.

#![allow(clippy::unwrap_used, reason = "a judge that does not get what it needs has nothing to say")]

mod cluster;
mod ginkgo;
mod options;
mod results;
mod specs;

use std::process::ExitCode;

use options::Options;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(problem) => return refuse(&problem),
    };
    // Whoever is told to end ends what it began: what is dropped here is ended.
    let outcome = tokio::select! {
        outcome = run(&options) => outcome,
        () = told_to_end() => Err("ended before the suite was".to_owned()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => refuse(&problem),
    }
}

async fn told_to_end() {
    let mut told = signal(SignalKind::terminate()).unwrap();
    tokio::select! {
        _ = told.recv() => {}
        told = tokio::signal::ctrl_c() => told.unwrap(),
    }
}

fn refuse(problem: &str) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::from(2)
}

/// Whether all specs that ran have passed.
async fn run(options: &Options) -> Result<bool, String> {
    let selected = specs::selected(options);
    if selected.is_empty() {
        return Err("no spec is selected: `--list` without a selection names them all".to_owned());
    }
    if options.list {
        selected.iter().for_each(|spec| println!("{}", spec.name));
        return Ok(true);
    }
    let cluster = cluster::Cluster::start(options).await?;
    let ran = ginkgo::run(options, &cluster, &selected).await;
    cluster.end(&options.out).await;
    let outcomes = ran?;
    print!("{}", results::table(&selected, &outcomes));
    if options.record {
        results::record(options, &selected, &outcomes)?;
    }
    Ok(outcomes.iter().all(|outcome| outcome.state != ginkgo::State::Failed))
}
