//! Cases of wishes about other pods.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::cases::{cluster, node, pod, scores, verdicts, within};

fn term(app: &str, key: &str) -> Value {
    json!({"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key})
}

fn placed(name: &str, app: &str, node: &str, affinity: Value) -> Arc<PodInfo> {
    let mut with = within("spec/affinity", affinity);
    with["spec"]["nodeName"] = json!(node);
    with["metadata"] = json!({"labels": {"app": app}});
    pod(name, with)
}

fn must(terms: Value) -> Value {
    within("podAffinity/requiredDuringSchedulingIgnoredDuringExecution", terms)
}

fn must_not(terms: Value) -> Value {
    within("podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution", terms)
}

/// Nodes a and b in zone x, c in zone y, and d in none.
fn zones(pods: impl IntoIterator<Item = Arc<PodInfo>>) -> Snapshot {
    let named = |name: &str, zone: &str| node(name, json!({"metadata": {"labels": {"zone": zone}}}));
    cluster([named("a", "x"), named("b", "x"), named("c", "y"), node("d", json!({}))], pods)
}

fn short(said: &str) -> String {
    said.replace("node(s) didn't match pod affinity rules!", "far")
        .replace("node(s) didn't match pod anti-affinity rules", "near")
        .replace("node(s) didn't satisfy existing pods anti-affinity rules", "unwanted")
}

#[test]
fn wishes_that_must_be_fulfilled() {
    let there = || {
        [placed("w", "web", "a", json!({})), placed("e", "db", "c", must_not(json!([term("lone", "zone")])))]
    };
    let host = "kubernetes.io/hostname";
    let cases = [
        ("any", json!({}), "skip"),
        ("any", must(json!([term("web", "zone")])), "a: ok; b: ok; c: far; d: far"),
        ("any", must(json!([term("web", host)])), "a: ok; b: far; c: far; d: far"),
        ("any", must(json!([term("web", "zone"), term("db", "zone")])), "a: far; b: far; c: far; d: far"),
        ("any", must(json!([term("none", "zone")])), "a: far; b: far; c: far; d: far"),
        // The first of its own.
        ("any", must(json!([term("any", "zone")])), "a: ok; b: ok; c: ok; d: far"),
        ("any", must_not(json!([term("web", "zone")])), "a: near; b: near; c: ok; d: ok"),
        ("any", must_not(json!([term("web", host)])), "a: near; b: ok; c: ok; d: ok"),
        ("lone", json!({}), "a: ok; b: ok; c: unwanted; d: ok"),
    ];
    for (app, affinity, expected) in cases {
        let said =
            verdicts(&InterPodAffinity::default(), &placed("p", app, "", affinity.clone()), &zones(there()));
        assert_eq!(short(&said), expected, "{app} {affinity}");
    }
}

#[test]
fn namespaces_are_chosen_by_name_or_label() {
    let elsewhere =
        json!({"metadata": {"namespace": "other", "labels": {"app": "web"}}, "spec": {"nodeName": "a"}});
    let mut snapshot = zones([pod("w", elsewhere)]);
    snapshot.set_namespace("other", Some(&[("team", "t")].into_iter().collect()));
    let check = |with: Value, expected: &str| {
        let mut term = term("web", "zone");
        for (key, value) in with.as_object().cloned().unwrap_or_default() {
            term[key] = value;
        }
        let said =
            verdicts(&InterPodAffinity::default(), &placed("p", "any", "", must(json!([term]))), &snapshot);
        assert_eq!(short(&said), expected, "{with}");
    };
    let (found, not) = ("a: ok; b: ok; c: far; d: far", "a: far; b: far; c: far; d: far");
    check(json!({}), not);
    check(json!({"namespaces": ["other"]}), found);
    check(json!({"namespaceSelector": {}}), found);
    check(json!({"namespaceSelector": {"matchLabels": {"team": "t"}}}), found);
    check(json!({"namespaceSelector": {"matchLabels": {"team": "u"}}}), not);
}

#[test]
fn a_filter_follows_what_is_tried() {
    let there = placed("w", "web", "a", must_not(json!([term("any", "zone")])));
    let snapshot = zones([Arc::clone(&there)]);
    let pod = placed("p", "any", "", must_not(json!([term("web", "zone")])));
    let Prepared::Wide(mut tried) = InterPodAffinity::default().filter(&pod, &snapshot) else {
        panic!("a filter")
    };
    assert!(tried.check(snapshot.node("a").unwrap()).is_err());
    let a = snapshot.node("a").unwrap();
    tried.change(&there, a, -1, &snapshot);
    assert!(tried.check(a).is_ok());
    tried.change(&there, a, 1, &snapshot);
    assert!(tried.check(a).is_err());
}

#[test]
fn wishes_are_weighed() {
    let wishes = |kind: &str, weight: i64, app: &str| {
        json!({kind: {"preferredDuringSchedulingIgnoredDuringExecution":
            [{"weight": weight, "podAffinityTerm": term(app, "zone")}]}})
    };
    let there = |affinity: Value| [placed("w", "web", "a", affinity), placed("v", "web", "b", json!({}))];
    let check = |existing: Value, own: Value| {
        scores(&InterPodAffinity::default(), &placed("p", "any", "", own), &zones(there(existing)))
    };
    assert_eq!(check(json!({}), wishes("podAffinity", 5, "web")), [100, 100, 0, 0]);
    assert_eq!(check(json!({}), wishes("podAntiAffinity", 5, "web")), [0, 0, 100, 100]);
    assert_eq!(check(wishes("podAffinity", 7, "any"), json!({})), [100, 100, 0, 0]);
    assert_eq!(check(wishes("podAntiAffinity", 7, "any"), json!({})), [0, 0, 100, 100]);
    assert_eq!(check(must(json!([term("any", "zone")])), json!({})), [100, 100, 0, 0]);
    assert!(check(json!({}), json!({})).is_empty());
}
