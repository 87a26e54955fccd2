use serde_json::{Value, json};

use super::*;
use crate::plan::lines;

fn pod(number: u8, port: u16, ready: bool) -> Value {
    let address = format!("10.0.0.{number}");
    json!({
        "metadata": {"name": format!("p{number}"), "namespace": "ns", "uid": format!("u{number}"), "labels": {"app": "web"}},
        "spec": {"nodeName": "n", "containers": [
            {"name": "c", "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}]}]},
        "status": {
            "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
        },
    })
}

fn made(service: bool, pods: &[Value], there: Option<Value>) -> Vec<String> {
    let web = json!({
        "metadata": {"name": "web", "namespace": "ns", "uid": "web", "labels": {"team": "a"}},
        "spec": {
            "selector": {"app": "web"}, "clusterIP": "10.96.0.9", "ipFamilies": ["IPv4"],
            "ports": [
                {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"},
                {"name": "fixed", "port": 81, "targetPort": 9000, "protocol": "TCP"},
            ],
        },
    });
    let controller = EndpointsController {
        services: Cache::holding(service.then(|| serde_json::from_value(web).unwrap())),
        pods: Cache::holding(pods.iter().map(|pod| serde_json::from_value(pod.clone()).unwrap())),
        endpoints: Cache::holding(there.map(|there| serde_json::from_value(there).unwrap())),
        triggers: TriggerTimes::default(),
    };
    lines(controller.plan(&Key::new("ns", "web"), UnixMillis(0)))
}

#[test]
fn addresses_with_the_same_ports_stand_together() {
    let service: Service = serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "ns"},
        "spec": {"clusterIP": "10.96.0.9", "ports": [
            {"name": "http", "targetPort": "http", "protocol": "TCP"},
            {"name": "fixed", "targetPort": 9000, "protocol": "TCP"},
        ]},
    }))
    .unwrap();
    let pods = [pod(1, 80, true), pod(2, 80, false), pod(3, 8080, true)];
    let pods: Vec<_> =
        pods.iter().map(|pod| Arc::new(serde_json::from_value(pod.clone()).unwrap())).collect();
    let said: Vec<String> = subsets::subsets(&service, &pods)
        .iter()
        .map(|subset| {
            let ips = |list: &[crate::views::endpoints::Address]| {
                list.iter().map(|a| a.ip.to_string()).collect::<Vec<_>>().join(" ")
            };
            let ports: Vec<_> = subset.ports.iter().map(|port| port.port.to_string()).collect();
            format!("{} | {} : {}", ips(&subset.addresses), ips(&subset.not_ready_addresses), ports.join(" "))
        })
        .collect();
    assert_eq!(
        said,
        ["10.0.0.1 | 10.0.0.2 : 80", "10.0.0.1 10.0.0.3 | 10.0.0.2 : 9000", "10.0.0.3 |  : 8080"]
    );
}

#[test]
fn they_come_change_and_go_with_the_service() {
    assert_eq!(made(true, &[pod(1, 80, true)], None), ["create endpoints ns/web"]);
    let there = json!({
        "metadata": {"name": "web", "namespace": "ns", "uid": "e", "labels": {"team": "a", MANAGED_BY: MANAGER}},
        "subsets": [{
            "addresses": [{"ip": "10.0.0.1", "nodeName": "n", "targetRef": {"kind": "Pod", "namespace": "ns", "name": "p1", "uid": "u1"}}],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "fixed", "port": 9000, "protocol": "TCP"}],
        }],
    });
    assert!(made(true, &[pod(1, 80, true)], Some(there.clone())).is_empty());
    let changed = made(true, &[pod(1, 80, false)], Some(there.clone()));
    assert!(changed[0].contains("notReadyAddresses"), "{changed:?}");
    assert_eq!(made(false, &[], Some(there.clone())), ["delete endpoints ns/web"]);
    let mut theirs = there;
    theirs["metadata"]["labels"] = json!({"team": "a"});
    assert!(made(false, &[], Some(theirs)).is_empty(), "what somebody else has made for no service");
}

#[test]
fn too_many_are_left_out_evenly() {
    let address = |number: usize| crate::views::endpoints::Address {
        ip: format!("{number}").into(),
        ..Default::default()
    };
    let subset = |ready: usize, not_ready: usize| Subset {
        addresses: (0..ready).map(address).collect(),
        not_ready_addresses: (0..not_ready).map(address).collect(),
        ports: Vec::new(),
    };
    for (subsets, truncated, expected) in [
        (vec![subset(6, 4)], false, vec![(6, 4)]),
        (vec![subset(6, 4), subset(2, 4)], true, vec![(6, 1), (2, 1)]),
        (vec![subset(15, 4), subset(5, 4)], true, vec![(8, 0), (2, 0)]),
    ] {
        let mut subsets = subsets;
        assert_eq!(subsets::truncate(&mut subsets, 10), truncated);
        let sizes: Vec<_> =
            subsets.iter().map(|subset| (subset.addresses.len(), subset.not_ready_addresses.len())).collect();
        assert_eq!(sizes, expected);
    }
}
