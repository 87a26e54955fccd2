//! A component as a process of its own: which server it works for, and whether it alone does.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use keelson_client::lease::Election;
use keelson_client::{Client, Key};

use crate::config::Settings;
use crate::failure::Failure;
use crate::log;
use crate::supervise::{Ended, Parts as Running, Signals};

/// Where a component works.
#[derive(Debug, Args)]
pub(crate) struct PlaceLine {
    /// Work for the server that this kubeconfig names [default: admin.kubeconfig in the data directory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Serving")]
    kubeconfig: Option<PathBuf>,
}

/// Where a component works of which one is enough.
#[derive(Debug, Args)]
pub(crate) struct ComponentLine {
    #[command(flatten)]
    place: PlaceLine,
    /// Work without asking whether another process does
    #[arg(long, help_heading = "Serving")]
    no_leader_election: bool,
}

/// What a component needs to work for another process's server.
pub(crate) struct Alone {
    pub(crate) client: Client,
    /// By which certificates the server is known, if the kubeconfig says.
    pub(crate) authority: Option<String>,
    pub(crate) election: Option<Election>,
}

/// Who this process is as the component `name`: in events, and as the holder of a lease.
pub(crate) fn instance(name: &str) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{name}-{host}")
}

/// Reaches the server that a kubeconfig names; without one, that of the data directory. The other half are the
/// certificates by which the server is known.
pub(crate) async fn reach(
    kubeconfig: Option<&Path>,
    settings: &Settings,
    agent: &str,
) -> Result<(Client, Option<String>), Failure> {
    let usual = settings.data_dir.join("admin.kubeconfig");
    let path = kubeconfig.unwrap_or(&usual);
    Client::from_kubeconfig(path, agent).await.map_err(|error| {
        let doing = format!("cannot reach the server that {} names", path.display());
        Failure::from_error(&doing, &error, "give a kubeconfig by --kubeconfig FILE")
    })
}

/// Runs what `begin` begins, as the component `name`, until a signal comes.
pub(crate) fn run(
    line: &ComponentLine,
    settings: &Settings,
    name: &str,
    begin: impl FnOnce(&mut Running, Alone) -> Result<(), Failure>,
) -> Result<(), Failure> {
    run_at(&line.place, settings, name, |running, client, authority| {
        let election = (!line.no_leader_election).then(|| {
            let identity = format!("{}_{}", instance(name), std::process::id());
            Election::new(Key::new("kube-system", name), identity)
        });
        begin(running, Alone { client, authority, election })
    })
}

/// The same for a component of which there may be several.
pub(crate) fn run_at(
    place: &PlaceLine,
    settings: &Settings,
    name: &str,
    begin: impl FnOnce(&mut Running, Client, Option<String>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    log::begin(settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::from_error("cannot begin", &error, ""))?;
    runtime.block_on(async {
        let mut signals =
            Signals::take().map_err(|error| Failure::from_error("cannot take signals", &error, ""))?;
        let (client, authority) = reach(place.kubeconfig.as_deref(), settings, name).await?;
        let mut running = Running::new();
        begin(&mut running, client, authority)?;
        let ended = running.run(&mut signals).await;
        tracing::info!("stopped");
        ended.map(|_: Ended| ())
    })
}
