//! The life of an object, as anybody who speaks HTTP sees it.

use http::Method;
use keelson_subject::client::Answer;
use serde_json::{Value, json};

use crate::judged::Judged;

const JSON: &str = "application/json";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn object(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error} in {}", answer.body))
}

#[tokio::test]
async fn an_object_is_created_read_replaced_and_deleted() {
    let judged = Judged::start_fresh("objects").await;
    let client = judged.client();
    let path = format!("{CONFIG_MAPS}/first");

    let new = json!({"metadata": {"name": "first"}, "data": {"color": "red"}});
    let created = client.send(Method::POST, CONFIG_MAPS, JSON, &new.to_string()).await;
    let created = (created.code, object(&created));
    assert_eq!(created.0, 201);
    let seen = object(&client.get(&path).await);
    assert_eq!(seen, created.1);
    assert_eq!((&seen["kind"], &seen["metadata"]["namespace"]), (&json!("ConfigMap"), &json!("default")));

    let again = object(&client.send(Method::POST, CONFIG_MAPS, JSON, &new.to_string()).await);
    assert_eq!(again["reason"], "AlreadyExists");
    assert_eq!(again["message"], "configmaps \"first\" already exists");

    let mut green = seen.clone();
    green["data"]["color"] = json!("green");
    let replaced = client.send(Method::PUT, &path, JSON, &green.to_string()).await;
    assert_eq!((replaced.code, &object(&replaced)["data"]["color"]), (200, &json!("green")));

    let mut blue = seen.clone();
    blue["data"]["color"] = json!("blue");
    let stale = object(&client.send(Method::PUT, &path, JSON, &blue.to_string()).await);
    assert_eq!((&stale["reason"], &stale["code"]), (&json!("Conflict"), &json!(409)));

    let deleted = object(&client.ask(Method::DELETE, &path).await);
    assert_eq!(
        (&deleted["status"], &deleted["details"]["uid"]),
        (&json!("Success"), &seen["metadata"]["uid"])
    );
    let gone = client.get(&path).await;
    assert_eq!((gone.code, &object(&gone)["message"]), (404, &json!("configmaps \"first\" not found")));
    judged.end().await;
}

#[tokio::test]
async fn events_are_found_by_who_reports_them_whichever_way_they_say_it() {
    let judged = Judged::start_fresh("objects").await;
    let client = judged.client();
    let events = "/api/v1/namespaces/default/events";
    let about = json!({"kind": "Pod", "namespace": "default", "name": "p"});
    for new in [
        json!({"metadata": {"name": "old"}, "involvedObject": about, "source": {"component": "one"}}),
        json!({"metadata": {"name": "new"}, "involvedObject": about, "reportingComponent": "two",
               "reportingInstance": "i", "eventTime": "2026-01-01T00:00:00.000000Z", "action": "a", "reason": "r",
               "type": "Normal"}),
    ] {
        let made = client.send(Method::POST, events, JSON, &new.to_string()).await;
        assert_eq!(made.code, 201, "{}", made.body);
    }
    for (path, found) in [
        (format!("{events}?fieldSelector=source%3Done"), "old"),
        (format!("{events}?fieldSelector=source%3Dtwo"), "new"),
        (
            "/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=reportingController%3Dtwo"
                .to_owned(),
            "new",
        ),
    ] {
        let items = &object(&client.get(&path).await)["items"];
        assert_eq!(
            (items.as_array().unwrap().len(), &items[0]["metadata"]["name"]),
            (1, &json!(found)),
            "{path}"
        );
    }
    judged.end().await;
}

#[tokio::test]
async fn a_pod_is_evicted_in_the_version_of_today_and_the_one_before() {
    let judged = Judged::start_fresh("objects").await;
    let client = judged.client();
    let pods = "/api/v1/namespaces/default/pods";
    let account = json!({"metadata": {"name": "default"}});
    client.send(Method::POST, "/api/v1/namespaces/default/serviceaccounts", JSON, &account.to_string()).await;
    for (version, code) in [("policy/v1", 201), ("policy/v1beta1", 201), ("policy/v1alpha1", 400)] {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        let made = client.send(Method::POST, pods, JSON, &pod.to_string()).await;
        assert!([201, 409].contains(&made.code), "{}", made.body);
        let eviction = json!({"apiVersion": version, "kind": "Eviction", "metadata": {"name": "p"}});
        let path = format!("{pods}/p/eviction");
        let evicted = client.send(Method::POST, &path, JSON, &eviction.to_string()).await;
        assert_eq!(evicted.code, code, "{version}: {}", evicted.body);
    }
    judged.end().await;
}
