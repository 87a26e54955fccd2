//! Every setting, once.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use keelson_apiserver::admission::plugins::{Plugin, Plugins};
use keelson_apiserver::admission::toleration::Patience;
use keelson_apiserver::features::Features;
use keelson_apiserver::node_ports::NodePorts;
use keelson_apiserver::offer::Offer;
use keelson_apiserver::server::Limits;
use keelson_apiserver::tokens::rules::TokenRules;

use super::{Hollow, LogFormat, Settings, Surroundings, path};

/// One setting: everything there is to know about it.
pub(super) struct Setting {
    /// Its name: the flag without its dashes, and the key in the file.
    pub(super) name: &'static str,
    /// What stands for its value in the help.
    pub(super) value: &'static str,
    /// Which heading of the help it stands under.
    pub(super) heading: &'static str,
    /// What it decides, in one sentence.
    pub(super) help: &'static str,
    /// Which commands take it as a flag.
    pub(super) of: Of,
    /// What holds where nothing is said. May be empty: not set.
    pub(super) default: fn(&Surroundings) -> String,
    /// Takes a value, or says what would be right: "is ...; give ...".
    pub(super) take: fn(&mut Settings, &str, &Surroundings) -> Result<(), String>,
}

/// Which commands take a setting as a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Those that serve.
    Servers,
    /// Those, and the one that runs controllers alone.
    Controllers,
    /// Those that serve, and the one that runs the scheduler alone.
    Scheduler,
    /// Those that serve, and the one that runs hollow nodes.
    Hollow,
    /// All of those, and the ones that look after stored data.
    All,
}

impl Setting {
    /// The environment variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("KEELSON_{}", self.name.replace('-', "_").to_uppercase())
    }
}

/// The most hollow nodes of one process: more than there are addresses for are of no use.
pub(crate) const HOLLOW_NODES_MAX: u32 = 50_000;
/// The setting that `-v` changes.
pub(super) const LOG_LEVEL: &str = "log-level";

