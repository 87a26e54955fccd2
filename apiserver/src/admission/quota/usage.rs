//! What an object uses, by the names that quotas have for it, and which quotas are meant for it.

use std::collections::{BTreeMap, BTreeSet};

use keelson_api::quantity::{Format, Quantity};
use keelson_schema::tree::{Object, Value, View};

use super::Amounts;
use crate::defaults::pod_resources::{is_of_pods, limits_of_containers, requests_of_containers};
use crate::meta::meta;
use crate::resource::Facts;
use crate::rules::pod_resources::is_extended;

/// What pods that run use; the same of their requests and limits.
const OF_PODS: [&str; 11] = [
    "count/pods",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "pods",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
/// What every container must say where a quota counts it.
const REQUIRED: [&str; 6] =
    ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];
const OF_SERVICES: [&str; 4] = ["count/services", "services", "services.loadbalancers", "services.nodeports"];
const OF_CLAIMS: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];
/// What follows the name of a storage class.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";
/// What follows the name of a device class.
const DEVICES: &str = ".deviceclass.resource.k8s.io/devices";
/// As many devices as one request can be given. Upstream's figure.
const DEVICES_MAX: i64 = 32;
/// Resources that quotas had a name for before they had one for all.
const OLD_NAMES: [&str; 4] = ["configmaps", "replicationcontrollers", "resourcequotas", "secrets"];
const HUGE_PAGES: &str = "hugepages-";

/// How a write's object is measured.
pub(super) enum Used<'a> {
    Pod,
    Service,
    Claim,
    DeviceClaim,
    /// It counts as one.
    One(&'a Facts),
}

impl<'a> Used<'a> {
    /// How the object of a write is measured; nothing if that write uses nothing.
    pub(super) fn of(facts: &'a Facts, part: &str, new: &Object, old: Option<&Object>) -> Option<Self> {
        let is_new = old.is_none();
        match (facts.group, facts.plural, part) {
            ("", "pods", "") => {
                let changes_scope = old.is_some_and(|old| has_deadline(old) != has_deadline(new));
                (is_new || changes_scope).then_some(Self::Pod)
            }
            ("", "pods", "resize") => Some(Self::Pod),
            ("", "services", "") => Some(Self::Service),
            ("", "persistentvolumeclaims", "") => Some(Self::Claim),
            ("resource.k8s.io", "resourceclaims", "") => Some(Self::DeviceClaim),
            ("" | "events.k8s.io", "events", _) => None,
            (_, _, "") if is_new => Some(Self::One(facts)),
            _ => None,
        }
    }

    /// Whether it uses what a quota calls `name`.
    pub(super) fn counts(&self, name: &str) -> bool {
        match self {
            Self::Pod => {
                let request = name.strip_prefix("requests.");
                OF_PODS.contains(&name)
                    || name.starts_with(HUGE_PAGES)
                    || request.is_some_and(|request| request.starts_with(HUGE_PAGES) || is_extended(request))
            }
            Self::Service => OF_SERVICES.contains(&name),
            Self::Claim => {
                let of_class = name.split_once(OF_CLASS).map(|(_, what)| what);
                name == "count/persistentvolumeclaims" || OF_CLAIMS.contains(&of_class.unwrap_or(name))
            }
            Self::DeviceClaim => name == "count/resourceclaims.resource.k8s.io" || name.ends_with(DEVICES),
            Self::One(facts) => name == counted_as(facts) || is_old_name(facts, name),
        }
    }

    /// What `object` uses.
    pub(super) fn amounts(&self, object: &Object) -> Amounts {
        match self {
            Self::Pod => of_pod(object),
            Self::Service => of_service(object),
            Self::Claim => of_claim(object),
            Self::DeviceClaim => of_device_claim(object),
            Self::One(facts) => {
                let old_name = OLD_NAMES.into_iter().filter(|name| is_old_name(facts, name));
                [(counted_as(facts), one())]
                    .into_iter()
                    .chain(old_name.map(|name| (name.into(), one())))
                    .collect()
            }
        }
    }

