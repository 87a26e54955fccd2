//! Which controllers run: upstream's names, `*` for all that run by themselves, `-NAME` for none of that name.

use std::fmt;
use std::str::FromStr;

use crate::builtin::BUILTIN;

/// Names that upstream's controllers had before all ended in `-controller`, and still answer to.
const ALIASES: &[(&str, &str)] = &[
    ("cronjob", "cronjob-controller"),
    ("csrapproving", "certificatesigningrequest-approving-controller"),
    ("csrcleaner", "certificatesigningrequest-cleaner-controller"),
    ("csrsigning", "certificatesigningrequest-signing-controller"),
    ("clusterrole-aggregation", "clusterrole-aggregation-controller"),
    ("daemonset", "daemonset-controller"),
    ("deployment", "deployment-controller"),
    ("disruption", "disruption-controller"),
    ("endpoint", "endpoints-controller"),
    ("endpointslice", "endpointslice-controller"),
    ("endpointslicemirroring", "endpointslice-mirroring-controller"),
    ("ephemeral-volume", "ephemeral-volume-controller"),
    ("garbagecollector", "garbage-collector-controller"),
    ("job", "job-controller"),
    ("legacy-service-account-token-cleaner", "legacy-serviceaccount-token-cleaner-controller"),
    ("namespace", "namespace-controller"),
    ("nodeipam", "node-ipam-controller"),
    ("nodelifecycle", "node-lifecycle-controller"),
    ("persistentvolume-binder", "persistentvolume-binder-controller"),
    ("podgc", "pod-garbage-collector-controller"),
    ("pv-protection", "persistentvolume-protection-controller"),
    ("pvc-protection", "persistentvolumeclaim-protection-controller"),
    ("replicaset", "replicaset-controller"),
    ("replicationcontroller", "replicationcontroller-controller"),
    ("resourcequota", "resourcequota-controller"),
    ("root-ca-cert-publisher", "root-ca-certificate-publisher-controller"),
    ("serviceaccount", "serviceaccount-controller"),
    ("serviceaccount-token", "serviceaccount-token-controller"),
    ("statefulset", "statefulset-controller"),
    ("ttl-after-finished", "ttl-after-finished-controller"),
];

/// What was chosen; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    words: Vec<String>,
}

/// A name that no controller has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownController(String);

impl fmt::Display for UnknownController {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<&str> = Selection::names().collect();
        write!(f, "\"{}\" is not in the list of known controllers: {}", self.0, all.join(", "))
    }
}

impl std::error::Error for UnknownController {}

impl Selection {
    /// The names of all controllers.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILTIN.iter().map(|entry| entry.name)
    }

    /// Whether the controller of this name runs. What is named counts before `*`.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        let says = |wanted: &str| self.words.iter().any(|word| word == wanted);
        if says(name) {
            return true;
        }
        !says(&format!("-{name}")) && says("*")
    }
}

impl FromStr for Selection {
    type Err = UnknownController;

    fn from_str(text: &str) -> Result<Self, UnknownController> {
        let words: Vec<String> =
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(in_full).collect();
        let known = |word: &String| {
            let name = word.strip_prefix('-').unwrap_or(word);
            word == "*" || Self::names().any(|known| known == name)
        };
        match words.iter().find(|word| !known(word)) {
            Some(word) => Err(UnknownController(word.trim_start_matches('-').to_owned())),
            None => Ok(Self { words }),
        }
    }
}

/// A word with the name that its alias stands for.
fn in_full(word: &str) -> String {
    let (sign, name) = word.strip_prefix('-').map_or(("", word), |name| ("-", name));
    let known = ALIASES.iter().find(|(alias, _)| *alias == name);
    format!("{sign}{}", known.map_or(name, |(_, full)| full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_chosen_as_upstream_chooses_them() {
        for (text, deployment, namespace) in [
            ("*", true, true),
            ("*,-deployment-controller", false, true),
            ("deployment-controller", true, false),
            ("-deployment-controller,deployment-controller", true, false),
            ("", false, false),
            ("*,-deployment", false, true),
            ("namespace", false, true),
        ] {
            let chosen: Selection = text.parse().unwrap();
            let includes = |name| chosen.includes(name);
            assert_eq!(
                (includes("deployment-controller"), includes("namespace-controller")),
                (deployment, namespace),
                "{text}"
            );
        }
        let unknown = "*,-nobody".parse::<Selection>().unwrap_err().to_string();
        assert!(unknown.starts_with("\"nobody\" is not in the list of known controllers: "), "{unknown}");
    }
}
