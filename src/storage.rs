//! Looking after stored data: the same commands whether a server is running on it, which then does the work, or not.

pub(crate) mod open;
pub(crate) mod report;
mod snapshot;

use std::future::Future;

use crate::command::{SnapshotCommand, StorageCommand, StorageLine};
use crate::config::{self, Settings, StorageFlags};
use crate::control::{Client, Request};
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::{clock, log};
use open::Opened;
use report::{Checked, Compacted, Status};

/// Does what was asked for.
pub(crate) fn run(line: StorageLine) -> Result<(), Failure> {
    match line.command {
        StorageCommand::Status(flags) => status(&begin(&flags)?),
        StorageCommand::Check(flags) => check(&begin(&flags)?),
        StorageCommand::Compact(flags) => compact(&begin(&flags)?),
        StorageCommand::Snapshot(SnapshotCommand::Save { file, force, flags }) => {
            snapshot::save(&begin(&flags)?, &file, force)
        }
        StorageCommand::Snapshot(SnapshotCommand::Restore { file, force, flags }) => {
            let settings = settings(&flags)?;
            snapshot::restore(&DataDir::look_at(&settings.data_dir)?, &file, force)
        }
    }
}

fn settings(flags: &StorageFlags) -> Result<Settings, Failure> {
    let settings = config::settings(&flags.0)?;
    log::begin(&settings);
    Ok(settings)
}

/// The data directory, which has to be there.
fn begin(flags: &StorageFlags) -> Result<DataDir, Failure> {
    let data_dir = DataDir::look_at(&settings(flags)?.data_dir)?;
    if !data_dir.store().exists() {
        let shown = data_dir.path().display();
        return Err(Failure::stopped(format!(
            "nothing is stored in {shown}; check --data-dir, or start there by `keelson up`"
        )));
    }
    Ok(data_dir)
}

fn status(data_dir: &DataDir) -> Result<(), Failure> {
    let status: Status = match Client::connect(data_dir.path())? {
        Some(mut server) => server.ask(Request::Status)?,
        None => with_store(data_dir, async |opened| open::status(&opened).await)?,
    };
    print!("{status}");
    Ok(())
}

fn check(data_dir: &DataDir) -> Result<(), Failure> {
    let checked: Checked = match Client::connect(data_dir.path())? {
        Some(mut server) => server.ask(Request::Check)?,
        None => open::check_closed(data_dir)?,
    };
    print!("{checked}");
    match checked.problems.len() {
        0 => Ok(()),
        problems => {
            Err(Failure::stopped(format!("{problems} problems found in {}", data_dir.store().display())))
        }
    }
}

fn compact(data_dir: &DataDir) -> Result<(), Failure> {
    let compacted: Compacted = match Client::connect(data_dir.path())? {
        Some(mut server) => server.ask(Request::Compact)?,
        None => with_store(data_dir, async |opened| open::compact(&opened).await)?,
    };
    print!("{compacted}");
    Ok(())
}

/// Opens the store, which nobody else has open, does something with it and closes it.
fn with_store<T>(
    data_dir: &DataDir,
    work: impl AsyncFnOnce(Opened) -> Result<T, Failure>,
) -> Result<T, Failure> {
    block_on(async {
        let opened = open::open(data_dir, &clock::machine()).await?;
        let done = work(opened.clone()).await;
        opened.close().await;
        done
    })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a process may have a few threads and an event queue").block_on(work)
}
