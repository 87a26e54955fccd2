//! Hollow nodes as a part of this process, or as a process of their own.

use clap::Args;
use keelson_api::time::Clock;
use keelson_apiserver::caller::Caller;
use keelson_apiserver::server::ApiServer;
use keelson_apiserver::version;
use keelson_client::Client;
use keelson_kubelet::Parts;

use crate::component::{self, PlaceLine};
use crate::config::{self, HOLLOW_NODES_MAX, Hollow, HollowFlags, Settings};
use crate::failure::Failure;
use crate::{clock, supervise};

/// What a kubelet is called in managed fields.
const NAME: &str = "kubelet";
/// What names of nodes begin with, where nothing is said.
const PREFIX: &str = "hollow";

/// Hollow nodes of another server.
#[derive(Debug, Args)]
pub(crate) struct HollowLine {
    #[command(flatten)]
    place: PlaceLine,
    /// Be so many nodes
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(HOLLOW_NODES_MAX)), help_heading = "Hollow nodes")]
    count: u32,
    /// Begin the nodes' names with TEXT; a dash and a number follow
    #[arg(long, value_name = "TEXT", default_value = PREFIX, help_heading = "Hollow nodes")]
    prefix: String,
    #[command(flatten)]
    flags: HollowFlags,
}

/// The parts of hollow nodes that go through the server of this process, each as itself; `None` if there are to be none.
pub(crate) fn within(server: &ApiServer, settings: &Settings, clock: &Clock) -> Option<Parts> {
    let door = server.clone();
    let as_node = move |name: &str| client(&door, &format!("system:node:{name}"));
    let shared = client(server, "system:node:hollow");
    let count = settings.hollow.nodes;
    let parts = parts(shared, Box::new(as_node), clock.clone(), PREFIX.to_owned(), count, &settings.hollow);
    (count > 0).then_some(parts)
}

fn client(server: &ApiServer, user: &str) -> Client {
    let door = server.door(Caller::authenticated(user, ["system:nodes"]));
    Client::in_process(door, NAME).expect("the name is one that can be sent")
}

fn parts(
    shared: Client,
    as_node: Box<dyn Fn(&str) -> Client + Send + Sync>,
    clock: Clock,
    prefix: String,
    count: u32,
    hollow: &Hollow,
) -> Parts {
    let (shape, behaviour) = (hollow.shape.clone(), hollow.behaviour);
    Parts {
        shared,
        as_node,
        clock,
        prefix,
        count,
        shape,
        behaviour,
        version: version::GIT_VERSION.to_owned(),
    }
}

/// Runs hollow nodes until a signal comes.
pub(crate) fn run(line: &HollowLine) -> Result<(), Failure> {
    let settings = config::settings(&line.flags.0)?;
    component::run_at(&line.place, &settings, NAME, |running, client, _| {
        let everyone = client.clone();
        let as_node = Box::new(move |_: &str| everyone.clone());
        let parts =
            parts(client, as_node, clock::machine(), line.prefix.clone(), line.count, &settings.hollow);
        begin(running, Some(parts));
        Ok(())
    })
}

/// Begins hollow nodes as a part of this process, if there are to be any.
pub(crate) fn begin(running: &mut supervise::Parts, parts: Option<Parts>) {
    let Some(parts) = parts else { return };
    let stop = running.stop();
    running.begin("a hollow node", async move {
        keelson_kubelet::run(parts, stop.wait()).await.map_err(Failure::stopped)
    });
}
