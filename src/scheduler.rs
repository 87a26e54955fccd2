//! The scheduler as a part of this process, or as a process of its own.

use clap::Args;
use keelson_api::time::Clock;
use keelson_apiserver::caller::Caller;
use keelson_apiserver::server::ApiServer;
use keelson_client::Client;
use keelson_client::lease::Election;
use keelson_scheduler::Parts;

use crate::component::{self, ComponentLine};
use crate::config::{self, StorageFlags};
use crate::failure::Failure;
use crate::{clock, random, supervise};

/// What upstream's scheduler is called, in managed fields and as a lease.
pub(crate) const NAME: &str = "kube-scheduler";
/// Whom it works as.
const USER: &str = "system:kube-scheduler";

/// The scheduler of another server.
#[derive(Debug, Args)]
pub(crate) struct SchedulerLine {
    #[command(flatten)]
    component: ComponentLine,
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
    Ok(Parts { client, clock, instance: component::instance(NAME), seed, election })
}

/// Runs a scheduler until a signal comes.
pub(crate) fn run(line: &SchedulerLine) -> Result<(), Failure> {
    let settings = config::settings(&line.flags.0)?;
    component::run(&line.component, &settings, NAME, |running, alone| {
        begin(running, parts(alone.client, clock::machine(), alone.election)?);
        Ok(())
    })
}

/// Begins a scheduler as a part of this process.
pub(crate) fn begin(running: &mut supervise::Parts, parts: Parts) {
    let stop = running.stop();
    running.begin("the scheduler", async move {
        keelson_scheduler::run(parts, stop.wait()).await.map_err(Failure::stopped)
    });
}
