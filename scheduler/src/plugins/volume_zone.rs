//! `VolumeZone`: a pod goes to the zones and regions that its bound volumes are labelled with.

use std::sync::Arc;

use crate::event::Event;
use crate::framework::{Plugin, Prepared, Reason, Rejection};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::volumes::binding::missing;
use crate::volumes::objects::Volume;

const CONFLICT: &str = "node(s) had no available volume zone";
/// What separates several values of one label.
const SEPARATOR: &str = "__";
/// Labels of volumes, and what they are called now.
const LABELS: [(&str, &str); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("topology.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("topology.kubernetes.io/region", "topology.kubernetes.io/region"),
];

pub(super) struct VolumeZone;

fn refused(reason: impl Into<Reason>) -> Rejection {
    Rejection { resolvable: false, reasons: [reason.into()].into_iter().collect() }
}

/// The pod's volumes that are bound and somewhere.
fn volumes(pod: &PodInfo, snapshot: &Snapshot) -> Result<Vec<Arc<Volume>>, Rejection> {
    let known = snapshot.volumes();
    let mut found = Vec::new();
    for used in pod.claims.iter().filter(|used| !used.ephemeral) {
        let claim =
            known.claim(&pod.meta.namespace, &used.name).ok_or_else(|| refused(missing(&used.name)))?;
        let name = &claim.spec.volume_name;
        if name.is_empty() {
            if claim.class().is_empty() {
                return Err(refused("PersistentVolumeClaim had no pv name and storageClass name"));
            }
            let class = known.classes.get("", claim.class());
            let class = class.ok_or_else(|| {
                refused(format!("storageclass.storage.k8s.io \"{}\" not found", claim.class()))
            })?;
            if !class.waits() {
                return Err(refused("PersistentVolume had no name"));
            }
            continue;
        }
        let volume =
            known.volume(name).ok_or_else(|| refused(format!("persistentvolume \"{name}\" not found")))?;
        if LABELS.iter().any(|(label, _)| volume.metadata.labels.get(label).is_some()) {
            found.push(Arc::clone(volume));
        }
    }
    Ok(found)
}

fn check(volumes: &[Arc<Volume>], node: &NodeInfo) -> Result<(), Rejection> {
    let labels = node.node.labels();
    // A cluster of one zone need not say so.
    if LABELS.iter().all(|(label, _)| labels.get(label).is_none()) {
        return Ok(());
    }
    for volume in volumes {
        for (label, now) in LABELS {
            let Some(values) = volume.metadata.labels.get(label) else { continue };
            let here = labels.get(label).or_else(|| labels.get(now));
            if !here.is_some_and(|here| values.split(SEPARATOR).any(|value| value == here)) {
                return Err(Rejection::final_one(CONFLICT));
            }
        }
    }
    Ok(())
}

impl Plugin for VolumeZone {
    fn name(&self) -> &'static str {
        "VolumeZone"
    }

    fn filter(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Prepared {
        if pod.claims.is_empty() {
            return Prepared::Skip;
        }
        match volumes(pod, snapshot) {
            Err(rejection) => Prepared::Rejected(rejection),
            Ok(volumes) if volumes.is_empty() => Prepared::Skip,
            Ok(volumes) => Prepared::local(move |node, _| check(&volumes, node)),
        }
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        match event {
            Event::NodeCame(_) => true,
            Event::NodeChanged { old, new } => old.labels() != new.labels(),
            Event::ClassChanged { old, new } => old.is_none() && new.waits(),
            Event::ClaimChanged { new, .. } => pod.claims_it(&new.metadata),
            Event::VolumeChanged { old, new } => old.is_none_or(|old| {
                let moved = |(label, _): &(&str, &str)| {
                    old.metadata.labels.get(label) != new.metadata.labels.get(label)
                };
                LABELS.iter().any(moved)
            }),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::{claiming, cluster, node, verdicts, volumes_of};

    #[test]
    fn volumes_and_nodes_have_to_agree() {
        let zone = |label: &str, zone: &str| json!({"metadata": {"labels": {label: zone}}});
        let mut snapshot = cluster(
            [
                node("a", zone("topology.kubernetes.io/zone", "za")),
                node("b", zone("topology.kubernetes.io/zone", "zb")),
                node("c", json!({})),
                node("d", zone("topology.kubernetes.io/region", "r")),
            ],
            [],
        );
        let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "default"},
            "spec": {"volumeName": "v"}});
        let pod = claiming("p", ["c"]);
        let mut check = |labels: Value| {
            let volume = json!({"kind": "PersistentVolume", "metadata": {"name": "v", "labels": labels}});
            volumes_of(&mut snapshot, &[claim.clone(), volume]);
            verdicts(&VolumeZone, &pod, &snapshot).replace(CONFLICT, "no")
        };
        assert_eq!(check(json!({})), "skip");
        assert_eq!(check(json!({"topology.kubernetes.io/zone": "za"})), "a: ok; b: no!; c: ok; d: no!");
        assert_eq!(
            check(json!({"failure-domain.beta.kubernetes.io/zone": "zb__zc"})),
            "a: no!; b: ok; c: ok; d: no!"
        );
    }
}
