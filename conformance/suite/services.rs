//! Services over the network: what they are given is theirs alone, whatever happens to the server.

use std::collections::BTreeSet;

use http::Method;
use keelson_subject::client::Client;
use keelson_subject::ours::Server;
use serde_json::{Value, json};

use crate::place;

const JSON: &str = "application/json";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const ADDRESSES: &str = "/apis/networking.k8s.io/v1/ipaddresses";

async fn make(server: &Server, name: String) -> (u16, Value) {
    let service = json!({"metadata": {"name": name}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
    let client = Client::of(&server.kubeconfig());
    let answer = client.send(Method::POST, SERVICES, JSON, &service.to_string()).await;
    (answer.code, serde_json::from_str(&answer.body).unwrap())
}

async fn list(server: &Server, path: &str) -> Vec<Value> {
    let answer = Client::of(&server.kubeconfig()).get(path).await;
    let mut list: Value = serde_json::from_str(&answer.body).unwrap();
    list["items"].as_array_mut().unwrap().drain(..).collect()
}

/// Sees to it that every service has an address and ports of its own, and that the addresses that are given are theirs.
async fn check(server: &Server, expected: usize) {
    let services = list(server, SERVICES).await;
    assert_eq!(services.len(), expected);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ips: BTreeSet<String> = services.iter().map(|service| text(&service["spec"]["clusterIP"])).collect();
    let given =
        list(server, ADDRESSES).await.iter().map(|address| text(&address["metadata"]["name"])).collect();
    assert_eq!((ips.len(), &ips), (expected, &given));
    let ports = services.iter().filter_map(|service| service["spec"]["ports"][0]["nodePort"].as_i64());
    assert_eq!(ports.collect::<BTreeSet<_>>().len(), expected - 1, "all but the server's own one");
}

#[tokio::test]
async fn nothing_is_given_twice_over_kills_and_restarts() {
    const ROOM: usize = 30;
    const AT_ONCE: usize = 16;
    let scratch = place();
    let args = ["--service-cidr", "10.7.0.0/27"];
    let server = scratch.up(&args).await;
    let new = (0..AT_ONCE).map(|i| make(&server, format!("first-{i}")));
    let made = futures::future::join_all(new).await;
    assert!(made.iter().all(|(code, _)| *code == 201), "{made:?}");
    server.kill().await;

    let server = scratch.up(&args).await;
    check(&server, 1 + AT_ONCE).await;
    let new = (0..AT_ONCE).map(|i| make(&server, format!("second-{i}")));
    let made = futures::future::join_all(new).await;
    let refused: Vec<_> = made.iter().filter(|(code, _)| *code != 201).collect();
    assert_eq!(refused.len(), 1 + 2 * AT_ONCE - ROOM, "{refused:?}");
    for (code, status) in refused {
        let message = status["message"].as_str().unwrap();
        assert!(*code == 500 && message.ends_with("range is full"), "{message}");
    }
    check(&server, ROOM).await;
    server.end().await;
}

#[tokio::test]
async fn the_servers_own_service_has_the_first_address() {
    let scratch = place();
    for _ in 0..2 {
        let server = scratch.up(&[]).await;
        let addresses = list(&server, ADDRESSES).await;
        assert_eq!(addresses.len(), 1);
        assert_eq!(addresses[0]["metadata"]["name"], json!("10.96.0.1"));
        let parent = json!({"resource": "services", "namespace": "default", "name": "kubernetes"});
        assert_eq!(addresses[0]["spec"]["parentRef"], parent);
        server.end().await;
    }
}