/// All of them, in the order in which people read about them.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "data-dir",
        value: "DIR",
        heading: "Where things are",
        help: "Keep all data in DIR: the store, certificates, the admin's kubeconfig",
        of: Of::All,
        default: |around| if around.root { "/var/lib/keelson" } else { "~/.keelson" }.into(),
        take: |settings, text, around| {
            settings.data_dir = path(text, around)?;
            Ok(())
        },
    },
    Setting {
        name: "pki-dir",
        value: "DIR",
        heading: "Where things are",
        help: "Use the certificates and keys in DIR, by kubeadm's file names, and make what is missing; if not given, \
               DIR is pki in the data directory",
        of: Of::Servers,
        default: |_| String::new(),
        take: |settings, text, around| {
            settings.pki_dir = if text.is_empty() { None } else { Some(path(text, around)?) };
            Ok(())
        },
    },
    Setting {
        name: "listen",
        value: "ADDR:PORT",
        heading: "Serving",
        help: "Serve the API at ADDR:PORT; port 0 takes a free one",
        of: Of::Servers,
        default: |_| "127.0.0.1:6443".into(),
        take: |settings, text, _| {
            settings.listen = text.parse::<SocketAddr>().map_err(
                |_| "is no address; give an IP address and a port, such as 127.0.0.1:6443 or [::]:6443",
            )?;
            Ok(())
        },
    },
    Setting {
        name: "advertise-address",
        value: "ADDR",
        heading: "Serving",
        help: "Tell the cluster to reach the API at ADDR; if not given, it is where the API is served or, where that is \
               everywhere or this machine alone, the address that this machine sends from",
        of: Of::Servers,
        default: |_| String::new(),
        take: |settings, text, _| {
            if text.is_empty() {
                return Ok(());
            }
            let address = text.parse::<IpAddr>().ok().filter(|ip| !ip.is_unspecified() && !ip.is_loopback());
            let address =
                address.ok_or("is no address that others could reach; give one such as 192.0.2.10")?;
            settings.advertise_address = Some(address);
            Ok(())
        },
    },
    Setting {
        name: "service-cidr",
        value: "RANGE",
        heading: "Serving",
        help: "Give services addresses out of RANGE, or out of two, one for IPv4 and one for IPv6, with a comma in \
               between: the first is for those that do not say; what a cluster began with stays as it is",
        of: Of::Servers,
        default: |_| "10.96.0.0/16".into(),
        take: |settings, text, _| {
            let is_ipv4 = |range: &str| {
                let (base, length) = range.split_once('/')?;
                let (base, length) = (base.parse::<IpAddr>().ok()?, length.parse::<u8>().ok()?);
                (length <= if base.is_ipv4() { 30 } else { 126 }).then_some(base.is_ipv4())
            };
            let families: Option<Vec<bool>> = text.split(',').map(is_ipv4).collect();
            match families.as_deref() {
                Some([_]) => {}
                Some([one, other]) if one != other => {}
                Some(_) => {
                    return Err("names more ranges than families; give one for IPv4, one for IPv6".into());
                }
                None => {
                    return Err(
                        "is no range of addresses; give one such as 10.96.0.0/16, or 10.96.0.0/16,fd00::/108"
                            .into(),
                    );
                }
            }
            settings.service_cidr = text.to_owned();
            Ok(())
        },
    },
    Setting {
        name: "controllers",
        value: "NAMES",
        heading: "Serving",
        help: "Run these controllers: names with commas between them, * for all, -NAME for all but NAME",
        of: Of::Controllers,
        default: |_| "*".into(),
        take: |settings, text, _| {
            settings.controllers = crate::controllers::selection(text)?;
            Ok(())
        },
    },
    Setting {
        name: "cluster-cidr",
        value: "RANGE",
        heading: "Serving",
        help: "Give each node a part of RANGE for its pods, or of two, one for IPv4 and one for IPv6, with a comma in \
               between; if empty, others see to that",
        of: Of::Controllers,
        default: |_| "10.244.0.0/16".into(),
        take: |settings, text, _| {
            settings.pod_ranges =
                text.parse().map_err(|error: keelson_controllers::NoPodRanges| error.to_string())?;
            Ok(())
        },
    },
    Setting {
        name: "scheduler-config",
        value: "FILE",
        heading: "Serving",
        help: "Place pods as the KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) in FILE says; if not given, \
               as upstream's scheduler does",
        of: Of::Scheduler,
        default: |_| String::new(),
        take: |settings, text, around| {
            settings.scheduler_config = if text.is_empty() { None } else { Some(path(text, around)?) };
            Ok(())
        },
    },
    Setting {
        name: "hollow-nodes",
        value: "NUMBER",
        heading: "Hollow nodes",
        help: "Have so many nodes that run pods without running them",
        of: Of::Servers,
        default: |_| "0".into(),
        take: |settings, text, _| {
            let number = text.parse::<u32>().ok().filter(|number| *number <= HOLLOW_NODES_MAX);
            settings.hollow.nodes = number
                .ok_or_else(|| format!("is no number of nodes; give one from 0 to {HOLLOW_NODES_MAX}"))?;
            Ok(())
        },
    },
    Setting {
        name: "hollow-node",
        value: "LIST",
        heading: "Hollow nodes",
        help: "Give each hollow node these resources, as RESOURCE=AMOUNT with commas in between; zones=NUMBER spreads \
               them over zones",
        of: Of::Hollow,
        default: |_| "cpu=64,memory=256Gi,ephemeral-storage=1Ti,pods=500".into(),
        take: |settings, text, _| {
            settings.hollow.shape = text.parse().map_err(|wrong| format!("cannot be a node: {wrong}"))?;
            Ok(())
        },
    },
    Setting {
        name: "hollow-pods",
        value: "LIST",
        heading: "Hollow nodes",
        help: "Have hollow containers behave so: start-delay, ready-after, run-for, stop-delay with durations, \
               exit-code with a number, failing with a percentage, as WORD=VALUE with commas in between; a pod says \
               otherwise by annotations such as keelson.dev/run-for",
        of: Of::Hollow,
        default: |_| String::new(),
        take: |settings, text, _| {
            settings.hollow.behaviour =
                text.parse().map_err(|wrong| format!("cannot be followed: {wrong}"))?;
            Ok(())
        },
    },
    Setting {
        name: "service-node-port-range",
        value: "FIRST-LAST",
        heading: "Serving",
        help: "Give services ports on nodes from FIRST to LAST",
        of: Of::Servers,
        default: |_| NodePorts::default().to_string(),
        take: |settings, text, _| {
            settings.node_ports =
                text.parse().map_err(|_| "is no range of ports; give one such as 30000-32767")?;
            Ok(())
        },
    },
    Setting {
        name: "disable-admission-plugins",
        value: "LIST",
        heading: "Serving",
        help: "Switch rules of admission off, by upstream's names with commas in between",
        of: Of::Servers,
        default: |_| String::new(),
        take: |settings, text, _| {
            settings.admission = Plugins::default().without(text).map_err(unknown_plugin)?;
            Ok(())
        },
    },
    Setting {
        name: "enable-admission-plugins",
        value: "LIST",
        heading: "Serving",
        help: "Switch rules of admission on, likewise; those that there are are on by themselves",
        of: Of::Servers,
        default: |_| String::new(),
        take: |_, text, _| {
            // They are named to be sure that they hold: one that is not there must not be passed over.
            Plugins::default().without(text).map(|_| ()).map_err(unknown_plugin)
        },
    },
    Setting {
        name: "default-not-ready-toleration-seconds",
        value: "SECONDS",
        heading: "Serving",
        help: "Let pods that do not say stay for SECONDS on a node that is not ready",
        of: Of::Servers,
        default: |_| Patience::default().not_ready.to_string(),
        take: |settings, text, _| {
            settings.patience.not_ready = seconds(text)?;
            Ok(())
        },
    },
    Setting {
        name: "default-unreachable-toleration-seconds",
        value: "SECONDS",
        heading: "Serving",
        help: "Let pods that do not say stay for SECONDS on a node that cannot be reached",
        of: Of::Servers,
        default: |_| Patience::default().unreachable.to_string(),
        take: |settings, text, _| {
            settings.patience.unreachable = seconds(text)?;
            Ok(())
        },
    },
    Setting {
        name: "runtime-config",
        value: "LIST",
        heading: "Serving",
        help: "Serve versions and resources, or do not, as GROUP/VERSION=true, GROUP/VERSION/RESOURCE=false, or api/all, \
               api/ga, api/beta, api/alpha, with commas in between",
        of: Of::Servers,
        default: |_| String::new(),
        take: |settings, text, _| {
            settings.offer = Offer::parse(text).map_err(wrong)?;
            Ok(())
        },
    },
    Setting {
        name: "feature-gates",
        value: "LIST",
        heading: "Serving",
        help: "Switch upstream's features on or off by name, as NAME=true with commas in between; AllAlpha and AllBeta \
               stand for all of a stage",
        of: Of::Servers,
        default: |_| String::new(),
        take: |settings, text, _| {
            settings.features = Features::parse(text).map_err(wrong)?;
            Ok(())
        },
    },
    Setting {
        name: "service-account-issuer",
        value: "LIST",
        heading: "Serving",
        help: "Say in service accounts' tokens that the first of these made them, and believe those of all",
        of: Of::Servers,
        default: |_| TokenRules::default().issuer().to_owned(),
        take: |settings, text, _| {
            settings.token_rules = settings.token_rules.clone().with_issuers(pieces(text)).map_err(wrong)?;
            Ok(())
        },
    },
    Setting {
        name: "api-audiences",
        value: "LIST",
        heading: "Serving",
        help: "Believe service accounts' tokens that are for one of these; if not given, they are to be for an issuer",
        of: Of::Servers,
        default: |_| String::new(),
        take: |settings, text, _| {
            let audiences = pieces(text).into_iter().filter(|one| !one.is_empty()).collect();
            settings.token_rules = settings.token_rules.clone().with_audiences(audiences);
            Ok(())
        },
    },
    Setting {
        name: "service-account-max-token-expiration",
        value: "DURATION",
        heading: "Serving",
        help: "Make service accounts' tokens that are good for no longer than DURATION, such as 24h; 0s is no bound",
        of: Of::Servers,
        default: |_| "0s".into(),
        take: |settings, text, _| {
            let longest = duration(text)?.as_secs().try_into().unwrap_or(i64::MAX);
            settings.token_rules = settings.token_rules.clone().with_longest(longest).map_err(wrong)?;
            Ok(())
        },
    },
    Setting {
        name: "service-account-extend-token-expiration",
        value: "true|false",
        heading: "Serving",
        help: "Make tokens for pods that are good for a year, for clients that do not read them anew",
        of: Of::Servers,
        default: |_| "true".into(),
        take: |settings, text, _| {
            settings.token_rules = match text {
                "true" => settings.token_rules.clone(),
                "false" => settings.token_rules.clone().without_extension(),
                _ => return Err("is neither true nor false".into()),
            };
            Ok(())
        },
    },
    Setting {
        name: "max-requests-inflight",
        value: "NUMBER",
        heading: "Serving",
        help: "Answer so many requests that only read at the same time, and refuse more",
        of: Of::Servers,
        default: |_| Limits::default().reading_in_flight_max.to_string(),
        take: |settings, text, _| {
            settings.limits.reading_in_flight_max = requests(text)?;
            Ok(())
        },
    },
    Setting {
        name: "max-mutating-requests-inflight",
        value: "NUMBER",
        heading: "Serving",
        help: "Answer so many requests that may change something at the same time, and refuse more",
        of: Of::Servers,
        default: |_| Limits::default().mutating_in_flight_max.to_string(),
        take: |settings, text, _| {
            settings.limits.mutating_in_flight_max = requests(text)?;
            Ok(())
        },
    },
    Setting {
        name: "request-timeout",
        value: "DURATION",
        heading: "Serving",
        help: "Let an answer begin within DURATION, such as 1m0s, and tell the client if it does not",
        of: Of::Servers,
        default: |_| "1m0s".into(),
        take: |settings, text, _| {
            settings.limits.deadline = duration(text)?;
            if settings.limits.deadline.is_zero() {
                return Err("lets no answer begin; give a duration such as 1m0s".into());
            }
            Ok(())
        },
    },
    Setting {
        name: "shutdown-timeout",
        value: "SECONDS",
        heading: "Serving",
        help: "Let requests under way take SECONDS more when the process is told to end",
        of: Of::Servers,
        default: |_| "10".into(),
        take: |settings, text, _| {
            let seconds = text.parse::<u32>().map_err(|_| "is no number of seconds; give one from 0 on")?;
            settings.shutdown_timeout = Duration::from_secs(seconds.into());
            Ok(())
        },
    },
    Setting {
        name: "log-format",
        value: "FORMAT",
        heading: "Logs",
        help: "Write logs for a human, or as json, one object per line",
        of: Of::All,
        default: |_| "human".into(),
        take: |settings, text, _| {
            settings.log_format = match text {
                "human" => LogFormat::Human,
                "json" => LogFormat::Json,
                _ => return Err("is no log format; give human or json".into()),
            };
            Ok(())
        },
    },
    Setting {
        name: LOG_LEVEL,
        value: "LEVEL",
        heading: "Logs",
        help: "Log error, warn, info, debug or trace and all that is graver",
        of: Of::All,
        default: |_| "info".into(),
        take: |settings, text, _| {
            settings.log_level =
                text.parse().map_err(|_| "is no log level; give error, warn, info, debug or trace")?;
            Ok(())
        },
    },
];

