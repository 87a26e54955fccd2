//! Settings: what they are, and which of four places decides.
//!
//! Each setting is defined once, in [`table`]; its flag, its environment variable, its key in the file, the help text
//! and the commented default file all come from there. What is said closer to the call wins: the flag, then the
//! environment, then the file, then the default. Nobody else in the workspace reads the environment.

mod file;
mod flags;
mod table;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use flags::{ControllerFlags, HollowFlags, SchedulerFlags, ServerFlags, StorageFlags};
pub(crate) use table::HOLLOW_NODES_MAX;

use keelson_apiserver::admission::plugins::Plugins;
use keelson_apiserver::admission::toleration::Patience;
use keelson_apiserver::features::Features;
use keelson_apiserver::node_ports::NodePorts;
use keelson_apiserver::offer::Offer;
use keelson_apiserver::server::Limits;
use keelson_apiserver::tokens::rules::TokenRules;

use crate::failure::Failure;
use table::{SETTINGS, Setting};

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where everything is kept.
    pub(crate) data_dir: PathBuf,
    /// Where the API server listens.
    pub(crate) listen: SocketAddr,
    /// Where others are told to reach it, if not where it listens.
    pub(crate) advertise_address: Option<IpAddr>,
    /// Where certificates and keys are kept, if not below the data directory.
    pub(crate) pki_dir: Option<PathBuf>,
    /// How long requests under way may take once the process is to end.
    pub(crate) shutdown_timeout: Duration,
    /// Which controllers run.
    pub(crate) controllers: keelson_controllers::Selection,
    /// Where nodes get their pods' addresses from.
    pub(crate) pod_ranges: keelson_controllers::PodRanges,
    /// Where it is written how pods are placed, if not as upstream places them.
    pub(crate) scheduler_config: Option<PathBuf>,
    /// Nodes that run pods without running them.
    pub(crate) hollow: Hollow,
    /// Where services get their addresses from.
    pub(crate) service_cidr: String,
    /// Which ports services may have on nodes.
    pub(crate) node_ports: NodePorts,
    /// Which rules of admission hold.
    pub(crate) admission: Plugins,
    /// How long pods bear that their node has failed.
    pub(crate) patience: Patience,
    /// Which versions of which resources are served.
    pub(crate) offer: Offer,
    /// Which features are on.
    pub(crate) features: Features,
    /// How service accounts' tokens are made, and which are believed.
    pub(crate) token_rules: TokenRules,
    /// How much clients may ask for.
    pub(crate) limits: Limits,
    /// For whom logs are written.
    pub(crate) log_format: LogFormat,
    /// How much is logged.
    pub(crate) log_level: tracing::Level,
}

impl Settings {
    /// Where certificates and keys are kept.
    pub(crate) fn pki_dir(&self) -> PathBuf {
        self.pki_dir.clone().unwrap_or_else(|| self.data_dir.join("pki"))
    }
}

/// Nodes that run pods without running them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hollow {
    /// How many are in the process that serves.
    pub(crate) nodes: u32,
    /// What they have.
    pub(crate) shape: keelson_kubelet::Shape,
    /// How their containers behave.
    pub(crate) behaviour: keelson_kubelet::Behaviour,
}

/// For whom logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// People.
    Human,
    /// Machines: an object per line.
    Json,
}

/// What was given on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    /// By the setting's name.
    values: BTreeMap<&'static str, String>,
    /// The configuration file.
    config: Option<PathBuf>,
    /// How often `-v` was given.
    verbose: u8,
}

/// What is around the process.
struct Surroundings {
    /// Reads the environment.
    variable: fn(&str) -> Option<OsString>,
    /// Whether it runs as root.
    root: bool,
}

/// Where a value came from, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Flag(&'static str),
    Environment(String),
    File(PathBuf, u64),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Environment(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{} line {line}", path.display()),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// A setting's text, and who said it.
struct Decided {
    setting: &'static Setting,
    text: String,
    origin: Origin,
}

/// Decides on all settings.
pub(crate) fn settings(given: &Given) -> Result<Settings, Failure> {
    let around = surroundings();
    let decided = decide(given, &around)?;
    parse(&decided, &around)
}

/// Prints the file that says what holds anyway.
pub(crate) fn show_default() -> Result<(), Failure> {
    print!("{}", file::default_text(&surroundings()));
    Ok(())
}

/// Says whether the configuration is sound, and what comes of it.
pub(crate) fn check(file: Option<PathBuf>, given: &Given) -> Result<(), Failure> {
    let mut given = given.clone();
    given.config = file.or(given.config);
    let around = surroundings();
    let decided = decide(&given, &around)?;
    parse(&decided, &around)?;
    let width =
        decided.iter().map(|decided| decided.setting.name.len() + decided.text.len()).max().unwrap_or(0);
    for Decided { setting, text, origin } in &decided {
        println!("{}: {text:<1$}  # {origin}", setting.name, width - setting.name.len());
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
fn surroundings() -> Surroundings {
    // A value that is not text is told apart from one that is missing, hence the OS string.
    Surroundings { variable: |name| std::env::var_os(name), root: rustix::process::geteuid().is_root() }
}

fn decide(given: &Given, around: &Surroundings) -> Result<Vec<Decided>, Failure> {
    let path = given.config.clone().or_else(|| (around.variable)("KEELSON_CONFIG").map(PathBuf::from));
    let mut in_file = match &path {
        Some(path) => file::read(path)?,
        None => BTreeMap::new(),
    };
    let mut all = Vec::with_capacity(SETTINGS.len());
    for setting in SETTINGS {
        let (text, origin) = if let Some(text) = given.values.get(setting.name) {
            (text.clone(), Origin::Flag(setting.name))
        } else if let Some(text) = (around.variable)(&setting.variable()) {
            (utf8(text, &setting.variable())?, Origin::Environment(setting.variable()))
        } else if let Some((text, line)) = in_file.remove(setting.name) {
            (text, Origin::File(path.clone().unwrap_or_default(), line))
        } else {
            ((setting.default)(around), Origin::Default)
        };
        all.push(Decided { setting, text, origin });
    }
    if given.verbose > 0
        && let Some(level) = all.iter_mut().find(|decided| decided.setting.name == table::LOG_LEVEL)
    {
        level.text = if given.verbose == 1 { "debug" } else { "trace" }.into();
        level.origin = Origin::Flag("verbose");
    }
    Ok(all)
}

fn parse(decided: &[Decided], around: &Surroundings) -> Result<Settings, Failure> {
    let mut settings = table::blank();
    for Decided { setting, text, origin } in decided {
        (setting.take)(&mut settings, text, around)
            .map_err(|wanted| Failure::usage(format!("{}: {text:?} from {origin} {wanted}", setting.name)))?;
    }
    Ok(settings)
}

fn utf8(text: OsString, name: &str) -> Result<String, Failure> {
    text.into_string()
        .map_err(|_| Failure::usage(format!("{name} is not UTF-8 text; set it to text, or unset it")))
}

/// A path as it was written, with `~/` standing for the home directory.
fn path(text: &str, around: &Surroundings) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("is empty; give a path".into());
    }
    let Some(rest) = text.strip_prefix("~/").or((text == "~").then_some("")) else {
        return Ok(Path::new(text).to_owned());
    };
    let home = (around.variable)("HOME").filter(|home| !home.is_empty());
    let home =
        home.ok_or("needs a home directory and HOME is not set; give a path without ~, or set HOME")?;
    Ok(Path::new(&home).join(rest))
}

#[cfg(test)]
mod tests;
