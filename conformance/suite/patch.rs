//! Patches and applies, as clients send them. What is expected here is what upstream answers to the same requests.

use http::Method;
use keelson_subject::client::{Answer, Client};
use serde_json::{Value, json};

use crate::judged::Judged;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const MAP: &str = "/api/v1/namespaces/default/configmaps/it";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/it";

/// A server with somebody who asks it.
struct Stage {
    judged: Judged,
    client: Client,
}

impl Stage {
    async fn new() -> Self {
        let judged = Judged::start_fresh("patch").await;
        let client = judged.client();
        Self { judged, client }
    }

    async fn send(&self, media: &str, path: &str, body: &str) -> (Answer, Value) {
        let answer = self.client.send(Method::PATCH, path, media, body).await;
        let object = serde_json::from_str(&answer.body).unwrap_or_else(|_| json!(answer.body));
        (answer, object)
    }

    /// The answer to a patch that is to work.
    async fn patched(&self, media: &str, path: &str, body: &Value) -> Value {
        let (answer, object) = self.send(media, path, &body.to_string()).await;
        assert_eq!(answer.code, 200, "{object}");
        object
    }

    /// Code and message of the refusal of a patch.
    async fn refused(&self, media: &str, path: &str, body: &str) -> (u16, String) {
        let (answer, status) = self.send(media, path, body).await;
        assert_eq!(status["kind"], "Status", "{status}");
        (answer.code, status["message"].as_str().unwrap().to_owned())
    }

    /// Applies a configuration; the answer.
    async fn applied(&self, manager: &str, path: &str, body: &Value) -> (u16, Value) {
        let mark = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{mark}fieldManager={manager}");
        let (answer, object) = self.send(APPLY, &path, &body.to_string()).await;
        (answer.code, object)
    }

    async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.client.get(path).await.body).unwrap()
    }
}

fn map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it"}, "data": data})
}

fn deployment(replicas: Option<u32>) -> Value {
    let mut spec = json!({
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    });
    if let Some(replicas) = replicas {
        spec["replicas"] = json!(replicas);
    }
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "it"}, "spec": spec})
}

/// Who owns what: a line per entry.
fn owners(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let line = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let (manager, operation, part) = (text("manager"), text("operation"), text("subresource"));
        let part = if part.is_empty() { part } else { format!("/{part}") };
        format!("{manager}{part} {operation} {}", entry["fieldsV1"])
    };
    entries.iter().map(line).collect()
}

#[tokio::test]
async fn three_kinds_of_patches_change_an_object() {
    let stage = Stage::new().await;
    stage.applied("maker", DEPLOYMENT, &deployment(None)).await;

    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "d", "image": "j"}]}}}});
    let merged = stage.patched(STRATEGIC, &format!("{DEPLOYMENT}?fieldManager=tester"), &patch).await;
    let names: Vec<_> = merged["spec"]["template"]["spec"]["containers"].as_array().unwrap().iter().collect();
    assert_eq!((&names[0]["name"], &names[1]["name"]), (&json!("d"), &json!("c")));
    assert_eq!(merged["metadata"]["generation"], 2);
    assert!(owners(&merged)[1].starts_with("tester Update {\"f:spec\""), "{:?}", owners(&merged));

    let replaced = stage.patched(MERGE, DEPLOYMENT, &patch).await;
    assert_eq!(replaced["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 1);
    let again = stage.patched(MERGE, DEPLOYMENT, &patch).await;
    assert_eq!(again, replaced, "what changes nothing writes nothing");

    let operations = json!([
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "add", "path": "/metadata/labels", "value": {"x": "y"}},
    ]);
    let labelled = stage.patched(JSON_PATCH, DEPLOYMENT, &operations).await;
    assert_eq!(labelled["metadata"]["labels"], json!({"x": "y"}));
    assert_eq!(labelled["metadata"]["generation"], 3, "labels are not what the generation counts");

    let dry =
        stage.patched(MERGE, &format!("{DEPLOYMENT}?dryRun=All"), &json!({"spec": {"replicas": 9}})).await;
    assert_eq!((&dry["spec"]["replicas"], &dry["metadata"]["generation"]), (&json!(9), &json!(4)));
    assert_eq!(stage.get(DEPLOYMENT).await, labelled);
    stage.judged.end().await;
}

