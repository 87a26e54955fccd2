//! Evictions through the in-process door. The words are those of an upstream server that was asked the same.

use http::Method;
use serde_json::{Value, json};

use crate::object_life::tests::World;

const PODS: &str = "/api/v1/namespaces/default/pods";
const BUDGET: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b";

/// A world with a pod on a node, in that phase, and ready or not.
async fn with_pod(phase: &str, ready: bool) -> World {
    let world = World::new().await;
    world.make("/api/v1/namespaces", json!({"metadata": {"name": "default"}})).await;
    let spec = json!({"nodeName": "n", "containers": [{"name": "c", "image": "i"}]});
    world.make(PODS, json!({"metadata": {"name": "p", "labels": {"app": "a"}}, "spec": spec})).await;
    let conditions = json!([{"type": "Ready", "status": if ready { "True" } else { "False" }}]);
    set(&world, &format!("{PODS}/p"), json!({"phase": phase, "conditions": conditions})).await;
    world
}

/// Gives an object this status.
async fn set(world: &World, path: &str, status: Value) {
    let (_, mut object) = world.get(path).await;
    object["status"] = status;
    let (code, answer) = world.ask(Method::PUT, &format!("{path}/status"), object).await;
    assert_eq!(code, 200, "{answer}");
}

async fn budget(world: &World, spec: Value, status: Value) {
    let selector = json!({"matchLabels": {"app": "a"}});
    let mut budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": selector}});
    for (key, value) in spec.as_object().unwrap() {
        budget["spec"][key] = value.clone();
    }
    world.make(BUDGET.trim_end_matches("/b"), budget).await;
    let mut whole = json!({"observedGeneration": 1, "expectedPods": 2, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1});
    for (key, value) in status.as_object().unwrap() {
        whole[key] = value.clone();
    }
    set(world, BUDGET, whole).await;
}

async fn evict(world: &World, options: Value) -> (u16, Value) {
    let mut eviction = json!({"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p", "namespace": "default"}});
    eviction["deleteOptions"] = options;
    world.ask(Method::POST, &format!("{PODS}/p/eviction"), eviction).await
}

#[tokio::test]
async fn an_evicted_pod_says_why_it_goes() {
    let world = with_pod("Running", true).await;
    let (_, before) = world.get(&format!("{PODS}/p")).await;
    assert_eq!(evict(&world, json!({"dryRun": ["All"]})).await.0, 201);
    assert_eq!(world.get(&format!("{PODS}/p")).await.1, before, "a trial leaves nothing behind");
    let (code, answer) = evict(&world, Value::Null).await;
    assert_eq!((code, &answer["status"]), (201, &json!("Success")));
    let (_, pod) = world.get(&format!("{PODS}/p")).await;
    assert_eq!(pod["metadata"]["deletionGracePeriodSeconds"], json!(30));
    assert_eq!(
        pod["status"]["conditions"][1],
        json!({"type": "DisruptionTarget", "status": "True", "lastProbeTime": null, "lastTransitionTime": "2030-01-01T00:00:00Z",
            "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"})
    );
    assert_eq!(pod["metadata"]["managedFields"], before["metadata"]["managedFields"]);
}

#[tokio::test]
async fn a_budget_is_charged_and_says_when_nothing_is_left() {
    let world = with_pod("Running", true).await;
    budget(&world, json!({}), json!({"disruptionsAllowed": 1})).await;
    assert_eq!(evict(&world, json!({"dryRun": ["All"]})).await.0, 201);
    assert_eq!(world.get(BUDGET).await.1["status"]["disruptionsAllowed"], json!(1));
    assert_eq!(evict(&world, Value::Null).await.0, 201);
    let (_, budget) = world.get(BUDGET).await;
    let status = &budget["status"];
    assert_eq!(
        (&status["disruptionsAllowed"], &status["disruptedPods"]),
        (&json!(0), &json!({"p": "2030-01-01T00:00:00Z"}))
    );
    assert_eq!(
        status["conditions"],
        json!([{"type": "DisruptionAllowed", "status": "False", "observedGeneration": 1,
            "lastTransitionTime": "2030-01-01T00:00:00Z", "reason": "InsufficientPods", "message": ""}])
    );
    let owners = budget["metadata"]["managedFields"].as_array().unwrap();
    let ours = owners.iter().find(|one| one["manager"] == "kube-apiserver").unwrap();
    assert_eq!((&ours["operation"], &ours["subresource"]), (&json!("Update"), &json!("status")));
    assert!(ours["fieldsV1"]["f:status"]["f:disruptionsAllowed"].is_object(), "{ours}");
}

#[tokio::test]
async fn budgets_say_why_a_pod_must_stay() {
    let says = |reason: &str, message: &str| {
        json!({"conditions": [{"type": "DisruptionAllowed", "status": "False", "reason": reason, "message": message,
            "lastTransitionTime": "2030-01-01T00:00:00Z"}]})
    };
    let cases = [
        (json!({}), 429, "The disruption budget b needs 1 healthy pods and has 1 currently"),
        (
            json!({"observedGeneration": 0}),
            429,
            "The disruption budget b is still being processed by the server.",
        ),
        (
            says("SyncFailed", "no scale"),
            429,
            "The disruption budget b does not allow evicting pods currently because it failed sync: no scale",
        ),
    ];
    for (status, code, why) in cases {
        let world = with_pod("Running", true).await;
        budget(&world, json!({}), status).await;
        let (got, answer) = evict(&world, Value::Null).await;
        assert_eq!((got, &answer["details"]["causes"][0]["message"]), (code, &json!(why)));
        assert_eq!(
            answer["message"],
            json!("Cannot evict pod as it would violate the pod's disruption budget.")
        );
        let (_, pod) = world.get(&format!("{PODS}/p")).await;
        assert_eq!(pod["metadata"]["deletionTimestamp"], Value::Null);
    }
}

#[tokio::test]
async fn whoever_is_not_ready_goes_by_the_budgets_policy() {
    for (policy, healthy, code) in
        [("IfHealthyBudget", 1, 201), ("IfHealthyBudget", 0, 429), ("AlwaysAllow", 0, 201)]
    {
        let world = with_pod("Running", false).await;
        let spec = json!({"unhealthyPodEvictionPolicy": policy});
        budget(&world, spec, json!({"currentHealthy": healthy})).await;
        assert_eq!(evict(&world, Value::Null).await.0, code, "{policy}, {healthy} healthy");
        assert_eq!(world.get(BUDGET).await.1["status"]["disruptedPods"], Value::Null);
    }
}

#[tokio::test]
async fn what_has_ended_is_missed_by_no_budget() {
    let world = with_pod("Succeeded", false).await;
    budget(&world, json!({}), json!({"currentHealthy": 0})).await;
    assert_eq!(evict(&world, Value::Null).await.0, 201);
}

#[tokio::test]
async fn only_the_state_that_is_meant_is_evicted() {
    let world = with_pod("Running", true).await;
    let (code, answer) = evict(&world, json!({"preconditions": {"resourceVersion": "1"}})).await;
    assert_eq!((code, &answer["reason"]), (409, &json!("Conflict")), "{answer}");
    let (_, pod) = world.get(&format!("{PODS}/p")).await;
    let meant = json!({"resourceVersion": pod["metadata"]["resourceVersion"], "uid": pod["metadata"]["uid"]});
    assert_eq!(evict(&world, json!({"preconditions": meant})).await.0, 201);
    assert_eq!(evict(&world, json!({"gracePeriodSeconds": 0})).await.0, 201);
    assert_eq!(evict(&world, Value::Null).await.0, 404);
}
