use serde_json::{Value, json};

use super::*;
use crate::plan::lines;
use keelson_client::{Key, Time};

fn now() -> UnixMillis {
    Time::parse("2026-01-01T01:00:00Z").unwrap().millis()
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}})
}

/// A deployment of the image `new`; `words` say what is special about it.
fn deployment(replicas: i32, words: &str) -> Value {
    let mut made = json!({
        "metadata": {
            "name": "web", "namespace": "ns", "uid": "web", "resourceVersion": "9", "generation": 4,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template("new"),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "revisionHistoryLimit": 1, "progressDeadlineSeconds": 600,
        },
        "status": {"observedGeneration": 4},
    });
    for word in words.split_whitespace() {
        match word {
            "paused" => made["spec"]["paused"] = json!(true),
            "recreate" => made["spec"]["strategy"] = json!({"type": "Recreate"}),
            "deleting" => made["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"),
            "fresh" => made["metadata"]["annotations"] = json!({"team": "a"}),
            "back" => made["metadata"]["annotations"]["deprecated.deployment.rollback.to"] = json!("1"),
            "done" => {
                made["status"] = json!({
                    "observedGeneration": 4, "replicas": replicas, "updatedReplicas": replicas,
                    "readyReplicas": replicas, "availableReplicas": replicas,
                });
            }
            other => panic!("{other}"),
        }
    }
    made
}

/// A set: `IMAGE REVISION REPLICAS/AVAILABLE of DESIRED`.
fn set(text: &str) -> Value {
    let words: Vec<&str> = text.split([' ', '/']).collect();
    let [image, revision, replicas, available, _, desired] = words[..] else { panic!("{text}") };
    let number = |text: &str| text.parse::<i32>().unwrap();
    json!({
        "metadata": {
            "name": format!("web-{image}"), "namespace": "ns", "uid": image, "resourceVersion": "5",
            "labels": {"app": "web"}, "creationTimestamp": format!("2026-01-01T00:0{revision}:00Z"),
            "annotations": {
                "deployment.kubernetes.io/revision": revision,
                "deployment.kubernetes.io/desired-replicas": desired,
                "deployment.kubernetes.io/max-replicas": (number(desired) + (number(desired) + 3) / 4).to_string(),
            },
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "web", "controller": true}],
        },
        "spec": {"replicas": number(replicas), "selector": {"matchLabels": {"app": "web"}}, "template": template(image)},
        "status": {
            "replicas": number(replicas), "readyReplicas": number(available), "availableReplicas": number(available),
            "terminatingReplicas": 0,
        },
    })
}

fn made(deployment: Value, sets: &[&str]) -> Plan {
    let read = |set: &&str| serde_json::from_value::<ReplicaSet>(self::set(set)).unwrap();
    let controller = Deployments {
        deployments: Cache::holding([serde_json::from_value(deployment).unwrap()]),
        sets: Cache::holding(sets.iter().map(read)),
        pods: Cache::holding([]),
    };
    pods::index(&controller.pods);
    controller.plan(&Key::new("ns", "web"), now())
}

/// What is done about sets: `NAME: FROM -> TO`, creations and deletions.
fn sizes(deployment: Value, sets: &[&str]) -> Vec<String> {
    let told = |line: String| {
        let scaled = line.split(" | ScalingReplicaSet: ").skip(1).map(str::to_owned).collect::<Vec<_>>();
        let other = line.starts_with("create") || line.starts_with("delete");
        if scaled.is_empty() && other { vec![line] } else { scaled }
    };
    lines(made(deployment, sets)).into_iter().flat_map(told).collect()
}

#[test]
fn sets_grow_and_shrink_within_bounds() {
    let up = |from, to| format!("Scaled up replica set web-new from {from} to {to}");
    let down = |from, to| format!("Scaled down replica set web-old from {from} to {to}");
    for (replicas, sets, expected) in [
        // Surge first, then what is unavailable or spare.
        (4, vec!["old 1 4/4 of 4", "new 2 0/0 of 4"], vec![up(0, 1)]),
        (4, vec!["old 1 4/4 of 4", "new 2 1/0 of 4"], vec![down(4, 3)]),
        (4, vec!["old 1 3/3 of 4", "new 2 1/0 of 4"], vec![up(1, 2)]),
        (4, vec!["old 1 3/3 of 4", "new 2 2/0 of 4"], vec![]),
        (4, vec!["old 1 3/3 of 4", "new 2 2/2 of 4"], vec![down(3, 1)]),
        // What is broken goes before what works.
        (4, vec!["old 1 4/2 of 4", "new 2 1/1 of 4"], vec![down(4, 2)]),
        (4, vec!["old 1 0/0 of 4", "new 2 4/4 of 4"], vec![]),
        // A new size: of one set, of several in proportion, of a finished rollout.
        (6, vec!["new 2 4/4 of 4"], vec!["Scaled up replica set web-new from 4 to 6".into()]),
        (0, vec!["new 2 4/4 of 4"], vec!["Scaled down replica set web-new from 4 to 0".into()]),
        (
            20,
            vec!["old 1 8/8 of 10", "new 2 5/0 of 10"],
            vec![up(5, 10), "Scaled up replica set web-old from 8 to 15".into()],
        ),
    ] {
        assert_eq!(sizes(deployment(replicas, ""), &sets), expected, "{replicas} {sets:?}");
    }
}

