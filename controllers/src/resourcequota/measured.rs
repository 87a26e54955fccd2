//! Objects as quotas see them: what is read of each kind, and what of it counts.

use std::fmt::Debug;
use std::time::Duration;

use keelson_api::quota::{Amounts, Claim, Container, DeviceClaim, Given, Measure, Pod, Scopes, Service};
use keelson_api::time::UnixMillis;
use keelson_client::{Labels, Meta, Time};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// An object that quotas count.
pub(super) trait Measured: DeserializeOwned + Debug + Send + Sync + 'static {
    /// Whether metadata is all that is read of it.
    const METADATA_ALONE: bool = false;

    fn meta(&self) -> &Meta;

    /// What it uses of a quota of these scopes; nothing if that is not meant for it.
    fn used(&self, measure: &Measure, scopes: &Scopes, now: UnixMillis) -> Option<Amounts>;

    /// When it will use less, though nothing happens to it.
    fn uses_less_in(&self, _now: UnixMillis) -> Option<Duration> {
        None
    }

    /// What tells two of its states apart, if they are not the same to quotas.
    fn mark(&self) -> String;
}

/// An object that counts as one.
#[derive(Debug, Deserialize)]
pub(super) struct One {
    metadata: Meta,
}

impl Measured for One {
    const METADATA_ALONE: bool = true;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn used(&self, measure: &Measure, scopes: &Scopes, _: UnixMillis) -> Option<Amounts> {
        scopes.have_others().then(|| measure.one_each())
    }

    fn mark(&self) -> String {
        String::new()
    }
}

