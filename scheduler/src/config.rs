//! `KubeSchedulerConfiguration`, `kubescheduler.config.k8s.io/v1`: whose pods are placed, and how, as people write it.
//!
//! Read in upstream's steps and with its words: strictly decoded by a table of what there is (`shape`), filled in,
//! checked (`check`), and made into profiles (`points`, `arguments`). What upstream knows and is not here is refused.

mod arguments;
mod check;
mod points;
mod shape;

use std::collections::BTreeMap;
use std::time::Duration;

use keelson_api::duration::Span;
use serde::Deserialize;
use serde_json::Value;

use crate::framework::{Profile, Profiles};
use crate::queue::BackOff;
use crate::state::Settings;
use points::Written;

const API_VERSION: &str = "kubescheduler.config.k8s.io/v1";
const KIND: &str = "KubeSchedulerConfiguration";

/// What a configuration says; the default is what holds where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Whose pods are placed, and how.
    pub settings: Settings,
    /// Which of several processes works.
    pub election: Election,
}

/// Which of several processes works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    /// Whether that is asked at all; `None` if nothing is said.
    pub asks: Option<bool>,
    /// Where the lease is.
    pub namespace: String,
    /// What it is called.
    pub name: String,
    /// How long others wait for a holder that is not heard of.
    pub lasts: Duration,
    /// How long a holder tries to renew it before it gives up.
    pub renew_within: Duration,
    /// How often one looks.
    pub every: Duration,
}

impl Default for Election {
    /// Upstream's.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            asks: None,
            namespace: "kube-system".into(),
            name: "kube-scheduler".into(),
            lasts: seconds(15),
            renew_within: seconds(10),
            every: seconds(2),
        }
    }
}

