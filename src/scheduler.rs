//! The scheduler as a part of this process, or as a process of its own.

use std::path::Path;

use clap::Args;
use keelson_api::time::Clock;
use keelson_apiserver::caller::Caller;
use keelson_apiserver::metrics::{Distribution, Figure};
use keelson_apiserver::server::ApiServer;
use keelson_client::lease::Election;
use keelson_client::{Client, Key};
use keelson_scheduler::config::Config;
use keelson_scheduler::{Figures, Parts};
use keelson_schema::yaml;

use crate::component::{self, Alone, ComponentLine};
use crate::config::{self, SchedulerFlags, Settings};
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
    flags: SchedulerFlags,
}

/// The configuration that the settings name, or the default one.
pub(crate) fn config(settings: &Settings) -> Result<Config, Failure> {
    settings.scheduler_config.as_deref().map_or_else(|| Ok(Config::default()), read)
}

fn read(path: &Path) -> Result<Config, Failure> {
    let doing = format!("cannot follow the scheduler's configuration {}", path.display());
    let remedy =
        "give a KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1 by --scheduler-config FILE";
    let text = std::fs::read(path).map_err(|error| Failure::from_error(&doing, &error, remedy))?;
    let refused = |why: &dyn std::fmt::Display| Failure::usage(format!("{doing}: {why}"));
    let converted = yaml::to_json(&text).map_err(|error| refused(&error))?;
    let json = serde_json::from_slice(&converted.json).map_err(|error| refused(&error))?;
    keelson_scheduler::config::read(&json, converted.duplicates.as_deref()).map_err(|error| refused(&error))
}

/// The parts of a scheduler that goes through the server of this process.
pub(crate) fn within(
    server: &ApiServer,
    config: Config,
    figures: &Figures,
    clock: &Clock,
) -> Result<Parts, Failure> {
    let door = server.door(Caller::authenticated(USER, []));
    let client = Client::in_process(door, NAME).expect("the name is one that can be sent");
    // There is one process: nobody has to be asked, and an idle cluster writes nothing.
    parts(client, config, figures.clone(), clock.clone(), None)
}

fn parts(
    client: Client,
    config: Config,
    figures: Figures,
    clock: Clock,
    election: Option<Election>,
) -> Result<Parts, Failure> {
    let seed = u64::from_le_bytes(random::bytes()?);
    let settings = config.settings;
    Ok(Parts { client, clock, instance: component::instance(NAME), seed, settings, figures, election })
}

/// Runs a scheduler until a signal comes.
pub(crate) fn run(line: &SchedulerLine) -> Result<(), Failure> {
    let settings = config::settings(&line.flags.0)?;
    let config = config(&settings)?;
    component::run(&line.component, &settings, NAME, |running, alone: Alone| {
        let election = alone.election.filter(|_| config.election.asks != Some(false));
        let election = election.map(|election| Election {
            lease: Key::new(&config.election.namespace, &config.election.name),
            lasts: config.election.lasts,
            renew_within: config.election.renew_within,
            every: config.election.every,
            ..election
        });
        begin(running, parts(alone.client, config, Figures::default(), clock::machine(), election)?);
        Ok(())
    })
}

/// What is shown of it where it runs beside the server.
pub(crate) fn figures(of: &Figures) -> Vec<Figure> {
    let shown = of.read().into_iter();
    shown
        .map(|figure| Figure {
            name: figure.name,
            help: figure.help,
            counts: figure.counts,
            values: figure.values,
            distributions: figure.distributions.into_iter().map(distribution).collect(),
        })
        .collect()
}

type Labelled<T> = (Vec<(&'static str, String)>, T);

fn distribution(
    (labels, shown): Labelled<keelson_scheduler::figures::Distribution>,
) -> Labelled<Distribution> {
    (labels, Distribution { buckets: shown.buckets(), sum: shown.sum })
}

/// Begins a scheduler as a part of this process.
pub(crate) fn begin(running: &mut supervise::Parts, parts: Parts) {
    let stop = running.stop();
    running.begin("the scheduler", async move {
        keelson_scheduler::run(parts, stop.wait()).await.map_err(Failure::stopped)
    });
}
