//! `VolumeRestrictions`: some volumes can be used by one pod alone, or by several of a node only to read.

use std::sync::Arc;

use compact_str::CompactString;

use crate::event::Event;
use crate::framework::{Filter, Plugin, Prepared, Rejection};
use crate::node::NodeInfo;
use crate::pod::{Disk, PodInfo};
use crate::snapshot::Snapshot;
use crate::volumes::binding::missing;

const CONFLICT: &str = "node(s) had no available disk";
const IN_USE: &str = "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";

pub(super) struct VolumeRestrictions;

/// Whether two pods' disks cannot be used on one node at the same time.
fn collide(some: &[Disk], others: &[Disk]) -> bool {
    some.iter().any(|disk| others.iter().any(|other| disk.collides(other)))
}

struct Uses {
    pod: Arc<PodInfo>,
    /// Its claims that one pod alone may have.
    alone: Vec<CompactString>,
    /// How many pods on nodes have them.
    used: i64,
}

impl Filter for Uses {
    fn check(&self, node: &NodeInfo) -> Result<(), Rejection> {
        if !self.pod.disks.is_empty() && node.pods.iter().any(|other| collide(&self.pod.disks, &other.disks))
        {
            return Err(Rejection::resolvable(CONFLICT));
        }
        if self.used > 0 { Err(Rejection::resolvable(IN_USE)) } else { Ok(()) }
    }

    fn is_idle(&self) -> bool {
        self.pod.disks.is_empty() && self.alone.is_empty()
    }

    fn change(&mut self, pod: &PodInfo, _node: &NodeInfo, by: i64, _snapshot: &Snapshot) {
        if pod.meta.namespace == self.pod.meta.namespace {
            let shared = pod.claims.iter().filter(|claim| self.alone.contains(&claim.name));
            self.used += by * i64::try_from(shared.count()).unwrap_or(i64::MAX);
        }
    }
}

impl Plugin for VolumeRestrictions {
    fn name(&self) -> &'static str {
        "VolumeRestrictions"
    }

    fn filter(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Prepared {
        let (space, volumes) = (&pod.meta.namespace, snapshot.volumes());
        let mut alone = Vec::new();
        for used in pod.claims.iter().filter(|used| !used.ephemeral) {
            let Some(claim) = volumes.claim(space, &used.name) else {
                let reasons = [missing(&used.name).into()].into_iter().collect();
                return Prepared::Rejected(Rejection { resolvable: false, reasons });
            };
            if claim.is_for_one_pod() {
                alone.push(used.name.clone());
            }
        }
        let used = alone.iter().filter(|claim| volumes.is_used(space, claim)).count();
        let used = i64::try_from(used).unwrap_or(i64::MAX);
        if pod.disks.is_empty() && used == 0 {
            return Prepared::Skip;
        }
        Prepared::Wide(Box::new(Uses { pod: Arc::clone(pod), alone, used }))
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        match event {
            Event::NodeCame(_) => true,
            Event::ClaimChanged { old: None, new } => pod.claims_it(&new.metadata),
            Event::PodGone(gone) => {
                let same = |claim: &str| pod.claims.iter().any(|own| own.name == claim);
                gone.meta.namespace == pod.meta.namespace
                    && (collide(&pod.disks, &gone.disks) || gone.claims.iter().any(|claim| same(&claim.name)))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::{claiming, cluster, node, pod, verdicts, volumes_of};

    #[test]
    fn disks_of_a_node_are_shared_only_to_read() {
        let on = |name: &str, node: &str, volume: Value| {
            pod(name, json!({"spec": {"nodeName": node, "volumes": [volume]}}))
        };
        let gce = |only: bool| json!({"gcePersistentDisk": {"pdName": "d", "readOnly": only}});
        let ebs = json!({"awsElasticBlockStore": {"volumeID": "d"}});
        let rbd = |monitor: &str| json!({"rbd": {"monitors": [monitor, "m"], "pool": "p", "image": "i"}});
        let iscsi = |only: bool| json!({"iscsi": {"iqn": "q", "readOnly": only}});
        for (there, wanted, collides) in [
            (gce(true), gce(true), false),
            (gce(true), gce(false), true),
            (ebs.clone(), ebs.clone(), true),
            (ebs, gce(false), false),
            (rbd("x"), rbd("y"), true),
            (iscsi(true), iscsi(true), false),
            (iscsi(false), iscsi(true), true),
        ] {
            let snapshot = cluster([node("a", json!({})), node("b", json!({}))], [on("p", "a", there)]);
            let verdict = if collides { CONFLICT } else { "ok" };
            assert_eq!(
                verdicts(&VolumeRestrictions, &on("q", "", wanted), &snapshot),
                format!("a: {verdict}; b: ok")
            );
        }
    }

    #[test]
    fn a_claim_for_one_pod_is_for_one_pod() {
        let claim = |mode: &str| {
            json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "default"},
                "spec": {"accessModes": [mode]}})
        };
        let mut on_a = (*claiming("p", ["c"])).clone();
        on_a.node_name = "a".into();
        let mut snapshot = cluster([node("a", json!({}))], [Arc::new(on_a)]);
        let waits = claiming("q", ["c"]);
        volumes_of(&mut snapshot, &[claim("ReadWriteOnce")]);
        assert_eq!(verdicts(&VolumeRestrictions, &waits, &snapshot), "skip");
        volumes_of(&mut snapshot, &[claim("ReadWriteOncePod")]);
        assert_eq!(verdicts(&VolumeRestrictions, &waits, &snapshot), format!("a: {IN_USE}"));
        snapshot.remove_pod("uid-p");
        assert_eq!(verdicts(&VolumeRestrictions, &waits, &snapshot), "skip");
    }
}
