use serde_json::{Value, json};

use super::*;
use crate::plan::{What, lines};
use crate::views::template::Template;
use keelson_client::Time;

fn now() -> UnixMillis {
    Time::parse("2026-01-01T01:00:00Z").unwrap().millis()
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": image}]}})
}

fn patch(image: &str) -> String {
    revisions::patch_to(&Template::new(template(image)))
}

/// The name of the revision of an image.
fn named(image: &str) -> String {
    revisions::name("db", &revisions::hash(&patch(image), 0))
}

/// A set of the image `new`, with `change` merged into it.
fn set(replicas: i32, change: Value) -> Value {
    let mut made = json!({
        "metadata": {"name": "db", "namespace": "ns", "uid": "db", "resourceVersion": "7", "generation": 2},
        "spec": {
            "replicas": replicas, "serviceName": "dbs", "selector": {"matchLabels": {"app": "db"}},
            "template": template("new"), "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        },
        "status": {"observedGeneration": 2, "currentRevision": named("new"), "collisionCount": 0},
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

fn claims_of(policy: &Value) -> Value {
    let claim = json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}, "status": {"phase": "Pending"}});
    json!({"spec": {"volumeClaimTemplates": [claim], "persistentVolumeClaimRetentionPolicy": policy}})
}

fn owner() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "db", "controller": true, "blockOwnerDeletion": true})
}

/// A pod that works: its number, the image it is of, and what is special about it.
fn pod(text: &str) -> Value {
    let mut words = text.split_whitespace();
    let (ordinal, image) = (words.next().unwrap(), words.next().unwrap());
    let name = format!("db-{ordinal}");
    let mut pod = json!({
        "metadata": {
            "name": name, "namespace": "ns", "uid": name, "resourceVersion": "3", "ownerReferences": [owner()],
            "labels": {"app": "db", "statefulset.kubernetes.io/pod-name": name, "controller-revision-hash": named(image)},
        },
        "spec": {"nodeName": "n"},
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:59:50Z"}]},
    });
    for word in words {
        match word {
            "unready" => pod["status"]["conditions"] = json!([]),
            "pending" => pod["status"] = json!({"phase": "Pending"}),
            "failed" => pod["status"] = json!({"phase": "Failed"}),
            "going" => pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:59:59Z"),
            "orphan" => pod["metadata"]["ownerReferences"] = json!([]),
            "renamed" => pod["metadata"]["name"] = json!("other-0"),
            "nameless" => pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = json!("x"),
            other => panic!("{other}"),
        }
    }
    pod
}

/// A revision: its number and image.
fn revision(text: &str) -> Value {
    let (number, image) = text.split_once(' ').unwrap();
    let data: Value = serde_json::from_str(&patch(image)).unwrap();
    json!({
        "metadata": {
            "name": named(image), "namespace": "ns", "uid": image, "resourceVersion": "1",
            "labels": {"app": "db"}, "ownerReferences": [owner()],
        },
        "revision": number.parse::<i64>().unwrap(), "data": data,
    })
}

struct World<'a> {
    pods: &'a [&'a str],
    revisions: &'a [&'a str],
    claims: Vec<Value>,
}

fn made(set: Value, world: World<'_>) -> Plan {
    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }
    let controller = StatefulSets {
        sets: Cache::holding([read(set)]),
        pods: Cache::holding(world.pods.iter().map(|text| read(pod(text)))),
        claims: Cache::holding(world.claims.into_iter().map(read)),
        revisions: Cache::holding(world.revisions.iter().map(|text| read(revision(text)))),
    };
    index(&controller.pods);
    revisions::index(&controller.revisions);
    controller.plan(&Key::new("ns", "db"), now())
}

/// What is done, but for the status.
fn done(set: Value, pods: &[&str]) -> Vec<String> {
    let revisions = ["1 old", "2 new"];
    let world = World { pods, revisions: &revisions, claims: Vec::new() };
    short(made(set, world))
}

fn short(plan: Plan) -> Vec<String> {
    let without_words = |line: String| line.split(" | ").next().unwrap_or_default().to_owned();
    lines(plan)
        .into_iter()
        .map(without_words)
        .filter(|line| !line.starts_with("patch statefulsets/status"))
        .collect()
}

