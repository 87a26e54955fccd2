//! Cases of spreading.

use serde_json::{Value, json};

use super::*;
use crate::cases::{cluster, node, pod, scores, verdicts};

/// Nodes a and b in zone x, c in zone y, with pods `app=w` on them as given.
fn zones(pods: [usize; 3]) -> Snapshot {
    let named = |name: &str, zone: &str| node(name, json!({"metadata": {"labels": {"zone": zone}}}));
    let mut there = Vec::new();
    for (name, count) in ["a", "b", "c"].into_iter().zip(pods) {
        there.extend((0..count).map(|number| labelled(&format!("{name}{number}"), name)));
    }
    cluster([named("a", "x"), named("b", "x"), named("c", "y")], there)
}

fn labelled(name: &str, node: &str) -> Arc<PodInfo> {
    pod(name, json!({"metadata": {"labels": {"app": "w"}}, "spec": {"nodeName": node}}))
}

fn spread(with: Value) -> Arc<PodInfo> {
    let mut constraint = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "w"}}});
    let mut spec = json!({});
    let Value::Object(with) = with else { panic!("fields of a constraint") };
    for (key, value) in with {
        if key == "nodeSelector" { spec[key] = value } else { constraint[key] = value }
    }
    spec["topologySpreadConstraints"] = json!([constraint]);
    pod("p", json!({"metadata": {"labels": {"app": "w"}}, "spec": spec}))
}

fn short(said: &str) -> String {
    said.replace("node(s) didn't match pod topology spread constraints", "no")
}

#[test]
fn no_domain_gets_ahead_of_the_least() {
    let cases = [
        ([0, 0, 0], json!({}), "a: ok; b: ok; c: ok"),
        ([1, 0, 0], json!({}), "a: no; b: no; c: ok"),
        ([1, 1, 1], json!({"maxSkew": 2}), "a: ok; b: ok; c: ok"),
        ([1, 1, 0], json!({"maxSkew": 2}), "a: no; b: no; c: ok"),
        ([1, 1, 1], json!({"labelSelector": {"matchLabels": {"app": "v"}}}), "a: ok; b: ok; c: ok"),
        ([1, 0, 0], json!({"topologyKey": "kubernetes.io/hostname"}), "a: no; b: ok; c: ok"),
        (
            [1, 0, 0],
            json!({"topologyKey": "rack"}),
            "a: no (missing required label)!; b: no (missing required label)!; c: no (missing required label)!",
        ),
        ([1, 0, 1], json!({"minDomains": 3}), "a: no; b: no; c: no"),
        // Only zone x counts, for the pod can be nowhere else.
        ([1, 0, 0], json!({"nodeSelector": {"zone": "x"}}), "a: ok; b: ok; c: ok"),
        (
            [1, 0, 0],
            json!({"nodeSelector": {"zone": "x"}, "nodeAffinityPolicy": "Ignore"}),
            "a: no; b: no; c: ok",
        ),
    ];
    for (pods, with, expected) in cases {
        let said = verdicts(&PodTopologySpread::system(), &spread(with.clone()), &zones(pods));
        assert_eq!(short(&said), expected, "{pods:?} {with}");
    }
}

#[test]
fn pods_on_their_way_out_do_not_count() {
    let mut snapshot = zones([0, 0, 0]);
    let going = json!({"metadata": {"labels": {"app": "w"}, "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"nodeName": "a"}});
    snapshot.set_pod(&pod("going", going));
    assert_eq!(verdicts(&PodTopologySpread::system(), &spread(json!({})), &snapshot), "a: ok; b: ok; c: ok");
}

#[test]
fn a_filter_follows_what_is_tried() {
    let snapshot = zones([1, 0, 0]);
    let pod = spread(json!({}));
    let Prepared::Wide(mut tried) = PodTopologySpread::system().filter(&pod, &snapshot) else {
        panic!("a filter")
    };
    assert!(tried.check(snapshot.node("a").unwrap()).is_err());
    let a = snapshot.node("a").unwrap();
    tried.change(&labelled("a0", "a"), a, -1, &snapshot);
    assert!(tried.check(a).is_ok());
    tried.change(&labelled("a0", "a"), a, 1, &snapshot);
    assert!(tried.check(a).is_err());
}

#[test]
fn domains_with_fewer_pods_are_liked() {
    let soft = |with: Value| {
        let mut with = with;
        with["whenUnsatisfiable"] = json!("ScheduleAnyway");
        spread(with)
    };
    let check =
        |pods: [usize; 3], pod: &Arc<PodInfo>| scores(&PodTopologySpread::system(), pod, &zones(pods));
    // ln(4) * 3 = 4.16 and ln(4) = 1.39, rounded to 4 and 1.
    assert_eq!(check([2, 1, 1], &soft(json!({}))), [25, 25, 100]);
    assert_eq!(check([0, 0, 0], &soft(json!({}))), [100, 100, 100]);
    // ln(5) * 2 = 3.2, ln(5) = 1.6.
    assert_eq!(check([2, 1, 0], &soft(json!({"topologyKey": "kubernetes.io/hostname"}))), [0, 33, 100]);
    assert!(check([2, 1, 0], &pod("q", json!({}))).is_empty());
}

#[test]
fn pods_of_a_service_are_spread_though_they_do_not_say_so() {
    let mut snapshot = zones([2, 0, 0]);
    let labels = [("app", "w")].into_iter().collect();
    snapshot.peers_mut().set_service("default", "s", Some(&labels));
    let said = scores(&PodTopologySpread::system(), &labelled("p", ""), &snapshot);
    assert!(said[0] < said[1] && said[1] == said[2], "{said:?}");
}
