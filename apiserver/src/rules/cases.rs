//! What upstream says of wrong objects: one case a line, as JSON. `change` is merged into a right object of the kind, and
//! `causes` are upstream's, sorted. A case with `old` is a change of the object that `old` makes, written to `part`; `old` may be the name of one that
//! a line before has `called` so.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::resource::{Resource, check};
use crate::resources::RESOURCES;

/// Who an object is, in causes that say so.
const UID: &str = "00000000-0000-0000-0000-000000000001";

/// RFC 7386.
fn merge(into: &mut Value, change: &Value) {
    let Value::Object(change) = change else {
        *into = change.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in change {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut into[key], value);
        }
    }
}

fn holds(resource: &dyn Resource, base: &Value, case: &Value) -> Result<(), String> {
    let object = |change: &Value| {
        let mut object = base.clone();
        merge(&mut object, change);
        object["metadata"]["uid"] = json!(UID);
        object.to_string()
    };
    let causes = match case.get("old") {
        None => check::causes(resource, &object(&case["change"])),
        Some(old) => {
            let part = case["part"].as_str().unwrap();
            check::causes_of_change(resource, part, &object(old), |new| merge(new, &case["change"]))
        }
    };
    let expected: Vec<&str> =
        case["causes"].as_array().unwrap().iter().map(|cause| cause.as_str().unwrap()).collect();
    if causes == expected {
        return Ok(());
    }
    let missing: Vec<_> = expected.iter().filter(|cause| !causes.iter().any(|own| own == *cause)).collect();
    let extra: Vec<_> = causes.iter().filter(|own| !expected.contains(&own.as_str())).collect();
    Err(format!("{}\n    missing {missing:#?}\n    extra {extra:#?}", case["change"]))
}

/// The cases of a file; `right` makes right objects of a kind, without what all have.
fn all_hold(cases: &str, right: impl Fn(&str) -> Value) {
    let mut called: HashMap<String, Value> = HashMap::new();
    let wrong: Vec<String> = cases
        .lines()
        .filter_map(|line| {
            let mut case: Value = serde_json::from_str(line).unwrap();
            if let Some(name) = case["called"].as_str() {
                called.insert(name.to_owned(), case["old"].clone());
                return None;
            }
            if let Some(name) = case["old"].as_str() {
                case["old"] = called[name].clone();
            }
            let kind = case["kind"].as_str().unwrap_or("Pod");
            let resource = RESOURCES.iter().find(|resource| resource.facts().kind == kind).unwrap();
            let (group, version) = resource.facts().stored_as;
            let mut base = right(kind);
            base["apiVersion"] =
                json!(if group.is_empty() { version.into() } else { format!("{group}/{version}") });
            base["kind"] = json!(kind);
            base["metadata"] = json!({"name": "a", "namespace": "rules"});
            holds(*resource, &base, &case).err()
        })
        .collect();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

fn pod(_: &str) -> Value {
    json!({"spec": {
        "serviceAccountName": "default", "automountServiceAccountToken": false,
        "containers": [{"name": "c", "image": "i"}],
    }})
}

#[test]
fn pods_are_refused_as_upstream_does() {
    all_hold(include_str!("cases/pods.txt"), pod);
    all_hold(include_str!("cases/pod_changes.txt"), pod);
}

#[test]
fn workloads_are_refused_as_upstream_does() {
    let containers = json!([{"name": "c", "image": "i"}]);
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}});
    let job = json!({"template": {"spec": {"containers": containers, "restartPolicy": "Never"}}});
    let set = json!({"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template});
    all_hold(include_str!("cases/workloads.txt"), |kind| match kind {
        "ControllerRevision" => json!({"revision": 1, "data": {"a": 1}}),
        "CronJob" => json!({"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job}}}),
        "DaemonSet" => json!({"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}),
        "Deployment" | "ReplicaSet" => json!({"spec": set}),
        "Job" => json!({"spec": job}),
        "PodTemplate" => json!({"template": template}),
        "ReplicationController" => {
            json!({"spec": {"replicas": 1, "selector": {"a": "b"}, "template": template}})
        }
        "StatefulSet" => {
            let mut spec = set.clone();
            spec["serviceName"] = json!("s");
            json!({"spec": spec})
        }
        other => panic!("{other}"),
    });
}
