//! Pods and their accounts. The words are those of an upstream server that was asked the same.

use http::Method;
use keelson_api::time::{Clock, UnixMillis};
use serde_json::{Value, json};

use crate::admission::plugins::Plugins;
use crate::admission::tests::pod;
use crate::object_life::tests::World;
use crate::resource::check::NOW;
use crate::server::Parts;

const PODS: &str = "/api/v1/namespaces/a/pods";
const ACCOUNTS: &str = "/api/v1/namespaces/a/serviceaccounts";

async fn world() -> World {
    let parts = Parts::for_tests(Clock::new(|| UnixMillis(NOW.0))).await;
    let world = World::of(Parts { admission: Plugins::default(), ..parts });
    world.make("/api/v1/namespaces", json!({"metadata": {"name": "a"}})).await;
    world
}

async fn refused(world: &World, body: Value) -> String {
    let (code, status) = world.ask(Method::POST, PODS, body).await;
    assert_eq!((code, &status["reason"]), (403, &json!("Forbidden")), "{status}");
    status["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_pod_gets_the_token_of_its_account() {
    let world = world().await;
    let account = json!({"metadata": {"name": "default"}, "imagePullSecrets": [{"name": "pull"}]});
    world.make(ACCOUNTS, account).await;
    let two = json!([
        {"name": "c", "image": "i"},
        {"name": "d", "image": "i", "volumeMounts":
            [{"name": "v", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]},
    ]);
    let own = json!([{"name": "v", "emptyDir": {}}]);
    let made = world.make(PODS, pod("p", &json!({"containers": two, "volumes": own}))).await;
    let spec = &made["spec"];
    assert_eq!(
        (&spec["serviceAccountName"], &spec["serviceAccount"]),
        (&json!("default"), &json!("default"))
    );
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "pull"}]));
    let name = spec["volumes"][1]["name"].as_str().unwrap();
    assert!(name.starts_with("kube-api-access-") && name.len() == "kube-api-access-".len() + 5, "{name}");
    assert_eq!(
        spec["volumes"][1],
        json!({"name": name, "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [
                {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
        ]}})
    );
    let mount = json!([{"name": name, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]);
    assert_eq!(spec["containers"][0]["volumeMounts"], mount);
    assert_eq!(spec["containers"][1]["volumeMounts"][0]["name"], "v");

    world.make(ACCOUNTS, json!({"metadata": {"name": "quiet"}, "automountServiceAccountToken": false})).await;
    let made = world.make(PODS, pod("q", &json!({"serviceAccountName": "quiet"}))).await;
    assert_eq!((&made["spec"]["volumes"], &made["spec"]["imagePullSecrets"]), (&Value::Null, &Value::Null));
    let said = json!({"serviceAccountName": "quiet", "automountServiceAccountToken": true});
    let made = world.make(PODS, pod("r", &said)).await;
    assert_eq!(made["spec"]["volumes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_account_of_a_pod_must_be_there() {
    let world = world().await;
    assert_eq!(
        refused(&world, pod("p", &json!({"serviceAccountName": "none"}))).await,
        "pods \"p\" is forbidden: error looking up service account a/none: serviceaccount \"none\" not found"
    );
    let (first, made) = tokio::join!(
        world.ask(Method::POST, PODS, pod("p", &json!({}))),
        world.ask(Method::POST, ACCOUNTS, json!({"metadata": {"name": "default"}})),
    );
    assert_eq!((first.0, made.0), (201, 201), "the usual account is waited for");
}

#[tokio::test]
async fn a_strict_account_lets_its_own_secrets_be_used_alone() {
    let world = world().await;
    let account = json!({"metadata": {"name": "default", "annotations":
        {"kubernetes.io/enforce-mountable-secrets": "true"}}, "secrets": [{"name": "own"}]});
    world.make(ACCOUNTS, account).await;
    let volume = |name: &str| json!({"volumes": [{"name": "v", "secret": {"secretName": name}}]});
    world.make(PODS, pod("p", &volume("own"))).await;
    let tail = "is not allowed because service account default does not reference that";
    assert_eq!(
        refused(&world, pod("q", &volume("other"))).await,
        format!("pods \"q\" is forbidden: volume with secret.secretName=\"other\" {tail} secret")
    );
    let env = json!([{"name": "E", "valueFrom": {"secretKeyRef": {"name": "other", "key": "k"}}}]);
    let env = json!({"containers": [{"name": "c", "image": "i", "env": env}]});
    assert_eq!(
        refused(&world, pod("q", &env)).await,
        format!(
            "pods \"q\" is forbidden: container c with envVar E referencing secret.secretName=\"other\" {tail} secret"
        )
    );
    assert_eq!(
        refused(&world, pod("q", &json!({"imagePullSecrets": [{"name": "x"}]}))).await,
        format!("pods \"q\" is forbidden: imagePullSecrets[0].name=\"x\" {tail} imagePullSecret")
    );
}

#[tokio::test]
async fn what_a_node_runs_by_itself_has_no_account() {
    let world = world().await;
    let mirror = |spec: Value| {
        let mut pod = pod("p", &spec);
        pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
        pod["spec"]["nodeName"] = json!("n");
        pod
    };
    for (spec, words) in [
        (json!({"serviceAccountName": "x"}), "a mirror pod may not reference service accounts"),
        (
            json!({"volumes": [{"name": "v", "secret": {"secretName": "x"}}]}),
            "a mirror pod may not reference secrets",
        ),
        (
            json!({"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}),
            "a mirror pod may not use ServiceAccountToken volume projections",
        ),
    ] {
        assert_eq!(refused(&world, mirror(spec)).await, format!("pods \"p\" is forbidden: {words}"));
    }
    let made = world.make(PODS, mirror(json!({}))).await;
    assert_eq!((&made["spec"]["serviceAccountName"], &made["spec"]["volumes"]), (&Value::Null, &Value::Null));
}
