//! The controllers as a part of this process, or as a process of their own.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueHint};
use keelson_api::time::Clock;
use keelson_apiserver::caller::Caller;
use keelson_apiserver::server::ApiServer;
use keelson_client::lease::Election;
use keelson_client::{Client, Key};
use keelson_controllers::{Parts, Selection};

use crate::config::{self, ControllerFlags, Settings};
use crate::failure::Failure;
use crate::supervise::{self, Ended, Signals};
use crate::{clock, file, log};

/// What upstream's controllers are called, in managed fields and as a lease.
const NAME: &str = "kube-controller-manager";
/// Whom they work as, but for those that have a service account.
const USER: &str = "system:kube-controller-manager";

/// Controllers of another server.
#[derive(Debug, Args)]
pub(crate) struct ControllersLine {
    /// Work for the server that this kubeconfig names [default: admin.kubeconfig in the data directory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Serving")]
    kubeconfig: Option<PathBuf>,
    /// Tell pods to know the server by the certificates in this file [default: those in the kubeconfig]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Serving")]
    root_ca_file: Option<PathBuf>,
    /// Work without asking whether another process does
    #[arg(long, help_heading = "Serving")]
    no_leader_election: bool,
    #[command(flatten)]
    flags: ControllerFlags,
}

/// The parts of controllers that go through the server of this process, each as whom it works.
pub(crate) fn within(server: &ApiServer, settings: &Settings, authority: &str, clock: &Clock) -> Parts {
    let door = server.clone();
    let as_account = move |account: &str| {
        let name = format!("system:serviceaccount:kube-system:{account}");
        let groups = ["system:serviceaccounts", "system:serviceaccounts:kube-system"];
        client(&door, Caller::authenticated(&name, groups))
    };
    Parts {
        shared: client(server, Caller::authenticated(USER, [])),
        as_account: Box::new(as_account),
        clock: clock.clone(),
        instance: instance(),
        selection: settings.controllers.clone(),
        root_ca: Some(authority.into()),
        // There is one process: nobody has to be asked, and an idle cluster writes nothing.
        election: None,
    }
}

fn client(server: &ApiServer, caller: Caller) -> Client {
    Client::in_process(server.door(caller), NAME).expect("the name is one that can be sent")
}

/// Who this process is, in events and as the holder of a lease.
fn instance() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{NAME}-{host}")
}

/// Runs controllers until a signal comes.
pub(crate) fn run(line: &ControllersLine) -> Result<(), Failure> {
    let settings = config::settings(&line.flags.0)?;
    log::begin(&settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::from_error("cannot begin", &error, ""))?;
    runtime.block_on(serve(line, &settings))
}

async fn serve(line: &ControllersLine, settings: &Settings) -> Result<(), Failure> {
    let mut signals =
        Signals::take().map_err(|error| Failure::from_error("cannot take signals", &error, ""))?;
    let path = line.kubeconfig.clone().unwrap_or_else(|| settings.data_dir.join("admin.kubeconfig"));
    let (client, authority) = Client::from_kubeconfig(&path, NAME).await.map_err(|error| {
        Failure::from_error(
            &format!("cannot work for {}", path.display()),
            &error,
            "give a kubeconfig by --kubeconfig FILE",
        )
    })?;
    let root_ca = match &line.root_ca_file {
        Some(path) => file::read_if_there(path)
            .map_err(|error| Failure::from_error(&format!("cannot read {}", path.display()), &error, ""))?,
        None => authority,
    };
    let election = (!line.no_leader_election).then(|| {
        let identity = format!("{}_{}", instance(), std::process::id());
        Election::new(Key::new("kube-system", NAME), identity)
    });
    let everyone = client.clone();
    let parts = Parts {
        shared: client,
        as_account: Box::new(move |_| everyone.clone()),
        clock: clock::machine(),
        instance: instance(),
        selection: settings.controllers.clone(),
        root_ca: root_ca.map(Arc::from),
        election,
    };
    let mut running = supervise::Parts::new();
    begin(&mut running, parts);
    let ended = running.run(&mut signals).await;
    tracing::info!("stopped");
    ended.map(|_: Ended| ())
}

/// Begins controllers as a part of this process.
pub(crate) fn begin(running: &mut supervise::Parts, parts: Parts) {
    let stop = running.stop();
    running.begin("a controller", async move {
        keelson_controllers::run(parts, stop.wait()).await.map_err(Failure::stopped)
    });
}

/// Reads `--controllers`.
pub(crate) fn selection(text: &str) -> Result<Selection, String> {
    text.parse::<Selection>().map_err(|unknown| format!("is no list of controllers: {unknown}"))
}
