use serde_json::{Value, json};

use super::*;
use crate::plan::{What, lines};

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn made(service: Option<Value>, endpoints: Option<Value>, slices: &[Value]) -> Plan {
    let service =
        service.map(|spec| read(json!({"metadata": {"name": "web", "namespace": "ns"}, "spec": spec})));
    let endpoints = endpoints.map(|mut endpoints| {
        let metadata = &mut endpoints["metadata"];
        (metadata["name"], metadata["namespace"], metadata["uid"]) = (json!("web"), json!("ns"), json!("e"));
        read(endpoints)
    });
    let controller = EndpointSliceMirroring::over(
        Cache::holding(endpoints),
        Cache::holding(service),
        Cache::holding(slices.iter().cloned().map(read)),
    );
    controller.plan(&Key::new("ns", "web"), UnixMillis(0))
}

fn subset(addresses: &[&str], not_ready: &[&str], ports: &Value) -> Value {
    let of = |list: &[&str]| list.iter().map(|ip| json!({"ip": ip})).collect::<Vec<_>>();
    json!({"addresses": of(addresses), "notReadyAddresses": of(not_ready), "ports": ports})
}

fn http() -> Value {
    json!([{"port": 80, "protocol": "TCP"}])
}

/// Family, ports, addresses with a mark at those that are not ready.
fn shown(slice: &Value) -> String {
    let ports: Vec<String> =
        slice["ports"].as_array().unwrap().iter().map(|port| port["port"].to_string()).collect();
    let endpoints = slice["endpoints"].as_array().unwrap().iter().map(|endpoint| {
        let mark = if endpoint["conditions"]["ready"] == true { "" } else { "!" };
        format!("{}{mark}", endpoint["addresses"][0].as_str().unwrap())
    });
    let endpoints: Vec<String> = endpoints.collect();
    format!("{} [{}] {}", slice["addressType"].as_str().unwrap_or("-"), ports.join(","), endpoints.join(" "))
}

fn slices(plan: &Plan) -> Vec<String> {
    let created = plan.first.iter().filter_map(|action| match &action.what {
        What::Create { object, .. } => Some(shown(object)),
        _ => None,
    });
    created.collect()
}

/// The first slice that is made, as the server would have it.
fn first(plan: &Plan) -> Value {
    let What::Create { object, .. } = &plan.first[0].what else { panic!() };
    let mut slice = object.clone();
    (slice["metadata"]["name"], slice["metadata"]["uid"]) = (json!("web-1"), json!("s"));
    slice
}

#[test]
fn endpoints_become_slices_by_ports_and_family() {
    let both =
        json!([{"port": 80, "protocol": "TCP", "name": "a"}, {"port": 443, "protocol": "TCP", "name": "b"}]);
    for (subsets, expected) in [
        (vec![subset(&["10.0.0.1"], &["10.0.0.2"], &http())], vec!["IPv4 [80] 10.0.0.1 10.0.0.2!"]),
        (
            vec![subset(&["10.0.0.1", "fd00::1"], &[], &both)],
            vec!["IPv4 [80,443] 10.0.0.1", "IPv6 [80,443] fd00::1"],
        ),
        (
            vec![subset(&["10.0.0.1"], &[], &http()), subset(&["10.0.0.2"], &["10.0.0.1"], &http())],
            vec!["IPv4 [80] 10.0.0.2 10.0.0.1!"],
        ),
        (
            vec![
                subset(&["10.0.0.1"], &[], &http()),
                subset(&["10.0.0.2"], &[], &json!([{"port": 81, "protocol": "TCP"}])),
            ],
            vec!["IPv4 [80] 10.0.0.1", "IPv4 [81] 10.0.0.2"],
        ),
        (vec![subset(&["10.0.0.1"], &[], &json!([]))], vec!["IPv4 [] 10.0.0.1"]),
        (vec![], vec![]),
    ] {
        let plan = made(Some(json!({})), Some(json!({"metadata": {}, "subsets": subsets})), &[]);
        assert_eq!(slices(&plan), expected);
    }
}

