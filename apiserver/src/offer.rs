//! What is offered: which versions of which resources are served, as `--runtime-config` says it.

use std::collections::{BTreeMap, BTreeSet};

use crate::features::truth;

/// Every group and version of upstream's, and whether it is served by itself. Some have no resources any more.
const VERSIONS: &[(&str, &str, bool)] = &[
    ("admissionregistration.k8s.io", "v1", true),
    ("admissionregistration.k8s.io", "v1alpha1", false),
    ("admissionregistration.k8s.io", "v1beta1", false),
    ("apiextensions.k8s.io", "v1", true),
    ("apiregistration.k8s.io", "v1", true),
    ("apps", "v1", true),
    ("authentication.k8s.io", "v1", true),
    ("authentication.k8s.io", "v1alpha1", false),
    ("authentication.k8s.io", "v1beta1", false),
    ("authorization.k8s.io", "v1", true),
    ("autoscaling", "v1", true),
    ("autoscaling", "v2", true),
    ("batch", "v1", true),
    ("certificates.k8s.io", "v1", true),
    ("certificates.k8s.io", "v1alpha1", false),
    ("certificates.k8s.io", "v1beta1", false),
    ("coordination.k8s.io", "v1", true),
    ("coordination.k8s.io", "v1alpha2", false),
    ("coordination.k8s.io", "v1beta1", false),
    ("discovery.k8s.io", "v1", true),
    ("events.k8s.io", "v1", true),
    ("flowcontrol.apiserver.k8s.io", "v1", true),
    ("flowcontrol.apiserver.k8s.io", "v1beta1", false),
    ("flowcontrol.apiserver.k8s.io", "v1beta2", false),
    ("flowcontrol.apiserver.k8s.io", "v1beta3", false),
    ("internal.apiserver.k8s.io", "v1alpha1", false),
    ("lifecycle.k8s.io", "v1alpha1", false),
    ("networking.k8s.io", "v1", true),
    ("networking.k8s.io", "v1beta1", false),
    ("node.k8s.io", "v1", true),
    ("policy", "v1", true),
    ("rbac.authorization.k8s.io", "v1", true),
    ("resource.k8s.io", "v1", true),
    ("resource.k8s.io", "v1alpha3", false),
    ("resource.k8s.io", "v1beta1", false),
    ("resource.k8s.io", "v1beta2", false),
    ("scheduling.k8s.io", "v1", true),
    ("scheduling.k8s.io", "v1alpha3", false),
    ("scheduling.k8s.io", "v1beta1", false),
    ("storage.k8s.io", "v1", true),
    ("storage.k8s.io", "v1alpha1", false),
    ("storage.k8s.io", "v1beta1", false),
    ("storagemigration.k8s.io", "v1", true),
    ("storagemigration.k8s.io", "v1beta1", false),
    ("", "v1", true),
];
/// Versions of resources that are served where their version is switched on: the group, the version, the resources.
const BESIDE: &[(&str, &str, &[&str])] = &[
    (
        "admissionregistration.k8s.io",
        "v1beta1",
        &["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"],
    ),
    (
        "admissionregistration.k8s.io",
        "v1alpha1",
        &["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"],
    ),
    ("certificates.k8s.io", "v1beta1", &["clustertrustbundles"]),
    (
        "resource.k8s.io",
        "v1beta2",
        &["deviceclasses", "devicetaintrules", "resourceclaims", "resourceclaimtemplates", "resourceslices"],
    ),
    ("resource.k8s.io", "v1beta1", &["deviceclasses"]),
    ("resource.k8s.io", "v1alpha3", &["devicetaintrules"]),
    ("storagemigration.k8s.io", "v1beta1", &["storageversionmigrations"]),
];
/// How the group, and how the version in it, is placed among others where discovery is put together of several servers.
const PRIORITIES: &[(&str, &str, [u32; 2])] = &[
    ("admissionregistration.k8s.io", "v1beta1", [16700, 12]),
    ("admissionregistration.k8s.io", "v1alpha1", [16700, 9]),
    ("certificates.k8s.io", "v1beta1", [17300, 9]),
    ("resource.k8s.io", "v1beta2", [16200, 15]),
    ("resource.k8s.io", "v1beta1", [16200, 9]),
    ("resource.k8s.io", "v1alpha3", [16200, 1]),
    ("storagemigration.k8s.io", "v1beta1", [15800, 9]),
];
/// Resources that upstream serves in such versions, and that are not here.
const ABSENT: &[(&str, &str, &[&str])] = &[
    ("certificates.k8s.io", "v1beta1", &["podcertificaterequests"]),
    ("coordination.k8s.io", "v1alpha2", &["leasecandidates"]),
    ("coordination.k8s.io", "v1beta1", &["leasecandidates"]),
    ("internal.apiserver.k8s.io", "v1alpha1", &["storageversions"]),
    ("lifecycle.k8s.io", "v1alpha1", &["evictionrequests", "evictions"]),
    ("resource.k8s.io", "v1alpha3", &["resourcepoolstatusrequests"]),
    ("resource.k8s.io", "v1beta1", &["resourceclaims", "resourceclaimtemplates", "resourceslices"]),
    ("scheduling.k8s.io", "v1alpha3", &["compositepodgroups", "podgroups", "workloads"]),
    ("scheduling.k8s.io", "v1beta1", &["podgroups", "workloads"]),
];

