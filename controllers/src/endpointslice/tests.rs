use serde_json::{Value, json};

use super::*;
use crate::plan::{What, lines};

fn service() -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "ns", "uid": "web", "labels": {"team": "a"}},
        "spec": {
            "selector": {"app": "web"}, "clusterIP": "10.96.0.9", "ipFamilies": ["IPv4"],
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    })
}

/// A pod: `NAME`, and what is special about it.
fn pod(text: &str) -> Value {
    let mut words = text.split(' ');
    let name = words.next().unwrap();
    let number: usize = name.trim_start_matches('p').parse().unwrap();
    let address = format!("10.0.{}.{}", number / 256, number % 256);
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "ns", "uid": name, "labels": {"app": "web"}},
        "spec": {"nodeName": "n", "containers": [
            {"name": "c", "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]}]},
        "status": {
            "phase": "Running", "podIP": address, "podIPs": [{"ip": address}, {"ip": "fd00::1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    });
    for word in words {
        match word {
            "unready" => pod["status"]["conditions"] = json!([]),
            "going" => pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"),
            "failed" => pod["status"]["phase"] = json!("Failed"),
            "other" => pod["metadata"]["labels"] = json!({"app": "db"}),
            "nowhere" => pod["spec"]["nodeName"] = json!("unknown"),
            "9090" => pod["spec"]["containers"][0]["ports"][0]["containerPort"] = json!(9090),
            other => panic!("{other}"),
        }
    }
    pod
}

fn made(service: Value, pods: &[String], slices: &[Value]) -> Plan {
    let node = json!({"metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "z"}}});
    let read = |pod: &String| serde_json::from_value(self::pod(pod)).unwrap();
    let controller = EndpointSlices {
        services: Cache::holding([serde_json::from_value(service).unwrap()]),
        pods: Cache::holding(pods.iter().map(read)),
        nodes: Cache::holding([serde_json::from_value(node).unwrap()]),
        slices: Cache::holding(slices.iter().map(|slice| serde_json::from_value(slice.clone()).unwrap())),
        triggers: TriggerTimes::default(),
    };
    controller.index();
    controller.plan(&Key::new("ns", "web"), UnixMillis(0))
}

fn names(pods: &[&str]) -> Vec<String> {
    pods.iter().map(|pod| (*pod).to_owned()).collect()
}

/// What comes of the plan: slices as the server would have them.
fn slices(plan: &Plan, before: &[Value]) -> Vec<Value> {
    let mut all = before.to_vec();
    for action in &plan.first {
        match &action.what {
            What::Create { object, .. } => {
                let mut slice = object.clone();
                let name = format!("web-{}", all.len());
                slice["metadata"]["name"] = json!(name);
                slice["metadata"]["uid"] = json!(name);
                all.push(slice);
            }
            What::Patch { key, change, .. } => {
                let slice = all.iter_mut().find(|slice| slice["metadata"]["name"] == key.name()).unwrap();
                slice["endpoints"] = change["endpoints"].clone();
                slice["ports"] = change["ports"].clone();
            }
            What::Delete { key, .. } => all.retain(|slice| slice["metadata"]["name"] != key.name()),
            What::Tell(_) => {}
        }
    }
    all
}

/// Sizes of slices by their ports: `8080: 100 50`.
fn sizes(slices: &[Value]) -> Vec<String> {
    let mut sizes: Vec<String> = slices
        .iter()
        .map(|slice| {
            format!("{}: {}", slice["ports"][0]["port"], slice["endpoints"].as_array().unwrap().len())
        })
        .collect();
    sizes.sort();
    sizes
}

#[test]
fn an_endpoint_says_all_there_is_to_say() {
    let plan = made(service(), &names(&["p1"]), &[]);
    let What::Create { object, .. } = &plan.first[0].what else { panic!() };
    assert_eq!(
        *object,
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "generateName": "web-", "namespace": "ns",
                "labels": {"team": "a", "kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
                "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "web", "controller": true, "blockOwnerDeletion": true}],
            },
            "addressType": "IPv4",
            "endpoints": [{
                "addresses": ["10.0.0.1"], "conditions": {"ready": true, "serving": true, "terminating": false},
                "nodeName": "n", "zone": "z", "targetRef": {"kind": "Pod", "namespace": "ns", "name": "p1", "uid": "p1"},
            }],
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        })
    );
}

#[test]
fn conditions_follow_the_pod() {
    let conditions = |service: Value, pod: &str| {
        let after = slices(&made(service, &names(&[pod]), &[]), &[]);
        let said = after[0]["endpoints"][0]["conditions"].clone();
        ["ready", "serving", "terminating"].map(|name| said[name].as_bool())
    };
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(conditions(service(), "p1 unready"), [no, no, no]);
    assert_eq!(conditions(service(), "p1 going"), [no, yes, yes]);
    let mut eager = service();
    eager["spec"]["publishNotReadyAddresses"] = json!(true);
    assert_eq!(conditions(eager, "p1 unready"), [yes, no, no]);
    for none in ["p1 failed", "p1 other", "p1 nowhere"] {
        assert_eq!(conditions(service(), none), [None, None, None], "{none}");
    }
}

#[test]
fn slices_are_filled_with_few_writes() {
    let all = |count: usize| (0..count).map(|number| format!("p{number}")).collect::<Vec<_>>();
    let first = slices(&made(service(), &all(250), &[]), &[]);
    assert_eq!(sizes(&first), ["8080: 100", "8080: 100", "8080: 50"]);
    assert!(made(service(), &all(250), &first).first.is_empty(), "nothing has changed");

    let more = made(service(), &all(260), &first);
    assert_eq!(more.first.len(), 1, "the one with room is written");
    assert_eq!(sizes(&slices(&more, &first)), ["8080: 100", "8080: 100", "8080: 60"]);

    let none = made(service(), &[], &first);
    assert_eq!(sizes(&slices(&none, &first)), ["null: 0"], "one that is empty stays");

    let mut mixed = all(2);
    mixed[1].push_str(" 9090");
    assert_eq!(sizes(&slices(&made(service(), &mixed, &first[2..]), &first[2..])), ["8080: 1", "9090: 1"]);
}

#[test]
fn labels_are_kept_in_step() {
    let before = slices(&made(service(), &names(&["p1"]), &[]), &[]);
    let mut relabeled = service();
    relabeled["metadata"]["labels"] = json!({"team": "b"});
    let lines = lines(made(relabeled, &names(&["p1"]), &before));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains(r#""team":"b""#), "{lines:?}");
}

#[test]
fn a_service_without_a_selector_is_left_alone() {
    let mut own = service();
    own["spec"]["selector"] = Value::Null;
    assert!(made(own, &names(&["p1"]), &[]).first.is_empty());
}

#[test]
fn endpoints_say_whose_traffic_they_should_take() {
    let hints = |distribution: &str, annotations: Value, pod: &str| {
        let mut service = service();
        service["spec"]["trafficDistribution"] = json!(distribution);
        service["metadata"]["annotations"] = annotations;
        let plan = made(service, &names(&[pod]), &[]);
        let What::Create { object, .. } = &plan.first[0].what else { panic!() };
        object["endpoints"][0]["hints"].clone()
    };
    let zone = json!({"forZones": [{"name": "z"}]});
    let node = json!({"forZones": [{"name": "z"}], "forNodes": [{"name": "n"}]});
    assert_eq!(hints("PreferClose", Value::Null, "p1"), zone);
    assert_eq!(hints("PreferSameZone", Value::Null, "p1"), zone);
    assert_eq!(hints("PreferSameNode", Value::Null, "p1"), node);
    assert_eq!(hints("PreferSameNode", Value::Null, "p1 unready"), Value::Null);
    assert_eq!(hints("", Value::Null, "p1"), Value::Null);
    let auto = json!({"service.kubernetes.io/topology-mode": "Auto"});
    assert_eq!(hints("PreferClose", auto, "p1"), Value::Null);
}

#[test]
fn slices_say_when_that_happened_which_changed_them() {
    let mut service = service();
    service["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    let plan = made(service, &names(&["p1"]), &[]);
    let What::Create { object, .. } = &plan.first[0].what else { panic!() };
    assert_eq!(object["metadata"]["annotations"], json!({TRIGGER_TIME: "2026-01-01T00:00:00Z"}));
}
