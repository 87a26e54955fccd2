use serde_json::{Value, json};

use super::*;
use crate::plan::{What, lines};
use crate::views::template::Template;
use keelson_client::Time;

fn now() -> UnixMillis {
    Time::parse("2026-01-01T01:00:00Z").unwrap().millis()
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "log"}}, "spec": {"containers": [{"name": "c", "image": image}]}})
}

/// A set of the image `new`, with `change` merged into it.
fn set(change: Value) -> Value {
    let mut made = json!({
        "metadata": {
            "name": "log", "namespace": "ns", "uid": "log", "resourceVersion": "7", "generation": 2,
            "annotations": {"deprecated.daemonset.template.generation": "9"},
        },
        "spec": {
            "selector": {"matchLabels": {"app": "log"}}, "template": template("new"),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        },
    });
    merge(&mut made, change);
    made
}

fn merge(into: &mut Value, change: Value) {
    match change {
        Value::Object(change) if change.is_empty() && into.is_null() => *into = json!({}),
        Value::Object(change) => change.into_iter().for_each(|(key, value)| merge(&mut into[key], value)),
        other => *into = other,
    }
}

fn surging(surge: i32) -> Value {
    json!({"spec": {"updateStrategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0}}}})
}

/// A node, and whether it is tainted.
fn node(text: &str) -> Value {
    let (name, taint) = text.split_once(' ').unwrap_or((text, ""));
    let taints = if taint.is_empty() { json!([]) } else { json!([{"key": "k", "effect": taint}]) };
    json!({"metadata": {"name": name}, "spec": {"taints": taints}})
}

fn owner() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "log", "uid": "log", "controller": true})
}

/// A pod that works: its name, its node, the image it is of, and what is special about it.
fn pod(text: &str) -> Value {
    let mut words = text.split_whitespace();
    let [name, node, image] = [(); 3].map(|()| words.next().unwrap());
    let mut pod = json!({
        "metadata": {
            "name": name, "namespace": "ns", "uid": name, "ownerReferences": [owner()],
            "labels": {"app": "log", "controller-revision-hash": image}, "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:59:50Z"}]},
    });
    for word in words {
        match word {
            "unready" => pod["status"]["conditions"] = json!([]),
            "failed" => pod["status"] = json!({"phase": "Failed"}),
            "done" => pod["status"] = json!({"phase": "Succeeded"}),
            "going" => pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:59:59Z"),
            "young" => pod["metadata"]["creationTimestamp"] = json!("2026-01-01T00:30:00Z"),
            "waiting" => {
                let term =
                    json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]});
                pod["spec"] = json!({"affinity": {"nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}});
                pod["status"] = json!({"phase": "Pending"});
            }
            other => panic!("{other}"),
        }
    }
    pod
}

/// A revision: its number and image, which is its hash, too.
fn revision(text: &str) -> Value {
    let (number, image) = text.split_once(' ').unwrap();
    let data: Value = serde_json::from_str(&revisions::patch_to(&Template::new(template(image)))).unwrap();
    json!({
        "metadata": {
            "name": format!("log-{image}"), "namespace": "ns", "uid": image, "ownerReferences": [owner()],
            "labels": {"app": "log", "controller-revision-hash": image},
        },
        "revision": number.parse::<i64>().unwrap(), "data": data,
    })
}

fn controller(set: Value, nodes: &[&str], pods: &[&str], all: &[&str]) -> DaemonSets {
    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }
    let controller = DaemonSets {
        sets: Cache::holding([read(set)]),
        pods: Cache::holding(pods.iter().map(|text| read(pod(text)))),
        nodes: Cache::holding(nodes.iter().map(|text| read(node(text)))),
        revisions: Cache::holding(all.iter().map(|text| read(revision(text)))),
        waits: backoff::Waits::default(),
    };
    index(&controller.pods);
    revisions::index(&controller.revisions);
    controller
}