    /// Refuses a pod whose containers leave open what a quota counts.
    pub(super) fn has_all(&self, restricted: &[&str], object: &Object) -> Result<(), String> {
        let spec = object.view().field("spec");
        let is_whole = spec.field("resources").is_present();
        if !matches!(self, Self::Pod) || is_whole {
            return Ok(());
        }
        let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for container in spec.field("containers").items().chain(spec.field("initContainers").items()) {
            let resources = container.field("resources");
            for name in restricted.iter().copied().filter(|name| REQUIRED.contains(name)) {
                let (list, resource) = match name.split_once('.') {
                    Some((list, resource)) => (list, resource),
                    None => ("requests", name),
                };
                if !resources.field(list).key(resource).is_present() {
                    missing.entry(name).or_default().insert(container.field("name").text());
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let all = missing.into_iter().map(|(name, containers)| {
            format!("{name} for: {}", containers.into_iter().collect::<Vec<_>>().join(","))
        });
        Err(format!("must specify {}", all.collect::<Vec<_>>().join("; ")))
    }

    /// Whether `object` is what `scope` names; `expression` says more of it, if there is more to say.
    pub(super) fn is_in(&self, scope: &str, expression: Option<View<'_>>, object: &Object) -> bool {
        match (self, scope) {
            (Self::Pod, "Terminating") => has_deadline(object),
            (Self::Pod, "NotTerminating") => !has_deadline(object),
            (Self::Pod, "BestEffort") => is_best_effort(object),
            (Self::Pod, "NotBestEffort") => !is_best_effort(object),
            (Self::Pod, "PriorityClass") => {
                let class = object.view().path("spec.priorityClassName").text();
                matches(expression, &[class].map(|class| (!class.is_empty()).then_some(class)))
            }
            (Self::Pod, "CrossNamespacePodAffinity") => looks_elsewhere(object),
            (Self::Claim, "VolumeAttributesClass") => {
                let classes = [
                    "spec.volumeAttributesClassName",
                    "status.currentVolumeAttributesClassName",
                    "status.modifyVolumeStatus.targetVolumeAttributesClassName",
                ];
                let classes = classes.map(|path| object.view().path(path).text());
                let named: Vec<_> = classes.into_iter().filter(|class| !class.is_empty()).map(Some).collect();
                matches(expression, if named.is_empty() { &[None] } else { &named })
            }
            _ => false,
        }
    }
}

/// Whether one of the classes is what an expression asks for; where there is none, whether there is a class.
fn matches(expression: Option<View<'_>>, classes: &[Option<&str>]) -> bool {
    let has = |class: &str| {
        let values = expression.map(|expression| expression.field("values").items());
        values.into_iter().flatten().any(|value| value.text() == class)
    };
    let operator = expression.map(|expression| expression.field("operator"));
    let fits = |class: &Option<&str>| match operator.as_ref().map_or("Exists", |operator| operator.text()) {
        "In" => class.is_some_and(has),
        "NotIn" => !class.is_some_and(has),
        "DoesNotExist" => class.is_none(),
        _ => class.is_some(),
    };
    classes.iter().any(fits)
}

fn has_deadline(pod: &Object) -> bool {
    pod.view()
        .path("spec.activeDeadlineSeconds")
        .value()
        .and_then(Value::as_int)
        .is_some_and(|seconds| seconds >= 0)
}

fn is_best_effort(pod: &Object) -> bool {
    pod.view().path("status.qosClass").text() == "BestEffort"
}

/// Whether a pod's place depends on pods of other namespaces.
fn looks_elsewhere(pod: &Object) -> bool {
    let elsewhere = |term: View<'_>| {
        term.field("namespaces").items().next().is_some() || term.field("namespaceSelector").is_present()
    };
    let affinity = pod.view().path("spec.affinity");
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let affinity = affinity.field(kind);
        let required = affinity.field("requiredDuringSchedulingIgnoredDuringExecution");
        let preferred = affinity.field("preferredDuringSchedulingIgnoredDuringExecution");
        required.items().any(elsewhere)
            || preferred.items().any(|term| elsewhere(term.field("podAffinityTerm")))
    })
}

fn number(count: i64) -> Quantity {
    Quantity::new(count, Format::DecimalSI)
}

fn one() -> Quantity {
    number(1)
}

/// The name that every resource has in quotas.
fn counted_as(facts: &Facts) -> String {
    match facts.group {
        "" => format!("count/{}", facts.plural),
        group => format!("count/{}.{group}", facts.plural),
    }
}

fn is_old_name(facts: &Facts, name: &str) -> bool {
    facts.group.is_empty() && facts.plural == name && OLD_NAMES.contains(&name)
}

fn of_pod(pod: &Object) -> Amounts {
    let mut used = Amounts::from([("count/pods".to_owned(), one())]);
    if matches!(pod.view().path("status.phase").text(), "Failed" | "Succeeded") {
        return used;
    }
    used.insert("pods".to_owned(), one());
    let spec = pod.view().field("spec");
    for (name, amount) in of_pod_list(spec, "requests", requests_of_containers(spec)) {
        if matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with(HUGE_PAGES) {
            used.insert(name.to_owned(), amount.clone());
        } else if !is_extended(name) {
            continue;
        }
        used.insert(format!("requests.{name}"), amount);
    }
    for (name, amount) in of_pod_list(spec, "limits", limits_of_containers(spec)) {
        if matches!(name, "cpu" | "memory" | "ephemeral-storage") {
            used.insert(format!("limits.{name}"), amount);
        }
    }
    used
}

