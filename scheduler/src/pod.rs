//! A pod: everything that placing looks at, read once.

use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::selector::label::{Operator, Requirement, Selector};
use keelson_client::{Kind, Labels, Meta, Resource, Time};
use serde::Deserialize;
use smallvec::SmallVec;

use crate::node::Taint;
use crate::resources::{Needs, Resources, asked};
use crate::selectors::{NodeTerm, Written, selects};
use crate::wire;

/// The resource.
pub(crate) const PODS: Resource = Resource::namespaced("", "v1", "pods", "Pod");

/// A pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "wire::Pod")]
pub struct PodInfo {
    /// Its metadata.
    pub meta: Meta,
    /// Where it runs, if that is decided.
    pub node_name: CompactString,
    /// Who is to place it.
    pub scheduler_name: CompactString,
    /// How important it is.
    pub priority: i32,
    /// Whether nobody has to go for it.
    pub(crate) never_preempts: bool,
    /// What it asks for.
    pub requests: Resources,
    /// The same for scores: what is not said counts as a little.
    pub(crate) presumed: Resources,
    pub(crate) node_selector: Labels,
    /// Of several terms one has to hold; `None` if it does not care.
    pub(crate) node_terms: Option<Box<[NodeTerm]>>,
    pub(crate) preferred_nodes: Box<[(i64, NodeTerm)]>,
    pub(crate) tolerations: Box<[Toleration]>,
    pub(crate) spread: Box<[Constraint]>,
    pub(crate) affinity: Box<[PodTerm]>,
    pub(crate) anti_affinity: Box<[PodTerm]>,
    /// The weight is negative for what it does not want to be near.
    pub(crate) preferred_pods: Box<[(i64, PodTerm)]>,
    pub(crate) ports: Box<[HostPort]>,
    /// With a tag each.
    pub(crate) images: Box<[CompactString]>,
    pub(crate) gates: Box<[CompactString]>,
    pub(crate) claims: Box<[ClaimUse]>,
    pub(crate) disks: Box<[Disk]>,
    /// Of volumes that need no claim.
    pub(crate) drivers: Box<[CompactString]>,
    pub(crate) ended: bool,
    /// Where room is being made for it.
    pub(crate) nominated: CompactString,
    pub(crate) started: Option<Time>,
    /// What it was told about its placing.
    pub(crate) told: Option<Told>,
    /// Whether it is going because something more important needs its place.
    pub(crate) preempted: bool,
}

/// A claim that a pod uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimUse {
    pub(crate) name: CompactString,
    /// Whether it is made for the pod, and goes with it.
    pub(crate) ephemeral: bool,
}

/// A disk that a pod names itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    Gce { name: CompactString, read_only: bool },
    Aws { id: CompactString },
    Iscsi { name: CompactString, read_only: bool },
    Rbd { monitors: Box<[CompactString]>, image: (CompactString, CompactString), read_only: bool },
}

impl Disk {
    /// Whether it is the same as another, and cannot be used by both.
    pub(crate) fn collides(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Gce { name, read_only }, Self::Gce { name: of_other, read_only: only })
            | (Self::Iscsi { name, read_only }, Self::Iscsi { name: of_other, read_only: only }) => {
                name == of_other && !(*read_only && *only)
            }
            (Self::Aws { id }, Self::Aws { id: of_other }) => id == of_other,
            (
                Self::Rbd { monitors, image, read_only },
                Self::Rbd { monitors: of_other, image: there, read_only: only },
            ) => {
                let shared = monitors.iter().any(|monitor| of_other.contains(monitor));
                shared && image == there && !(*read_only && *only)
            }
            _ => false,
        }
    }
}

/// The condition `PodScheduled`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) status: CompactString,
    pub(crate) reason: CompactString,
    pub(crate) message: String,
}

impl Kind for PodInfo {
    const RESOURCE: Resource = PODS;

    fn meta(&self) -> &Meta {
        &self.meta
    }
}

/// A port of the node that a pod needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HostPort {
    pub(crate) port: u16,
    /// Empty for all addresses.
    pub(crate) address: CompactString,
    pub(crate) protocol: CompactString,
}

impl HostPort {
    pub(crate) fn collides(&self, other: &Self) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.address.is_empty() || other.address.is_empty() || self.address == other.address)
    }
}

/// What taints a pod puts up with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Toleration(wire::Toleration);

impl Toleration {
    pub(crate) fn tolerates(&self, taint: &Taint) -> bool {
        let (said, taint) = (&self.0, &taint.0);
        if !said.effect.is_empty() && said.effect != taint.effect {
            return false;
        }
        if !said.key.is_empty() && said.key != taint.key {
            return false;
        }
        let numbers = || Some((taint.value.parse::<i64>().ok()?, said.value.parse::<i64>().ok()?));
        match said.operator.as_str() {
            "" | "Equal" => said.value == taint.value,
            "Exists" => true,
            "Lt" => numbers().is_some_and(|(taint, said)| taint < said),
            "Gt" => numbers().is_some_and(|(taint, said)| taint > said),
            _ => false,
        }
    }