#[test]
fn pods_are_made_one_after_the_other() {
    let create = |number: i32| format!("create pods ns/db-{number}");
    for (pods, expected) in [
        (vec![], vec![create(0)]),
        (vec!["0 new"], vec![create(1)]),
        (vec!["0 new unready"], vec![]),
        (vec!["0 new", "1 new going"], vec![]),
        (vec!["1 new", "2 new"], vec![create(0)]),
        (vec!["0 new", "1 new", "2 new"], vec![]),
        (vec!["0 new", "1 new failed", "2 new"], vec!["delete pods ns/db-1".to_owned()]),
    ] {
        assert_eq!(done(set(3, json!({})), &pods), expected, "{pods:?}");
    }
    let parallel = set(3, json!({"spec": {"podManagementPolicy": "Parallel"}}));
    assert_eq!(done(parallel, &["1 new unready"]), [create(0), create(2)]);
    let later = set(2, json!({"spec": {"ordinals": {"start": 5}}}));
    assert_eq!(done(later, &["5 new"]), [create(6)]);
}

#[test]
fn a_pod_knows_who_it_is() {
    let world = World { pods: &["0 new"], revisions: &["1 new"], claims: Vec::new() };
    let plan = made(set(2, json!({})), world);
    let What::Create { object, .. } = &plan.then[0].what else { panic!("{}", plan.then[0]) };
    let labels = json!({
        "app": "db", "statefulset.kubernetes.io/pod-name": "db-1", "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": named("new"),
    });
    assert_eq!(object["metadata"]["labels"], labels);
    assert_eq!(
        (object["spec"]["hostname"].as_str(), object["spec"]["subdomain"].as_str()),
        (Some("db-1"), Some("dbs"))
    );
    assert!(object["metadata"]["generateName"] == "db-" && object["spec"].get("volumes").is_none());
    let told = plan.then[0].to_string();
    assert!(told.ends_with("SuccessfulCreate: Create Pod db-1 in StatefulSet db successful"), "{told}");
}

#[test]
fn those_too_many_go_the_last_one_first() {
    for (replicas, pods, expected) in [
        (1, vec!["0 new", "1 new", "2 new"], vec!["delete pods ns/db-2"]),
        (1, vec!["0 new", "1 new", "2 new going"], vec![]),
        (1, vec!["0 new unready", "1 new"], vec![]),
        (1, vec!["0 new", "1 new unready", "2 new"], vec!["delete pods ns/db-2"]),
        (1, vec!["0 new", "1 new unready", "2 new unready"], vec![]),
        (0, vec!["0 new unready"], vec!["delete pods ns/db-0"]),
    ] {
        assert_eq!(done(set(replicas, json!({})), &pods), expected, "{pods:?}");
    }
    let parallel = set(0, json!({"spec": {"podManagementPolicy": "Parallel"}}));
    assert_eq!(done(parallel, &["0 new", "1 new unready"]), ["delete pods ns/db-1", "delete pods ns/db-0"]);
}

