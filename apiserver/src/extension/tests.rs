//! The past and the together, asked for as a client does.

use http::Method;
use serde_json::{Value, json};

use crate::object_life::tests::World;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const TRANSACTIONS: &str = "/apis/keelson.dev/v1/transactions";

async fn world() -> World {
    let world = World::new().await;
    world.make("/api/v1/namespaces", json!({"metadata": {"name": "default"}})).await;
    world
}

fn map(name: &str, value: &str) -> Value {
    json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}, "data": {"key": value}})
}

fn list(items: &[Value]) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "items": items})
}

fn revision(object: &Value) -> String {
    object["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_object_has_a_past() {
    let world = world().await;
    let made = world.make(MAPS, map("a", "1")).await;
    world.pass(10);
    let path = format!("{MAPS}/a");
    let (_, changed) = world.ask(Method::PUT, &path, map("a", "2")).await;
    world.pass(10);
    let (code, _) = world.ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!((code, world.get(&path).await.0), (200, 404));

    let exactly = |revision: String| format!("{path}?resourceVersion={revision}&resourceVersionMatch=Exact");
    for object in [&made, &changed] {
        let (code, then) = world.get(&exactly(revision(object))).await;
        assert_eq!((code, &then), (200, object));
    }
    let (code, as_of) = world.get(&format!("{path}?asOf=2030-01-01T00:00:09Z")).await;
    assert_eq!((code, &as_of["data"]), (200, &made["data"]));
    let (_, as_of) = world.get(&format!("{path}?asOf=2030-01-01T00:00:10.500000Z")).await;
    assert_eq!(as_of["data"], changed["data"]);
    assert_eq!(world.get(&format!("{path}?asOf=2030-01-01T00:00:20Z")).await.0, 404);
    let (code, status) = world.get(&format!("{path}?asOf=2029-01-01T00:00:20Z")).await;
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
    let (code, status) = world.get(&format!("{path}?asOf=yesterday")).await;
    assert_eq!(code, 400, "{status}");

    let (code, history) = world.get(&format!("{path}/history")).await;
    assert_eq!(code, 200, "{history}");
    let items = history["items"].as_array().unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|item| {
            (item["type"].as_str().unwrap(), item["time"].as_str().unwrap(), &item["object"]["data"]["key"])
        })
        .collect();
    assert_eq!(
        told,
        [
            ("ADDED", "2030-01-01T00:00:00.000000Z", &json!("1")),
            ("MODIFIED", "2030-01-01T00:00:10.000000Z", &json!("2")),
            ("DELETED", "2030-01-01T00:00:20.000000Z", &json!("2")),
        ]
    );
    assert_eq!((&items[0]["object"], &items[1]["object"]), (&made, &changed));
    assert_eq!(world.get(&format!("{MAPS}/b/history")).await.0, 404);
    assert_eq!(world.ask(Method::DELETE, &format!("{path}/history"), Value::Null).await.0, 405);
    assert_eq!(world.get("/api/v1/namespaces/default/history").await.0, 200);
}

#[tokio::test]
async fn what_was_before_the_kept_history_is_earlier() {
    let world = world().await;
    let made = world.make(MAPS, map("a", "1")).await;
    let store = &world.server.shared.api.store;
    store.compact(store.revision()).await.unwrap();
    let path = format!("{MAPS}/a");
    let (_, changed) = world.ask(Method::PUT, &path, map("a", "2")).await;
    let (_, history) = world.get(&format!("{path}/history")).await;
    let items = history["items"].as_array().unwrap();
    assert_eq!((&items[0]["type"], &items[0]["object"]), (&json!("EARLIER"), &made));
    assert_eq!((&items[1]["type"], &items[1]["object"]), (&json!("MODIFIED"), &changed));
    let (code, status) = world.get(&format!("{path}?resourceVersion=1&resourceVersionMatch=Exact")).await;
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")), "{status}");
}

