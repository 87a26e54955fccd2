use serde_json::{Value, json};

use super::*;
use crate::plan::lines;

fn now() -> UnixMillis {
    Time::parse("2026-01-01T01:00:00Z").unwrap().millis()
}

fn owner(kind: &str, name: &str) -> Value {
    let api_version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
    json!([{"apiVersion": api_version, "kind": kind, "name": name, "uid": name, "controller": true}])
}

/// A pod: its name, what is special about it, who decides over it.
fn pod(text: &str) -> Value {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap();
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "ns", "uid": name, "labels": {"app": "web"}, "ownerReferences": owner("ReplicaSet", "web-1")},
        "status": {"phase": "Running", "conditions": ready},
    });
    for word in words {
        match word {
            "unready" => pod["status"]["conditions"] = json!([]),
            "going" => pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:59:59Z"),
            "alone" => pod["metadata"]["ownerReferences"] = json!([]),
            "job" => pod["metadata"]["ownerReferences"] = owner("Job", "j"),
            "db" => pod["metadata"]["ownerReferences"] = owner("StatefulSet", "db"),
            "other" => pod["metadata"]["labels"] = json!({}),
            "disrupted" => {
                let target = json!({"type": "DisruptionTarget", "status": "True", "lastTransitionTime": "2026-01-01T00:58:30Z"});
                pod["status"]["conditions"].as_array_mut().unwrap().push(target);
            }
            word => panic!("{word}"),
        }
    }
    pod
}

fn controller(spec: &Value, status: &Value, pods: &[&str]) -> Disruptions {
    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }
    let mut budget = json!({
        "metadata": {"name": "pdb", "namespace": "ns", "uid": "pdb", "generation": 3},
        "spec": spec, "status": status,
    });
    budget["spec"]["selector"] = json!({"matchLabels": {"app": "web"}});
    let deployment =
        json!({"metadata": {"name": "web", "namespace": "ns", "uid": "web"}, "spec": {"replicas": 4}});
    let set = json!({
        "metadata": {"name": "web-1", "namespace": "ns", "uid": "web-1", "ownerReferences": owner("Deployment", "web")},
        "spec": {"replicas": 2},
    });
    let stateful =
        json!({"metadata": {"name": "db", "namespace": "ns", "uid": "db"}, "spec": {"replicas": 3}});
    Disruptions {
        budgets: Cache::holding([read(budget)]),
        pods: Cache::holding(pods.iter().map(|text| read(pod(text)))),
        owners: scale::Owners {
            deployments: Cache::holding([read(deployment)]),
            sets: Cache::holding([read(set)]),
            controllers: Cache::holding([]),
            stateful: Cache::holding([read(stateful)]),
        },
    }
}

fn made(spec: &Value, status: &Value, pods: &[&str]) -> Plan {
    controller(spec, status, pods).plan(&Key::new("ns", "pdb"), now())
}

/// Allowed, healthy, wanted, expected, and why.
fn counted(spec: &Value, pods: &[&str]) -> (i64, i64, i64, i64, String) {
    let lines = lines(made(spec, &json!({}), pods));
    let written: Value = serde_json::from_str(lines[0].split_once("ns/pdb ").unwrap().1).unwrap();
    let status = &written["status"];
    let number = |name: &str| status[name].as_i64().unwrap();
    assert_eq!(status["conditions"].as_array().unwrap().len(), 1);
    let reason = status["conditions"][0]["reason"].as_str().unwrap().to_owned();
    (
        number("disruptionsAllowed"),
        number("currentHealthy"),
        number("desiredHealthy"),
        number("expectedPods"),
        reason,
    )
}