fn made(set: Value, nodes: &[&str], pods: &[&str]) -> Plan {
    controller(set, nodes, pods, &["1 old", "2 new"]).plan(&Key::new("ns", "log"), now())
}

/// What is done, but for the status: `+NODE`, `-POD`, and what is told.
fn check(set: Value, nodes: &[&str], pods: &[&str], expected: &[&str]) {
    let plan = made(set, nodes, pods);
    let short = |action: &crate::plan::Action| match &action.what {
        What::Create { object, .. } => {
            let terms =
                &object["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
            format!("+{}", terms["nodeSelectorTerms"][0]["matchFields"][0]["values"][0].as_str().unwrap())
        }
        What::Delete { key, .. } => format!("-{}", key.name()),
        _ => action.to_string(),
    };
    let done: Vec<String> = plan.first.iter().chain(&plan.then).map(short).collect();
    assert_eq!(done, expected, "{pods:?}");
}

#[test]
fn every_node_that_fits_has_a_pod() {
    check(set(json!({})), &["a", "b", "c NoSchedule"], &["p a new"], &["+b"]);
    check(set(json!({})), &["a NoSchedule"], &["p a new"], &[]);
    check(set(json!({})), &["a NoExecute"], &["p a new"], &["-p"]);
    check(set(json!({})), &["a"], &["p a new", "q a new young"], &["-q"]);
    check(set(json!({})), &["a"], &["p a new waiting"], &[]);
    check(set(json!({})), &["a"], &["p a new", "q gone new waiting", "r gone new"], &["-q"]);
    check(set(json!({})), &["a"], &["p a new going"], &[]);
    check(set(json!({})), &["a"], &["p a new failed going"], &["+a"]);
    let mut all = set(json!({}));
    all["spec"]["selector"] = json!({});
    let told =
        "tell Warning SelectingAll: This daemon set is selecting all pods. A non-empty selector is required.";
    check(all, &["a"], &[], &[told]);
    check(set(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})), &["a"], &[], &[]);
}

#[test]
fn a_pod_is_made_for_its_node_and_puts_up_with_much() {
    let own =
        json!({"spec": {"template": {"spec": {"tolerations": [{"key": "own", "operator": "Exists"}]}}}});
    let mut with = set(own);
    with["spec"]["template"]["spec"]["containers"][0]["image"] = json!("own");
    let mut revision = revision("3 own");
    revision["data"]["spec"]["template"]["spec"]["tolerations"] =
        json!([{"key": "own", "operator": "Exists"}]);
    let controller = controller(with, &["a"], &[], &[]);
    controller.revisions.apply(serde_json::from_value(revision).unwrap());
    let plan = controller.plan(&Key::new("ns", "log"), now());
    let What::Create { object, .. } = &plan.then[0].what else { panic!("{}", plan.then[0]) };
    let labels = json!({"app": "log", "controller-revision-hash": "own", "pod-template-generation": "9"});
    assert_eq!(object["metadata"]["labels"], labels);
    assert_eq!(object["metadata"]["generateName"], "log-");
    let tolerations = object["spec"]["tolerations"].as_array().unwrap();
    assert_eq!(tolerations.len(), 7);
    assert_eq!(tolerations[0], json!({"key": "own", "operator": "Exists"}));
    let unreachable =
        json!({"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"});
    assert!(tolerations.contains(&unreachable));
}

#[test]
fn what_ended_is_replaced_more_and_more_slowly() {
    let told = "tell Warning FailedDaemonPod: Found failed daemon pod ns/p on node a, will try to kill it";
    check(set(json!({})), &["a"], &["p a new failed"], &[told, "-p"]);
    let told =
        "tell Normal SucceededDaemonPod: Found succeeded daemon pod ns/p on node a, will try to delete it";
    check(set(json!({})), &["a"], &["p a new done"], &[told, "-p"]);
    let again = controller(set(json!({})), &["a"], &["p a new failed"], &["2 new"]);
    let plan = || again.plan(&Key::new("ns", "log"), now());
    assert_eq!(plan().then.len(), 1);
    let second = plan();
    assert!(second.then.is_empty());
    assert_eq!(second.again, Some(std::time::Duration::from_secs(1)));
}