/// What a pod asks for as a whole goes before what its containers ask for together; what running it costs comes on top.
fn of_pod_list<'a>(
    spec: View<'a>,
    list: &str,
    mut together: BTreeMap<&'a str, Quantity>,
) -> BTreeMap<&'a str, Quantity> {
    let entries =
        |list: View<'a>| list.value().and_then(Value::as_map).into_iter().flat_map(|all| all.iter());
    let parsed = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    let own = entries(spec.field("resources").field(list)).filter(|(name, _)| is_of_pods(name));
    together.extend(own.map(|(name, value)| (name.as_str(), parsed(value))));
    for (name, value) in entries(spec.field("overhead")) {
        let more: Quantity = parsed(value);
        match together.get_mut(name.as_str()) {
            Some(amount) => *amount = amount.plus(&more),
            // What has no limit gets none by its overhead.
            None if list == "limits" => {}
            None => drop(together.insert(name.as_str(), more)),
        }
    }
    together
}

fn of_service(service: &Object) -> Amounts {
    let spec = service.view().field("spec");
    let count = |ports: usize| number(i64::try_from(ports).unwrap_or(i64::MAX));
    let all = spec.field("ports").items().count();
    let chosen = || {
        let is_chosen =
            |port: &View<'_>| port.field("nodePort").value().and_then(Value::as_int).unwrap_or(0) != 0;
        spec.field("ports").items().filter(is_chosen).count()
    };
    let gets_none =
        spec.field("allocateLoadBalancerNodePorts").value().and_then(Value::as_bool) == Some(false);
    let (ports, balancers) = match spec.field("type").text() {
        "NodePort" => (all, 0),
        "LoadBalancer" if gets_none => (chosen(), 1),
        "LoadBalancer" => (all, 1),
        _ => (0, 0),
    };
    Amounts::from([
        ("count/services".to_owned(), one()),
        ("services".to_owned(), one()),
        ("services.nodeports".to_owned(), count(ports)),
        ("services.loadbalancers".to_owned(), number(balancers)),
    ])
}

fn of_claim(claim: &Object) -> Amounts {
    let parsed =
        |list: View<'_>| list.key("storage").value().and_then(Value::as_str)?.parse::<Quantity>().ok();
    let marked = meta(claim)
        .annotations()
        .find(|(key, _)| *key == "volume.beta.kubernetes.io/storage-class")
        .map(|(_, class)| class.to_owned());
    let class = marked.unwrap_or_else(|| claim.view().path("spec.storageClassName").text().to_owned());
    let asked = parsed(claim.view().path("spec.resources.requests"));
    let given = parsed(claim.view().path("status.allocatedResources"));
    let storage = asked.map(|asked| given.filter(|given| *given > asked).unwrap_or(asked));
    let mut used = Amounts::from([("count/persistentvolumeclaims".to_owned(), one())]);
    for (what, amount) in OF_CLAIMS.into_iter().zip([Some(one()), storage]) {
        let Some(amount) = amount else { continue };
        if !class.is_empty() {
            used.insert(format!("{class}{OF_CLASS}{what}"), amount.clone());
        }
        used.insert(what.to_owned(), amount);
    }
    used
}

fn of_device_claim(claim: &Object) -> Amounts {
    let devices = |request: View<'_>| match request.field("allocationMode").text() {
        "ExactCount" => request.field("count").value().and_then(Value::as_int).unwrap_or(0),
        "All" => DEVICES_MAX,
        _ => 0,
    };
    let class = |request: View<'_>| request.field("deviceClassName").text().to_owned();
    let mut by_class: BTreeMap<String, i64> = BTreeMap::new();
    for request in claim.view().path("spec.devices.requests").items() {
        let mut most: BTreeMap<String, i64> = BTreeMap::new();
        for one in request.field("firstAvailable").items() {
            let most = most.entry(class(one)).or_default();
            *most = devices(one).max(*most);
        }
        let exactly = request.field("exactly");
        if exactly.is_present() {
            most.insert(class(exactly), devices(exactly));
        }
        most.into_iter().for_each(|(class, count)| *by_class.entry(class).or_default() += count);
    }
    let mut used = Amounts::from([("count/resourceclaims.resource.k8s.io".to_owned(), one())]);
    used.extend(by_class.into_iter().map(|(class, count)| (format!("{class}{DEVICES}"), number(count))));
    used
}
