//! Claims and volumes that find each other, and that lose each other.

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Key};
use serde_json::{Value, json};

use super::VolumeBinder;
use crate::driver::Controller;
use crate::plan::lines;

fn merge(base: &mut Value, with: &Value) {
    match with {
        Value::Object(with) => with.iter().for_each(|(key, value)| merge(&mut base[key], value)),
        with => *base = with.clone(),
    }
}

fn claim(with: &Value) -> Value {
    let mut claim = json!({
        "metadata": {"name": "c", "namespace": "ns", "uid": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "s", "resources": {"requests": {"storage": "5Gi"}}},
        "status": {"phase": "Pending"},
    });
    merge(&mut claim, with);
    claim
}

fn volume(name: &str, size: &str, with: &Value) -> Value {
    let mut volume = json!({
        "metadata": {"name": name, "uid": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "s", "capacity": {"storage": size}},
        "status": {"phase": "Available"},
    });
    merge(&mut volume, with);
    volume
}

fn class(mode: &str, provisioner: &str) -> Value {
    json!({"metadata": {"name": "s"}, "volumeBindingMode": mode, "provisioner": provisioner})
}

/// What is to be done about a key, each line cut short.
fn plan(key: &str, claim: &Value, volumes: &[Value], class: &Value) -> Vec<String> {
    let binder = VolumeBinder::over(
        Cache::holding([serde_json::from_value(claim.clone()).unwrap()]),
        Cache::holding(volumes.iter().map(|volume| serde_json::from_value(volume.clone()).unwrap())),
        Cache::holding([serde_json::from_value(class.clone()).unwrap()]),
    );
    let key = key.split_once('/').map_or_else(|| Key::new("", key), |(space, name)| Key::new(space, name));
    lines(binder.plan(&key, UnixMillis(0)))
}

fn short(lines: &[String]) -> Vec<String> {
    let words = |line: &String| line.split(' ').take(3).collect::<Vec<_>>().join(" ");
    lines.iter().map(words).collect()
}

#[test]
fn a_claim_gets_the_smallest_volume_that_will_do() {
    let now = class("Immediate", "kubernetes.io/no-provisioner");
    let others = json!({"spec": {"claimRef": {"namespace": "ns", "name": "x", "uid": "x"}}});
    let volumes = [
        volume("big", "9Gi", &json!({})),
        volume("fits", "6Gi", &json!({})),
        volume("small", "4Gi", &json!({})),
        volume("taken", "5Gi", &others),
    ];
    let lines = plan("ns/c", &claim(&json!({})), &volumes, &now);
    assert_eq!(
        short(&lines),
        [
            "patch persistentvolumes fits",
            "patch persistentvolumes/status fits",
            "patch persistentvolumeclaims ns/c",
            "patch persistentvolumeclaims/status ns/c",
        ]
    );
    assert!(
        lines[0].contains(r#""uid":"c""#) && lines[0].contains(r#"bound-by-controller":"yes""#),
        "{lines:?}"
    );
    assert!(lines[2].contains(r#""volumeName":"fits""#) && lines[2].contains("bind-completed"), "{lines:?}");
    assert!(lines[3].contains(r#""capacity":{"storage":"6Gi"}"#), "{lines:?}");
    // What is done is not done again.
    let own = json!({"spec": {"claimRef": {"namespace": "ns", "name": "c", "uid": "c"}}, "status": {"phase": "Bound"}});
    let bound = claim(&json!({
        "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, "spec": {"volumeName": "fits"},
        "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"]},
    }));
    let volumes = [volume("fits", "6Gi", &own)];
    assert!(plan("ns/c", &bound, &volumes, &now).is_empty());
    assert!(plan("fits", &bound, &volumes, &now).is_empty());
}

#[test]
fn where_a_pod_decides_nobody_else_does() {
    let late = class("WaitForFirstConsumer", "example.com/p");
    let free = [volume("v", "6Gi", &json!({}))];
    let waits = "tell Normal WaitForFirstConsumer: waiting for first consumer to be created before binding";
    assert_eq!(plan("ns/c", &claim(&json!({})), &free, &late), [waits]);
    let promised = json!({"spec": {"claimRef": {"namespace": "ns", "name": "c", "uid": "c"}}});
    let lines = plan("ns/c", &claim(&json!({})), &[volume("v", "6Gi", &promised)], &late);
    assert_eq!(short(&lines)[..2], ["patch persistentvolumes/status v", "patch persistentvolumeclaims ns/c"]);
    let chosen = claim(&json!({"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "n"}}}));
    let lines = plan("ns/c", &chosen, &[], &late);
    assert!(lines[0].starts_with("tell Normal ExternalProvisioning: Waiting for a volume"), "{lines:?}");
    assert!(lines[1].contains(r#""volume.kubernetes.io/storage-provisioner":"example.com/p""#), "{lines:?}");
}

#[test]
fn a_claim_that_names_a_volume_gets_no_other() {
    let now = class("Immediate", "kubernetes.io/no-provisioner");
    let named = claim(&json!({"spec": {"volumeName": "v"}}));
    let small = plan("ns/c", &named, &[volume("v", "1Gi", &json!({}))], &now);
    let said =
        "tell Warning VolumeMismatch: Cannot bind to requested volume \"v\": requested PV is too small";
    assert_eq!(small, [said]);
    let others = json!({"spec": {"claimRef": {"namespace": "ns", "name": "x", "uid": "x"}}});
    let taken = plan("ns/c", &named, &[volume("v", "9Gi", &others)], &now);
    assert_eq!(taken, ["tell Warning FailedBinding: volume \"v\" already bound to a different claim."]);
    assert_eq!(plan("ns/c", &named, &[volume("v", "9Gi", &json!({}))], &now).len(), 4);
    assert!(plan("ns/c", &named, &[], &now).is_empty());
}

#[test]
fn who_loses_the_other_is_told() {
    let now = class("Immediate", "kubernetes.io/no-provisioner");
    let bound = claim(&json!({
        "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, "spec": {"volumeName": "v"},
        "status": {"phase": "Bound"},
    }));
    let lines = plan("ns/c", &bound, &[], &now);
    assert!(lines[0].contains(r#""phase":"Lost""#) && lines[1].contains("ClaimLost"), "{lines:?}");
    let of_other = json!({"spec": {"claimRef": {"namespace": "ns", "name": "c", "uid": "old"}}});
    let lines = plan("v", &bound, &[volume("v", "6Gi", &of_other)], &now);
    assert!(lines[0].contains(r#""phase":"Released""#), "{lines:?}");
    let lines = plan("ns/c", &bound, &[volume("v", "6Gi", &of_other)], &now);
    assert!(lines[1].contains("ClaimMisbound"), "{lines:?}");
    // It has found another volume: this one is free again.
    let two = json!({
        "metadata": {"annotations": {"pv.kubernetes.io/bound-by-controller": "yes"}},
        "spec": {"claimRef": {"namespace": "ns", "name": "c", "uid": "c"}},
    });
    let lines = plan("w", &bound, &[volume("w", "6Gi", &two)], &now);
    assert!(lines[0].contains(r#""claimRef":null"#), "{lines:?}");
}
