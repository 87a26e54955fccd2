//! A write's object, as far as quotas look at it: what it uses, and whether a quota is meant for it.

use std::collections::{BTreeMap, BTreeSet};

use keelson_api::quota::{Claim, Container, DeviceClaim, Given, Measure, Pod, Requirement, Scopes, Service};
use keelson_schema::tree::{Object, Value, View};

use super::{Amounts, amounts};
use crate::meta::meta;
use crate::resource::Facts;

/// What every container must say where a quota counts it.
const REQUIRED: [&str; 6] =
    ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];

/// How a write's object is measured.
pub(super) struct Used(Measure);

impl Used {
    /// How the object of a write is measured; nothing if that write uses nothing.
    pub(super) fn of(facts: &Facts, part: &str, new: &Object, old: Option<&Object>) -> Option<Self> {
        let measure = Measure::of(facts.group, facts.plural)?;
        let is_new = old.is_none();
        let uses = match (&measure, part) {
            (Measure::Pods, "") => {
                is_new || old.is_some_and(|old| has_deadline(old.view()) != has_deadline(new.view()))
            }
            (Measure::Pods, "resize") | (Measure::Claims, "" | "status") => true,
            (Measure::Services | Measure::DeviceClaims, "") => true,
            (Measure::Count(_), "") => is_new,
            _ => false,
        };
        uses.then_some(Self(measure))
    }

    /// Whether it uses what a quota calls `name`.
    pub(super) fn counts(&self, name: &str) -> bool {
        self.0.counts(name)
    }

    /// What `object` uses.
    pub(super) fn amounts(&self, object: &Object) -> Amounts {
        match self.0 {
            Measure::Pods => pod(object).amounts(),
            Measure::Services => service(object).amounts(),
            Measure::Claims => claim(object).amounts(),
            Measure::DeviceClaims => device_claim(object).amounts(),
            Measure::Count(_) => self.0.one_each(),
        }
    }

    /// Whether `object` is what a quota of these scopes is meant for.
    pub(super) fn is_in(&self, scopes: &Scopes, object: &Object) -> bool {
        match self.0 {
            Measure::Pods => scopes.have_pod(&pod(object)),
            Measure::Claims => scopes.have_claim(&claim(object)),
            _ => scopes.have_others(),
        }
    }