#[tokio::test]
async fn patches_that_do_not_fit_are_refused_in_upstreams_words() {
    let stage = Stage::new().await;
    stage.applied("maker", MAP, &map(&json!({"a": "1"}))).await;
    let rejected = "the server rejected our request due to an error in our request";
    let many = format!("[{}]", vec![r#"{"op":"add","path":"/data/a","value":"1"}"#; 10_001].join(","));
    let too_many =
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001";
    for (media, path, body, code, message) in [
        (MERGE, MAP, "{", 400, "invalid JSON patch"),
        ("application/json", MAP, "{}", 415, "415: Unsupported Media Type"),
        (JSON_PATCH, MAP, r#"[{"op":"test","path":"/data/a","value":"2"}]"#, 422, rejected),
        (JSON_PATCH, MAP, r#"[{"op":"remove","path":"/data/b"}]"#, 422, rejected),
        (JSON_PATCH, MAP, &many, 413, too_many),
        (MERGE, "/api/v1/namespaces/default/configmaps/no", "{}", 404, "configmaps \"no\" not found"),
        (
            MERGE,
            MAP,
            r#"{"metadata":{"name":"other"}}"#,
            400,
            "the name of the object (other) does not match the name on the URL (it)",
        ),
        (
            MERGE,
            MAP,
            r#"{"metadata":{"namespace":"other"}}"#,
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            MERGE,
            MAP,
            r#"{"metadata":{"uid":"other"}}"#,
            422,
            "ConfigMap \"it\" is invalid: metadata.uid: Invalid value: \"other\": field is immutable",
        ),
        (
            MERGE,
            MAP,
            r#"{"metadata":{"resourceVersion":"1"}}"#,
            409,
            "Operation cannot be fulfilled on configmaps \"it\": the object has been modified; please apply your changes to the latest version and try again",
        ),
        (
            STRATEGIC,
            MAP,
            r#"{"data":{"$patch":"nonsense"}}"#,
            500,
            "unknown patch type: nonsense in map: map[$patch:nonsense]",
        ),
        (
            MERGE,
            &format!("{MAP}?force=true"),
            "{}",
            422,
            "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch",
        ),
        (
            APPLY,
            MAP,
            "{}",
            422,
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        ),
    ] {
        let shown = &body[..body.len().min(80)];
        assert_eq!(stage.refused(media, path, body).await, (code, message.to_owned()), "{shown}");
    }
    stage.judged.end().await;
}

#[tokio::test]
async fn unknown_fields_are_refused_or_warned_of() {
    let stage = Stage::new().await;
    stage.applied("maker", MAP, &map(&json!({"a": "1"}))).await;
    let patch = json!({"foo": 1, "data": {"a": "2"}}).to_string();
    for media in [MERGE, STRATEGIC] {
        let (code, message) = stage.refused(media, &format!("{MAP}?fieldValidation=Strict"), &patch).await;
        assert_eq!(code, 422);
        assert!(message.ends_with("strict decoding error: unknown field \"foo\""), "{message}");
        let warnings = async |path: &str| {
            let (answer, _) = stage.send(media, path, &patch).await;
            assert_eq!(answer.code, 200);
            answer.headers.get("warning").map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(warnings(MAP).await.as_deref(), Some(r#"299 - "unknown field \"foo\"""#));
        assert_eq!(warnings(&format!("{MAP}?fieldValidation=Ignore")).await, None);
    }
    stage.judged.end().await;
}

#[tokio::test]
async fn patches_at_the_same_time_all_count() {
    let stage = Stage::new().await;
    stage.applied("maker", MAP, &map(&json!({}))).await;
    let patches = (0..24).map(|at| {
        let body = json!({"data": {format!("k{at}"): "v"}}).to_string();
        let client = &stage.client;
        async move { client.send(Method::PATCH, MAP, MERGE, &body).await.code }
    });
    let codes = futures::future::join_all(patches).await;
    assert_eq!(codes, [200; 24]);
    assert_eq!(stage.get(MAP).await["data"].as_object().unwrap().len(), 24);
    stage.judged.end().await;
}

#[tokio::test]
async fn appliers_share_take_and_give_up_fields() {
    let stage = Stage::new().await;
    let (code, made) = stage.applied("alice", MAP, &map(&json!({"a": "1", "b": "2"}))).await;
    assert_eq!(code, 201);
    assert_eq!(owners(&made), [r#"alice Apply {"f:data":{"f:a":{},"f:b":{}}}"#]);
    let (code, again) = stage.applied("alice", MAP, &map(&json!({"a": "1", "b": "2"}))).await;
    assert_eq!((code, &again), (200, &made));

    let (code, refused) = stage.applied("bob", MAP, &map(&json!({"a": "9", "c": "3"}))).await;
    assert_eq!(code, 409);
    assert_eq!(
        (&refused["reason"], &refused["message"]),
        (&json!("Conflict"), &json!("Apply failed with 1 conflict: conflict with \"alice\": .data.a"))
    );
    let cause =
        json!({"reason": "FieldManagerConflict", "message": "conflict with \"alice\"", "field": ".data.a"});
    assert_eq!(refused["details"]["causes"], json!([cause]));

    let forced =
        stage.applied("bob", &format!("{MAP}?force=true"), &map(&json!({"a": "9", "c": "3"}))).await.1;
    assert_eq!(forced["data"], json!({"a": "9", "b": "2", "c": "3"}));
    let shared = stage.applied("alice", MAP, &map(&json!({"b": "2", "c": "3"}))).await.1;
    assert_eq!(
        owners(&shared),
        [r#"alice Apply {"f:data":{"f:b":{},"f:c":{}}}"#, r#"bob Apply {"f:data":{"f:a":{},"f:c":{}}}"#]
    );
    let left = stage.applied("bob", MAP, &map(&json!({}))).await.1;
    assert_eq!(left["data"], json!({"b": "2", "c": "3"}), "what another still applies stays");
    assert_eq!(owners(&left)[1], r#"bob Apply {"f:data":{}}"#);

    let reset = stage.patched(MERGE, MAP, &json!({"metadata": {"managedFields": [{}]}})).await;
    assert_eq!(reset["metadata"].get("managedFields"), None);
    let (_, taken) = stage.applied("carol", MAP, &map(&json!({"b": "7"}))).await;
    assert_eq!(
        taken["message"],
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.b"
    );
    stage.judged.end().await;
}

#[tokio::test]
async fn configurations_that_do_not_fit_are_refused_in_upstreams_words() {
    let stage = Stage::new().await;
    stage.applied("alice", MAP, &map(&json!({"a": "1"}))).await;
    let with = |name: &str, value: Value| {
        let mut config = map(&json!({}));
        config["metadata"][name] = value;
        config
    };
    let other = "/api/v1/namespaces/default/configmaps/other";
    let mut renamed = with("uid", json!("x"));
    renamed["metadata"]["name"] = json!("other");
    for (path, config, code, message) in [
        (
            MAP,
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "it"}}),
            400,
            "invalid object type: /v1, Kind=Secret",
        ),
        (MAP, with("managedFields", json!([])), 400, "metadata.managedFields must be nil"),
        (
            MAP,
            with("uid", json!("x")),
            422,
            "ConfigMap \"it\" is invalid: metadata.uid: Invalid value: \"x\": field is immutable",
        ),
        (
            MAP,
            with("resourceVersion", json!("1")),
            409,
            "Operation cannot be fulfilled on configmaps \"it\": the object has been modified; please apply your changes to the latest version and try again",
        ),
        (
            other,
            renamed,
            409,
            "Operation cannot be fulfilled on configmaps \"other\": uid mismatch: the provided object specified uid x, and no existing object was found",
        ),
        (
            "/api/v1/namespaces/nowhere/configmaps/it",
            map(&json!({})),
            404,
            "namespaces \"nowhere\" not found",
        ),
        (
            MAP,
            map(&json!({"a": 1})),
            500,
            "failed to create typed patch object (/it; /v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{Value:1}",
        ),
    ] {
        let (found, status) = stage.applied("alice", path, &config).await;
        assert_eq!((found, status["message"].as_str()), (code, Some(message)), "{config}");
    }
    let doubled = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: it}\ndata: {a: b}\ndata: {a: c}\n";
    let strict = format!("{MAP}?fieldManager=alice&fieldValidation=Strict");
    let (code, message) = stage.refused(APPLY, &strict, doubled).await;
    assert_eq!(code, 400);
    assert!(message.starts_with("error strict decoding patch: "), "{message}");
    stage.judged.end().await;
}

#[tokio::test]
async fn who_scales_owns_the_replicas() {
    let stage = Stage::new().await;
    let scale = format!("{DEPLOYMENT}/scale");
    stage.applied("alice", DEPLOYMENT, &deployment(Some(2))).await;
    let scaled =
        stage.patched(MERGE, &format!("{scale}?fieldManager=ops"), &json!({"spec": {"replicas": 3}})).await;
    assert_eq!((&scaled["kind"], &scaled["spec"]["replicas"]), (&json!("Scale"), &json!(3)));
    assert_eq!(scaled["metadata"].get("managedFields"), None);
    let (code, refused) = stage.applied("alice", DEPLOYMENT, &deployment(Some(4))).await;
    assert_eq!(
        (code, &refused["message"]),
        (
            409,
            &json!(
                "Apply failed with 1 conflict: conflict with \"ops\" with subresource \"scale\" using apps/v1: .spec.replicas"
            )
        )
    );
    let config = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "it"}, "spec": {"replicas": 5}});
    assert_eq!(stage.applied("hpa", &scale, &config).await.0, 409);
    let (code, forced) = stage.applied("hpa", &format!("{scale}?force=true"), &config).await;
    assert_eq!((code, &forced["spec"]["replicas"]), (200, &json!(5)));
    let object = stage.get(DEPLOYMENT).await;
    assert!(owners(&object).contains(&r#"hpa/scale Apply {"f:spec":{"f:replicas":{}}}"#.to_owned()));
    assert_eq!(object["metadata"]["generation"], 3);
    let (code, message) = stage.refused(MERGE, &scale, r#"{"spec":{"replicas":-1}}"#).await;
    assert_eq!(code, 422);
    assert!(
        message.starts_with("Scale.autoscaling \"it\" is invalid: spec.replicas: Invalid value: -1"),
        "{message}"
    );
    stage.judged.end().await;
}

#[tokio::test]
async fn a_status_is_applied_apart() {
    let stage = Stage::new().await;
    let status = format!("{DEPLOYMENT}/status");
    let config = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "it"}, "spec": {"replicas": 7}, "status": {"replicas": 2}});
    let (code, missing) = stage.applied("ctl", &status, &config).await;
    assert_eq!((code, &missing["message"]), (404, &json!("deployments.apps \"it\" not found")));
    stage.applied("alice", DEPLOYMENT, &deployment(Some(2))).await;
    let (code, object) = stage.applied("ctl", &status, &config).await;
    assert_eq!(
        (code, &object["spec"]["replicas"], &object["status"]["replicas"]),
        (200, &json!(2), &json!(2))
    );
    assert_eq!(owners(&object)[1], r#"ctl/status Apply {"f:status":{"f:replicas":{}}}"#);
    stage.judged.end().await;
}

#[tokio::test]
async fn who_takes_the_last_finalizer_off_sees_the_object_once_more() {
    let stage = Stage::new().await;
    stage.applied("alice", MAP, &map(&json!({"a": "1"}))).await;
    stage.patched(MERGE, MAP, &json!({"metadata": {"finalizers": ["example.dev/a"]}})).await;
    let going = stage.client.ask(Method::DELETE, MAP).await;
    assert_eq!(going.code, 200);
    let (code, message) =
        stage.refused(MERGE, MAP, r#"{"metadata":{"finalizers":["example.dev/a","example.dev/b"]}}"#).await;
    assert_eq!(code, 422);
    assert!(message.contains("no new finalizers can be added if the object is being deleted"), "{message}");
    let patch = json!({"metadata": {"finalizers": null}, "data": {"a": "2"}});
    let last = stage.patched(MERGE, MAP, &patch).await;
    assert_eq!((&last["data"]["a"], last["metadata"].get("finalizers")), (&json!("2"), None));
    assert_eq!(stage.client.get(MAP).await.code, 404);
    stage.judged.end().await;
}

#[tokio::test]
async fn owners_named_twice_are_one() {
    let stage = Stage::new().await;
    stage.applied("alice", MAP, &map(&json!({}))).await;
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1"});
    let patch = json!({"metadata": {"ownerReferences": [owner, owner]}}).to_string();
    let (answer, object) = stage.send(MERGE, MAP, &patch).await;
    assert_eq!(object["metadata"]["ownerReferences"], json!([owner]));
    let warning = answer.headers["warning"].to_str().unwrap();
    assert!(warning.contains("duplicate UID(s) observed: 1"), "{warning}");
    stage.judged.end().await;
}

#[tokio::test]
async fn client_side_applies_become_server_side_ones() {
    let stage = Stage::new().await;
    let last = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"annotations":{},"name":"it","namespace":"default"},"data":{"a":"1","b":"2"}}"#;
    let mut made = map(&json!({"a": "1", "b": "2"}));
    made["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": format!("{last}\n")});
    let maps = "/api/v1/namespaces/default/configmaps?fieldManager=kubectl-client-side-apply";
    let created = stage.client.send(Method::POST, maps, "application/json", &made.to_string()).await;
    assert_eq!(created.code, 201);
    // Anybody else is in conflict; kubectl is not with what its own annotation says.
    let (code, _) = stage.applied("other", MAP, &map(&json!({"a": "9"}))).await;
    assert_eq!(code, 409);
    let (code, object) = stage.applied("kubectl", MAP, &map(&json!({"a": "9", "b": "2"}))).await;
    assert_eq!((code, &object["data"]), (200, &json!({"a": "9", "b": "2"})));
    let renewed =
        object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].as_str();
    assert!(renewed.unwrap().contains(r#""data":{"a":"9","b":"2"}"#), "{renewed:?}");
    stage.judged.end().await;
}
