//! Pods, as far as controllers look at them.

use std::fmt;

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource, Time};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::taint::Toleration;

/// The resource.
pub(crate) const PODS: Resource = Resource::namespaced("", "v1", "pods", "Pod");

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
    pub(crate) hostname: CompactString,
    pub(crate) subdomain: CompactString,
    pub(crate) restart_policy: RestartPolicy,
    /// The one node that it may be placed on, if there is only one.
    #[serde(rename = "affinity", deserialize_with = "only_node")]
    pub(crate) only_node: CompactString,
    pub(crate) tolerations: Box<[Toleration]>,
    /// The volumes that are claims: named, or made for the pod.
    #[serde(deserialize_with = "claiming")]
    volumes: Box<[Volume]>,
    /// Containers that name ports.
    #[serde(deserialize_with = "with_ports")]
    pub(crate) containers: Box<[Container]>,
    /// Initial containers that stay, and those that name ports.
    #[serde(deserialize_with = "staying")]
    pub(crate) init_containers: Box<[Container]>,
}

/// A volume that is a claim.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Volume {
    name: CompactString,
    persistent_volume_claim: Option<ClaimVolume>,
    ephemeral: Option<Box<Ephemeral>>,
}

/// A volume whose claim is made for the pod.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ephemeral {
    volume_claim_template: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClaimVolume {
    claim_name: CompactString,
}

/// A claim that a pod uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsedClaim {
    pub(crate) name: CompactString,
    /// Whether it is made for the pod, and goes with it.
    pub(crate) ephemeral: bool,
}

impl Pod {
    /// The claims that it uses.
    pub(crate) fn claims(&self) -> impl Iterator<Item = UsedClaim> {
        self.spec.volumes.iter().map(|volume| match &volume.persistent_volume_claim {
            Some(claim) => UsedClaim { name: claim.claim_name.clone(), ephemeral: false },
            None => UsedClaim {
                name: compact_str::format_compact!("{}-{}", self.metadata.name, volume.name),
                ephemeral: true,
            },
        })
    }
}

/// A claim that is to be made for a pod.
#[derive(Clone, Debug)]
pub(crate) struct WantedClaim<'a> {
    pub(crate) name: CompactString,
    /// Of the volume.
    pub(crate) volume: &'a CompactString,
    /// Metadata and spec.
    pub(crate) template: &'a Value,
}

impl Pod {
    /// The claims that are to be made for it.
    pub(crate) fn wanted_claims(&self) -> impl Iterator<Item = WantedClaim<'_>> {
        self.spec.volumes.iter().filter_map(|volume| {
            let template = &volume.ephemeral.as_ref()?.volume_claim_template;
            let name = compact_str::format_compact!("{}-{}", self.metadata.name, volume.name);
            Some(WantedClaim { name, volume: &volume.name, template })
        })
    }
}

fn claiming<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[Volume]>, D::Error> {
    let fold: fn(&mut Vec<Volume>, Volume) = |all, volume| {
        if volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some() {
            all.push(volume);
        }
    };
    Ok(deserializer.deserialize_any(Folding(Vec::new(), fold))?.into())
}

/// Whether it is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum RestartPolicy {
    #[default]
    Always,
    OnFailure,
    Never,
}

/// A container's ports.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) name: CompactString,
    pub(crate) ports: Box<[Port]>,
    pub(crate) restart_policy: Option<CompactString>,
}

/// A port.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    pub(crate) name: CompactString,
    pub(crate) container_port: u16,
    pub(crate) protocol: CompactString,
}

/// What became of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) phase: Phase,
    #[serde(deserialize_with = "conditions")]
    pub(crate) conditions: Conditions,
    /// Whether its node had no room for it any more.
    #[serde(rename = "reason", deserialize_with = "evicted")]
    pub(crate) is_evicted: bool,
    #[serde(rename = "podIP")]
    pub(crate) pod_ip: CompactString,
    #[serde(rename = "podIPs")]
    pub(crate) pod_ips: Box<[Address]>,
    #[serde(rename = "containerStatuses", deserialize_with = "containers")]
    pub(crate) containers: Containers,
    /// The same, of its initial containers: those that are no sidecars are not started again once they are done.
    #[serde(rename = "initContainerStatuses", deserialize_with = "containers")]
    pub(crate) init_containers: Containers,
}