#[test]
fn a_new_template_reaches_one_after_the_other_from_the_last() {
    let rolling = |change: Value| {
        set(
            3,
            json!({"spec": {"updateStrategy": {"rollingUpdate": change}}, "status": {"currentRevision": named("old")}}),
        )
    };
    let all_old = ["0 old", "1 old", "2 old"];
    assert_eq!(done(rolling(json!({})), &all_old), ["delete pods ns/db-2"]);
    assert_eq!(done(rolling(json!({})), &["0 old", "1 old", "2 new"]), ["delete pods ns/db-1"]);
    assert!(done(rolling(json!({})), &["0 old", "1 old", "2 new unready"]).is_empty());
    assert!(done(rolling(json!({"partition": 2})), &["0 old", "1 old", "2 new"]).is_empty());
    let two = rolling(json!({"maxUnavailable": 2}));
    assert_eq!(done(two, &all_old), ["delete pods ns/db-2", "delete pods ns/db-1"]);
    // A pod below the partition comes back as it was.
    let plan = made(
        rolling(json!({"partition": 2})),
        World { pods: &["1 old", "2 new"], revisions: &["1 old", "2 new"], claims: Vec::new() },
    );
    let What::Create { object, .. } = &plan.then[0].what else { panic!() };
    assert_eq!(object["metadata"]["labels"]["controller-revision-hash"], named("old"));
    assert_eq!(object["spec"]["containers"][0]["image"], "old");
    let mut by_hand = rolling(json!({}));
    by_hand["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    assert!(done(by_hand, &all_old).is_empty());
    let mut parallel = rolling(json!({}));
    parallel["spec"]["podManagementPolicy"] = json!("Parallel");
    let broken = ["0 old unready", "1 old", "2 old"];
    assert_eq!(done(parallel, &broken), ["delete pods ns/db-0"], "what does not work costs nothing");
}

#[test]
fn revisions_are_made_renumbered_and_forgotten() {
    let with = |revisions: &[&str], change: Value| {
        made(set(0, change), World { pods: &[], revisions, claims: Vec::new() })
    };
    let plan = with(&[], json!({"metadata": {"annotations": {"kubernetes.io/change-cause": "why"}}}));
    let What::Create { object, .. } = &plan.first[0].what else { panic!("{}", plan.first[0]) };
    assert_eq!(
        (object["metadata"]["name"].as_str(), object["revision"].as_i64()),
        (Some(named("new").as_str()), Some(1))
    );
    assert_eq!(object["data"], serde_json::from_str::<Value>(&patch("new")).unwrap());
    assert_eq!(object["metadata"]["annotations"], json!({"kubernetes.io/change-cause": "why"}));
    assert_eq!(object["metadata"]["labels"]["controller.kubernetes.io/hash"], named("new")[3..]);
    assert_eq!(lines(plan).len(), 1, "the rest follows when it is there");

    let back = lines(with(&["1 new", "2 old"], json!({})));
    assert_eq!(back, [format!(r#"patch controllerrevisions ns/{} {{"revision":3}}"#, named("new"))]);

    let limited = json!({"spec": {"revisionHistoryLimit": 1}});
    let forgotten = short(with(&["1 a", "2 b", "3 c", "4 new"], limited));
    assert_eq!(forgotten, ["a", "b"].map(|image| format!("delete controllerrevisions ns/{}", named(image))));

    let mut other = revision("1 old");
    other["metadata"]["name"] = json!(named("new"));
    other["metadata"]["labels"] = json!({});
    let controller = StatefulSets {
        sets: Cache::holding([serde_json::from_value(set(0, json!({}))).unwrap()]),
        pods: Cache::holding([]),
        claims: Cache::holding([]),
        revisions: Cache::holding([serde_json::from_value(other).unwrap()]),
    };
    index(&controller.pods);
    revisions::index(&controller.revisions);
    let taken = lines(controller.plan(&Key::new("ns", "db"), now()));
    assert_eq!(taken, [r#"patch statefulsets/status ns/db {"status":{"collisionCount":1}}"#]);
}

#[test]
fn the_status_counts() {
    let pods = ["0 new", "1 old unready", "2 old going"];
    let change = json!({"spec": {"minReadySeconds": 30}, "status": {"currentRevision": named("old")}});
    let plan =
        made(set(3, change), World { pods: &pods, revisions: &["1 old", "2 new"], claims: Vec::new() });
    assert_eq!(plan.again, Some(std::time::Duration::from_secs(20)));
    let written = lines(plan).into_iter().find(|line| line.starts_with("patch statefulsets/status")).unwrap();
    let written: Value = serde_json::from_str(written.split(' ').nth(3).unwrap()).unwrap();
    let expected = json!({
        "observedGeneration": 2, "replicas": 3, "readyReplicas": 2, "currentReplicas": 1, "updatedReplicas": 1,
        "availableReplicas": 0, "currentRevision": named("old"), "updateRevision": named("new"), "collisionCount": 0,
    });
    assert_eq!(written["status"], expected);
    // When all are new, that is what is current.
    let change = json!({"status": {"currentRevision": named("old")}});
    let all = lines(made(
        set(1, change),
        World { pods: &["0 new"], revisions: &["1 old", "2 new"], claims: Vec::new() },
    ));
    assert!(all[0].contains(&format!(r#""currentRevision":"{}""#, named("new"))), "{all:?}");
}

#[test]
fn claims_come_before_pods_and_go_as_somebody_says() {
    let claim = |owners: Value| json!({"metadata": {"name": "data-db-0", "namespace": "ns", "uid": "claim", "resourceVersion": "1", "ownerReferences": owners}});
    let with = |policy: Value, replicas: i32, pods: &[&str], claims: Vec<Value>| {
        made(set(replicas, claims_of(&policy)), World { pods, revisions: &["1 new"], claims })
    };
    let plan = with(json!({}), 1, &[], Vec::new());
    let told = plan.then[0].to_string();
    assert_eq!(
        told,
        "create persistentvolumeclaims ns/data-db-0 | SuccessfulCreate: Create Claim data-db-0 Pod db-0 in StatefulSet db success"
    );
    let What::Create { object, .. } = &plan.then[0].what else { panic!() };
    assert_eq!(object["metadata"]["labels"], json!({"app": "db"}));
    assert!(object.get("status").is_none());
    assert_eq!(plan.then.len(), 1);

    let plan = with(json!({}), 1, &[], vec![claim(json!([]))]);
    let What::Create { object, .. } = &plan.then[0].what else { panic!() };
    assert_eq!(
        object["spec"]["volumes"],
        json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}])
    );

    let mut going = claim(json!([]));
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let waits = short(with(json!({}), 1, &[], vec![going]));
    assert_eq!(
        waits,
        [
            "tell Warning FailedCreate: Create Pod db-0 in StatefulSet db failed error: pvc data-db-0 is being deleted"
        ]
    );

    let both = json!({"whenDeleted": "Delete", "whenScaled": "Delete"});
    let owned = short(with(both.clone(), 1, &["0 new"], vec![claim(json!([]))]));
    assert_eq!(owned.len(), 1);
    assert!(owned[0].contains(r#""kind":"StatefulSet","name":"db","uid":"db""#), "{owned:?}");
    assert!(short(with(both.clone(), 1, &["0 new"], vec![claim(json!([owner()]))])).is_empty());
    let scaled = short(with(both.clone(), 0, &["0 new"], vec![claim(json!([owner()]))]));
    assert!(scaled[0].contains(r#""kind":"Pod","name":"db-0","uid":"db-0""#), "{scaled:?}");
    assert_eq!(scaled[1], "delete pods ns/db-0");
    let kept = short(with(json!({}), 1, &["0 new"], vec![claim(json!([owner()]))]));
    assert_eq!(kept, [r#"patch persistentvolumeclaims ns/data-db-0 {"metadata":{"ownerReferences":null}}"#]);
    // Claims of a pod that is gone go with it: a new one waits for that.
    let stale =
        json!([{"apiVersion": "v1", "kind": "Pod", "name": "db-0", "uid": "gone", "controller": true}]);
    assert!(short(with(both, 1, &[], vec![claim(stale)])).is_empty());
}

#[test]
fn pods_are_adopted_and_let_go_by_name() {
    let all = done(set(1, json!({})), &["0 new orphan", "1 new renamed"]);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[0].starts_with("patch pods ns/other-0") && all[0].contains("delete"), "{all:?}");
    assert!(all[1].starts_with("patch pods ns/db-0") && all[1].contains("blockOwnerDeletion"), "{all:?}");
    let repaired = done(set(1, json!({})), &["0 new nameless"]);
    assert_eq!(
        repaired,
        [
            r#"patch pods ns/db-0 {"metadata":{"labels":{"apps.kubernetes.io/pod-index":"0","statefulset.kubernetes.io/pod-name":"db-0"}}}"#
        ]
    );
}

#[test]
fn claims_are_known_by_name() {
    let set: StatefulSet = serde_json::from_value(set(1, claims_of(&json!({})))).unwrap();
    for (name, expected) in [
        ("data-db-0", true),
        ("data-db-12", true),
        ("data-db-x", false),
        ("log-db-0", false),
        ("data-dbx-0", false),
    ] {
        assert_eq!(volumes::is_of(&set, name), expected, "{name}");
    }
}