    /// Refuses a pod whose containers leave open what a quota counts.
    pub(super) fn has_all(&self, restricted: &[&str], object: &Object) -> Result<(), String> {
        if self.0 != Measure::Pods || pod(object).is_whole() {
            return Ok(());
        }
        let spec = object.view().field("spec");
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
}

/// Which objects a quota is meant for.
pub(super) fn scopes(quota: &Object) -> Scopes {
    let spec = quota.view().field("spec");
    let named = spec.field("scopes");
    let named = named.items().map(|scope| Requirement::named(scope.text()));
    let expressions = spec.path("scopeSelector.matchExpressions");
    let expressions = expressions.items().map(|expression| Requirement {
        scope: expression.field("scopeName").text().to_owned(),
        operator: expression.field("operator").text().to_owned(),
        values: expression.field("values").items().map(|value| value.text().to_owned()).collect(),
    });
    Scopes(named.chain(expressions).collect())
}

fn has_deadline(pod: View<'_>) -> bool {
    let seconds = pod.path("spec.activeDeadlineSeconds").value().and_then(Value::as_int);
    seconds.is_some_and(|seconds| seconds >= 0)
}

fn pod(object: &Object) -> Pod {
    let pod = object.view();
    let (spec, status) = (pod.field("spec"), pod.field("status"));
    let own = spec.field("resources");
    let is_refused = status
        .field("conditions")
        .items()
        .find(|condition| condition.field("type").text() == "PodResizePending")
        .is_some_and(|pending| pending.field("reason").text() == "Infeasible");
    let containers = |list: &str| {
        let all = spec.field(list);
        all.items().map(|one| container(one, status)).collect()
    };
    Pod {
        is_over: matches!(status.field("phase").text(), "Failed" | "Succeeded"),
        has_deadline: has_deadline(pod),
        is_best_effort: status.field("qosClass").text() == "BestEffort",
        looks_elsewhere: looks_elsewhere(spec),
        priority_class: spec.field("priorityClassName").text().to_owned(),
        requests: amounts(own.field("requests")),
        limits: amounts(own.field("limits")),
        overhead: amounts(spec.field("overhead")),
        containers: containers("containers"),
        initial: containers("initContainers"),
        is_refused,
    }
}

fn container(one: View<'_>, status: View<'_>) -> Container {
    let (name, resources) = (one.field("name"), one.field("resources"));
    let list = |from: View<'_>| from.is_present().then(|| amounts(from));
    let said = |list: &str| status.field(list).items().find(|said| said.field("name").text() == name.text());
    let given = said("containerStatuses").or_else(|| said("initContainerStatuses")).map(|said| Given {
        allocated: list(said.field("allocatedResources")),
        requests: list(said.path("resources.requests")),
        limits: list(said.path("resources.limits")),
    });
    Container {
        requests: amounts(resources.field("requests")),
        limits: amounts(resources.field("limits")),
        stays: one.field("restartPolicy").text() == "Always",
        given: given.unwrap_or_default(),
    }
}

/// Whether a pod's place depends on pods of other namespaces.
fn looks_elsewhere(spec: View<'_>) -> bool {
    let elsewhere = |term: View<'_>| {
        term.field("namespaces").items().next().is_some() || term.field("namespaceSelector").is_present()
    };
    let affinity = spec.field("affinity");
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let affinity = affinity.field(kind);
        let required = affinity.field("requiredDuringSchedulingIgnoredDuringExecution");
        let preferred = affinity.field("preferredDuringSchedulingIgnoredDuringExecution");
        required.items().any(elsewhere)
            || preferred.items().any(|term| elsewhere(term.field("podAffinityTerm")))
    })
}

fn service(object: &Object) -> Service {
    let spec = object.view().field("spec");
    let is_chosen =
        |port: &View<'_>| port.field("nodePort").value().and_then(Value::as_int).unwrap_or(0) != 0;
    let gets = spec.field("allocateLoadBalancerNodePorts").value().and_then(Value::as_bool);
    Service {
        kind: spec.field("type").text().to_owned(),
        ports: spec.field("ports").items().count(),
        chosen: spec.field("ports").items().filter(is_chosen).count(),
        gets_node_ports: gets != Some(false),
    }
}

fn claim(object: &Object) -> Claim {
    let parsed = |list: View<'_>| list.key("storage").value().and_then(Value::as_str)?.parse().ok();
    let view = object.view();
    let marked = meta(object)
        .annotations()
        .find(|(key, _)| *key == "volume.beta.kubernetes.io/storage-class")
        .map(|(_, class)| class.to_owned());
    let attributes = [
        "spec.volumeAttributesClassName",
        "status.currentVolumeAttributesClassName",
        "status.modifyVolumeStatus.targetVolumeAttributesClassName",
    ];
    let attributes = attributes.map(|path| view.path(path).text().to_owned());
    Claim {
        class: marked.unwrap_or_else(|| view.path("spec.storageClassName").text().to_owned()),
        asked: parsed(view.path("spec.resources.requests")),
        given: parsed(view.path("status.allocatedResources")),
        attributes: attributes.into_iter().filter(|class| !class.is_empty()).collect(),
    }
}

fn device_claim(object: &Object) -> DeviceClaim {
    let one = |request: View<'_>| {
        let count = request.field("count").value().and_then(Value::as_int).unwrap_or(0);
        let class = request.field("deviceClassName").text().to_owned();
        (class, DeviceClaim::devices(request.field("allocationMode").text(), count))
    };
    let requests = object.view().path("spec.devices.requests");
    let alternatives = requests.items().map(|request| {
        let exactly = request.field("exactly");
        let several = request.field("firstAvailable").items().map(one);
        several.chain(exactly.is_present().then(|| one(exactly))).collect()
    });
    DeviceClaim { requests: alternatives.collect() }
}