    /// Whether it says anything about taints that are only to be avoided.
    pub(crate) fn is_soft(&self) -> bool {
        self.0.effect.is_empty() || self.0.effect == "PreferNoSchedule"
    }
}

/// How pods are to be spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constraint {
    pub(crate) max_skew: i64,
    pub(crate) topology_key: CompactString,
    /// Rather not at all than worse.
    pub(crate) hard: bool,
    pub(crate) selector: Selector,
    pub(crate) min_domains: usize,
    pub(crate) honors_affinity: bool,
    pub(crate) honors_taints: bool,
}

impl Constraint {
    fn read(written: &wire::Constraint, labels: &Labels) -> Self {
        let mut selector = Written::read_option(written.label_selector.as_ref());
        for key in &written.match_label_keys {
            let same = labels.get(key).map(|value| Requirement::new(key, Operator::Equals, &[value]));
            if let Some(Ok(same)) = same {
                selector = selector.and(same);
            }
        }
        Self {
            max_skew: written.max_skew,
            topology_key: written.topology_key.clone(),
            hard: written.when_unsatisfiable != "ScheduleAnyway",
            selector,
            min_domains: written.min_domains.unwrap_or(1),
            honors_affinity: written.node_affinity_policy != "Ignore",
            honors_taints: written.node_taints_policy == "Honor",
        }
    }
}

/// A term about other pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodTerm {
    pub(crate) selector: Selector,
    namespaces: SmallVec<[CompactString; 1]>,
    /// Selects further namespaces by their labels.
    namespace_selector: Selector,
    pub(crate) topology_key: CompactString,
}

impl PodTerm {
    fn read(written: &wire::PodTerm, own: &CompactString) -> Self {
        let mut namespaces: SmallVec<[CompactString; 1]> = written.namespaces.iter().cloned().collect();
        if namespaces.is_empty() && written.namespace_selector.is_none() {
            namespaces.push(own.clone());
        }
        Self {
            selector: Written::read_option(written.label_selector.as_ref()),
            namespaces,
            namespace_selector: Written::read_option(written.namespace_selector.as_ref()),
            topology_key: written.topology_key.clone(),
        }
    }

    /// Whether it looks into namespaces by their labels.
    pub(crate) fn selects_namespaces(&self) -> bool {
        !self.namespace_selector.is_nothing()
    }

    /// Whether a pod of these labels, in a namespace of those, is meant.
    pub(crate) fn means(&self, namespace: &str, labels: &Labels, of_namespace: &Labels) -> bool {
        let there = self.namespaces.iter().any(|one| one == namespace)
            || selects(&self.namespace_selector, of_namespace);
        there && selects(&self.selector, labels)
    }
}

impl PodInfo {
    /// Whether it uses this claim.
    pub(crate) fn claims_it(&self, claim: &Meta) -> bool {
        claim.namespace == self.meta.namespace && self.claims.iter().any(|own| own.name == claim.name)
    }

    /// Whether it has any term about other pods.
    pub(crate) fn has_pod_terms(&self) -> bool {
        !(self.affinity.is_empty() && self.anti_affinity.is_empty() && self.preferred_pods.is_empty())
    }

    /// Whether it puts up with all hard taints of a node; else the first that it does not.
    pub(crate) fn first_untolerated<'a>(&self, taints: &'a [Taint]) -> Option<&'a Taint> {
        let tolerated =
            |taint: &&Taint| self.tolerations.iter().any(|toleration| toleration.tolerates(taint));
        taints.iter().filter(|taint| taint.is_hard()).find(|taint| !tolerated(taint))
    }

    /// Whether a node is one that it asks for.
    pub(crate) fn accepts(&self, name: &str, labels: &Labels) -> bool {
        labels.contain(&self.node_selector)
            && self.node_terms.as_ref().is_none_or(|terms| terms.iter().any(|term| term.holds(name, labels)))
    }

    /// The same pod on a node.
    #[must_use]
    pub fn placed_on(self: &Arc<Self>, node: &str) -> Arc<Self> {
        let mut placed = Self::clone(self);
        placed.node_name = node.into();
        Arc::new(placed)
    }
}

/// An image's name with a tag.
pub(crate) fn tagged(image: &CompactString) -> CompactString {
    if image.rfind(':') <= image.rfind('/') { format!("{image}:latest").into() } else { image.clone() }
}

