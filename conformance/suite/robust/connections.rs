//! Connections that say nothing, or never to the end.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Attacked, connections_of};
use keelson_subject::client::Client;
use keelson_subject::ours::PATIENCE;

/// The begin of a handshake: a record that announces a greeting of 508 bytes, and its first two.
const HALF_A_GREETING: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_that_are_silent_or_stop_in_their_handshake() {
    let count = connections_of(10_000);
    let attacked = Attacked::new().await;
    let mut open = Vec::new();
    for number in 0..count {
        let mut stream = TcpStream::connect(attacked.server.address).await.unwrap();
        if number % 2 == 1 {
            stream.write_all(HALF_A_GREETING).await.unwrap();
        }
        open.push(stream);
    }
    attacked.answers().await;
    attacked.holds_at_most(256 << 20);
    // Nobody has for ever to say hello.
    for mut stream in open {
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is closed");
    }
    attacked.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_that_are_open_and_ask_nothing() {
    let attacked = Attacked::new().await;
    let mut opening = JoinSet::new();
    for number in 0..400 {
        let protocol: &[u8] = if number % 2 == 0 { b"h2" } else { b"http/1.1" };
        let client = Client { protocol, ..attacked.client.clone() };
        opening.spawn(async move { client.connect().await.unwrap() });
    }
    let open = opening.join_all().await;
    attacked.answers().await;
    attacked.holds_at_most(128 << 20);
    drop(open);
    attacked.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_trickle_are_cut_off() {
    let attacked = Attacked::new().await;
    let mut open = JoinSet::new();
    for _ in 0..100 {
        let client = attacked.client.clone();
        open.spawn(async move {
            let mut stream = client.connect().await.unwrap();
            stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: k\r\nx-a").await.unwrap();
            // The name of the header never ends; at last nobody listens any more.
            let trickle = async {
                let (mut from, mut to) = tokio::io::split(stream);
                let mut answer = Vec::new();
                tokio::select! {
                    _ = from.read_to_end(&mut answer) => {}
                    () = async { while to.write_all(b"a").await.is_ok() { tokio::task::yield_now().await; tokio::time::sleep(PATIENCE / 60).await } } => {}
                }
            };
            timeout(PATIENCE, trickle).await.expect("it is cut off");
        });
    }
    attacked.answers().await;
    open.join_all().await;
    attacked.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_come_are_waited_for_no_longer_than_the_request_may_take() {
    let attacked = Attacked::new().await;
    let mut open = JoinSet::new();
    for _ in 0..100 {
        let client = attacked.client.clone();
        open.spawn(async move {
            let mut stream = client.connect().await.unwrap();
            let head = "POST /api/v1/namespaces/default/configmaps?timeout=2s HTTP/1.1\r\nhost: k\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"a";
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = [0; 12];
            timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("it is answered").unwrap();
            assert_eq!(std::str::from_utf8(&answer).unwrap(), "HTTP/1.1 504");
        });
    }
    attacked.answers().await;
    open.join_all().await;
    attacked.recovers().await;
}
