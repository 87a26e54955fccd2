//! The load generator: the same work for any number of servers, in turns, in one run.
//!
//! What it compares is what the work cost the server's processes, in processor time, and beside that rates, latencies
//! and memory. A machine's noise comes and goes in minutes, so the servers take turns in short rounds, and what is said
//! of two of them is the median of the rounds' ratios.
//!
//! It speaks HTTP/2 by `h2` itself rather than through a client library: requests are made beforehand as far as can be,
//! and answers are counted and not read, so that what is measured is the server and not the client beside it.

mod arguments;
mod bodies;
mod chart;
mod connection;
mod figures;
mod load;
mod place;
mod report;
mod run;
mod statistics;
mod wire;
mod workload;
mod workloads;

use std::process::ExitCode;

use arguments::{Arguments, Asked};

fn main() -> ExitCode {
    let asked = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Asked::Run(arguments)) => arguments,
        Ok(Asked::Help) => {
            println!("{}", arguments::help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("keelson-bench: {error:#}");
            return ExitCode::from(2);
        }
    };
    // One thread: the client is to leave the machine to the servers, and never needs more than one processor.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run::all(&asked)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keelson-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