impl From<wire::Pod> for PodInfo {
    fn from(pod: wire::Pod) -> Self {
        let (meta, spec, status) = (pod.metadata, pod.spec, pod.status);
        let (requests, presumed) = (needs(&spec, false), needs(&spec, true));
        let told = status.conditions.iter().find(|condition| condition.kind == "PodScheduled");
        let preempted = status.conditions.iter().any(|condition| {
            condition.kind == "DisruptionTarget"
                && condition.status == "True"
                && condition.reason == "PreemptionByScheduler"
        });
        let own = meta.namespace.clone();
        let terms = |terms: &[wire::PodTerm]| terms.iter().map(|term| PodTerm::read(term, &own)).collect();
        let weighted = |terms: &[wire::WeightedPodTerm], sign: i64| -> Vec<_> {
            let read = |term: &wire::WeightedPodTerm| {
                (sign * term.weight, PodTerm::read(&term.pod_affinity_term, &own))
            };
            terms.iter().map(read).collect()
        };
        let affinity = &spec.affinity;
        let mut preferred_pods = weighted(&affinity.pod_affinity.preferred, 1);
        preferred_pods.extend(weighted(&affinity.pod_anti_affinity.preferred, -1));
        let read_terms =
            |terms: &wire::NodeTerms| terms.node_selector_terms.iter().map(NodeTerm::read).collect();
        let preferred_nodes = affinity.node_affinity.preferred.iter();
        Self {
            requests,
            presumed,
            node_terms: affinity.node_affinity.required.as_ref().map(read_terms),
            preferred_nodes: preferred_nodes
                .map(|term| (term.weight, NodeTerm::read(&term.preference)))
                .collect(),
            spread: spec
                .topology_spread_constraints
                .iter()
                .map(|one| Constraint::read(one, &meta.labels))
                .collect(),
            affinity: terms(&affinity.pod_affinity.required),
            anti_affinity: terms(&affinity.pod_anti_affinity.required),
            preferred_pods: preferred_pods.into(),
            ports: ports(&spec),
            images: images(&spec),
            claims: claims(&meta.name, &spec),
            disks: disks(&spec),
            drivers: spec
                .volumes
                .iter()
                .filter_map(|volume| Some(volume.csi.as_ref()?.driver.clone()))
                .collect(),
            told: told.map(|told| Told {
                status: told.status.clone(),
                reason: told.reason.clone(),
                message: told.message.clone(),
            }),
            preempted,
            never_preempts: spec.preemption_policy == "Never",
            node_name: spec.node_name,
            scheduler_name: spec.scheduler_name,
            priority: spec.priority,
            node_selector: spec.node_selector,
            tolerations: spec.tolerations.into_iter().map(Toleration).collect(),
            gates: spec.scheduling_gates.into_iter().map(|gate| gate.name).collect(),
            ended: status.phase == "Succeeded" || status.phase == "Failed",
            nominated: status.nominated_node_name,
            started: status.start_time,
            meta,
        }
    }
}

fn needs(spec: &wire::Spec, fill: bool) -> Resources {
    asked(
        spec.containers.iter().map(|one| Needs { requests: &one.resources.requests, stays: true }),
        spec.init_containers
            .iter()
            .map(|one| Needs { requests: &one.resources.requests, stays: one.restart_policy == "Always" }),
        spec.resources.as_ref().map(|whole| &whole.requests),
        &spec.overhead,
        fill,
    )
}

fn ports(spec: &wire::Spec) -> Box<[HostPort]> {
    let staying = spec.init_containers.iter().filter(|container| container.restart_policy == "Always");
    let all = spec.containers.iter().chain(staying).flat_map(|container| &container.ports);
    all.filter(|port| port.host_port > 0)
        .map(|port| HostPort {
            port: port.host_port,
            address: if port.host_ip == "0.0.0.0" { CompactString::default() } else { port.host_ip.clone() },
            protocol: if port.protocol.is_empty() { "TCP".into() } else { port.protocol.clone() },
        })
        .collect()
}

fn claims(pod: &str, spec: &wire::Spec) -> Box<[ClaimUse]> {
    let used = spec.volumes.iter().filter_map(|volume| match &volume.persistent_volume_claim {
        Some(claim) => Some(ClaimUse { name: claim.claim_name.clone(), ephemeral: false }),
        None => volume.ephemeral.map(|_| ClaimUse {
            name: compact_str::format_compact!("{pod}-{}", volume.name),
            ephemeral: true,
        }),
    });
    used.collect()
}

fn disks(spec: &wire::Spec) -> Box<[Disk]> {
    let mut all = Vec::new();
    for volume in &spec.volumes {
        if let Some(disk) = &volume.gce_persistent_disk {
            all.push(Disk::Gce { name: disk.pd_name.clone(), read_only: disk.read_only });
        }
        if let Some(disk) = &volume.aws_elastic_block_store {
            all.push(Disk::Aws { id: disk.volume_id.clone() });
        }
        if let Some(disk) = &volume.iscsi {
            all.push(Disk::Iscsi { name: disk.iqn.clone(), read_only: disk.read_only });
        }
        if let Some(disk) = &volume.rbd {
            let image = (disk.pool.clone(), disk.image.clone());
            all.push(Disk::Rbd { monitors: disk.monitors.clone(), image, read_only: disk.read_only });
        }
    }
    all.into()
}

fn images(spec: &wire::Spec) -> Box<[CompactString]> {
    let containers = spec.init_containers.iter().chain(&spec.containers).map(|container| &container.image);
    let volumes = spec.volumes.iter().filter_map(|volume| Some(&volume.image.as_ref()?.reference));
    containers.chain(volumes).map(tagged).collect()
}
