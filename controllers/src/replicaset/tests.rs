use serde_json::{Value, json};

use super::*;
use crate::plan::lines;
use keelson_client::{Problem, Time};

fn now() -> UnixMillis {
    Time::parse("2026-01-01T01:00:00Z").unwrap().millis()
}

fn set(replicas: i32) -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "ns", "uid": "set", "resourceVersion": "7", "generation": 2},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}, "creationTimestamp": null},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
        "status": {"replicas": 0, "observedGeneration": 1},
    })
}

fn pod(name: &str, what: &str) -> Value {
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "set", "controller": true});
    let mut pod = json!({
        "metadata": {
            "name": name, "namespace": "ns", "uid": name, "labels": {"app": "web"}, "ownerReferences": [owner],
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"nodeName": "n"},
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:59:55Z"},
        ]},
    });
    for word in what.split_whitespace() {
        match word {
            "orphan" => pod["metadata"]["ownerReferences"] = json!([]),
            "relabeled" => pod["metadata"]["labels"] = json!({"app": "db"}),
            "going" => pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:59:00Z"),
            "failed" => pod["status"]["phase"] = json!("Failed"),
            "unready" => pod["status"]["conditions"] = json!([]),
            "foreign" => pod["metadata"]["ownerReferences"][0]["uid"] = json!("other"),
            other => panic!("{other}"),
        }
    }
    pod
}

fn made(set: Value, pods: &[(&str, &str)]) -> Plan {
    let set: ReplicaSet = serde_json::from_value(set).unwrap();
    let pods = pods.iter().map(|(name, what)| serde_json::from_value(pod(name, what)).unwrap());
    let controller = Sets { sets: Cache::holding([set]), pods: Cache::holding(pods) };
    pods::index(&controller.pods);
    index(&controller.sets);
    controller.plan(&Key::new("ns", "web"), now())
}

fn check(set: Value, pods: &[(&str, &str)], expected: &[&str]) {
    let lines = lines(made(set, pods));
    let short: Vec<String> =
        lines.iter().map(|line| line.replace("replicasets/status ns/web ", "status ")).collect();
    assert_eq!(short, expected, "{pods:?}");
}

#[test]
fn pods_are_made_until_there_are_enough() {
    let create = "create pods ns/web-* | SuccessfulCreate: Created pod: {name}";
    let status = r#"patch status {"status":{"availableReplicas":1,"conditions":null,"fullyLabeledReplicas":1,"observedGeneration":2,"readyReplicas":1,"replicas":1,"terminatingReplicas":1}}"#;
    let pods = [("a", ""), ("b", "going"), ("c", "failed"), ("d", "foreign")];
    check(set(3), &pods, &[create, create, status]);
}

#[test]
fn those_too_many_are_deleted() {
    let delete = "delete pods ns/b | SuccessfulDelete: Deleted pod: {name}";
    let status = r#"patch status {"status":{"availableReplicas":1,"conditions":null,"fullyLabeledReplicas":2,"observedGeneration":2,"readyReplicas":1,"replicas":2,"terminatingReplicas":0}}"#;
    check(set(1), &[("a", ""), ("b", "unready")], &[delete, status]);
}

#[test]
fn what_matches_is_adopted_and_what_does_not_let_go() {
    let pods = [("a", "orphan"), ("b", "relabeled"), ("c", "orphan going"), ("d", "orphan relabeled")];
    let lines = lines(made(set(1), &pods));
    let expected = [
        r#"patch pods ns/b {"metadata":{"ownerReferences":[{"$patch":"delete","uid":"set"}]}}"#,
        r#"patch pods ns/a {"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","blockOwnerDeletion":true,"controller":true,"kind":"ReplicaSet","name":"web","uid":"set"}]}}"#,
    ];
    assert_eq!(lines[..2], expected);
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn a_set_on_its_way_out_only_counts() {
    let mut going = set(3);
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let lines = lines(made(going, &[("a", ""), ("b", "orphan"), ("c", "relabeled")]));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(r#""replicas":1"#), "{lines:?}");
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let mut settled = set(1);
    settled["status"] = json!({
        "replicas": 1, "fullyLabeledReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "terminatingReplicas": 0, "observedGeneration": 2,
    });
    check(settled, &[("a", "")], &[]);
}

#[test]
fn it_looks_again_when_a_pod_will_be_available() {
    let mut slow = set(1);
    slow["spec"]["minReadySeconds"] = json!(30);
    let plan = made(slow, &[("a", "")]);
    assert_eq!(plan.again, Some(std::time::Duration::from_secs(25)));
    assert!(lines(plan)[0].contains(r#""availableReplicas":0"#));
}

#[test]
fn a_failure_becomes_a_condition() {
    let plan = made(set(2), &[]);
    let problem = Problem::refused(403, br#"{"message":"exceeded quota"}"#);
    let written = plan.finish.unwrap()(Some(&problem));
    let expected = r#""conditions":[{"lastTransitionTime":"2026-01-01T01:00:00Z","message":"exceeded quota","reason":"FailedCreate","status":"True","type":"ReplicaFailure"}]"#;
    assert!(written[0].to_string().contains(expected), "{}", written[0]);
}