/// What is wrong, in upstream's words.
fn wrong(mut words: String) -> String {
    words.insert_str(0, "cannot be: ");
    words
}

fn unknown_plugin(name: &str) -> String {
    let known = Plugin::ALL.map(Plugin::name).join(", ");
    format!("names {name:?}, which is none of them; there are {known}")
}

fn pieces(text: &str) -> Vec<String> {
    text.split(',').map(|piece| piece.trim().to_owned()).collect()
}

fn seconds(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "is no number of seconds; give one such as 300".into())
}

fn requests(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "is no number of requests; give one from 1 on".into())
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<keelson_api::duration::Span>().ok();
    let parsed = parsed.and_then(|span| u64::try_from(span.0).ok());
    parsed.map(Duration::from_nanos).ok_or_else(|| "is no duration; give one such as 30s or 24h".into())
}

/// Settings before anything was decided; every field is set by its entry in the table.
pub(super) fn blank() -> Settings {
    Settings {
        data_dir: PathBuf::new(),
        listen: SocketAddr::from(([0; 4], 0)),
        advertise_address: None,
        pki_dir: None,
        controllers: keelson_controllers::Selection::default(),
        pod_ranges: keelson_controllers::PodRanges::default(),
        scheduler_config: None,
        hollow: Hollow::default(),
        service_cidr: String::new(),
        node_ports: NodePorts::default(),
        admission: Plugins::default(),
        patience: Patience::default(),
        offer: Offer::default(),
        features: Features::default(),
        token_rules: TokenRules::default(),
        limits: Limits::default(),
        shutdown_timeout: Duration::ZERO,
        log_format: LogFormat::Human,
        log_level: tracing::Level::INFO,
    }
}
