//! Serving: brings the parts up in order, says when they are ready, and lets them end.
//!
//! Everything that can be refused is refused before anything is changed: the port is bound, the data directory and
//! the certificates are looked at, the store is opened, and only then is something made.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use keelson_api::time::Clock;
use keelson_apiserver::entropy::Entropy;
use keelson_apiserver::health::{Check, Endpoint};
use keelson_apiserver::serve::tls::Tls;
use keelson_apiserver::serve::{self, Listener};
use keelson_apiserver::server::{self, ApiServer};
use keelson_apiserver::tokens::keys::Keys;
use keelson_controllers::Queues;
use tokio::time::Instant;

use crate::config::Settings;
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::pki::{self, Pki};
use crate::progress::Progress;
use crate::storage::open::{self, Opened};
use crate::supervise::{Ended, Parts as Running, Signals};
use crate::{
    clock, control, controllers, hollow, kubeconfig, local_volumes, log, process, random, reach, scheduler,
};

/// Which parts run in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    /// A whole cluster.
    All,
    /// The API server alone.
    Apiserver,
}

impl Parts {
    /// The components among them, by upstream's names.
    fn components(self) -> &'static [&'static str] {
        match self {
            Self::All => &[controllers::NAME, scheduler::NAME],
            Self::Apiserver => &[],
        }
    }
}

/// What runs beside the API server, as far as that has to know.
struct Beside {
    components: &'static [&'static str],
    placing: keelson_scheduler::Figures,
    queues: Queues,
}

/// Runs until a signal comes, or until a part dies.
pub(crate) fn run(settings: &Settings, parts: Parts) -> Result<(), Failure> {
    log::begin(settings);
    process::raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::from_error("cannot begin", &error, ""))?;
    let ended = runtime.block_on(serve(settings, parts));
    // Whoever still reads a snapshot has been told to go.
    runtime.shutdown_background();
    ended
}

async fn serve(settings: &Settings, parts: Parts) -> Result<(), Failure> {
    let began = Instant::now();
    let mut signals =
        Signals::take().map_err(|error| Failure::from_error("cannot take signals", &error, ""))?;
    let clock = clock::machine();
    let placing = scheduler::config(settings)?;
    let listener = bind(settings.listen).await?;
    let data_dir = DataDir::look_at(&settings.data_dir)?;
    let plan = pki::look_at(&settings.pki_dir(), clock.now())?;
    let progress = Progress::new(settings, plan.is_new());
    progress.step(&format!(
        "{} data in {}",
        if data_dir.exists() { "using" } else { "keeping" },
        data_dir.path().display()
    ));
    let opened = open::open(&data_dir, &clock).await?;
    progress.step(&format!("certificates in {}", settings.pki_dir().display()));
    let admin = kubeconfig::admin(&data_dir.kubeconfig());
    let pki =
        plan.make(&pki::serving_names(reach::addresses(settings, listener.address())), admin.as_ref())?;

    let mut running = Running::new();
    let address = listener.address();
    begin_control(&mut running, &data_dir, &opened)?;
    begin_store_watch(&mut running, &opened);
    let (figures, queues) = (keelson_scheduler::Figures::default(), Queues::default());
    let beside = Beside { components: parts.components(), placing: figures.clone(), queues: queues.clone() };
    let server = begin_apiserver(&mut running, settings, beside, listener, &pki, &opened, &clock).await?;
    if parts == Parts::All {
        controllers::begin(&mut running, controllers::within(&server, settings, &pki, &queues, &clock)?);
        scheduler::begin(&mut running, scheduler::within(&server, placing, &figures, &clock)?);
        hollow::begin(&mut running, hollow::within(&server, settings, &clock));
    }
    kubeconfig::write(&data_dir.kubeconfig(), address, &pki)?;
    ready(progress, parts, address, &data_dir.kubeconfig(), began.elapsed());

    let ended = running.run(&mut signals).await;
    if ended != Ok(Ended::AtOnce) {
        opened.close().await;
    }
    tracing::info!("stopped");
    ended.map(drop)
}

async fn bind(listen: SocketAddr) -> Result<Listener, Failure> {
    Listener::bind(listen).await.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "stop what listens there, or choose another port by --listen ADDR:PORT (port 0 takes a free one)",
            std::io::ErrorKind::PermissionDenied => "ports below 1024 are root's; choose another one by --listen ADDR:PORT",
            _ => "give an address of this machine by --listen ADDR:PORT",
        };
        Failure::from_error(&format!("cannot listen at {listen}"), &error, remedy)
    })
}