#[tokio::test]
async fn objects_of_a_list_are_written_together() {
    let world = world().await;
    let namespace =
        json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "team", "labels": {"a": "b"}}});
    let mut inside = map("a", "1");
    inside["metadata"]["namespace"] = json!("team");
    let path = format!("{TRANSACTIONS}?fieldManager=me");
    let (code, made) =
        world.ask(Method::POST, &path, list(&[namespace.clone(), inside.clone(), map("b", "1")])).await;
    assert_eq!(code, 200, "{made}");
    let places: Vec<_> =
        made["items"].as_array().unwrap().iter().map(|item| &item["metadata"]["namespace"]).collect();
    assert_eq!(places, [&Value::Null, &json!("team"), &json!("default")]);
    assert_eq!(made["items"][1]["metadata"]["managedFields"][0]["operation"], "Apply");
    for (place, at) in
        [(1, "/api/v1/namespaces/team/configmaps/a"), (2, "/api/v1/namespaces/default/configmaps/b")]
    {
        assert_eq!(
            world.get(at).await,
            (200, made["items"][place].clone()),
            "what is answered is what is stored"
        );
    }
    let (_, again) = world.ask(Method::POST, &path, list(&[namespace, inside, map("b", "1")])).await;
    assert_eq!(again["items"], made["items"], "what changes nothing writes nothing");
    let (code, other) = world
        .ask(
            Method::POST,
            "/apis/keelson.dev/v1/namespaces/team/transactions?fieldManager=me",
            list(&[map("c", "1")]),
        )
        .await;
    assert_eq!((code, &other["items"][0]["metadata"]["namespace"]), (200, &json!("team")));
}

#[tokio::test]
async fn where_one_is_refused_none_is_written() {
    let world = world().await;
    let before = world.server.shared.api.store.revision();
    let refused = |code: u16, words: &'static str, items: Vec<Value>, query: &'static str| {
        let world = &world;
        async move {
            let (got, status) =
                world.ask(Method::POST, &format!("{TRANSACTIONS}{query}"), list(&items)).await;
            assert_eq!((got, status["message"].as_str().unwrap()), (code, words));
        }
    };
    let mut bad = map("b", "1");
    bad["data"] = json!({"b/d": ""});
    refused(
        422,
        "items[1] (ConfigMap default/b): ConfigMap \"b\" is invalid: data[b/d]: Invalid value: \"b/d\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        vec![map("a", "1"), bad],
        "?fieldManager=me",
    )
    .await;
    let mut lost = map("b", "1");
    lost["metadata"]["namespace"] = json!("none");
    let words = "items[1] (ConfigMap none/b): namespaces \"none\" not found";
    refused(404, words, vec![map("a", "1"), lost], "?fieldManager=me").await;
    let words = "items[1] (ConfigMap default/a): configmaps \"a\" already exists";
    refused(409, words, vec![map("a", "1"), map("a", "2")], "?verb=create").await;
    let strange = json!({"kind": "Widget", "apiVersion": "v9"});
    refused(400, "items[0]: there is no kind \"Widget\" in version \"v9\"", vec![strange], "").await;
    let nameless = json!({"kind": "ConfigMap", "apiVersion": "v1"});
    refused(400, "items[0]: metadata.name is required", vec![nameless], "").await;
    let question =
        json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {"name": "a"}});
    refused(
        400,
        "items[0]: objects of kind TokenReview cannot be written so",
        vec![question],
        "?verb=create",
    )
    .await;
    refused(400, "verb must be apply, create or update, not \"smash\"", vec![], "?verb=smash").await;
    let (code, _) = world.ask(Method::POST, TRANSACTIONS, map("a", "1")).await;
    assert_eq!((code, world.ask(Method::GET, TRANSACTIONS, Value::Null).await.0), (400, 405));
    assert_eq!(world.server.shared.api.store.revision(), before);
}

#[tokio::test]
async fn a_transaction_can_be_tried() {
    let world = world().await;
    let kept = world.make(MAPS, map("kept", "1")).await;
    let before = world.server.shared.api.store.revision();
    let named = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"generateName": "some-"}});
    let path = format!("{TRANSACTIONS}?dryRun=All&verb=create");
    let (code, tried) = world.ask(Method::POST, &path, list(&[named, map("new", "1")])).await;
    assert_eq!(code, 200, "{tried}");
    assert!(tried["items"][0]["metadata"]["name"].as_str().unwrap().starts_with("some-"));
    assert_eq!(tried["items"][1]["metadata"]["resourceVersion"], Value::Null);
    let path = format!("{TRANSACTIONS}?dryRun=All&force=true&fieldManager=me");
    let (_, tried) = world.ask(Method::POST, &path, list(&[map("kept", "2")])).await;
    assert_eq!(
        (&tried["items"][0]["data"]["key"], revision(&tried["items"][0])),
        (&json!("2"), revision(&kept))
    );
    assert_eq!(world.server.shared.api.store.revision(), before);
    assert_eq!(world.get(&format!("{MAPS}/new")).await.0, 404);
}