/// What stands for all versions of a kind, in the order in which upstream looks at them.
const OF_KINDS: [(&str, Stage); 4] = [
    ("api/all", Stage::Any),
    ("api/ga", Stage::Stable),
    ("api/beta", Stage::Beta),
    ("api/alpha", Stage::Alpha),
];

/// How far a version has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Any,
    Stable,
    Beta,
    Alpha,
}

impl Stage {
    fn of(version: &str) -> Self {
        match version {
            version if version.contains("alpha") => Self::Alpha,
            version if version.contains("beta") => Self::Beta,
            _ => Self::Stable,
        }
    }
}

/// Which versions of which resources are served. By itself, those that upstream serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    versions: BTreeSet<(&'static str, &'static str)>,
    resources: BTreeMap<(&'static str, &'static str, String), bool>,
}

impl Default for Offer {
    fn default() -> Self {
        let served = VERSIONS.iter().filter(|(.., is_served)| *is_served);
        Self {
            versions: served.map(|(group, version, _)| (*group, *version)).collect(),
            resources: BTreeMap::new(),
        }
    }
}

impl Offer {
    /// What is offered where `GROUP/VERSION=true,GROUP/VERSION/RESOURCE=false,api/beta=true` is said.
    ///
    /// # Errors
    /// In upstream's words, if something is named that there is not, or is no truth.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut said = BTreeMap::new();
        for piece in text.split(',').filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            said.insert(name.trim(), value.trim());
        }
        if said.len() == 1 && said.get("api/all") == Some(&"false") {
            return Err("invalid runtime-config with only api/all=false".into());
        }
        let mut offer = Self::default();
        for (name, stage) in OF_KINDS {
            match said.remove(name) {
                None => {}
                Some("true") => offer.versions.extend(of_stage(stage)),
                Some("false") => of_stage(stage).for_each(|version| _ = offer.versions.remove(&version)),
                Some(value) => return Err(format!("invalid value {name}={value}")),
            }
        }
        check_groups(said.keys())?;
        let named = said.iter().map(|(name, value)| named(name, value)).collect::<Result<Vec<_>, _>>()?;
        // Of a version and a resource in it, the resource counts.
        for (version, resource, is_on) in named {
            match resource {
                Some(resource) => {
                    _ = offer.resources.insert((version.0, version.1, resource.to_owned()), is_on)
                }
                None if is_on => _ = offer.versions.insert(version),
                None => _ = offer.versions.remove(&version),
            }
        }
        Ok(offer)
    }

    /// Whether a resource is served in this version.
    pub(crate) fn serves(&self, group: &str, version: &str, resource: &str) -> bool {
        let said = self
            .resources
            .iter()
            .find(|((of, at, named), _)| *of == group && *at == version && named == resource);
        said.map_or_else(|| self.versions.contains(&(group, version)), |(_, is_on)| *is_on)
    }

    /// The versions of a resource that are served only where they are switched on, and are.
    pub(crate) fn beside(&self, group: &str, resource: &str) -> Vec<&'static str> {
        let of = BESIDE.iter().filter(|(of, _, resources)| *of == group && resources.contains(&resource));
        of.map(|(_, version, _)| *version).filter(|version| self.serves(group, version, resource)).collect()
    }

    /// The versions that are served only where they are switched on, and are, with their priorities.
    pub(crate) fn versions_beside(
        &self,
    ) -> impl Iterator<Item = &'static (&'static str, &'static str, [u32; 2])> {
        let serves = |group: &str, version: &str| {
            let of = BESIDE.iter().filter(move |(of, at, _)| *of == group && *at == version);
            of.flat_map(|(.., resources)| *resources).any(|resource| self.serves(group, version, resource))
        };
        PRIORITIES.iter().filter(move |(group, version, _)| serves(group, version))
    }

    /// What upstream would serve besides, and is not here.
    #[must_use]
    pub fn absent(&self) -> Vec<String> {
        let all = ABSENT
            .iter()
            .flat_map(|(group, version, resources)| resources.iter().map(move |one| (group, version, one)));
        let wanted = all.filter(|(group, version, resource)| self.serves(group, version, resource));
        wanted.map(|(group, version, resource)| format!("{group}/{version}/{resource}")).collect()
    }
}

