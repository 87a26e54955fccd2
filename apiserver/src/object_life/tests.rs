//! Lives of objects, asked for through the in-process door as any client does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use keelson_api::time::{Clock, UnixMillis};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::caller::{Caller, Credentials};
use crate::resource::check::NOW;
use crate::server::{ApiServer, Parts};

const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";

/// A server, and the clock that it goes by.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    now: Arc<AtomicU64>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let now = Arc::new(AtomicU64::new(NOW.0));
        let read = Arc::clone(&now);
        let clock = Clock::new(move || UnixMillis(read.load(Ordering::Relaxed)));
        Self { server: ApiServer::new(Parts::for_tests(clock).await), now }
    }

    /// A server of these parts, which tell the time themselves.
    pub(crate) fn of(parts: Parts) -> Self {
        Self { server: ApiServer::new(parts), now: Arc::default() }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    async fn ask_as(&self, accept: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let caller = Arc::new(Caller::authenticated("admin", ["system:masters"]));
        let request = Request::builder().method(method).uri(path).header("Accept", accept);
        let request = request.header("Content-Type", "application/json");
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.body(Body::from(text)).unwrap();
        let answer = self.server.door_with(Credentials::Component(caller)).oneshot(request).await.unwrap();
        let code = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap())
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        self.ask_as("application/json", method, path, &body).await
    }

    pub(crate) async fn make(&self, path: &str, body: Value) -> Value {
        let (code, made) = self.ask(Method::POST, path, body).await;
        assert_eq!(code, 201, "{made}");
        made
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, Value::Null).await
    }

    async fn row(&self, path: &str) -> Value {
        let (_, mut table) = self.ask_as(TABLE, Method::GET, path, &Value::Null).await;
        table["rows"][0].take()
    }
}

#[tokio::test]
async fn a_namespace_goes_when_its_finalizers_are_gone() {
    let world = World::new().await;
    let namespace = json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"generateName": "a-"}});
    let made = world.make("/api/v1/namespaces", namespace).await;
    let name = made["metadata"]["name"].as_str().unwrap();
    assert_eq!(made["metadata"]["labels"], json!({"kubernetes.io/metadata.name": name}));
    assert_eq!(
        (&made["spec"], &made["status"]),
        (&json!({"finalizers": ["kubernetes"]}), &json!({"phase": "Active"}))
    );

    let path = format!("/api/v1/namespaces/{name}");
    let (_, going) = world.ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!(going["status"], json!({"phase": "Terminating"}));
    assert_eq!(going["metadata"]["deletionTimestamp"], json!("2030-01-01T00:00:00Z"));
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], Value::Null);
    world.pass(5);
    let (code, again) = world.ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!((code, &again["metadata"]), (200, &going["metadata"]), "a second deletion changes nothing");
    assert_eq!(world.row(&path).await["cells"], json!([name, "Terminating", "5s"]));

    let mut finalized = going.clone();
    finalized["spec"] = json!({});
    let (code, last) = world.ask(Method::PUT, &format!("{path}/finalize"), finalized).await;
    assert_eq!(code, 200, "{last}");
    assert_eq!(world.get(&path).await.0, 404);
}

#[tokio::test]
async fn a_pod_is_given_time_where_it_runs() {
    let world = World::new().await;
    world
        .make(
            "/api/v1/namespaces",
            json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "n"}}),
        )
        .await;
    let pod = |name: &str, node: Value| {
        json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "generation": 7}, "status": {"phase": "Failed"},
            "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]}})
    };
    let made = world.make("/api/v1/namespaces/n/pods", pod("waits", Value::Null)).await;
    assert_eq!(made["status"], json!({"phase": "Pending", "qosClass": "BestEffort"}));
    assert_eq!(made["metadata"]["generation"], json!(1));
    let (code, _) = world.ask(Method::DELETE, "/api/v1/namespaces/n/pods/waits", Value::Null).await;
    assert_eq!(code, 200);
    assert_eq!(world.get("/api/v1/namespaces/n/pods/waits").await.0, 404);

    world.make("/api/v1/namespaces/n/pods", pod("runs", json!("node"))).await;
    let path = "/api/v1/namespaces/n/pods/runs";
    let (_, going) = world.ask(Method::DELETE, path, Value::Null).await;
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], json!(30));
    assert_eq!(going["metadata"]["deletionTimestamp"], json!("2030-01-01T00:00:30Z"));
    let row = world.row(path).await;
    assert_eq!(
        row["cells"],
        json!(["runs", "0/1", "Terminating", "0", "0s", "<none>", "node", "<none>", "<none>"])
    );

    let (_, mut ended) = world.get(path).await;
    ended["status"] = json!({"phase": "Succeeded"});
    ended["spec"]["nodeName"] = json!("elsewhere");
    let (code, ended) = world.ask(Method::PUT, &format!("{path}/status"), ended).await;
    assert_eq!((code, &ended["spec"]["nodeName"]), (200, &json!("node")), "{ended}");
    let row = world.row(path).await;
    assert_eq!((&row["cells"][2], &row["conditions"][0]["type"]), (&json!("Succeeded"), &json!("Completed")));
    world.ask(Method::DELETE, path, json!({"gracePeriodSeconds": 0})).await;
    assert_eq!(world.get(path).await.0, 404);
}