#[test]
fn what_may_go_is_what_is_healthy_beyond_what_must_be() {
    let (enough, few) = ("SufficientPods".to_owned(), "InsufficientPods".to_owned());
    let pods = ["a", "b", "c", "d"];
    assert_eq!(counted(&json!({"minAvailable": 3}), &pods), (1, 4, 3, 4, enough.clone()));
    assert_eq!(counted(&json!({"minAvailable": "50%"}), &pods), (2, 4, 2, 4, enough.clone()));
    assert_eq!(counted(&json!({"maxUnavailable": 1}), &pods), (1, 4, 3, 4, enough.clone()));
    assert_eq!(counted(&json!({"maxUnavailable": "30%"}), &pods), (2, 4, 2, 4, enough.clone()));
    let some = ["a", "b unready", "c going", "d", "e other"];
    assert_eq!(counted(&json!({"maxUnavailable": 1}), &some), (0, 2, 3, 4, few.clone()));
    assert_eq!(counted(&json!({"maxUnavailable": 1}), &["a", "x db"]), (0, 2, 6, 7, few.clone()));
    assert_eq!(counted(&json!({"maxUnavailable": 1}), &[]), (0, 0, 0, 0, few));
    assert_eq!(counted(&json!({"minAvailable": 0}), &["a alone"]), (1, 1, 0, 1, enough));
}

#[test]
fn who_cannot_count_allows_nothing() {
    let lines = lines(made(&json!({"maxUnavailable": 1}), &json!({"disruptionsAllowed": 5}), &["a job"]));
    assert!(lines[0].contains(r#""disruptionsAllowed":0"#) && lines[0].contains("SyncFailed"), "{lines:?}");
    let told = "tell Warning CalculateExpectedPodCountFailed: Failed to calculate the number of expected pods: jobs.batch does not implement the scale subresource";
    assert_eq!(lines[1], told);
}

#[test]
fn pods_of_nobody_are_told_of() {
    let lines = lines(made(&json!({"maxUnavailable": 1}), &json!({}), &["a alone"]));
    let selector = "(selector: &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{},})";
    assert!(lines[1].starts_with("tell Warning UnmanagedPods: ") && lines[1].contains(selector), "{lines:?}");
}

#[test]
fn evicted_pods_are_not_counted_until_they_are_late() {
    let since = |time: &str| json!({"disruptedPods": {"a": format!("2026-01-01T{time}Z"), "gone": "2026-01-01T00:59:59Z"}});
    let plan = made(&json!({"minAvailable": 1}), &since("00:59:00"), &["a", "b"]);
    assert_eq!(plan.again, Some(Duration::from_millis(60_001)));
    let written = lines(plan).remove(0);
    assert!(written.contains(r#""currentHealthy":1"#), "{written}");
    assert!(written.contains(r#""disruptedPods":{"a":"2026-01-01T00:59:00Z","gone":null}"#), "{written}");
    let late = lines(made(&json!({"minAvailable": 1}), &since("00:57:00"), &["a", "b"]));
    assert!(
        late[0].contains(r#""disruptedPods":{"a":null,"gone":null}"#)
            && late[0].contains(r#""currentHealthy":2"#),
        "{late:?}"
    );
    assert_eq!(late[1], "tell Warning NotDeleted: Pod was expected by PDB ns/ns to be deleted but it wasn't");
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let condition = json!({"type": "DisruptionAllowed", "status": "True", "reason": "SufficientPods", "message": "", "observedGeneration": 3, "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let status = json!({"observedGeneration": 3, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2, "conditions": [condition]});
    assert!(lines(made(&json!({"minAvailable": 1}), &status, &["a", "b"])).is_empty());
}

#[test]
fn a_pod_that_does_not_go_is_not_about_to() {
    let controller = controller(&json!({}), &json!({}), &["a disrupted", "b disrupted going"]);
    let plan = |name: &str, seconds: u64| {
        lines(controller.plan(&Key::new("ns", &format!("pod/{name}")), UnixMillis(now().0 + seconds * 1000)))
    };
    assert_eq!(plan("a", 0), ["again in 30s"]);
    let taken_back = plan("a", 30);
    assert!(
        taken_back[0].starts_with("patch pods/status ns/a") && taken_back[0].contains(r#""status":"False""#),
        "{taken_back:?}"
    );
    assert!(plan("b", 30).is_empty());
}