/// What became of containers.
#[derive(Debug, Default)]
pub(crate) struct Containers {
    /// The most that one of them was started again.
    pub(crate) most_restarts: u32,
    /// How often they were in all.
    pub(crate) all_restarts: u32,
    /// Whether some have not ended.
    pub(crate) some_go_on: bool,
    /// Those that have ended.
    pub(crate) ended: Box<[Ended]>,
}

/// A container that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) name: CompactString,
    pub(crate) exit_code: i32,
    pub(crate) at: Option<Time>,
}

/// What is said of it.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) ready: Ready,
    /// Since when it is about to be taken away, unless it is its node that says so.
    pub(crate) disrupted: Option<Time>,
    /// All, as `TYPE=STATUS`.
    pub(crate) said: Box<[CompactString]>,
}

/// An address.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    pub(crate) ip: CompactString,
}

/// Where it stands in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Phase {
    #[default]
    Pending,
    Running,
    Succeeded,
    Failed,
    #[serde(other)]
    Unknown,
}

/// Whether it is ready, and since when it is so or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) is: bool,
    pub(crate) since: Option<Time>,
}

/// Folds a list into something smaller, element by element.
struct Folding<T, R>(R, fn(&mut R, T));

impl<'de, T: Deserialize<'de>, R> Visitor<'de> for Folding<T, R> {
    type Value = R;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<R, E> {
        Ok(self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<R, A::Error> {
        while let Some(element) = list.next_element()? {
            (self.1)(&mut self.0, element);
        }
        Ok(self.0)
    }
}

fn with_ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[Container]>, D::Error> {
    let fold: fn(&mut Vec<Container>, Container) = |all, container| {
        if !container.ports.is_empty() {
            all.push(container);
        }
    };
    Ok(deserializer.deserialize_any(Folding(Vec::new(), fold))?.into())
}

fn only_node<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CompactString, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Affinity {
        node_affinity: NodeAffinity,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct NodeAffinity {
        #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
        required: Required,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Required {
        node_selector_terms: Vec<Term>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Term {
        match_fields: Vec<Field>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Field {
        key: CompactString,
        operator: CompactString,
        values: Vec<CompactString>,
    }
    let affinity = Affinity::deserialize(deserializer)?;
    let terms = affinity.node_affinity.required.node_selector_terms;
    let mut fields = terms.into_iter().flat_map(|term| term.match_fields);
    let named = fields.find(|field| field.key == "metadata.name" && field.operator == "In");
    let one = named.filter(|field| field.values.len() == 1).and_then(|field| field.values.into_iter().next());
    Ok(one.unwrap_or_default())
}

fn staying<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[Container]>, D::Error> {
    let fold: fn(&mut Vec<Container>, Container) = |all, container| {
        if !container.ports.is_empty() || container.restart_policy.is_some() {
            all.push(container);
        }
    };
    Ok(deserializer.deserialize_any(Folding(Vec::new(), fold))?.into())
}

fn conditions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Conditions, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Condition<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
        #[serde(borrow)]
        status: std::borrow::Cow<'a, str>,
        #[serde(default)]
        last_transition_time: Option<Time>,
        #[serde(default, borrow)]
        reason: std::borrow::Cow<'a, str>,
    }
    type All = (Conditions, Vec<CompactString>);
    let fold: fn(&mut All, Condition<'de>) = |(all, said), condition| {
        let (is, since) = (condition.status == "True", condition.last_transition_time);
        match &*condition.kind {
            "Ready" => all.ready = Ready { is, since },
            "DisruptionTarget" => {
                all.disrupted = since.filter(|_| is && condition.reason != "TerminationByKubelet");
            }
            _ => {}
        }
        said.push(compact_str::format_compact!("{}={}", condition.kind, condition.status));
    };
    let (all, said) = deserializer.deserialize_any(Folding(All::default(), fold))?;
    Ok(Conditions { said: said.into(), ..all })
}

fn evicted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(CompactString::deserialize(deserializer)? == "Evicted")
}

fn containers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Containers, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct ContainerStatus {
        name: CompactString,
        restart_count: u32,
        state: State,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct State {
        terminated: Option<Terminated>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Terminated {
        exit_code: i32,
        finished_at: Option<Time>,
    }
    type All = (Containers, Vec<Ended>);
    let fold: fn(&mut All, ContainerStatus) = |(all, ended), status| {
        all.most_restarts = status.restart_count.max(all.most_restarts);
        all.all_restarts = all.all_restarts.saturating_add(status.restart_count);
        match status.state.terminated {
            Some(Terminated { exit_code, finished_at }) => {
                ended.push(Ended { name: status.name, exit_code, at: finished_at });
            }
            None => all.some_go_on = true,
        }
    };
    let (all, ended) = deserializer.deserialize_any(Folding(All::default(), fold))?;
    Ok(Containers { ended: ended.into(), ..all })
}

#[cfg(test)]
mod tests {
    use keelson_client::Cache;
    use serde_json::json;

    use super::*;

    /// A pod as a cluster has it, managed fields and all.
    fn typical(number: u32) -> Value {
        let time = "2026-01-01T00:00:00Z";
        let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": time});
        let field = |name: &str| json!({format!("f:{name}"): {"f:lastTransitionTime": {}, "f:status": {}, "f:type": {}}});
        let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition);
        let managed = json!({
            "manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1",
            "subresource": "status",
            "fieldsV1": {"f:status": {"f:conditions": [field("a"), field("b"), field("c"), field("d"), field("e")]}},
        });
        json!({
            "metadata": {
                "name": format!("web-5d4f8c7b9-{number:05}"), "generateName": "web-5d4f8c7b9-", "namespace": "default",
                "uid": format!("0b2e7a52-6d0c-4c39-9a73-{number:012}"), "resourceVersion": number.to_string(),
                "creationTimestamp": time, "labels": {"app": "web", "pod-template-hash": "5d4f8c7b9"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f8c7b9",
                    "uid": "4a6f1f2e-55a7-4b0c-8f0a-3f1f0f6b7a11", "controller": true, "blockOwnerDeletion": true}],
                "managedFields": [managed, managed],
            },
            "spec": {
                "nodeName": "node-17", "serviceAccountName": "default", "schedulerName": "default-scheduler",
                "volumes": [{"name": "kube-api-access-abcde", "projected": {"sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]}}],
                "containers": [{"name": "web", "image": "registry.example.com/web:1.2.3",
                    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                    "volumeMounts": [{"name": "kube-api-access-abcde", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]}],
            },
            "status": {
                "phase": "Running", "podIP": "10.0.1.2", "podIPs": [{"ip": "10.0.1.2"}], "hostIP": "192.168.0.7",
                "conditions": conditions,
                "containerStatuses": [{"name": "web", "ready": true, "restartCount": 2, "image": "registry.example.com/web:1.2.3",
                    "containerID": "containerd://3f1f0f6b7a113f1f0f6b7a113f1f0f6b7a113f1f0f6b7a113f1f0f6b7a11"}],
            },
        })
    }

    #[test]
    fn what_is_kept_is_what_is_read() {
        let pod: Pod = serde_json::from_value(typical(1)).unwrap();
        assert_eq!(
            (pod.status.conditions.ready.is, pod.status.conditions.ready.since),
            (true, Time::parse("2026-01-01T00:00:00Z"))
        );
        assert_eq!((pod.status.containers.most_restarts, pod.status.init_containers.most_restarts), (2, 0));
        assert_eq!(pod.status.conditions.said[3], "Ready=True");
        assert_eq!(pod.spec.containers[0].ports[0].container_port, 8080);
        let bare: Pod =
            serde_json::from_str(r#"{"metadata":{"name":"p"},"status":{"phase":"New"}}"#).unwrap();
        assert_eq!((bare.status.phase, bare.status.conditions.ready), (Phase::Unknown, Ready::default()));
    }

    /// How many kilobytes of memory the process takes up.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    fn cached_pods_are_small() {
        const PODS: u32 = 20_000;
        let cache: Cache<Pod> = Cache::default();
        crate::pods::index(&cache);
        crate::pods::index_by_node(&cache);
        let text = typical(1).to_string();
        let before = resident();
        for number in 0..PODS {
            cache.apply(serde_json::from_str(&typical(number).to_string()).unwrap());
        }
        let bytes = (resident() - before) * 1024 / u64::from(PODS);
        println!("{bytes} bytes per cached pod, of {} bytes of JSON", text.len());
        assert!(bytes < 2048, "{bytes} bytes per cached pod");
        assert_eq!(cache.len(), PODS as usize);
    }
}