/// A pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OnePod {
    metadata: Meta,
    spec: PodSpec,
    status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    active_deadline_seconds: Option<i64>,
    priority_class_name: String,
    affinity: Affinity,
    resources: Lists,
    overhead: Labels,
    containers: Vec<OneContainer>,
    init_containers: Vec<OneContainer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OneContainer {
    name: String,
    resources: Lists,
    restart_policy: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lists {
    requests: Option<Labels>,
    limits: Option<Labels>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    phase: String,
    qos_class: String,
    conditions: Vec<Condition>,
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerStatus {
    name: String,
    allocated_resources: Option<Labels>,
    resources: Lists,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Affinity {
    pod_affinity: Terms,
    pod_anti_affinity: Terms,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Terms {
    required_during_scheduling_ignored_during_execution: Vec<Term>,
    preferred_during_scheduling_ignored_during_execution: Vec<Weighted>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Weighted {
    pod_affinity_term: Term,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Term {
    namespaces: Vec<String>,
    namespace_selector: Option<IgnoredAny>,
}

impl Terms {
    fn look_elsewhere(&self) -> bool {
        let elsewhere = |term: &Term| !term.namespaces.is_empty() || term.namespace_selector.is_some();
        self.required_during_scheduling_ignored_during_execution.iter().any(elsewhere)
            || self
                .preferred_during_scheduling_ignored_during_execution
                .iter()
                .any(|weighted| elsewhere(&weighted.pod_affinity_term))
    }
}

/// Amounts as they are written.
pub(super) fn amounts(written: &Labels) -> Amounts {
    written.iter().map(|(name, amount)| (name.to_owned(), amount.parse().unwrap_or_default())).collect()
}

fn listed(list: Option<&Labels>) -> Amounts {
    list.map(amounts).unwrap_or_default()
}

impl OnePod {
    /// When it should be gone, with all the time that it may take.
    fn gone_by(&self) -> Option<UnixMillis> {
        let since = self.metadata.deletion_timestamp?;
        Some(Time(since.0.saturating_add(self.metadata.deletion_grace_period_seconds)).millis())
    }

    fn container(&self, read: &OneContainer) -> Container {
        let status = &self.status;
        let mut all = status.container_statuses.iter().chain(&status.init_container_statuses);
        let given = all.find(|said| said.name == read.name).map(|said| Given {
            allocated: said.allocated_resources.as_ref().map(amounts),
            requests: said.resources.requests.as_ref().map(amounts),
            limits: said.resources.limits.as_ref().map(amounts),
        });
        Container {
            requests: listed(read.resources.requests.as_ref()),
            limits: listed(read.resources.limits.as_ref()),
            stays: read.restart_policy == "Always",
            given: given.unwrap_or_default(),
        }
    }

    fn measured(&self, now: UnixMillis) -> Pod {
        let (spec, status) = (&self.spec, &self.status);
        let pending = status.conditions.iter().find(|condition| condition.kind == "PodResizePending");
        let containers = |list: &[OneContainer]| list.iter().map(|one| self.container(one)).collect();
        Pod {
            is_over: matches!(status.phase.as_str(), "Failed" | "Succeeded")
                || self.gone_by().is_some_and(|by| now > by),
            has_deadline: spec.active_deadline_seconds.is_some_and(|seconds| seconds >= 0),
            is_best_effort: status.qos_class == "BestEffort",
            looks_elsewhere: spec.affinity.pod_affinity.look_elsewhere()
                || spec.affinity.pod_anti_affinity.look_elsewhere(),
            priority_class: spec.priority_class_name.clone(),
            requests: listed(spec.resources.requests.as_ref()),
            limits: listed(spec.resources.limits.as_ref()),
            overhead: amounts(&spec.overhead),
            containers: containers(&spec.containers),
            initial: containers(&spec.init_containers),
            is_refused: pending.is_some_and(|pending| pending.reason == "Infeasible"),
        }
    }
}

impl Measured for OnePod {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn used(&self, _: &Measure, scopes: &Scopes, now: UnixMillis) -> Option<Amounts> {
        let pod = self.measured(now);
        scopes.have_pod(&pod).then(|| pod.amounts())
    }

    fn uses_less_in(&self, now: UnixMillis) -> Option<Duration> {
        let by = self.gone_by().filter(|by| *by >= now)?;
        Some(Duration::from_millis(by.since(now) + 1))
    }

    fn mark(&self) -> String {
        // By the start of time no pod is late to go.
        let pod = self.measured(UnixMillis(0));
        format!("{:?} {} {:?}", pod.amounts(), pod.has_deadline, self.gone_by())
    }
}

/// A service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OneService {
    metadata: Meta,
    spec: ServiceSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServiceSpec {
    #[serde(rename = "type")]
    kind: String,
    ports: Vec<ServicePort>,
    allocate_load_balancer_node_ports: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServicePort {
    node_port: i64,
}

impl OneService {
    fn measured(&self) -> Service {
        let spec = &self.spec;
        Service {
            kind: spec.kind.clone(),
            ports: spec.ports.len(),
            chosen: spec.ports.iter().filter(|port| port.node_port != 0).count(),
            gets_node_ports: spec.allocate_load_balancer_node_ports != Some(false),
        }
    }
}

impl Measured for OneService {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn used(&self, _: &Measure, scopes: &Scopes, _: UnixMillis) -> Option<Amounts> {
        scopes.have_others().then(|| self.measured().amounts())
    }

    fn mark(&self) -> String {
        format!("{:?}", self.measured().amounts())
    }
}

/// A claim of a volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OneClaim {
    metadata: Meta,
    spec: ClaimSpec,
    status: ClaimStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClaimSpec {
    storage_class_name: String,
    volume_attributes_class_name: String,
    resources: Lists,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClaimStatus {
    allocated_resources: Labels,
    current_volume_attributes_class_name: String,
    modify_volume_status: Modification,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Modification {
    target_volume_attributes_class_name: String,
}

impl OneClaim {
    fn measured(&self) -> Claim {
        let (spec, status) = (&self.spec, &self.status);
        let storage = |list: &Labels| list.get("storage").and_then(|text| text.parse().ok());
        let class = self.metadata.annotation(crate::views::volumeclaim::BETA_CLASS);
        let attributes = [
            &spec.volume_attributes_class_name,
            &status.current_volume_attributes_class_name,
            &status.modify_volume_status.target_volume_attributes_class_name,
        ];
        Claim {
            class: class.unwrap_or(&spec.storage_class_name).to_owned(),
            asked: spec.resources.requests.as_ref().and_then(storage),
            given: storage(&status.allocated_resources),
            attributes: attributes.into_iter().filter(|class| !class.is_empty()).cloned().collect(),
        }
    }
}

impl Measured for OneClaim {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn used(&self, _: &Measure, scopes: &Scopes, _: UnixMillis) -> Option<Amounts> {
        let claim = self.measured();
        scopes.have_claim(&claim).then(|| claim.amounts())
    }

    fn mark(&self) -> String {
        let claim = self.measured();
        format!("{:?} {:?}", claim.amounts(), claim.attributes)
    }
}

/// A claim of devices.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OneDeviceClaim {
    metadata: Meta,
    spec: DeviceSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DeviceSpec {
    devices: Devices,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Devices {
    requests: Vec<DeviceRequest>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DeviceRequest {
    exactly: Option<Alternative>,
    first_available: Vec<Alternative>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Alternative {
    device_class_name: String,
    allocation_mode: String,
    count: i64,
}

impl OneDeviceClaim {
    fn measured(&self) -> DeviceClaim {
        let one = |one: &Alternative| {
            (one.device_class_name.clone(), DeviceClaim::devices(&one.allocation_mode, one.count))
        };
        let requests = self.spec.devices.requests.iter();
        let requests =
            requests.map(|request| request.first_available.iter().chain(&request.exactly).map(one).collect());
        DeviceClaim { requests: requests.collect() }
    }
}

impl Measured for OneDeviceClaim {
    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn used(&self, _: &Measure, scopes: &Scopes, _: UnixMillis) -> Option<Amounts> {
        scopes.have_others().then(|| self.measured().amounts())
    }

    fn mark(&self) -> String {
        format!("{:?}", self.measured().amounts())
    }
}
