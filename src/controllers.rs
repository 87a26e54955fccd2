//! The controllers as a part of this process, or as a process of their own.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueHint};
use keelson_api::time::Clock;
use keelson_apiserver::caller::Caller;
use keelson_apiserver::metrics::{Distribution, Figure};
use keelson_apiserver::server::ApiServer;
use keelson_apiserver::tokens::keys::Keys;
use keelson_client::Client;
use keelson_client::queue::{Figures as QueueFigures, Took};
use keelson_controllers::signing::TokenSigner;
use keelson_controllers::{Parts, Queues, Selection};

use crate::component::{self, Alone, ComponentLine};
use crate::config::{self, ControllerFlags, Settings};
use crate::failure::Failure;
use crate::pki::issuing::Issuing;
use crate::pki::{Pair, Pki};
use crate::{clock, file, supervise};

/// What upstream's controllers are called, in managed fields and as a lease.
pub(crate) const NAME: &str = "kube-controller-manager";
/// Whom they work as, but for those that have a service account.
const USER: &str = "system:kube-controller-manager";

/// Controllers of another server.
#[derive(Debug, Args)]
pub(crate) struct ControllersLine {
    #[command(flatten)]
    component: ComponentLine,
    /// Tell pods to know the server by the certificates in this file [default: those in the kubeconfig]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Serving")]
    root_ca_file: Option<PathBuf>,
    /// Issue certificates in the name of the authority whose own is in this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Serving")]
    cluster_signing_cert_file: Option<PathBuf>,
    /// Issue certificates with the key in this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Serving")]
    cluster_signing_key_file: Option<PathBuf>,
    /// Sign tokens of service accounts that lie in secrets with the key in this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Serving")]
    service_account_private_key_file: Option<PathBuf>,
    #[command(flatten)]
    flags: ControllerFlags,
}

/// The parts of controllers that go through the server of this process, each as whom it works.
pub(crate) fn within(
    server: &ApiServer,
    settings: &Settings,
    pki: &Pki,
    queues: &Queues,
    clock: &Clock,
) -> Result<Parts, Failure> {
    let door = server.clone();
    let as_account = move |account: &str| {
        let name = format!("system:serviceaccount:kube-system:{account}");
        let groups = ["system:serviceaccounts", "system:serviceaccounts:kube-system"];
        client(&door, Caller::authenticated(&name, groups))
    };
    let authority = Pair { certificate: pki.authority.clone(), key: pki.authority_key.clone() };
    Ok(Parts {
        shared: client(server, Caller::authenticated(USER, [])),
        as_account: Box::new(as_account),
        clock: clock.clone(),
        instance: component::instance(NAME),
        selection: settings.controllers.clone(),
        root_ca: Some(pki.authority.as_str().into()),
        pod_ranges: settings.pod_ranges.clone(),
        token_signer: Some(signer(&pki.service_account)?),
        certificates: Some(Arc::new(issuing(&authority)?)),
        queues: queues.clone(),
        // There is one process: nobody has to be asked, and an idle cluster writes nothing.
        election: None,
    })
}

/// What is shown of the controllers' queues.
pub(crate) fn figures(queues: &Queues) -> Vec<Figure> {
    let all = queues.figures();
    let labels = |name: &str| vec![("name", name.trim_end_matches("-controller").to_owned())];
    let numbers = |name, help, counts, read: fn(&QueueFigures) -> f64| Figure {
        values: all.iter().map(|(queue, figures)| (labels(queue), read(figures))).collect(),
        ..blank(name, help, counts)
    };
    let times = |name, help, read: fn(&QueueFigures) -> Took| {
        let shown = |took: Took| Distribution { buckets: took.buckets(), sum: took.sum().as_secs_f64() };
        Figure {
            distributions: all.iter().map(|(queue, figures)| (labels(queue), shown(read(figures)))).collect(),
            ..blank(name, help, false)
        }
    };
    vec![
        numbers("workqueue_depth", "Keys that wait", false, |queue| queue.depth as f64),
        numbers("workqueue_adds_total", "Keys that were added", true, |queue| queue.adds as f64),
        numbers("workqueue_retries_total", "Keys that failed and were put back", true, |queue| {
            queue.retries as f64
        }),
        times("workqueue_queue_duration_seconds", "How long keys waited, in seconds", |queue| queue.waited),
        times("workqueue_work_duration_seconds", "How long keys were worked on, in seconds", |queue| {
            queue.worked
        }),
        numbers(
            "workqueue_unfinished_work_seconds",
            "How long the keys have been worked on that are worked on now, together",
            false,
            |queue| queue.unfinished.as_secs_f64(),
        ),
        numbers(
            "workqueue_longest_running_processor_seconds",
            "How long the key has been worked on that has been for longest",
            false,
            |queue| queue.longest.as_secs_f64(),
        ),
    ]
}

fn blank(name: &'static str, help: &'static str, counts: bool) -> Figure {
    Figure { name, help, counts, values: Vec::new(), distributions: Vec::new() }
}

/// Signs tokens with a key in PEM.
fn signer(key: &str) -> Result<TokenSigner, Failure> {
    let keys = Keys::new(key, "").map_err(|error| Failure::from_error("cannot sign tokens", &error, ""))?;
    Ok(TokenSigner::new(move |claims| keys.token(claims)))
}

fn issuing(authority: &Pair) -> Result<Issuing, Failure> {
    Issuing::by(authority).map_err(|why| Failure::stopped(format!("cannot issue certificates: {why}")))
}

/// Reads a file that somebody names.
fn read(path: Option<&PathBuf>) -> Result<Option<String>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let found = file::read_if_there(path)
        .map_err(|error| Failure::from_error(&format!("cannot read {}", path.display()), &error, ""))?;
    found.map(Some).ok_or_else(|| Failure::stopped(format!("{} is not there", path.display())))
}

fn client(server: &ApiServer, caller: Caller) -> Client {
    Client::in_process(server.door(caller), NAME).expect("the name is one that can be sent")
}

/// Runs controllers until a signal comes.
pub(crate) fn run(line: &ControllersLine) -> Result<(), Failure> {
    let settings = config::settings(&line.flags.0)?;
    component::run(&line.component, &settings, NAME, |running, alone| {
        let Alone { client, authority, election } = alone;
        let root_ca = match &line.root_ca_file {
            Some(path) => file::read_if_there(path).map_err(|error| {
                Failure::from_error(&format!("cannot read {}", path.display()), &error, "")
            })?,
            None => authority,
        };
        let token_key = read(line.service_account_private_key_file.as_ref())?;
        let authority =
            (read(line.cluster_signing_cert_file.as_ref())?, read(line.cluster_signing_key_file.as_ref())?);
        let issuing = match authority {
            (Some(certificate), Some(key)) => issuing(&Pair { certificate, key })?,
            (None, None) => Issuing::none(),
            _ => {
                return Err(Failure::stopped(
                    "--cluster-signing-cert-file and --cluster-signing-key-file are given together"
                        .to_owned(),
                ));
            }
        };
        let everyone = client.clone();
        let parts = Parts {
            shared: client,
            as_account: Box::new(move |_| everyone.clone()),
            clock: clock::machine(),
            instance: component::instance(NAME),
            selection: settings.controllers.clone(),
            root_ca: root_ca.map(Arc::from),
            pod_ranges: settings.pod_ranges.clone(),
            token_signer: token_key.as_deref().map(signer).transpose()?,
            certificates: Some(Arc::new(issuing)),
            queues: Queues::default(),
            election,
        };
        begin(running, parts);
        Ok(())
    })
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
