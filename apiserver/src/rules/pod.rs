//! Rules for pods, and for the specs of pods that other kinds contain.

use std::collections::{BTreeSet, HashSet};

use keelson_api::field::{Error, Errors, Path};
use keelson_api::golang::Quoted;
use keelson_api::names::{dns, label, object};
use keelson_schema::tree::{Object, View};

use super::pod_containers::{self, Surroundings, each};
use super::pod_leniency::Leniency;
use super::{
    At, pod_affinity, pod_annotations, pod_dns, pod_ports, pod_resources, pod_security, pod_tolerations,
    pod_windows, selector, volume,
};

/// A new pod.
pub(crate) fn create(pod: &Object, errors: &mut Errors) {
    own(pod, &Leniency::default(), errors);
    let spec = At::root(pod, "spec");
    let later = spec.field("ephemeralContainers");
    if !later.is_empty() {
        later.forbidden("cannot be set on create", errors);
    }
    let node = spec.field("nodeName");
    if !node.is_empty() && !spec.field("schedulingGates").is_empty() {
        node.forbidden("cannot be set until all schedulingGates have been cleared", errors);
    }
    pod_annotations::agree_with_fields(pod.view().path("metadata.annotations"), &spec, errors);
}

/// What every pod keeps to, be it new or changed: its metadata's content and its spec.
pub(super) fn own(pod: &Object, lenient: &Leniency, errors: &mut Errors) {
    let (metadata, spec) = (At::root(pod, "metadata"), At::root(pod, "spec"));
    let annotations = metadata.field("annotations");
    pod_annotations::annotations(&annotations, &spec, lenient, errors);
    self::spec(&spec, Some(metadata.view), lenient, errors);
    if spec.field("serviceAccountName").is_empty() {
        no_tokens(&spec, errors);
    }
    spec.field("terminationGracePeriodSeconds").non_negative(errors);
    for list in ["containers", "initContainers"] {
        for container in spec.field(list).items() {
            super::pod_container::only_of_pods(&container, errors);
        }
    }
}

/// Who is nobody gets no token.
fn no_tokens(spec: &At<'_, '_>, errors: &mut Errors) {
    for volume in spec.field("volumes").items() {
        let projected = volume.field("projected");
        for source in projected.field("sources").items() {
            let token = source.field("serviceAccountToken");
            if token.is_present() {
                token.forbidden("must not be specified when serviceAccountName is not set", errors);
            }
        }
    }
}

/// The spec of a pod. `metadata` is the pod's; templates have none.
pub(crate) fn spec(spec: &At<'_, '_>, metadata: Option<View<'_>>, lenient: &Leniency, errors: &mut Errors) {
    let grace = spec.field("terminationGracePeriodSeconds");
    if !grace.is_present() {
        grace.missing("", errors);
    }
    let pod_name = metadata.map_or("", |metadata| metadata.field("name").text());
    let volumes = volume::volumes(&spec.field("volumes"), pod_name, lenient, errors);
    let claims = spec.field("resourceClaims");
    let claim_names: BTreeSet<&str> =
        claims.view.items().map(|claim| claim.field("name").text()).filter(|name| !name.is_empty()).collect();
    resource_claims(&claims, metadata, errors);
    let around = Surroundings {
        volumes: &volumes,
        claims: &claim_names,
        grace: grace.int(),
        restarts_never: spec.field("restartPolicy").text() == "Never",
        host_users: !spec.field("hostUsers").is_present() || spec.field("hostUsers").is_true(),
        lenient,
    };
    pod_containers::regular(spec, &around, errors);
    pod_containers::initial(spec, &around, errors);
    pod_containers::ephemeral(spec, &around, errors);
    pod_resources::of_pod(spec, &claim_names, lenient, errors);
    pod_ports::in_network_of_host(spec, metadata.is_some(), errors);
    placing(spec, lenient, errors);
    identity(spec, errors);
    rest(spec, lenient, errors);
}

/// How and where it runs.
fn placing(spec: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    let policy = spec.field("restartPolicy");
    if policy.require(errors) {
        policy.one_of(&["Always", "OnFailure", "Never"], errors);
    }
    pod_dns::policy(&spec.field("dnsPolicy"), errors);
    selector::labels(&spec.field("nodeSelector"), errors);
    pod_security::of_pod(spec, lenient, errors);
    let shared = spec.field("shareProcessNamespace");
    if shared.is_true() && spec.field("hostPID").is_true() {
        shared.invalid("ShareProcessNamespace and HostPID cannot both be enabled", errors);
    }
    pod_affinity::affinity(&spec.field("affinity"), lenient, errors);
    pod_dns::config(spec, errors);
    for gate in spec.field("readinessGates").items() {
        gate.field("conditionType").keep_to_shown(label::key, errors);
    }
    scheduling_gates(&spec.field("schedulingGates"), errors);
    pod_affinity::spread(&spec.field("topologySpreadConstraints"), lenient, errors);
    pod_windows::host_processes(spec, errors);
    host_users(spec, lenient, errors);
    pod_dns::host_name(spec, errors);
}

