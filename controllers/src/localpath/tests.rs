use serde_json::{Value, json};

use super::*;
use crate::plan::{What, lines};

fn merge(base: &mut Value, with: &Value) {
    match with {
        Value::Object(with) => with.iter().for_each(|(key, value)| merge(&mut base[key], value)),
        with => *base = with.clone(),
    }
}

fn read<T: serde::de::DeserializeOwned>(mut base: Value, special: &Value) -> T {
    merge(&mut base, special);
    serde_json::from_value(base).unwrap()
}

/// What becomes of a claim that waits for its volume on the node `n`, but for what is special about it and its class.
fn made(claim: &Value, class: &Value) -> Plan {
    let annotations = json!({
        "volume.kubernetes.io/storage-provisioner": PROVISIONER, "volume.kubernetes.io/selected-node": "n",
    });
    let base = json!({
        "metadata": {"name": "c", "namespace": "ns", "uid": "1", "resourceVersion": "7", "annotations": annotations},
        "spec": {"storageClassName": "local-path", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1.5Gi"}}},
    });
    let of_class = json!({
        "metadata": {"name": "local-path"}, "provisioner": PROVISIONER, "volumeBindingMode": "WaitForFirstConsumer",
    });
    let node = json!({"metadata": {"name": "n", "labels": {"kubernetes.io/hostname": "host"}}});
    let controller = LocalPaths {
        claims: Cache::holding([read(base, claim)]),
        volumes: Cache::holding([]),
        classes: Cache::holding([read(of_class, class)]),
        nodes: Cache::holding([read(node, &json!({}))]),
    };
    controller.plan(&Key::new("ns", "c"), UnixMillis(0))
}

#[test]
fn a_claim_gets_a_directory_on_its_node() {
    let plan = made(&json!({}), &json!({}));
    let What::Create { object, .. } = &plan.first[1].what else { panic!() };
    let spec = &object["spec"];
    assert_eq!(
        *object,
        json!({
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": "pvc-1", "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
            "spec": {
                "capacity": {"storage": "1.5Gi"}, "accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem",
                "persistentVolumeReclaimPolicy": "Delete", "storageClassName": "local-path",
                "hostPath": {"path": "/var/lib/keelson/volumes/pvc-1_ns_c", "type": "DirectoryOrCreate"},
                "nodeAffinity": spec["nodeAffinity"],
                "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "ns", "name": "c", "uid": "1", "resourceVersion": "7"},
            },
        })
    );
    let term = &spec["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0];
    assert_eq!(*term, json!({"key": "kubernetes.io/hostname", "operator": "In", "values": ["host"]}));
    let said =
        "create persistentvolumes pvc-1 | ProvisioningSucceeded: Successfully provisioned volume {name}";
    assert_eq!(lines(plan)[1], said);
    let class = json!({"reclaimPolicy": "Retain", "mountOptions": ["ro"], "parameters": {"path": "/data/"}});
    let plan = made(&json!({}), &class);
    let What::Create { object, .. } = &plan.first[1].what else { panic!() };
    assert_eq!(object["spec"]["persistentVolumeReclaimPolicy"], "Retain");
    assert_eq!(object["spec"]["mountOptions"], json!(["ro"]));
    assert_eq!(object["spec"]["hostPath"]["path"], "/data/pvc-1_ns_c");
}

#[test]
fn a_claim_waits_until_it_is_our_turn() {
    let annotations = |node: Value, provisioner: Value| {
        json!({"metadata": {"annotations": {
            "volume.kubernetes.io/selected-node": node, "volume.kubernetes.io/storage-provisioner": provisioner,
        }}})
    };
    let none = json!({});
    for (claim, class) in [
        (annotations(json!(""), json!(PROVISIONER)), none.clone()),
        (annotations(json!("n"), json!("other")), none.clone()),
        (json!({"spec": {"volumeName": "v"}}), none.clone()),
        (json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}), none.clone()),
        (none.clone(), json!({"provisioner": "other"})),
    ] {
        assert_eq!(lines(made(&claim, &class)), Vec::<String>::new(), "{claim} {class}");
    }
    assert_eq!(
        lines(made(&annotations(json!("gone"), json!(PROVISIONER)), &none)),
        [
            r#"patch persistentvolumeclaims ns/c {"metadata":{"annotations":{"volume.kubernetes.io/selected-node":null}}}"#
        ]
    );
}

#[test]
fn what_a_directory_cannot_be_is_told() {
    let failed =
        "tell Warning ProvisioningFailed: failed to provision volume with StorageClass \"local-path\": ";
    for (claim, class, why) in [
        (json!({"spec": {"volumeMode": "Block"}}), json!({}), "block volumes are not supported"),
        (
            json!({"spec": {"accessModes": ["ReadWriteMany"]}}),
            json!({}),
            "only the access modes ReadWriteOnce and ReadWriteOncePod are supported",
        ),
        (
            json!({"spec": {"selector": {"matchLabels": {"a": "b"}}}}),
            json!({}),
            "claim.Spec.Selector is not supported",
        ),
        (
            json!({"metadata": {"annotations": {"volume.kubernetes.io/selected-node": ""}}}),
            json!({"volumeBindingMode": "Immediate"}),
            "configuration error, no node was specified",
        ),
    ] {
        assert_eq!(lines(made(&claim, &class)), [format!("{failed}{why}")]);
    }
}

#[test]
fn a_volume_goes_when_its_claim_is_gone() {
    let about = |special: &Value| {
        let base = json!({
            "metadata": {"name": "pvc-1", "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
            "spec": {"persistentVolumeReclaimPolicy": "Delete"}, "status": {"phase": "Released"},
        });
        lines(plan::volume(&read(base, special)))
    };
    assert_eq!(about(&json!({})), ["delete persistentvolumes pvc-1"]);
    for special in [
        json!({"status": {"phase": "Bound"}}),
        json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}}),
        json!({"metadata": {"annotations": {"pv.kubernetes.io/provisioned-by": "other"}}}),
    ] {
        assert_eq!(about(&special), Vec::<String>::new(), "{special}");
    }
}
