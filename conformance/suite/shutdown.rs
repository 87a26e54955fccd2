//! The end: in order when asked, at once when asked twice, never before what is under way has had its time.

use keelson_subject::client::Client;
use keelson_subject::ours::{PATIENCE, until};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use crate::place;

#[tokio::test]
async fn either_signal_ends_it_well() {
    for signal in [Signal::INT, Signal::TERM] {
        let scratch = place();
        let mut server = scratch.up(&[]).await;
        let client = Client::of(&server.kubeconfig());
        assert_eq!(client.get("/readyz").await.code, 200);
        server.signal(signal);
        assert_eq!(server.wait().await.code(), Some(0), "{}", server.log());
        assert!(client.try_ask(http::Method::GET, "/livez").await.is_err(), "nobody listens any more");
        assert!(!server.data.join("control.sock").exists());
        let log = server.log();
        let complaints = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        let complaints: Vec<_> = complaints.filter(|line| !line.contains("no authorization yet")).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}

#[tokio::test]
async fn clients_that_only_wait_do_not_hold_it_up() {
    let scratch = place();
    let mut server = scratch.up(&["--shutdown-timeout", "600"]).await;
    let http1 = Client::of(&server.kubeconfig());
    let mut idle = http1.connect().await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: k\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    // Another one has not even begun its handshake.
    let silent = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let began = Instant::now();
    server.signal(Signal::TERM);
    assert!(server.wait().await.success(), "{}", server.log());
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    let mut rest = Vec::new();
    timeout(PATIENCE, idle.read_to_end(&mut rest)).await.expect("the connection is closed").ok();
    drop(silent);
}

/// A connection on which a request has begun and will never be complete.
async fn unfinished(client: &Client) -> impl Sized + use<> {
    let mut stream = client.connect().await.unwrap();
    stream.write_all(b"POST /livez HTTP/1.1\r\nhost: k\r\ncontent-length: 10\r\n\r\n123").await.unwrap();
    let mut answer = [0; 15];
    // Answered already, but the body is still to come.
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    stream
}

#[tokio::test]
async fn what_takes_too_long_is_cut_at_the_deadline() {
    let scratch = place();
    let mut server = scratch.up(&["--shutdown-timeout", "1"]).await;
    let mut stream = Client::of(&server.kubeconfig()).connect().await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost:").await.unwrap();
    stream.flush().await.unwrap();
    server.signal(Signal::TERM);
    assert!(server.wait().await.success(), "{}", server.log());
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let scratch = place();
    let mut server = scratch.up(&["--shutdown-timeout", "3600"]).await;
    let held = unfinished(&Client::of(&server.kubeconfig())).await;
    server.signal(Signal::TERM);
    until(|| server.log().contains("stopping").then_some(())).await;
    server.signal(Signal::TERM);
    server.wait().await;
    drop(held);
}