/// What it is called, and who it is.
fn identity(spec: &At<'_, '_>, errors: &mut Errors) {
    let account = spec.field("serviceAccountName");
    if !account.is_empty() {
        account.name_of(object::subdomain, errors);
    }
    let old = spec.field_as("serviceAccount", "deprecatedServiceAccount");
    if old.text() != account.text() {
        let words = format!("must be the same as serviceAccountName: {}", Quoted(account.text()));
        old.invalid(words, errors);
    }
    let node = spec.field("nodeName");
    if !node.is_empty() {
        node.name_of(object::subdomain, errors);
    }
    spec.field("activeDeadlineSeconds").in_range(1, i32::MAX.into(), errors);
    for name in ["hostname", "subdomain"] {
        let name = spec.field(name);
        if !name.is_empty() {
            name.keep_to(dns::label, errors);
        }
    }
}

fn rest(spec: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    pod_tolerations::tolerations(&spec.field("tolerations"), lenient, errors);
    pod_dns::host_aliases(&spec.field("hostAliases"), errors);
    let class = spec.field("priorityClassName");
    if !class.is_empty() {
        class.name_of(object::subdomain, errors);
    }
    let class = spec.field("runtimeClassName");
    if class.is_present() {
        class.name_of(object::subdomain, errors);
    }
    let preemption = spec.field("preemptionPolicy");
    if preemption.is_present() && preemption.require(errors) {
        preemption.one_of(&["PreemptLowerPriority", "Never"], errors);
    }
    let overhead = spec.field("overhead");
    if overhead.is_present() {
        pod_resources::overhead(&overhead, lenient, errors);
    }
    pod_windows::system(spec, errors);
    let group = spec.field("schedulingGroup");
    if group.is_present() {
        scheduling_group(spec, &group, errors);
    }
    variables_from_files(spec, errors);
}

fn scheduling_group(spec: &At<'_, '_>, group: &At<'_, '_>, errors: &mut Errors) {
    let name = group.field("podGroupName");
    if name.is_present() {
        name.name_of(object::subdomain, errors);
    } else {
        errors.push(Error::invalid(&name.path, None::<&str>, "must specify one of: `podGroupName`"));
    }
    if !spec.field("evictionResponders").is_empty() {
        group.forbidden("may not be set when evictionResponders is set", errors);
    }
}

/// What the pod's containers may use of devices that are asked for apart.
fn resource_claims(claims: &At<'_, '_>, metadata: Option<View<'_>>, errors: &mut Errors) {
    let mirrors = metadata
        .is_some_and(|metadata| metadata.field("annotations").key(pod_annotations::MIRROR).is_present());
    let mut names = HashSet::new();
    for claim in claims.items() {
        if mirrors {
            errors.push(Error::forbidden(&Path::new(""), "static pods do not support resource claims"));
            continue;
        }
        let name = claim.field("name");
        if !name.require(errors) {
        } else if names.contains(name.text()) {
            name.duplicate(errors);
        } else {
            name.keep_to(dns::label, errors);
            names.insert(name.text());
        }
        let (own, template) = (claim.field("resourceClaimName"), claim.field("resourceClaimTemplateName"));
        let words = match (own.is_present(), template.is_present()) {
            (true, true) => {
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            }
            (false, false) => "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
            _ => "",
        };
        if !words.is_empty() {
            claim.invalid(words, errors);
        }
        for name in [own, template].into_iter().filter(At::is_present) {
            name.name_of(object::subdomain, errors);
        }
    }
}

fn scheduling_gates(gates: &At<'_, '_>, errors: &mut Errors) {
    let mut seen = HashSet::new();
    for gate in gates.items() {
        // As upstream: messages show the name, and call it by its gate.
        let name = At { view: gate.view.field("name"), path: gate.path };
        name.keep_to(label::key, errors);
        if !seen.insert(name.text()) {
            name.duplicate(errors);
        }
    }
}

/// Users that are none of the host's are not in what is the host's.
fn host_users(spec: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    const WORDS: &str = "when `hostUsers` is false";
    let users = spec.field("hostUsers");
    if !users.is_present() || users.is_true() {
        return;
    }
    if spec.field("hostNetwork").is_true() && !lenient.users_in_network {
        spec.field("hostNetwork").forbidden(WORDS, errors);
    }
    // As upstream: called as in Go.
    for (name, shown) in [("hostPID", "HostPID"), ("hostIPC", "HostIPC")] {
        let field = spec.field_as(name, shown);
        if field.is_true() {
            field.forbidden(WORDS, errors);
        }
    }
    if !lenient.devices_of_users {
        each(spec, |container| {
            let devices = container.field("volumeDevices");
            if !devices.is_empty() {
                devices.forbidden(WORDS, errors);
            }
        });
    }
}

/// Files that become variables lie in directories that begin empty.
fn variables_from_files(spec: &At<'_, '_>, errors: &mut Errors) {
    let volumes = spec.view.field("volumes");
    each(spec, |container| {
        for variable in container.field("env").items() {
            let from = variable.field("valueFrom");
            let file = from.field("fileKeyRef");
            if !file.is_present() {
                continue;
            }
            let name = file.field("volumeName");
            // Of several of one name the last, as upstream.
            let volume = volumes.items().filter(|one| one.field("name").text() == name.text()).last();
            match volume {
                None => name.not_found(errors),
                Some(volume) if !volume.field("emptyDir").is_present() => {
                    name.invalid("referenced volume must be of type emptyDir", errors);
                }
                Some(_) => {}
            }
        }
    });
}
