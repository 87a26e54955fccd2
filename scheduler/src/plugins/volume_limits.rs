//! `NodeVolumeLimits`: a node takes so many volumes of a driver, and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::Event;
use crate::framework::{Plugin, Prepared, Rejection};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::volumes::Volumes;
use crate::volumes::objects::Claim;

const TOO_MANY: &str = "node(s) exceed max volume count";

pub(super) struct NodeVolumeLimits;

/// A volume: its driver, and what the driver knows it by.
type Handle = (String, String);

/// The volume of a claim; one that is still to be made counts as one of its own.
fn handle(claim: &Claim, volumes: &Volumes) -> Option<Handle> {
    if let Some(volume) = volumes.volume(&claim.spec.volume_name) {
        let csi = volume.spec.csi.as_ref()?;
        return Some((csi.driver.to_string(), csi.volume_handle.to_string()));
    }
    let class = volumes.classes.get("", claim.class())?;
    let meta = &claim.metadata;
    Some((class.provisioner.to_string(), format!("\0{}/{}", meta.namespace, meta.name)))
}

fn handles<'a>(pod: &'a PodInfo, volumes: &'a Volumes) -> impl Iterator<Item = Handle> + 'a {
    let claims = pod.claims.iter().filter_map(|used| volumes.claim(&pod.meta.namespace, &used.name));
    claims.filter_map(|claim| handle(claim, volumes))
}

fn check(new: &BTreeSet<Handle>, volumes: &Volumes, node: &NodeInfo) -> Result<(), Rejection> {
    let name = node.node.name();
    let Some(drivers) = volumes.node_drivers.get("", name) else { return Ok(()) };
    if new.iter().all(|(driver, _)| drivers.limit(driver).is_none()) {
        return Ok(());
    }
    let mut there: BTreeSet<Handle> = node.pods.iter().flat_map(|pod| handles(pod, volumes)).collect();
    // What is attached and used by nobody takes up its place, too.
    there.extend(volumes.attached(name).filter_map(|attachment| {
        let source = attachment.spec.source.persistent_volume_name.as_ref()?;
        let csi = volumes.volume(source)?.spec.csi.as_ref()?;
        Some((attachment.spec.attacher.to_string(), csi.volume_handle.to_string()))
    }));
    let mut coming: BTreeMap<&str, usize> = BTreeMap::new();
    for (driver, _) in new.difference(&there) {
        *coming.entry(driver).or_default() += 1;
    }
    for (driver, count) in coming {
        let has = there.iter().filter(|(other, _)| other == driver).count();
        if drivers.limit(driver).is_some_and(|limit| has + count > limit) {
            return Err(Rejection::resolvable(TOO_MANY));
        }
    }
    Ok(())
}

impl Plugin for NodeVolumeLimits {
    fn name(&self) -> &'static str {
        "NodeVolumeLimits"
    }

    fn filter(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Prepared {
        if pod.claims.is_empty() {
            return Prepared::Skip;
        }
        let (space, volumes) = (&pod.meta.namespace, snapshot.volumes());
        if let Some(missing) = pod.claims.iter().find(|used| volumes.claim(space, &used.name).is_none()) {
            let name = &missing.name;
            let reason = format!("looking up PVC {space}/{name}: persistentvolumeclaim \"{name}\" not found");
            let reasons = [reason.into()].into_iter().collect();
            return Prepared::Rejected(Rejection { resolvable: false, reasons });
        }
        let new: BTreeSet<Handle> = handles(pod, volumes).collect();
        if new.is_empty() {
            return Prepared::Skip;
        }
        Prepared::local(move |node, snapshot| check(&new, snapshot.volumes(), node))
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        match event {
            Event::NodeDriversChanged { old, new } => old
                .is_none_or(|old| new.limits().any(|(driver, limit)| limit > old.limit(driver).unwrap_or(0))),
            Event::PodGone(gone) => {
                let placed = !gone.node_name.is_empty() || !gone.nominated.is_empty();
                placed && !gone.claims.is_empty()
            }
            Event::ClaimChanged { old: None, new } => pod.claims_it(&new.metadata),
            Event::AttachmentGone => pod.claims.iter().any(|claim| !claim.ephemeral),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::{claiming, cluster, node, verdicts, volumes_of};

    fn bound(name: &str, volume: &str) -> [Value; 2] {
        let csi = json!({"driver": "d", "volumeHandle": volume});
        [
            json!({"kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "default"},
                "spec": {"volumeName": volume}}),
            json!({"kind": "PersistentVolume", "metadata": {"name": volume}, "spec": {"csi": csi}}),
        ]
    }

    #[test]
    fn a_node_takes_so_many() {
        let mut there = (*claiming("p", ["one"])).clone();
        there.node_name = "a".into();
        let mut snapshot = cluster([node("a", json!({})), node("b", json!({}))], [Arc::new(there)]);
        let drivers = |limit: u32| {
            json!({"kind": "CSINode", "metadata": {"name": "a"},
                "spec": {"drivers": [{"name": "d", "allocatable": {"count": limit}}]}})
        };
        let all = [&bound("one", "v")[..], &bound("two", "w"), &bound("same", "v"), &[drivers(1)]].concat();
        volumes_of(&mut snapshot, &all);
        let check = |snapshot: &Snapshot, claims: &[&str]| {
            verdicts(&NodeVolumeLimits, &claiming("q", claims.iter().copied()), snapshot)
        };
        assert_eq!(check(&snapshot, &["two"]), format!("a: {TOO_MANY}; b: ok"));
        assert_eq!(check(&snapshot, &["same"]), "a: ok; b: ok");
        volumes_of(&mut snapshot, &[drivers(2)]);
        assert_eq!(check(&snapshot, &["two"]), "a: ok; b: ok");
        let attached = json!({"kind": "VolumeAttachment", "metadata": {"name": "x"},
            "spec": {"attacher": "d", "nodeName": "a", "source": {"persistentVolumeName": "u"}}});
        volumes_of(&mut snapshot, &[&bound("other", "u")[..], &[attached]].concat());
        assert_eq!(check(&snapshot, &["two"]), format!("a: {TOO_MANY}; b: ok"));
        let late = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "late", "namespace": "default"},
            "spec": {"storageClassName": "s"}});
        let class = json!({"kind": "StorageClass", "metadata": {"name": "s"}, "provisioner": "d"});
        volumes_of(&mut snapshot, &[late, class]);
        assert_eq!(check(&snapshot, &["late"]), format!("a: {TOO_MANY}; b: ok"));
    }
}