fn of_stage(stage: Stage) -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_meant = move |version: &str| stage == Stage::Any || Stage::of(version) == stage;
    VERSIONS
        .iter()
        .filter(move |(_, version, _)| is_meant(version))
        .map(|(group, version, _)| (*group, *version))
}

/// Refuses groups that there are not.
fn check_groups<'a>(names: impl Iterator<Item = &'a &'a str>) -> Result<(), String> {
    let mut unknown = BTreeSet::new();
    for name in names {
        let parts: Vec<&str> = name.split('/').collect();
        let (2..=3, [group, version, ..]) = (parts.len(), parts.as_slice()) else {
            return Err(format!("runtime-config invalid key {name}"));
        };
        if !VERSIONS.iter().any(|(of, ..)| of == group) {
            unknown.insert(format!("{group}/{version}"));
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    Err(format!("unknown api groups {}", unknown.into_iter().collect::<Vec<_>>().join(",")))
}

/// A version, or a resource in it, that is switched on or off by name.
type Named<'a> = ((&'static str, &'static str), Option<&'a str>, bool);

fn named<'a>(name: &'a str, value: &str) -> Result<Named<'a>, String> {
    let mut parts = name.split('/');
    let (group, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let known = VERSIONS.iter().find(|(of, at, _)| *of == group && *at == version);
    let Some(&(group, version, _)) = known else {
        let shown = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        return Err(format!("group version {shown} that has not been registered"));
    };
    let is_on = match value {
        "" => Some(true),
        value => truth(value),
    };
    let is_on = is_on.ok_or_else(|| {
        format!("invalid value of {name}: {value}, err: strconv.ParseBool: parsing {value:?}: invalid syntax")
    })?;
    let resource = parts.next();
    if let Some(resource) = resource.filter(|resource| resource.to_lowercase() != **resource) {
        return Err(format!(
            "invalid key {name}: group/version/resource and resource is always lowercase plural, not {resource:?}"
        ));
    }
    Ok(((group, version), resource, is_on))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serves(text: &str, path: &str) -> bool {
        let mut parts = path.split('/');
        let mut part = || parts.next().unwrap();
        Offer::parse(text).unwrap().serves(part(), part(), part())
    }

    #[test]
    fn versions_are_switched_by_kind_by_name_and_by_resource() {
        const CLAIMS: &str = "resource.k8s.io/v1beta2/resourceclaims";
        const DEPLOYMENTS: &str = "apps/v1/deployments";
        for (text, path, is_served) in [
            ("", DEPLOYMENTS, true),
            ("", "/v1/pods", true),
            ("", CLAIMS, false),
            ("resource.k8s.io/v1beta2=true", CLAIMS, true),
            ("resource.k8s.io/v1beta2", CLAIMS, true),
            ("resource.k8s.io/v1beta2/resourceclaims=1", CLAIMS, true),
            ("resource.k8s.io/v1beta2/deviceclasses=1", CLAIMS, false),
            ("resource.k8s.io/v1beta2/resourceclaims=false,resource.k8s.io/v1beta2=true", CLAIMS, false),
            ("api/beta=true", CLAIMS, true),
            ("api/alpha=true", CLAIMS, false),
            ("api/all=true,api/beta=false", CLAIMS, false),
            ("apps/v1=false", DEPLOYMENTS, false),
            ("apps/v1/deployments=false", DEPLOYMENTS, false),
            ("apps/v1/deployments=false", "apps/v1/replicasets", true),
            ("api/ga=false,apps/v1=true", DEPLOYMENTS, true),
        ] {
            assert_eq!(serves(text, path), is_served, "{text} {path}");
        }
    }

    #[test]
    fn what_there_is_not_is_refused_in_upstreams_words() {
        for (text, words) in [
            ("api/all=false", "invalid runtime-config with only api/all=false"),
            ("api/all=maybe", "invalid value api/all=maybe"),
            ("v1=true", "runtime-config invalid key v1"),
            ("a/b/c/d=true", "runtime-config invalid key a/b/c/d"),
            ("no.such/v1=true,other/v2", "unknown api groups no.such/v1,other/v2"),
            ("apps/v7=true", "group version apps/v7 that has not been registered"),
            (
                "apps/v1=maybe",
                "invalid value of apps/v1: maybe, err: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
            (
                "apps/v1/Deployments=true",
                "invalid key apps/v1/Deployments: group/version/resource and resource is always lowercase plural, not \"Deployments\"",
            ),
        ] {
            assert_eq!(Offer::parse(text), Err(words.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_wanted_and_not_here_is_named() {
        assert!(Offer::default().absent().is_empty());
        let wanted = Offer::parse("coordination.k8s.io/v1beta1=true").unwrap();
        assert_eq!(wanted.absent(), ["coordination.k8s.io/v1beta1/leasecandidates"]);
    }
}
