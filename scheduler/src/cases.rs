//! What tests write clusters with.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::framework::{Liking, Plugin, Prepared, Rejection};
use crate::node::{Node, NodeInfo};
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::volumes::Kept;
use crate::volumes::objects::{Attachment, Capacity, Claim, Class, Driver, NodeDrivers, Volume};

fn merged(mut base: Value, with: Value) -> Value {
    match (&mut base, with) {
        (Value::Object(base), Value::Object(with)) => {
            for (key, value) in with {
                let old = base.remove(&key).unwrap_or(Value::Null);
                base.insert(key, merged(old, value));
            }
        }
        (base, with) => *base = with,
    }
    base
}

/// A value at the end of a path of keys, which are separated by slashes.
pub(crate) fn within(path: &str, value: Value) -> Value {
    path.rsplit('/').fold(value, |value, key| Value::Object([(key.to_owned(), value)].into_iter().collect()))
}

/// A pod of namespace `default` with the uid `uid-NAME`; `with` is laid over it.
pub(crate) fn pod(name: &str, with: Value) -> Arc<PodInfo> {
    let base = json!({"metadata": {"name": name, "namespace": "default", "uid": format!("uid-{name}"),
        "resourceVersion": "1"}, "spec": {"schedulerName": "default-scheduler"}});
    Arc::new(serde_json::from_value(merged(base, with)).unwrap())
}

/// A node with 4 CPUs, 8 GiB and room for 10 pods; `with` is laid over it.
pub(crate) fn node(name: &str, with: Value) -> Arc<Node> {
    let base = json!({"metadata": {"name": name, "resourceVersion": "1",
        "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}}});
    Arc::new(serde_json::from_value(merged(base, with)).unwrap())
}

/// A cluster of nodes and of pods that are on them.
pub(crate) fn cluster(
    nodes: impl IntoIterator<Item = Arc<Node>>,
    pods: impl IntoIterator<Item = Arc<PodInfo>>,
) -> Snapshot {
    let mut snapshot = Snapshot::default();
    nodes.into_iter().for_each(|node| snapshot.set_node(&node));
    pods.into_iter().for_each(|pod| snapshot.set_pod(&pod));
    snapshot
}

/// A pod of namespace `default` that uses these claims.
pub(crate) fn claiming(name: &str, claims: impl IntoIterator<Item = impl Into<String>>) -> Arc<PodInfo> {
    let volumes =
        claims.into_iter().map(|claim| json!({"persistentVolumeClaim": {"claimName": claim.into()}}));
    pod(name, json!({"spec": {"volumes": volumes.collect::<Value>()}}))
}

/// Puts volumes and what goes with them into a cluster: objects with their kinds.
pub(crate) fn volumes_of(snapshot: &mut Snapshot, objects: &[Value]) {
    fn put<V: Kept>(snapshot: &mut Snapshot, object: &Value) {
        let object: V = serde_json::from_value(object.clone()).unwrap();
        V::keep(snapshot.volumes_mut(), None, Some(&Arc::new(object)));
    }
    for object in objects {
        let put = match object["kind"].as_str().unwrap() {
            "PersistentVolumeClaim" => put::<Claim>,
            "PersistentVolume" => put::<Volume>,
            "StorageClass" => put::<Class>,
            "CSIDriver" => put::<Driver>,
            "CSINode" => put::<NodeDrivers>,
            "CSIStorageCapacity" => put::<Capacity>,
            "VolumeAttachment" => put::<Attachment>,
            other => panic!("{other}"),
        };
        put(snapshot, object);
    }
}

/// What a plugin says of each node: `NAME: ok`, or why not, with an exclamation mark if it is final.
pub(crate) fn verdicts(plugin: &dyn Plugin, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> String {
    match plugin.filter(pod, snapshot) {
        Prepared::Skip => "skip".into(),
        Prepared::Rejected(rejection) => format!("all: {}", told(&rejection)),
        Prepared::Only(_, check) | Prepared::Local(check) => {
            verdicts_by(snapshot, |node| check(node, snapshot))
        }
        Prepared::Wide(filter) if filter.is_idle() => "skip".into(),
        Prepared::Wide(filter) => verdicts_by(snapshot, |node| filter.check(node)),
    }
}

fn told(rejection: &Rejection) -> String {
    let mark = if rejection.resolvable { "" } else { "!" };
    format!("{}{mark}", rejection.reasons.join(", "))
}

fn verdicts_by(snapshot: &Snapshot, check: impl Fn(&NodeInfo) -> Result<(), Rejection>) -> String {
    let said = snapshot.nodes().map(|node| match check(node) {
        Ok(()) => format!("{}: ok", node.node.name()),
        Err(rejection) => format!("{}: {}", node.node.name(), told(&rejection)),
    });
    said.collect::<Vec<_>>().join("; ")
}

/// How a plugin likes each node, between 0 and 100; nothing if it likes them all the same.
pub(crate) fn scores(plugin: &dyn Plugin, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Vec<i64> {
    let nodes: Vec<&NodeInfo> = snapshot.nodes().collect();
    match plugin.score(pod, snapshot) {
        Liking::Same => Vec::new(),
        Liking::Local(score) => {
            let mut scores: Vec<i64> = nodes.iter().map(|node| (score.of)(node)).collect();
            score.scale.normalize(&mut scores);
            scores
        }
        Liking::Wide(mut score) => {
            if !score.see(&nodes) {
                return Vec::new();
            }
            let mut scores: Vec<i64> = nodes.iter().map(|node| score.of(node)).collect();
            score.normalize(&mut scores);
            scores
        }
    }
}