/// A configuration that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl Refused {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Whole {
    parallelism: Option<i64>,
    leader_election: WrittenElection,
    client_connection: Connection,
    percentage_of_nodes_to_score: Option<i64>,
    pod_initial_backoff_seconds: Option<i64>,
    pod_max_backoff_seconds: Option<i64>,
    profiles: Option<Vec<WrittenProfile>>,
    extenders: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrittenElection {
    leader_elect: Option<bool>,
    lease_duration: Option<String>,
    renew_deadline: Option<String>,
    retry_period: Option<String>,
    resource_lock: Option<String>,
    resource_name: Option<String>,
    resource_namespace: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Connection {
    kubeconfig: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WrittenProfile {
    scheduler_name: Option<String>,
    percentage_of_nodes_to_score: Option<i64>,
    plugins: Option<Written>,
    plugin_config: Option<Vec<WrittenArguments>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WrittenArguments {
    name: String,
    args: Value,
}

/// Reads a configuration. `repeated` is what is said of keys that stand twice, if any do.
///
/// # Errors
/// [`Refused`], in upstream's words.
pub fn read(json: &Value, repeated: Option<&str>) -> Result<Config, Refused> {
    let text = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default();
    match (text("apiVersion"), text("kind")) {
        (_, "") => return Err(Refused::new(format!("Object 'Kind' is missing in '{json}'"))),
        ("", _) => return Err(Refused::new(format!("Object 'apiVersion' is missing in '{json}'"))),
        (API_VERSION, KIND) => {}
        (version, kind) => {
            return Err(Refused::new(format!("no kind \"{kind}\" is registered for version \"{version}\"")));
        }
    }
    let mut unknown: Vec<String> = repeated.map(str::to_owned).into_iter().collect();
    shape::CONFIGURATION.check(json, &mut unknown).map_err(Refused)?;
    let mut whole: Whole =
        serde_json::from_value(json.clone()).map_err(|error| Refused(error.to_string()))?;
    let profiles = whole.profiles.get_or_insert_default();
    if profiles.is_empty() {
        profiles.push(WrittenProfile::default());
    }
    if let [only] = profiles.as_mut_slice() {
        only.scheduler_name.get_or_insert_with(|| "default-scheduler".into());
    }
    let mut arguments = Vec::new();
    for (at, profile) in profiles.iter().enumerate() {
        arguments.push(decode_arguments(at, profile, &mut unknown)?);
    }
    if !unknown.is_empty() {
        return Err(Refused(format!("strict decoding error: {}", unknown.join(", "))));
    }
    check::whole(&whole, &arguments).map_err(|errors| Refused(errors.to_string()))?;
    unsupported(&whole)?;
    let mut made = Vec::new();
    for (profile, arguments) in whole.profiles.iter().flatten().zip(&arguments) {
        made.push(make(&whole, profile, arguments)?);
    }
    let seconds = |seconds: Option<i64>, default: u64| {
        Duration::from_secs(seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(default))
    };
    let back_off = BackOff {
        first: seconds(whole.pod_initial_backoff_seconds, 1),
        max: seconds(whole.pod_max_backoff_seconds, 10),
    };
    Ok(Config {
        settings: Settings { profiles: Profiles::from(made), back_off },
        election: election(&whole.leader_election)?,
    })
}

type Arguments = BTreeMap<String, arguments::Arguments>;

/// The arguments of a profile's plugins, as far as there are such.
fn decode_arguments(
    at: usize,
    profile: &WrittenProfile,
    unknown: &mut Vec<String>,
) -> Result<Vec<(String, Option<arguments::Arguments>)>, Refused> {
    let mut all = Vec::new();
    for (number, written) in profile.plugin_config.iter().flatten().enumerate() {
        let mut own = Vec::new();
        let place = format!("decoding .profiles[{at}].pluginConfig[{number}]: ");
        let decoded = arguments::decode(&written.name, &written.args, &mut own)
            .map_err(|why| Refused(format!("{place}{why}")))?;
        if !own.is_empty() {
            let own = own.join(", ");
            unknown.push(format!(
                "{place}strict decoding error: decoding args for plugin {}: strict decoding error: {own}",
                written.name
            ));
        }
        all.push((written.name.clone(), decoded));
    }
    Ok(all)
}

/// What upstream can and this cannot.
fn unsupported(whole: &Whole) -> Result<(), Refused> {
    if whole.extenders.as_ref().is_some_and(|extenders| !extenders.is_empty()) {
        return Err(Refused::new("extenders: not supported: nobody outside is asked where a pod goes"));
    }
    if whole.client_connection.kubeconfig.as_ref().is_some_and(|path| !path.is_empty()) {
        return Err(Refused::new(
            "clientConnection.kubeconfig: not supported: say by --kubeconfig which server is meant",
        ));
    }
    Ok(())
}

fn make(
    whole: &Whole,
    profile: &WrittenProfile,
    arguments: &[(String, Option<arguments::Arguments>)],
) -> Result<Profile, Refused> {
    let name = profile.scheduler_name.as_deref().unwrap_or_default();
    let known = arguments.iter().filter_map(|(name, one)| Some((name.clone(), one.clone()?)));
    let known: Arguments = known.collect();
    let mut made = points::profile(name, profile.plugins.as_ref(), &known).map_err(|why| {
        Refused(format!("initializing profiles: creating profile for scheduler name {name}: {why}"))
    })?;
    let percentage = profile.percentage_of_nodes_to_score.or(whole.percentage_of_nodes_to_score);
    // Zero is upstream's rule: fewer where there are more.
    made.percentage_of_nodes_to_score = percentage
        .and_then(|percentage| usize::try_from(percentage).ok())
        .filter(|percentage| *percentage > 0);
    Ok(made)
}

fn election(written: &WrittenElection) -> Result<Election, Refused> {
    let usual = Election::default();
    let text = |text: &Option<String>, usual: String| match text.as_deref() {
        None | Some("") => usual,
        Some(text) => text.to_owned(),
    };
    let duration = |text: &Option<String>, usual: Duration| match text.as_deref() {
        None | Some("" | "0s" | "0") => Ok(usual),
        Some(text) => {
            let read = text.parse::<Span>().ok().and_then(|span| u64::try_from(span.0).ok());
            read.map(Duration::from_nanos)
                .ok_or_else(|| Refused(format!("time: invalid duration \"{text}\"")))
        }
    };
    Ok(Election {
        asks: written.leader_elect,
        namespace: text(&written.resource_namespace, usual.namespace),
        name: text(&written.resource_name, usual.name),
        lasts: duration(&written.lease_duration, usual.lasts)?,
        renew_within: duration(&written.renew_deadline, usual.renew_within)?,
        every: duration(&written.retry_period, usual.every)?,
    })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