#[test]
fn a_slice_carries_over_what_endpoints_say() {
    let subsets = json!([{"ports": http(), "addresses": [
        {"ip": "10.0.0.1", "hostname": "h", "nodeName": "n", "targetRef": {"kind": "Thing", "name": "t", "apiVersion": "v9"}},
    ]}]);
    let metadata = json!({"labels": {"app": "web"}, "annotations": {"a": "b", "endpoints.kubernetes.io/last-change-trigger-time": "x"}});
    let endpoints = json!({"metadata": metadata, "subsets": subsets});
    let slice = first(&made(Some(json!({})), Some(endpoints.clone()), &[]));
    assert_eq!(
        slice["metadata"],
        json!({
            "generateName": "web-", "name": "web-1", "namespace": "ns", "uid": "s", "annotations": {"a": "b"},
            "labels": {"app": "web", "kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": MANAGER},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Endpoints", "name": "web", "uid": "e", "controller": true, "blockOwnerDeletion": true}],
        })
    );
    let endpoint = &slice["endpoints"][0];
    assert_eq!(endpoint["targetRef"]["apiVersion"], "v9");
    assert_eq!((&endpoint["hostname"], &endpoint["nodeName"]), (&json!("h"), &json!("n")));
    assert_eq!(slice["ports"][0]["name"], "");
    assert!(lines(made(Some(json!({})), Some(endpoints.clone()), std::slice::from_ref(&slice))).is_empty());
    let mut other = endpoints;
    other["metadata"]["labels"] = json!({});
    let changed = lines(made(Some(json!({})), Some(other), &[slice]));
    assert!(changed.len() == 1 && changed[0].contains(r#""app":null"#), "{changed:?}");
}

#[test]
fn what_is_nobodys_mirror_goes() {
    let endpoints = json!({"metadata": {}, "subsets": [subset(&["10.0.0.1"], &[], &http())]});
    let slice = first(&made(Some(json!({})), Some(endpoints.clone()), &[]));
    let gone = ["delete endpointslices ns/web-1"];
    let with = |metadata: Value| Some(json!({"metadata": metadata, "subsets": endpoints["subsets"]}));
    for (service, endpoints) in [
        (None, with(json!({}))),
        (Some(json!({})), None),
        (Some(json!({"selector": {"app": "web"}})), with(json!({}))),
        (Some(json!({})), with(json!({"labels": {SKIP: "true"}}))),
        (Some(json!({})), with(json!({"annotations": {ELECTION: "{}"}}))),
    ] {
        assert_eq!(lines(made(service, endpoints, std::slice::from_ref(&slice))), gone);
    }
    let moved = Some(
        json!({"metadata": {}, "subsets": [subset(&["10.0.0.1"], &[], &json!([{"port": 81, "protocol": "TCP"}]))]}),
    );
    let reused = lines(made(Some(json!({})), moved, &[slice]));
    assert!(reused.len() == 1 && reused[0].starts_with("patch endpointslices ns/web-1"), "{reused:?}");
}

#[test]
fn what_cannot_be_mirrored_is_told() {
    let many: Vec<String> =
        (0..1001).map(|number| format!("10.0.{}.{}", number / 256, number % 256)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let plan = |addresses: &[&str]| {
        let endpoints = json!({"metadata": {}, "subsets": [subset(addresses, &[], &http())]});
        made(Some(json!({})), Some(endpoints), &[])
    };
    let told = |addresses: &[&str]| {
        let all = lines(plan(addresses));
        all.into_iter().filter(|line| line.starts_with("tell")).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&["10.0.0.1", "nonsense"]),
        ["tell Warning InvalidIPAddress: Skipped 1 invalid IP addresses when mirroring to EndpointSlices"]
    );
    assert_eq!(
        told(&many),
        [
            "tell Warning TooManyAddressesToMirror: A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 1 addresses were skipped"
        ]
    );
}