#[test]
fn a_new_template_takes_pods_away_within_bounds() {
    let all = ["p a old", "q b old", "r c old"];
    let nodes = ["a", "b", "c"];
    check(set(json!({})), &nodes, &all, &["-p"]);
    let two = json!({"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "50%"}}}});
    check(set(two), &nodes, &all, &["-p", "-q"]);
    check(set(json!({})), &nodes, &["p a new unready", "q b old", "r c old"], &[]);
    check(set(json!({})), &nodes, &["p a old", "q b old unready", "r c old"], &["-q"]);
    check(set(json!({})), &nodes, &["p a old going", "q b old", "r c old"], &[]);
    let mut by_hand = set(json!({}));
    by_hand["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    check(by_hand, &nodes, &all, &[]);
}

#[test]
fn a_new_template_may_come_first() {
    let nodes = ["a", "b"];
    check(set(surging(1)), &nodes, &["p a old", "q b old"], &["+a"]);
    check(set(surging(1)), &nodes, &["p a old", "s a new unready", "q b old"], &[]);
    check(set(surging(1)), &nodes, &["p a old", "s a new", "q b old"], &["-p"]);
    check(set(surging(1)), &nodes, &["p a old unready", "s a new unready", "q b old"], &["-p"]);
    check(set(surging(1)), &nodes, &["p a old unready", "q b old unready"], &["+a", "+b"]);
    check(set(surging(1)), &["a"], &["p a new going"], &["+a"]);
    check(set(surging(1)), &["a", "b NoSchedule"], &["p a new", "q b old"], &["-q"]);
}

#[test]
fn revisions_are_made_renumbered_and_forgotten() {
    let plan = |change: Value, all: &[&str]| {
        controller(set(change), &[], &[], all).plan(&Key::new("ns", "log"), now())
    };
    let first = plan(json!({}), &[]);
    let What::Create { object, .. } = &first.first[0].what else { panic!("{}", first.first[0]) };
    let hash = object["metadata"]["labels"]["controller-revision-hash"].as_str().unwrap();
    assert_eq!(object["metadata"]["name"], format!("log-{hash}"));
    assert_eq!(
        (object["revision"].as_i64(), &object["data"]["spec"]["template"]["$patch"]),
        (Some(1), &json!("replace"))
    );
    let back = lines(plan(json!({}), &["1 new", "2 old"]));
    assert_eq!(back, [r#"patch controllerrevisions ns/log-new {"revision":3}"#]);
    let limited = lines(plan(json!({"spec": {"revisionHistoryLimit": 1}}), &["1 a", "2 b", "3 new"]));
    assert!(limited.contains(&"delete controllerrevisions ns/log-a".to_owned()), "{limited:?}");
    assert!(!limited.contains(&"delete controllerrevisions ns/log-b".to_owned()), "{limited:?}");
}

#[test]
fn the_status_counts() {
    let pods = ["p a new", "q b old unready", "r c new"];
    let plan = made(set(json!({"spec": {"minReadySeconds": 30}})), &["a", "b", "c NoSchedule", "d"], &pods);
    assert_eq!(plan.again, Some(std::time::Duration::from_secs(20)));
    let written = lines(plan).into_iter().find(|line| line.starts_with("patch daemonsets/status")).unwrap();
    let written: Value = serde_json::from_str(written.split(' ').nth(3).unwrap()).unwrap();
    let expected = json!({
        "currentNumberScheduled": 2, "numberMisscheduled": 1, "desiredNumberScheduled": 3, "numberReady": 1,
        "observedGeneration": 2, "updatedNumberScheduled": 1, "numberAvailable": null, "numberUnavailable": 3,
    });
    assert_eq!(written["status"], expected);
}
