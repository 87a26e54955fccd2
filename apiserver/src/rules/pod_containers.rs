//! Rules for the lists of containers of a pod: those that run side by side, those that run first, and those that come
//! later.

use std::collections::{BTreeSet, HashSet};

use keelson_api::field::Errors;

use super::At;
use super::pod_container::{only_of_pods, own};
use super::pod_leniency::Leniency;
use super::pod_ports::of_host;
use super::pod_probe::{lifecycle, probes};
use super::volume::Volumes;

/// What containers are seen in the light of.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    /// The pod's volumes.
    pub(super) volumes: &'a Volumes<'a>,
    /// The names of the pod's claims.
    pub(super) claims: &'a BTreeSet<&'a str>,
    /// How long the pod has to end.
    pub(super) grace: Option<i64>,
    /// Whether the pod never restarts its containers.
    pub(super) restarts_never: bool,
    /// Whether users of containers are users of the host.
    pub(super) host_users: bool,
    /// What is let through.
    pub(super) lenient: &'a Leniency,
}

/// The lists of containers, in the order in which they are visited.
pub(super) const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Calls `visit` for each container of a pod.
pub(super) fn each(spec: &At<'_, '_>, mut visit: impl FnMut(&At<'_, '_>)) {
    for list in LISTS {
        for container in spec.field(list).items() {
            visit(&container);
        }
    }
}

/// The containers that run side by side.
pub(super) fn regular(spec: &At<'_, '_>, around: &Surroundings<'_>, errors: &mut Errors) {
    let containers = spec.field("containers");
    if !containers.require(errors) {
        return;
    }
    let mut names = HashSet::new();
    for container in containers.items() {
        own(&container, around, errors);
        let name = container.field("name");
        if !names.insert(name.text()) {
            name.duplicate(errors);
        }
        of_lasting(spec, &container, around, errors);
        restart_rules(&container, errors);
    }
    let mut taken = HashSet::new();
    for container in containers.items() {
        of_host(&container, &mut taken, errors);
    }
}

/// What only containers have that last.
fn of_lasting(spec: &At<'_, '_>, container: &At<'_, '_>, around: &Surroundings<'_>, errors: &mut Errors) {
    let hooks = container.field("lifecycle");
    if hooks.is_present() {
        lifecycle(&hooks, &spec.field("os"), around.grace, errors);
    }
    probes(container, errors);
}

/// When a container is restarted.
fn restart_rules(container: &At<'_, '_>, errors: &mut Errors) {
    let (policy, rules) = (container.field("restartPolicy"), container.field("restartPolicyRules"));
    if policy.is_present() {
        policy.one_of(&["Always", "Never", "OnFailure"], errors);
    } else if rules.is_empty() {
        return;
    } else {
        policy.missing("must specify restartPolicy when restart rules are used", errors);
    }
    too_many(&rules, 20, errors);
    for rule in rules.items() {
        rule.field("action").one_of(&["Restart", "RestartAllContainers"], errors);
        let codes = rule.field("exitCodes");
        if codes.is_present() {
            codes.field("operator").one_of(&["In", "NotIn"], errors);
            too_many(&codes.field("values"), 255, errors);
        } else {
            codes.missing("must be specified", errors);
        }
    }
}

fn too_many(list: &At<'_, '_>, max: usize, errors: &mut Errors) {
    if list.len() > max {
        errors.push(keelson_api::field::Error::too_many(&list.path, list.len(), max));
    }
}

/// The containers that run first, one behind the other, but for those that last.
pub(super) fn initial(spec: &At<'_, '_>, around: &Surroundings<'_>, errors: &mut Errors) {
    const ONLY_OF_LASTING: &str = "may not be set for init containers without restartPolicy=Always";
    let mut names = names_of(spec, &["containers"]);
    let containers = spec.field("initContainers");
    for container in containers.items() {
        own(&container, around, errors);
        let policy = container.field("restartPolicy");
        let lasts = policy.text() == "Always";
        if policy.is_present() {
            restart_rules(&container, errors);
        } else if !container.field("restartPolicyRules").is_empty() {
            policy.missing("must specify restartPolicy when restart rules are used", errors);
        }
        let name = container.field("name");
        if names.contains(name.text()) {
            name.duplicate(errors);
        } else if !name.is_empty() {
            names.insert(name.text());
        }
        // As upstream: each is looked at by itself, as if it were the first.
        of_host(&At { view: container.view, path: containers.path.index(0) }, &mut HashSet::new(), errors);
        if lasts {
            of_lasting(spec, &container, around, errors);
        } else {
            for name in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
                let field = container.field(name);
                if field.is_present() {
                    field.forbidden(ONLY_OF_LASTING, errors);
                }
            }
            not_restarted_by_resizing(&container, around, errors);
        }
    }
}

fn not_restarted_by_resizing(container: &At<'_, '_>, around: &Surroundings<'_>, errors: &mut Errors) {
    if around.lenient.restarted_init_containers {
        return;
    }
    for policy in container.field("resizePolicy").items() {
        let policy = policy.field("restartPolicy");
        if policy.text() == "RestartContainer" {
            let words = "must not be set to 'RestartContainer' for non-sidecar initContainers";
            policy.invalid(words, errors);
        }
    }
}

fn names_of<'o>(spec: &At<'o, '_>, lists: &[&str]) -> HashSet<&'o str> {
    let containers = lists.iter().flat_map(|list| spec.view.field(list).items());
    containers.map(|container| container.field("name").text()).collect()
}

/// What a container that comes later may say of itself.
const OF_EPHEMERAL: &[&str] = &[
    "name",
    "image",
    "command",
    "args",
    "workingDir",
    "envFrom",
    "env",
    "volumeMounts",
    "volumeDevices",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "imagePullPolicy",
    "securityContext",
    "stdin",
    "stdinOnce",
    "tty",
    "targetContainerName",
];

/// The containers that come later, to look into a pod.
pub(super) fn ephemeral(spec: &At<'_, '_>, around: &Surroundings<'_>, errors: &mut Errors) {
    const WORDS: &str = "cannot be set for an Ephemeral Container";
    let others = names_of(spec, &["containers", "initContainers"]);
    let mut names = others.clone();
    for container in spec.field("ephemeralContainers").items() {
        own(&container, around, errors);
        only_of_pods(&container, errors);
        let (name, target) = (container.field("name"), container.field("targetContainerName"));
        if !names.insert(name.text()) {
            name.duplicate(errors);
        }
        if !target.is_empty() && !others.contains(target.text()) {
            target.not_found(errors);
        }
        for field in container.names().filter(|field| !OF_EPHEMERAL.contains(field)) {
            container.field(field).forbidden(WORDS, errors);
        }
        for mount in container.field("volumeMounts").items() {
            for part in ["subPath", "subPathExpr"] {
                let part = mount.field(part);
                if !part.is_empty() {
                    part.forbidden(WORDS, errors);
                }
            }
        }
    }
}
