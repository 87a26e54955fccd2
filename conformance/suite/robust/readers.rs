//! Readers that ask for much and take little.

use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Attacked;
use keelson_subject::client::Client;
use keelson_subject::ours::PATIENCE;
use keelson_subject::streams::{Pieces, Streams};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// What one of the large objects holds, in bytes.
const LARGE: usize = 512 << 10;

fn large(name: &str, label: &str, fill: char) -> String {
    let data = fill.to_string().repeat(LARGE);
    format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","labels":{{"is":"{label}"}}}},"data":{{"a":"{data}"}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_a_large_list_holds_nobody_up() {
    const OBJECTS: usize = 60;
    const READERS: usize = 60;
    let mut attacked = Attacked::new().await;
    for number in 0..OBJECTS {
        let body = large(&format!("a{number}"), "large", 'a');
        assert_eq!(attacked.client.send(Method::POST, MAPS, "application/json", &body).await.code, 201);
    }
    attacked.settle().await;
    let mut open = Vec::new();
    for _ in 0..READERS {
        let mut stream = attacked.client.connect().await.unwrap();
        stream.write_all(format!("GET {MAPS} HTTP/1.1\r\nhost: k\r\n\r\n").as_bytes()).await.unwrap();
        // It has begun, and is never read on.
        let mut begin = [0; 15];
        timeout(PATIENCE, stream.read_exact(&mut begin)).await.expect("it begins").unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200 OK");
        open.push(stream);
    }
    attacked.answers().await;
    // All of them whole would be 1.8 GiB.
    attacked.holds_at_most(512 << 20);
    let whole = attacked.client.get(MAPS).await;
    assert!(whole.code == 200 && whole.body.len() > OBJECTS * LARGE, "{} {}", whole.code, whole.body.len());
    drop(whole);
    drop(open);
    attacked.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_a_watch_is_cut_off_alone() {
    const CHANGES: usize = 400;
    const SLOW: usize = 20;
    let mut attacked = Attacked::new().await;
    let put = |name: &str, fill| large(name, "watched", fill);
    let body = put("watched", 'a');
    assert_eq!(attacked.client.send(Method::POST, MAPS, "application/json", &body).await.code, 201);
    attacked.settle().await;
    let watch = format!("GET {MAPS}?watch=true&labelSelector=is%3Dwatched HTTP/1.1\r\nhost: k\r\n\r\n");
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        let mut stream = attacked.client.connect().await.unwrap();
        stream.write_all(watch.as_bytes()).await.unwrap();
        let mut begin = [0; 15];
        timeout(PATIENCE, stream.read_exact(&mut begin)).await.expect("it begins").unwrap();
        slow.push(stream);
    }
    let (connection, mut fast) = watches(&attacked.client, 1, "&labelSelector=is%3Dwatched").await;
    #[expect(clippy::disallowed_methods, reason = "it is awaited below")]
    let reads = tokio::spawn(async move {
        let mut events = 0;
        // The object as it is, then each of its changes: a line each.
        while events <= CHANGES {
            let piece = fast[0].next().await.unwrap_or_else(|| panic!("cut off after {events} events"));
            events += piece.unwrap().iter().filter(|byte| **byte == b'\n').count();
        }
        drop(connection);
    });
    for number in 0..CHANGES {
        let body = put("watched", if number % 2 == 0 { 'b' } else { 'a' });
        let path = format!("{MAPS}/watched");
        let changed = attacked.client.send(Method::PUT, &path, "application/json", &body);
        assert_eq!(changed.await.code, 200);
    }
    reads.await.unwrap();
    attacked.answers().await;
    // All that the slow ones have not taken would be 4 GiB; what they wait for together is held once, beside the
    // history, as it is stored and as it is sent.
    attacked.holds_at_most(768 << 20);
    drop(slow);
    attacked.recovers_but_for((CHANGES * LARGE) as u64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_watches_come_and_go() {
    const CONNECTIONS: usize = 30;
    const STREAMS: usize = 100;
    let attacked = Attacked::new().await;
    for round in 0..3 {
        let mut opening = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let client = attacked.client.clone();
            opening.spawn(async move { watches(&client, STREAMS, "").await });
        }
        let open = opening.join_all().await;
        attacked.answers().await;
        attacked.holds_at_most(128 << 20);
        // All of them hear of what happens.
        let body =
            format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"round-{round}"}}}}"#);
        assert_eq!(attacked.client.send(Method::POST, MAPS, "application/json", &body).await.code, 201);
        for (connection, bodies) in open {
            for mut body in bodies {
                let piece = body.next().await.expect("it is told").unwrap();
                assert!(piece.starts_with(b"{\"type\":\"ADDED\""));
            }
            drop(connection);
        }
    }
    attacked.recovers().await;
}

/// A connection with so many watches on it, which have to be read for the connection to go on.
async fn watches(client: &Client, count: usize, query: &str) -> (Streams, Vec<Pieces>) {
    let mut connection = Streams::open(client).await;
    let mut bodies = Vec::new();
    for _ in 0..count {
        bodies.push(connection.get(&format!("{MAPS}?watch=true{query}")).await);
    }
    (connection, bodies)
}