#[test]
fn what_recreates_first_takes_away() {
    let down = "Scaled down replica set web-old from 2 to 0".to_owned();
    assert_eq!(sizes(deployment(2, "recreate"), &["old 1 2/2 of 2"]), [down]);
    let created = sizes(deployment(2, "recreate"), &["old 1 0/0 of 2"]);
    assert_eq!(created.len(), 1);
    assert!(created[0].contains("from 0 to 2"), "{created:?}");
}

#[test]
fn a_paused_one_only_follows_its_size() {
    assert!(sizes(deployment(4, "paused"), &["old 1 4/4 of 4", "new 2 1/1 of 4"]).is_empty());
    assert!(sizes(deployment(4, "paused"), &["old 1 4/4 of 4"]).is_empty(), "no set is made");
    let up = "Scaled up replica set web-old from 4 to 5".to_owned();
    assert_eq!(sizes(deployment(5, "paused"), &["old 1 4/4 of 4"]), [up]);
    let said = lines(made(deployment(4, "paused"), &["new 2 4/4 of 4"])).concat();
    assert!(said.contains("DeploymentPaused") && said.contains("Deployment is paused"), "{said}");
}

#[test]
fn the_first_set_is_made_with_all_that_belongs_to_it() {
    let plan = made(deployment(3, "fresh"), &[]);
    let crate::plan::What::Create { object, .. } = &plan.then[0].what else { panic!("{}", plan.then[0]) };
    let hash = object["metadata"]["labels"]["pod-template-hash"].as_str().unwrap();
    assert_eq!(object["metadata"]["name"], format!("web-{hash}"));
    assert_eq!(object["spec"]["selector"]["matchLabels"]["pod-template-hash"], hash);
    assert_eq!(
        object["spec"]["template"]["metadata"]["labels"],
        json!({"app": "web", "pod-template-hash": hash})
    );
    assert_eq!(
        object["metadata"]["annotations"],
        json!({
            "team": "a", "deployment.kubernetes.io/revision": "1",
            "deployment.kubernetes.io/desired-replicas": "3", "deployment.kubernetes.io/max-replicas": "4",
        })
    );
    let lines = lines(plan);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].ends_with(" replicas=3 | ScalingReplicaSet: Scaled up replica set web-".to_owned().as_str())
            || lines[0].contains("from 0 to 3")
    );
    for part in [
        r#""annotations":{"deployment.kubernetes.io/revision":"1"}"#,
        r#""reason":"NewReplicaSetCreated""#,
        r#""reason":"MinimumReplicasUnavailable""#,
        r#""unavailableReplicas":3"#,
    ] {
        assert!(lines[1].contains(part), "{part}: {}", lines[1]);
    }
}

#[test]
fn a_hash_that_is_taken_is_counted() {
    let plan = made(deployment(1, "fresh"), &[]);
    let crate::plan::What::Create { object, .. } = &plan.then[0].what else { panic!() };
    let name = object["metadata"]["name"].as_str().unwrap();
    let mut other = set("other 1 0/0 of 1");
    other["metadata"]["name"] = json!(name);
    other["metadata"]["ownerReferences"] = json!([]);
    other["metadata"]["labels"] = json!({});
    let controller = Deployments {
        deployments: Cache::holding([serde_json::from_value(deployment(1, "fresh")).unwrap()]),
        sets: Cache::holding([serde_json::from_value(other).unwrap()]),
        pods: Cache::holding([]),
    };
    pods::index(&controller.pods);
    let lines = lines(controller.plan(&Key::new("ns", "web"), now()));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains(r#""collisionCount":1"#), "{lines:?}");
}

#[test]
fn old_sets_beyond_the_limit_go_when_all_is_done() {
    let sets = ["a 1 0/0 of 2", "b 2 0/0 of 2", "c 3 0/0 of 2", "new 4 2/2 of 2"];
    assert_eq!(
        sizes(deployment(2, "done"), &sets),
        ["delete replicasets ns/web-a", "delete replicasets ns/web-b"]
    );
    assert!(sizes(deployment(2, ""), &sets).is_empty(), "not before");
    assert!(sizes(deployment(2, "done deleting"), &sets).is_empty());
}

#[test]
fn a_set_that_comes_back_gets_a_new_revision_and_remembers_the_old() {
    let lines = lines(made(deployment(1, ""), &["new 1 1/1 of 1", "old 2 0/0 of 1"]));
    let expected =
        r#"{"deployment.kubernetes.io/revision":"3","deployment.kubernetes.io/revision-history":"1"}"#;
    assert!(lines[0].contains(expected), "{lines:?}");
    assert!(lines[1].contains(r#""annotations":{"deployment.kubernetes.io/revision":"3"}"#), "{lines:?}");
}

#[test]
fn going_back_the_older_way_replaces_the_template() {
    let lines = lines(made(deployment(1, "back"), &["old 1 0/0 of 1", "new 2 1/1 of 1"]));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(r#""path":"/spec/template","value":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"old","name":"c"}]}}"#), "{lines:?}");
    assert!(lines[0].contains("Rolled back deployment \"web\" to revision 1"), "{lines:?}");
}
