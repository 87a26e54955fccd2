//! Pods, as far as controllers look at them.

use std::fmt;

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource, Time};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

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
    /// Containers that name ports.
    #[serde(deserialize_with = "with_ports")]
    pub(crate) containers: Box<[Container]>,
    /// Initial containers that name ports and stay.
    #[serde(deserialize_with = "with_ports")]
    pub(crate) init_containers: Box<[Container]>,
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
    #[serde(rename = "conditions", deserialize_with = "readiness")]
    pub(crate) ready: Ready,
    /// Whether its node had no room for it any more.
    #[serde(rename = "reason", deserialize_with = "evicted")]
    pub(crate) is_evicted: bool,
    #[serde(rename = "podIP")]
    pub(crate) pod_ip: CompactString,
    #[serde(rename = "podIPs")]
    pub(crate) pod_ips: Box<[Address]>,
    /// The most that one of its containers was started again.
    #[serde(rename = "containerStatuses", deserialize_with = "most_restarts")]
    pub(crate) restarts: u32,
    /// The same, of its initial containers: those that are no sidecars are not started again once they are done.
    #[serde(rename = "initContainerStatuses", deserialize_with = "most_restarts")]
    pub(crate) sidecar_restarts: u32,
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

fn readiness<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ready, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Condition<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
        #[serde(borrow)]
        status: std::borrow::Cow<'a, str>,
        #[serde(default)]
        last_transition_time: Option<Time>,
    }
    let fold: fn(&mut Ready, Condition<'de>) = |ready, condition| {
        if condition.kind == "Ready" {
            *ready = Ready { is: condition.status == "True", since: condition.last_transition_time };
        }
    };
    deserializer.deserialize_any(Folding(Ready::default(), fold))
}

fn evicted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(CompactString::deserialize(deserializer)? == "Evicted")
}

fn most_restarts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct ContainerStatus {
        restart_count: u32,
    }
    let fold: fn(&mut u32, ContainerStatus) = |most, status| *most = status.restart_count.max(*most);
    deserializer.deserialize_any(Folding(0, fold))
}

#[cfg(test)]
mod tests {
    use keelson_client::Cache;
    use serde_json::{Value, json};

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
            (pod.status.ready.is, pod.status.ready.since),
            (true, Time::parse("2026-01-01T00:00:00Z"))
        );
        assert_eq!((pod.status.restarts, pod.status.sidecar_restarts), (2, 0));
        assert_eq!(pod.spec.containers[0].ports[0].container_port, 8080);
        let bare: Pod =
            serde_json::from_str(r#"{"metadata":{"name":"p"},"status":{"phase":"New"}}"#).unwrap();
        assert_eq!((bare.status.phase, bare.status.ready), (Phase::Unknown, Ready::default()));
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