#[tokio::test]
async fn an_event_is_the_same_in_both_groups() {
    let world = World::new().await;
    world
        .make(
            "/api/v1/namespaces",
            json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "n"}}),
        )
        .await;
    let event = json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "metadata": {"name": "e"}, "note": "words",
        "regarding": {"kind": "Pod", "name": "p", "namespace": "n"}, "type": "Normal", "reason": "r", "action": "a",
        "reportingController": "c", "reportingInstance": "i", "eventTime": "2029-12-31T23:59:00.000000Z"});
    let made = world.make("/apis/events.k8s.io/v1/namespaces/n/events", event).await;
    assert_eq!((&made["note"], &made["apiVersion"]), (&json!("words"), &json!("events.k8s.io/v1")));
    let (_, old) = world.get("/api/v1/namespaces/n/events/e").await;
    assert_eq!((&old["message"], &old["reportingComponent"]), (&json!("words"), &json!("c")));
    assert_eq!(old["involvedObject"], json!({"kind": "Pod", "name": "p", "namespace": "n"}));
    assert_eq!(old["metadata"]["uid"], made["metadata"]["uid"]);
    let cells = json!(["60s", "Normal", "r", "pod/p", "", "c, i", "words", "60s", 1, "e"]);
    for path in ["/api/v1/namespaces/n/events/e", "/apis/events.k8s.io/v1/namespaces/n/events/e"] {
        assert_eq!(world.row(path).await["cells"], cells, "{path}");
    }
}

#[tokio::test]
async fn what_depends_on_an_object_is_orphaned_only_where_clients_expect_it() {
    let world = World::new().await;
    world
        .make(
            "/api/v1/namespaces",
            json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "n"}}),
        )
        .await;
    let template =
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let controller = json!({"kind": "ReplicationController", "apiVersion": "v1", "metadata": {"name": "r"}, "spec": {"template": template}});
    let path = "/api/v1/namespaces/n/replicationcontrollers";
    world.make(path, controller.clone()).await;
    let path_of = format!("{path}/r");
    world.ask(Method::DELETE, &path_of, Value::Null).await;
    assert_eq!(world.get(&path_of).await.1["metadata"]["finalizers"], json!(["orphan"]));
    world.ask(Method::DELETE, &path_of, json!({"propagationPolicy": "Background"})).await;
    assert_eq!(world.get(&path_of).await.0, 404);
}

#[tokio::test]
async fn what_upstream_reads_into_an_object_is_its_writers() {
    let world = World::new().await;
    world.make("/api/v1/namespaces", json!({"metadata": {"name": "a"}})).await;
    let container = json!([{"name": "c", "image": "i"}]);
    let template = json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": container, "restartPolicy": "Never"}});
    let job = json!({"metadata": {"name": "j"}, "spec": {"template": template}});
    let made = world.make("/apis/batch/v1/namespaces/a/jobs", job).await;
    assert_eq!(made["metadata"]["labels"]["app"], json!("x"));
    let owned = &made["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"];
    assert_eq!(*owned, json!({"f:labels": {".": {}, "f:app": {}}}));
    // A value that is null is stored as none, and so does not change any more.
    let secret = json!({"metadata": {"name": "s"}, "data": {"a": null}});
    let made = world.make("/api/v1/namespaces/a/secrets", secret).await;
    assert_eq!(made["data"], json!({"a": ""}));
}

#[tokio::test]
async fn what_is_wrong_comes_in_upstreams_order() {
    let world = World::new().await;
    world.make("/api/v1/namespaces", json!({"metadata": {"name": "a"}})).await;
    let causes = |answer: &Value| -> Vec<String> {
        let causes = answer["details"]["causes"].as_array().unwrap().iter();
        causes.map(|cause| cause["field"].as_str().unwrap().to_owned()).collect()
    };
    const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings";
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"});
    let mut binding = world.make(BINDINGS, json!({"metadata": {"name": "b"}, "roleRef": role})).await;
    binding["roleRef"]["name"] = json!("");
    let (code, refused) = world.ask(Method::PUT, &format!("{BINDINGS}/b"), binding).await;
    assert_eq!((code, causes(&refused)), (422, vec!["roleRef.name".to_owned(), "roleRef".to_owned()]));
    const TEMPLATES: &str = "/apis/resource.k8s.io/v1/namespaces/a/resourceclaimtemplates";
    let request =
        |admin: bool| json!([{"name": "r", "exactly": {"deviceClassName": "c", "adminAccess": admin}}]);
    let constraint = json!([{"requests": ["r"], "distinctAttribute": "e.example/i"}]);
    let template = |admin: bool| {
        let devices = json!({"requests": request(admin), "constraints": constraint});
        json!({"metadata": {"name": "t"}, "spec": {"spec": {"devices": devices}}})
    };
    let (code, refused) = world.ask(Method::POST, TEMPLATES, template(true)).await;
    assert_eq!((code, causes(&refused)), (422, vec!["spec.devices.requests[0].adminAccess".to_owned()]));
    let mut made = world.make(TEMPLATES, template(false)).await;
    made["spec"]["spec"]["devices"]["requests"] = json!([]);
    let (code, refused) = world.ask(Method::PUT, &format!("{TEMPLATES}/t"), made).await;
    let expected = ["spec.spec.devices.constraints[0].requests[0]", "spec"];
    assert_eq!((code, causes(&refused)), (422, expected.map(str::to_owned).to_vec()));
    let labels = json!({"resource.kubernetes.io/admin-access": "true"});
    world.make("/api/v1/namespaces", json!({"metadata": {"name": "b", "labels": labels}})).await;
    world.make(&TEMPLATES.replace("/a/", "/b/"), template(true)).await;
}
