//! `VolumeBinding`: a pod goes where its volumes are, or can be.

use std::sync::Arc;

use crate::event::Event;
use crate::framework::{Plugin, Prepared, Rejection, Reserved};
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;
use crate::volumes::binding::{find, wanted};

pub(super) struct VolumeBinding;

impl Plugin for VolumeBinding {
    fn name(&self) -> &'static str {
        "VolumeBinding"
    }

    fn filter(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Prepared {
        if pod.claims.is_empty() {
            return Prepared::Skip;
        }
        match wanted(pod, snapshot.volumes()) {
            Ok(wanted) => {
                Prepared::local(move |node, snapshot| find(&wanted, snapshot.volumes(), &node.node).map(drop))
            }
            Err(rejection) => Prepared::Rejected(rejection),
        }
    }

    fn reserve(
        &self,
        pod: &PodInfo,
        node: &str,
        snapshot: &mut Snapshot,
    ) -> Result<Option<Arc<dyn Reserved>>, Rejection> {
        if pod.claims.is_empty() {
            return Ok(None);
        }
        let Some(node) = snapshot.node(node).map(|info| Arc::clone(&info.node)) else { return Ok(None) };
        let volumes = snapshot.volumes_mut();
        let binding = find(&wanted(pod, volumes)?, volumes, &node)?;
        Ok(binding.reserve(volumes))
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        match event {
            Event::ClaimChanged { new, .. } => pod.claims_it(&new.metadata),
            Event::VolumeChanged { .. } | Event::NodeCame(_) => true,
            Event::NodeChanged { old, new } => old.labels() != new.labels(),
            Event::ClassChanged { old, new } => {
                old.is_none_or(|old| old.allowed_topologies != new.allowed_topologies)
            }
            Event::CapacityChanged { old, new } => {
                old.is_none_or(|old| new.largest().is_some() && new.largest() > old.largest())
            }
            Event::DriverChanged { old, new } => {
                let gives_up = old.is_some_and(|old| old.spec.storage_capacity) && !new.spec.storage_capacity;
                gives_up && pod.drivers.iter().any(|driver| *driver == new.metadata.name)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::{claiming, cluster, node, verdicts, volumes_of};

    fn check(claims: &[Value], volumes: &[Value], classes: &[Value], more: &[Value]) -> String {
        let zone = |zone: &str| json!({"metadata": {"labels": {"zone": zone}}});
        let mut snapshot = cluster([node("a", zone("a")), node("b", zone("b"))], []);
        volumes_of(&mut snapshot, &[claims, volumes, classes, more].concat());
        let names = claims.iter().map(|claim| claim["metadata"]["name"].as_str().unwrap());
        verdicts(&VolumeBinding, &claiming("p", names), &snapshot)
    }

    fn claim(name: &str, with: &Value) -> Value {
        let mut claim = json!({
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "default", "uid": name, "resourceVersion": "5"},
            "spec": {"storageClassName": "late", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}},
        });
        for (path, value) in with.as_object().unwrap() {
            *claim.pointer_mut(&format!("/{path}")).unwrap_or(&mut Value::Null) = value.clone();
            if let Some((parent, key)) = path.rsplit_once('/') {
                claim.pointer_mut(&format!("/{parent}")).unwrap()[key] = value.clone();
            }
        }
        claim
    }

    fn volume(name: &str, zone: &str, size: &str, owner: &Value) -> Value {
        let term = json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]});
        json!({
            "kind": "PersistentVolume", "metadata": {"name": name, "uid": name, "resourceVersion": "5"},
            "spec": {
                "storageClassName": "late", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": size},
                "claimRef": owner, "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
            },
            "status": {"phase": "Available"},
        })
    }

    fn class(name: &str, mode: &str, provisioner: &str) -> Value {
        json!({
            "kind": "StorageClass", "metadata": {"name": name}, "volumeBindingMode": mode, "provisioner": provisioner,
        })
    }

    fn late() -> Value {
        class("late", "WaitForFirstConsumer", "kubernetes.io/no-provisioner")
    }

    const NONE: &str = "node(s) didn't find available persistent volumes to bind!";

    #[test]
    fn a_bound_volume_has_to_be_near() {
        let bound = json!({"spec/volumeName": "v", "metadata/annotations": {"pv.kubernetes.io/bind-completed": "yes"}});
        let claims = [claim("c", &bound)];
        let near = check(&claims, &[volume("v", "a", "5Gi", &Value::Null)], &[], &[]);
        assert_eq!(near, "a: ok; b: node(s) didn't match PersistentVolume's node affinity!");
        let gone = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)!";
        assert_eq!(check(&claims, &[], &[], &[]), format!("a: {gone}; b: {gone}"));
    }

    #[test]
    fn what_no_node_can_help_is_said_at_once() {
        let plain = |name: &str| claim(name, &json!({}));
        let immediate = class("late", "Immediate", "example.com/p");
        let all = "all: pod has unbound immediate PersistentVolumeClaims!";
        assert_eq!(check(&[plain("c")], &[], &[immediate], &[]), all);
        assert_eq!(check(&[plain("c")], &[], &[], &[]), all, "a class that is not there");
        let going = claim("c", &json!({"metadata/deletionTimestamp": "2026-01-01T00:00:00Z"}));
        assert_eq!(
            check(&[going], &[], &[late()], &[]),
            "all: persistentvolumeclaim \"c\" is being deleted!"
        );
        let snapshot = cluster([node("a", json!({}))], []);
        let pod = claiming("p", ["c"]);
        assert_eq!(verdicts(&VolumeBinding, &pod, &snapshot), "all: persistentvolumeclaim \"c\" not found!");
    }

    #[test]
    fn free_volumes_are_matched_each_once() {
        let (one, two) = (claim("c", &json!({})), claim("d", &json!({})));
        let volumes = [volume("v", "a", "9Gi", &Value::Null), volume("w", "b", "4Gi", &Value::Null)];
        assert_eq!(check(std::slice::from_ref(&one), &volumes, &[late()], &[]), format!("a: ok; b: {NONE}"));
        assert_eq!(check(&[one.clone(), two], &volumes, &[late()], &[]), format!("a: {NONE}; b: {NONE}"));
        let others = json!({"namespace": "default", "name": "other", "uid": "x"});
        let taken = [volume("v", "a", "9Gi", &others)];
        assert_eq!(
            check(std::slice::from_ref(&one), &taken, &[late()], &[]),
            format!("a: {NONE}; b: {NONE}")
        );
        let kept = json!({"namespace": "default", "name": "c"});
        let kept = [volume("v", "b", "9Gi", &kept), volume("w", "a", "6Gi", &Value::Null)];
        // The one that was kept for the claim, and no other.
        assert_eq!(check(std::slice::from_ref(&one), &kept, &[late()], &[]), format!("a: {NONE}; b: ok"));
    }

    #[test]
    fn volumes_may_be_made_where_there_is_room() {
        let made = class("late", "WaitForFirstConsumer", "example.com/p");
        let one = [claim("c", &json!({}))];
        assert_eq!(check(&one, &[], std::slice::from_ref(&made), &[]), "a: ok; b: ok");
        let mut in_b = made.clone();
        in_b["allowedTopologies"] = json!([{"matchLabelExpressions": [{"key": "zone", "values": ["b"]}]}]);
        assert_eq!(check(&one, &[], &[in_b], &[]), format!("a: {NONE}; b: ok"));
        let driver = json!({"kind": "CSIDriver", "metadata": {"name": "example.com/p"}, "spec": {"storageCapacity": true}});
        let room = |size: &str| {
            json!({"kind": "CSIStorageCapacity", "metadata": {"name": "r", "namespace": "x"}, "storageClassName": "late",
                "capacity": size, "nodeTopology": {"matchLabels": {"zone": "a"}}})
        };
        let full = "node(s) did not have enough free storage!";
        assert_eq!(
            check(&one, &[], std::slice::from_ref(&made), &[driver.clone(), room("5Gi")]),
            format!("a: ok; b: {full}")
        );
        assert_eq!(
            check(&one, &[], std::slice::from_ref(&made), &[driver, room("4Gi")]),
            format!("a: {full}; b: {full}")
        );
        let chosen =
            claim("c", &json!({"metadata/annotations": {"volume.kubernetes.io/selected-node": "b"}}));
        assert_eq!(check(&[chosen], &[], &[made], &[]), format!("a: {NONE}; b: ok"));
    }

    #[test]
    fn what_is_promised_is_not_given_again() {
        let mut snapshot = cluster([node("a", json!({"metadata": {"labels": {"zone": "a"}}}))], []);
        let all =
            [claim("c", &json!({})), claim("d", &json!({})), volume("v", "a", "9Gi", &Value::Null), late()];
        volumes_of(&mut snapshot, &all);
        let (first, second) = (claiming("p", ["c"]), claiming("q", ["d"]));
        let reserved = VolumeBinding.reserve(&first, "a", &mut snapshot).unwrap().unwrap();
        assert_eq!(verdicts(&VolumeBinding, &first, &snapshot), "a: ok");
        assert_eq!(verdicts(&VolumeBinding, &second, &snapshot), format!("a: {NONE}"));
        let writes = reserved.writes();
        assert_eq!(writes.len(), 1);
        assert_eq!(writes[0].key.as_str(), "v");
        assert_eq!(writes[0].change["spec"]["claimRef"]["uid"], "c");
        // Nobody has completed it.
        assert_eq!(reserved.is_done(&snapshot, &[6]), Ok(false));
        let owner = json!({"namespace": "default", "name": "c", "uid": "c"});
        let mut written = volume("v", "a", "9Gi", &owner);
        written["metadata"]["resourceVersion"] = json!("6");
        volumes_of(&mut snapshot, &[written]);
        assert_eq!(reserved.is_done(&snapshot, &[6]), Ok(false));
        let done = json!({"spec/volumeName": "v", "metadata/annotations": {"pv.kubernetes.io/bind-completed": "yes"}});
        volumes_of(&mut snapshot, &[claim("c", &done)]);
        assert_eq!(reserved.is_done(&snapshot, &[6]), Ok(true));

        let mut snapshot = cluster([node("a", json!({"metadata": {"labels": {"zone": "a"}}}))], []);
        volumes_of(&mut snapshot, &all);
        let reserved = VolumeBinding.reserve(&first, "a", &mut snapshot).unwrap().unwrap();
        reserved.release(&mut snapshot);
        assert_eq!(verdicts(&VolumeBinding, &second, &snapshot), "a: ok");
    }
}
