//! The process is killed as nobody can prevent, at any moment, and starts again.

use std::time::Duration;

use futures::future::join_all;
use http::Method;
use keelson_subject::client::Client;

use crate::files::fill;
use crate::place;

const OBJECTS: u64 = 50;
/// How often it is killed while it starts.
const KILLS: u64 = 40;
/// How many write at once while it is killed, and how often it is.
const WRITERS: usize = 8;
const KILLS_UNDER_LOAD: usize = 6;

#[tokio::test]
async fn killed_at_any_moment_of_its_start_it_starts_again() {
    let scratch = place();
    for kill in 0..KILLS {
        let server = scratch.spawn(&["up", "--listen", "127.0.0.1:0"]);
        // Not a wait for something: the moment is what is being tried.
        tokio::time::sleep(Duration::from_micros(kill * 1_000)).await;
        server.kill().await;
    }
    let server = scratch.up(&[]).await;
    assert_eq!(Client::of(&server.kubeconfig()).get("/readyz").await.body, "ok");
    server.end().await;
    assert!(scratch.must(&["storage", "check"]).await.ends_with("everything is sound\n"));
}

#[tokio::test]
async fn killed_while_it_serves_it_leaves_nothing_in_the_way() {
    let scratch = place();
    fill(&scratch.data(), OBJECTS).await;
    for _ in 0..5 {
        let server = scratch.up(&[]).await;
        let client = Client::of(&server.kubeconfig());
        assert_eq!(client.get("/readyz").await.code, 200);
        server.kill().await;
        // Its socket is still there, and is known to be stale.
        assert!(scratch.data().join("control.sock").exists());
        let status = scratch.must(&["storage", "status"]).await;
        assert!(
            status.starts_with("server:    none running") && status.contains("podtemplates: 50"),
            "{status}"
        );
    }
}

#[tokio::test]
async fn killed_under_load_it_keeps_what_it_acknowledged() {
    let scratch = place();
    let mut acknowledged: Vec<String> = Vec::new();
    let mut last_revision = 0;
    for round in 0..KILLS_UNDER_LOAD {
        let server = scratch.up(&[]).await;
        let client = Client::of(&server.kubeconfig());
        let (killer, writers) = (
            async {
                // Not a wait for something: the moment is what is being tried.
                tokio::time::sleep(Duration::from_millis(100 + 37 * round as u64)).await;
                server.kill().await;
            },
            join_all((0..WRITERS).map(|writer| write_until_gone(&client, round, writer))),
        );
        let ((), written) = tokio::join!(killer, writers);
        let written: Vec<_> = written.into_iter().flatten().collect();
        assert!(!written.is_empty(), "nothing was written in round {round}");
        acknowledged.extend(written);

        let server = scratch.up(&[]).await;
        let list = Client::of(&server.kubeconfig()).get("/api/v1/namespaces/default/configmaps").await;
        let list: serde_json::Value = serde_json::from_str(&list.body).unwrap();
        let names: Vec<_> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["metadata"]["name"].as_str().unwrap())
            .collect();
        for name in &acknowledged {
            assert!(names.contains(&name.as_str()), "{name} was acknowledged and is gone after kill {round}");
        }
        // One write of each writer may have come through unanswered, and no more.
        let unanswered = names.iter().filter(|name| name.starts_with("kept-")).count() - acknowledged.len();
        assert!(unanswered <= WRITERS * (round + 1), "{unanswered} objects that nobody was told of");
        let revision: u64 = list["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        assert!(revision > last_revision, "revision {revision} after {last_revision}");
        last_revision = revision;
        server.end().await;
    }
    assert!(scratch.must(&["storage", "check"]).await.ends_with("everything is sound\n"));
}

/// Creates one object after another, and returns the names of those that were acknowledged.
async fn write_until_gone(client: &Client, round: usize, writer: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let name = format!("kept-{round}-{writer}-{number}");
        let body = format!(r#"{{"metadata":{{"name":"{name}"}},"data":{{"a":"b"}}}}"#);
        let path = "/api/v1/namespaces/default/configmaps";
        match client.try_send(Method::POST, path, "application/json", &body).await {
            Ok(answer) if answer.code == 201 => acknowledged.push(name),
            // Cut off in the middle, or refused by nobody who listens.
            Ok(answer) => panic!("{answer:?}"),
            Err(_) => break,
        }
    }
    acknowledged
}
