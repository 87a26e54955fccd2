//! Quotas that are full and quotas that are not. The words are those of an upstream server that was asked the same.

use http::Method;
use serde_json::{Value, json};

use crate::object_life::tests::World;

const NAMESPACE: &str = "/api/v1/namespaces/a";

/// A namespace with a quota that has been counted.
async fn world(spec: Value, used: Value) -> World {
    let world = World::new().await;
    world.make("/api/v1/namespaces", json!({"metadata": {"name": "a"}})).await;
    let mut quota =
        world.make(&at("resourcequotas"), json!({"metadata": {"name": "q"}, "spec": spec.clone()})).await;
    quota["status"] = json!({"hard": spec["hard"], "used": used});
    let (code, answer) = world.ask(Method::PUT, &at("resourcequotas/q/status"), quota).await;
    assert_eq!(code, 200, "{answer}");
    world
}

fn at(path: &str) -> String {
    format!("{NAMESPACE}/{path}")
}

async fn used(world: &World) -> Value {
    world.get(&at("resourcequotas/q")).await.1["status"]["used"].take()
}

async fn refused(world: &World, path: &str, body: Value) -> String {
    let (code, mut status) = world.ask(Method::POST, &at(path), body).await;
    assert_eq!((code, &status["reason"]), (403, &json!("Forbidden")), "{status}");
    status["message"].take().as_str().unwrap().to_owned()
}

fn pod(name: &str, resources: &Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]}})
}

#[tokio::test]
async fn what_is_counted_runs_out() {
    let hard = json!({"configmaps": "2", "count/secrets": "1"});
    let world = world(json!({"hard": hard}), json!({"configmaps": "1", "count/secrets": "0"})).await;
    let named = |name: &str| json!({"metadata": {"name": name}});
    let (code, _) = world.ask(Method::POST, &at("configmaps?dryRun=All"), named("x")).await;
    assert_eq!((code, used(&world).await["configmaps"].clone()), (201, json!("1")), "a trial uses nothing");
    world.make(&at("configmaps"), named("x")).await;
    assert_eq!(used(&world).await["configmaps"], "2");
    assert_eq!(
        refused(&world, "configmaps", named("y")).await,
        "configmaps \"y\" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=2, limited: configmaps=2"
    );
    let (code, _) = world.ask(Method::PUT, &at("configmaps/x"), named("x")).await;
    assert_eq!(code, 200, "what is there already uses nothing more");
    world.make(&at("secrets"), named("x")).await;
    assert_eq!(
        refused(&world, "secrets", named("y")).await,
        "secrets \"y\" is forbidden: exceeded quota: q, requested: count/secrets=1, used: count/secrets=1, limited: count/secrets=1"
    );
    world.make(&at("endpoints"), named("y")).await;
}

#[tokio::test]
async fn pods_use_what_they_ask_for() {
    let hard =
        json!({"pods": "9", "requests.cpu": "1", "limits.memory": "1Gi", "requests.example.com/x": "3"});
    let zero = json!({"pods": "0", "requests.cpu": "0", "limits.memory": "0", "requests.example.com/x": "0"});
    let world = world(json!({"hard": hard}), zero).await;
    assert_eq!(
        refused(&world, "pods", pod("p", &json!({}))).await,
        "pods \"p\" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c"
    );
    let asked = json!({"requests": {"cpu": "600m"}, "limits": {"memory": "256Mi", "example.com/x": "2"}});
    world.make(&at("pods"), pod("p", &asked)).await;
    let now =
        json!({"pods": "1", "requests.cpu": "600m", "limits.memory": "256Mi", "requests.example.com/x": "2"});
    assert_eq!(used(&world).await, now);
    assert_eq!(
        refused(&world, "pods", pod("q", &asked)).await,
        "pods \"q\" is forbidden: exceeded quota: q, requested: requests.cpu=600m,requests.example.com/x=2, used: requests.cpu=600m,requests.example.com/x=2, limited: requests.cpu=1,requests.example.com/x=3"
    );
    assert_eq!(used(&world).await, now);
}

#[tokio::test]
async fn a_quota_counts_what_is_in_its_scope() {
    let spec = json!({"hard": {"pods": "1"}, "scopes": ["NotBestEffort"]});
    let world = world(spec, json!({"pods": "1"})).await;
    world.make(&at("pods"), pod("light", &json!({}))).await;
    let asked = json!({"requests": {"cpu": "1"}});
    assert_eq!(
        refused(&world, "pods", pod("heavy", &asked)).await,
        "pods \"heavy\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    );
}

#[tokio::test]
async fn a_quota_that_was_not_counted_lets_nothing_pass() {
    let world = world(json!({"hard": {"pods": "5", "secrets": "5"}}), json!({"secrets": "0"})).await;
    assert_eq!(
        refused(&world, "pods", pod("p", &json!({}))).await,
        "pods \"p\" is forbidden: status unknown for quota: q, resources: pods"
    );
}

#[tokio::test]
async fn a_change_uses_what_it_adds() {
    let hard = json!({"services.nodeports": "1", "requests.storage": "3Gi", "fast.storageclass.storage.k8s.io/requests.storage": "2Gi"});
    let zero = json!({"services.nodeports": "0", "requests.storage": "0", "fast.storageclass.storage.k8s.io/requests.storage": "0"});
    let world = world(json!({"hard": hard}), zero).await;
    let ports = json!([{"name": "a", "port": 80}, {"name": "b", "port": 81}]);
    let service = json!({"metadata": {"name": "s"}, "spec": {"type": "ExternalName", "externalName": "x.y", "ports": ports}});
    let mut made = world.make(&at("services"), service).await;
    made["spec"]["type"] = json!("NodePort");
    let (code, status) = world.ask(Method::PUT, &at("services/s"), made).await;
    assert_eq!(
        (code, status["message"].as_str().unwrap_or_default()),
        (
            403,
            "services \"s\" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1"
        )
    );
    let claim = |name: &str, size: &str| {
        json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast",
            "resources": {"requests": {"storage": size}}}})
    };
    world.make(&at("persistentvolumeclaims"), claim("c", "1536Mi")).await;
    let now = used(&world).await;
    assert_eq!(
        (&now["requests.storage"], &now["fast.storageclass.storage.k8s.io/requests.storage"]),
        (&json!("1536Mi"), &json!("1536Mi"))
    );
    assert_eq!(
        refused(&world, "persistentvolumeclaims", claim("d", "1Gi")).await,
        "persistentvolumeclaims \"d\" is forbidden: exceeded quota: q, requested: fast.storageclass.storage.k8s.io/requests.storage=1Gi, used: fast.storageclass.storage.k8s.io/requests.storage=1536Mi, limited: fast.storageclass.storage.k8s.io/requests.storage=2Gi"
    );
}

#[tokio::test]
async fn the_last_of_something_goes_to_one() {
    let world = world(json!({"hard": {"configmaps": "10"}}), json!({"configmaps": "4"})).await;
    let path = at("configmaps");
    let tries = (0..20)
        .map(|number| world.ask(Method::POST, &path, json!({"metadata": {"name": format!("m{number}")}})));
    let codes = futures::future::join_all(tries).await;
    assert_eq!(codes.iter().filter(|(code, _)| *code == 201).count(), 6);
    assert_eq!(used(&world).await["configmaps"], "10");
}
