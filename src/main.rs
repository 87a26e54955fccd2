//! The one binary: reads what was asked, does it, and says how it ended.
//!
//! This crate is the composition root. It alone reads settings and the environment, asks the machine for the time and
//! for random numbers, makes certificates, and decides which parts run in this process and when they end. It holds no
//! logic of Kubernetes: that belongs to the part that serves it.

mod clock;
mod command;
mod component;
mod config;
mod control;
mod controllers;
mod convert;
mod data_dir;
mod failure;
mod file;
mod hollow;
mod kubeconfig;
mod local_volumes;
mod log;
mod past;
mod pki;
mod process;
mod progress;
mod random;
mod reach;
mod scheduler;
mod storage;
mod supervise;
mod up;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

use command::{Command, ConfigCommand, Line};
use failure::Failure;

/// Requests are short and make many small things, on several threads: the system's allocator takes an eighth of their
/// time, and keeps what it was given in an arena for each thread.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match run(Line::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("keelson: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn run(line: Line) -> Result<(), Failure> {
    match line.command {
        Command::Up(flags) => up::run(&config::settings(&flags.0)?, up::Parts::All),
        Command::Apiserver(flags) => up::run(&config::settings(&flags.0)?, up::Parts::Apiserver),
        Command::Controllers(line) => controllers::run(&line),
        Command::HollowNodes(line) => hollow::run(&line),
        Command::History(line) => past::history(&line),
        Command::Undo(line) => past::undo(&line),
        Command::Scheduler(line) => scheduler::run(&line),
        Command::Version { json } => command::version(json),
        Command::Config(ConfigCommand::Default) => config::show_default(),
        Command::Config(ConfigCommand::Check { file, flags }) => config::check(file, &flags.0),
        Command::Storage(storage) => storage::run(storage),
        Command::Convert(line) => convert::run(&line),
        Command::Completion { shell } => command::completion(shell),
    }
}
