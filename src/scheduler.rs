//! The scheduler as a part of this process, or as a process of its own.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use keelson_api::time::Clock;
use keelson_apiserver::caller::Caller;
use keelson_apiserver::server::ApiServer;
use keelson_client::lease::Election;
use keelson_client::{Client, Key};
use keelson_scheduler::Parts;

use crate::config::{self, StorageFlags};
use crate::failure::Failure;
use crate::supervise::{self, Ended, Signals};
use crate::{clock, log, random};

/// What upstream's scheduler is called, in managed fields and as a lease.
const NAME: &str = "kube-scheduler";
/// Whom it works as.
const USER: &str = "system:kube-scheduler";

/// The scheduler of another server.
#[derive(Debug, Args)]
pub(crate) struct SchedulerLine {
    /// Work for the server that this kubeconfig names [default: admin.kubeconfig in the data directory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Serving")]
    kubeconfig: Option<PathBuf>,
    /// Work without asking whether another process does
    #[arg(long, help_heading = "Serving")]
    no_leader_election: bool,
    #[command(flatten)]
    flags: StorageFlags,
}

/// The parts of a scheduler that goes through the server of this process.
pub(crate) fn within(server: &ApiServer, clock: &Clock) -> Result<Parts, Failure> {
    let door = server.door(Caller::authenticated(USER, []));
    let client = Client::in_process(door, NAME).expect("the name is one that can be sent");
    // There is one process: nobody has to be asked, and an idle cluster writes nothing.
    parts(client, clock.clone(), None)
}

fn parts(client: Client, clock: Clock, election: Option<Election>) -> Result<Parts, Failure> {
    let seed = u64::from_le_bytes(random::bytes()?);
    Ok(Parts { client, clock, instance: instance(), seed, election })
}

/// Who this process is, in events and as the holder of a lease.
fn instance() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{NAME}-{host}")
}

/// Runs a scheduler until a signal comes.
pub(crate) fn run(line: &SchedulerLine) -> Result<(), Failure> {
    let settings = config::settings(&line.flags.0)?;
    log::begin(&settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::from_error("cannot begin", &error, ""))?;
    runtime.block_on(async {
        let mut signals =
            Signals::take().map_err(|error| Failure::from_error("cannot take signals", &error, ""))?;
        let path = line.kubeconfig.clone().unwrap_or_else(|| settings.data_dir.join("admin.kubeconfig"));
        let (client, _) = Client::from_kubeconfig(&path, NAME).await.map_err(|error| {
            Failure::from_error(
                &format!("cannot work for {}", path.display()),
                &error,
                "give a kubeconfig by --kubeconfig FILE",
            )
        })?;
        let election = (!line.no_leader_election).then(|| {
            let identity = format!("{}_{}", instance(), std::process::id());
            Election::new(Key::new("kube-system", NAME), identity)
        });
        let mut running = supervise::Parts::new();
        begin(&mut running, parts(client, clock::machine(), election)?);
        let ended = running.run(&mut signals).await;
        tracing::info!("stopped");
        ended.map(|_: Ended| ())
    })
}

/// Begins a scheduler as a part of this process.
pub(crate) fn begin(running: &mut supervise::Parts, parts: Parts) {
    let stop = running.stop();
    running.begin("the scheduler", async move {
        keelson_scheduler::run(parts, stop.wait()).await.map_err(Failure::stopped)
    });
}