fn begin_control(running: &mut Running, data_dir: &DataDir, opened: &Opened) -> Result<(), Failure> {
    let socket = control::Socket::bind(data_dir.path())?;
    let serving = control::serve(socket, opened.clone(), running.stop());
    running.begin("the control socket", serving);
    Ok(())
}

/// A store that cannot go on must not be served any more.
fn begin_store_watch(running: &mut Running, opened: &Opened) {
    let (store, stop) = (opened.store.clone(), running.stop());
    running.begin("the store", async move {
        tokio::select! {
            why = store.ended_because() => Err(Failure::stopped(format!("{why}; the log says more, and `keelson storage check` verifies what is stored"))),
            () = stop.wait() => Ok(()),
        }
    });
}

async fn begin_apiserver(
    running: &mut Running,
    settings: &Settings,
    beside: Beside,
    listener: Listener,
    pki: &Pki,
    opened: &Opened,
    clock: &Clock,
) -> Result<ApiServer, Failure> {
    let tls = Tls::new(&pki.serving.certificate, &pki.serving.key, &pki.authority).map_err(|error| {
        Failure::from_error("cannot serve TLS", &error, "look at the files in the PKI directory")
    })?;
    let keys = Keys::new(&pki.service_account, &pki.service_account_public).map_err(|error| {
        Failure::from_error("cannot make tokens", &error, "look at sa.key and sa.pub in the PKI directory")
    })?;
    let (started, store) = (clock.now(), opened.store.clone());
    let Beside { components, placing, queues } = beside;
    let figures = move || {
        let mut figures = process::figures(started);
        figures.extend(open::figures(&store));
        if components.contains(&scheduler::NAME) {
            figures.extend(scheduler::figures(&placing));
        }
        if components.contains(&controllers::NAME) {
            figures.extend(controllers::figures(&queues));
        }
        figures
    };
    tell_of_choices(settings);
    let server = ApiServer::new(server::Parts {
        clock: clock.clone(),
        entropy: Entropy::new(random::fill),
        store: opened.store.clone(),
        keys,
        admission: settings.admission,
        offer: settings.offer.clone(),
        features: settings.features.clone(),
        token_rules: settings.token_rules.clone(),
        patience: settings.patience,
        node_ports: settings.node_ports,
        address: listener.address().to_string(),
        beside: components,
        checks: vec![storage_check(opened)],
        figures: Box::new(figures),
        limits: settings.limits,
    });
    if components.contains(&controllers::NAME) {
        local_volumes::make_class(&server, settings).await?;
    }
    let advertised = reach::advertised(settings, listener.address());
    let made = server.bootstrap(&settings.service_cidr, advertised).await;
    made.map_err(|error| Failure::from_error("cannot begin a cluster", &error, ""))?;
    let told = server.tell_authorities(&pki.authority, &pki.proxy_authority).await;
    told.map_err(|error| Failure::from_error("cannot begin a cluster", &error, ""))?;
    tracing::warn!("whoever is identified may do everything: there is no authorization yet");
    let (stop, deadline, serving) = (running.stop(), settings.shutdown_timeout, server.clone());
    running.begin("the API server", async move {
        let drained = serve::serve(listener, tls, serving, stop.wait(), deadline).await;
        if drained.cut > 0 {
            tracing::warn!(
                connections = drained.cut,
                "cut connections whose requests took longer than the deadline"
            );
        }
        Ok(())
    });
    Ok(server)
}

/// Says what somebody asked for by name that comes to nothing, or will.
fn tell_of_choices(settings: &Settings) {
    for resource in settings.offer.absent() {
        tracing::warn!(%resource, "--runtime-config asks for a resource that is not there yet");
    }
    for feature in settings.features.idle() {
        tracing::warn!(%feature, "--feature-gates names a feature that changes nothing here");
    }
    for (feature, stage) in settings.features.settled() {
        tracing::warn!(%feature, %stage, "--feature-gates names a feature that will be gone in a future release");
    }
}

/// Upstream's probes name the check of what keeps the data after etcd, so that is its name whatever keeps it here.
fn storage_check(opened: &Opened) -> Check {
    let store = opened.store.clone();
    Check::new("etcd", &Endpoint::ALL, move || open::health(&store))
}

fn ready(progress: Progress, parts: Parts, address: SocketAddr, kubeconfig: &Path, took: Duration) {
    let what = match parts {
        Parts::All => "Keelson",
        Parts::Apiserver => "The API server",
    };
    let (url, kubeconfig, millis) = (kubeconfig::url(address), kubeconfig.display(), took.as_millis());
    let line = format!("{what} is ready at {url} after {millis} ms; kubeconfig: {kubeconfig}");
    if !progress.done(&line) {
        tracing::info!(%url, %kubeconfig, millis = u64::try_from(millis).unwrap_or(u64::MAX), "ready");
    }
}
