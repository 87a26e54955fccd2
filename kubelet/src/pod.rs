//! Pods, as far as a node looks at them.

use compact_str::CompactString;
use keelson_api::quantity::Quantity;
use keelson_api::time::UnixMillis;
use keelson_client::{Kind, Labels, Meta, Resource};
use serde::Deserialize;

use crate::status::{Mount, Resources, Status};

/// The resource.
pub(crate) const PODS: Resource = Resource::namespaced("", "v1", "pods", "Pod");
/// How long containers may take to end, where nothing is said; the API's default.
const GRACE_SECONDS: u64 = 30;

/// A pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pod {
    pub(crate) metadata: Meta,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
}

impl Kind for Pod {
    const RESOURCE: Resource = PODS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// What is wanted of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) node_name: CompactString,
    pub(crate) restart_policy: RestartPolicy,
    pub(crate) host_network: bool,
    pub(crate) active_deadline_seconds: Option<u64>,
    pub(crate) termination_grace_period_seconds: Option<u64>,
    pub(crate) readiness_gates: Box<[Gate]>,
    pub(crate) containers: Box<[Container]>,
    pub(crate) init_containers: Box<[Container]>,
    pub(crate) ephemeral_containers: Box<[Container]>,
    pub(crate) resources: Option<Resources>,
    pub(crate) overhead: Labels,
}

/// A condition that has to hold before the pod is ready.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Gate {
    pub(crate) condition_type: CompactString,
}

/// Whether something that ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum RestartPolicy {
    #[default]
    Always,
    OnFailure,
    Never,
}

impl RestartPolicy {
    fn restarts(self, code: i32) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => code != 0,
            Self::Never => false,
        }
    }
}

/// A container.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) name: CompactString,
    pub(crate) image: CompactString,
    pub(crate) restart_policy: Option<RestartPolicy>,
    restart_policy_rules: Box<[Rule]>,
    pub(crate) resources: Resources,
    pub(crate) volume_mounts: Box<[Mount]>,
}

/// What exit codes mean for the container alone.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    action: CompactString,
    exit_codes: ExitCodes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExitCodes {
    operator: CompactString,
    values: Box<[i32]>,
}

impl Rule {
    fn restarts(&self, code: i32) -> bool {
        let named = self.exit_codes.values.contains(&code);
        let matches = match self.exit_codes.operator.as_str() {
            "In" => named,
            "NotIn" => !named,
            _ => false,
        };
        matches && self.action == "Restart"
    }
}

impl Container {
    /// Whether it is started before the others and stays.
    pub(crate) fn is_sidecar(&self) -> bool {
        self.restart_policy == Some(RestartPolicy::Always)
    }

    /// Whether it is started again after it ended so.
    pub(crate) fn restarts(&self, spec: &Spec, code: i32) -> bool {
        match self.restart_policy {
            Some(_) if self.restart_policy_rules.iter().any(|rule| rule.restarts(code)) => true,
            Some(own) => own.restarts(code),
            None => spec.restart_policy.restarts(code),
        }
    }
}

/// What a pod takes of a node, in thousandths of a CPU and in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) cpu: i64,
    pub(crate) memory: i64,
    pub(crate) storage: i64,
}

impl Needs {
    /// By amounts as the API writes them.
    pub(crate) fn of(requests: &Labels) -> Self {
        let amount = |name: &str| requests.get(name).and_then(|text| text.parse::<Quantity>().ok());
        Self {
            cpu: amount("cpu").map_or(0, |cpu| cpu.milli_value()),
            memory: amount("memory").map_or(0, |memory| memory.value()),
            storage: amount("ephemeral-storage").map_or(0, |storage| storage.value()),
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_add(other.cpu),
            memory: self.memory.saturating_add(other.memory),
            storage: self.storage.saturating_add(other.storage),
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(other.cpu),
            memory: self.memory.saturating_sub(other.memory),
            storage: self.storage.saturating_sub(other.storage),
        }
    }

    fn or_more(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
            storage: self.storage.max(other.storage),
        }
    }
}

impl Pod {
    /// Its containers of all sorts, with the field that each stands in.
    fn all_containers(&self) -> impl Iterator<Item = (&'static str, &Container)> {
        let sorts = [
            ("initContainers", &self.spec.init_containers),
            ("containers", &self.spec.containers),
            ("ephemeralContainers", &self.spec.ephemeral_containers),
        ];
        sorts.into_iter().flat_map(|(sort, all)| all.iter().map(move |container| (sort, container)))
    }

    /// The container of a name.
    pub(crate) fn container(&self, name: &str) -> Option<&Container> {
        self.all_containers().map(|(_, container)| container).find(|container| container.name == name)
    }

    /// Where the container of a name stands, as events say it.
    pub(crate) fn field_of(&self, name: &str) -> Option<String> {
        let (sort, _) = self.all_containers().find(|(_, container)| container.name == name)?;
        Some(format!("spec.{sort}{{{name}}}"))
    }

    /// When its containers are killed that have not ended by then.
    pub(crate) fn kill_at(&self, now: UnixMillis) -> UnixMillis {
        match self.metadata.deletion_timestamp {
            // That is when its grace is over.
            Some(at) => at.millis(),
            None => {
                let seconds = self.spec.termination_grace_period_seconds.unwrap_or(GRACE_SECONDS);
                UnixMillis(now.0.saturating_add(seconds.saturating_mul(1000)))
            }
        }
    }

    /// What it takes of its node.
    pub(crate) fn needs(&self) -> Needs {
        let of = |container: &Container| Needs::of(&container.resources.requests);
        let staying = self.spec.containers.iter().fold(Needs::default(), |sum, one| sum.plus(of(one)));
        let (mut sidecars, mut most) = (Needs::default(), Needs::default());
        for container in &self.spec.init_containers {
            if container.is_sidecar() {
                sidecars = sidecars.plus(of(container));
                most = most.or_more(sidecars);
            } else {
                most = most.or_more(sidecars.plus(of(container)));
            }
        }
        let all = staying.plus(sidecars).or_more(most);
        let all = match &self.spec.resources {
            Some(whole) if !whole.requests.is_empty() => {
                let said = Needs::of(&whole.requests);
                let pick = |name: &str, said: i64, summed: i64| {
                    if whole.requests.get(name).is_some() { said } else { summed }
                };
                Needs {
                    cpu: pick("cpu", said.cpu, all.cpu),
                    memory: pick("memory", said.memory, all.memory),
                    storage: all.storage,
                }
            }
            _ => all,
        };
        all.plus(Needs::of(&self.spec.overhead))
    }
}
