//! In which form clients get what they ask for: encodings, compression, streams, and refusals in the form that was asked
//! for. Requests are written by hand, since it is their heads that count.

use keelson_subject::client::Client;
use keelson_subject::ours::{PATIENCE, Scratch, Server};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::place;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PROTOBUF: &str = "accept: application/vnd.kubernetes.protobuf";

/// A request on its own connection, of which nothing has been read yet.
async fn begin(client: &Client, request: &str, headers: &[&str], body: &[u8]) -> TlsStream<TcpStream> {
    let mut stream = client.connect().await.unwrap();
    let mut head = format!("{request} HTTP/1.1\r\nhost: k\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

/// Reads on until `is_enough`, or to the end.
async fn read(stream: &mut TlsStream<TcpStream>, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut seen = Vec::new();
    let more =
        async { while !is_enough(&seen) && stream.read_buf(&mut seen).await.is_ok_and(|count| count > 0) {} };
    timeout(PATIENCE, more).await.expect("it answers");
    seen
}

/// The head of an answer, in lower case, and its body.
async fn ask(client: &Client, request: &str, headers: &[&str], body: &[u8]) -> (String, Vec<u8>) {
    let headers = [headers, &["connection: close"]].concat();
    let answer = read(&mut begin(client, request, &headers, body).await, |_| false).await;
    let end = answer.windows(4).position(|at| at == b"\r\n\r\n").expect("a head ends");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
    (head, answer[end + 4..].to_vec())
}

async fn server(scratch: &Scratch, args: &[&str]) -> (Server, Client) {
    let server = scratch.up(args).await;
    let client = Client::of(&server.kubeconfig());
    (server, client)
}

async fn make(client: &Client, name: &str, bytes: usize) {
    let data = "x".repeat(bytes);
    let body = format!(r#"{{"metadata":{{"name":"{name}"}},"data":{{"a":"{data}"}}}}"#);
    let json = ["content-type: application/json"];
    let (head, _) = ask(client, &format!("POST {CONFIG_MAPS}"), &json, body.as_bytes()).await;
    assert!(head.starts_with("http/1.1 201"), "{head}");
}

#[tokio::test]
async fn refusals_come_in_the_form_that_was_asked_for() {
    let scratch = place();
    let (server, client) = server(&scratch, &[]).await;
    let absent = format!("GET {CONFIG_MAPS}/absent");
    let get = async |headers: &[&str]| ask(&client, &absent, headers, b"").await;

    let (head, body) = get(&["audit-id: mine"]).await;
    assert!(head.starts_with("http/1.1 404") && head.contains("\r\naudit-id: mine"), "{head}");
    assert!(body.starts_with(br#"{"kind":"Status","#), "{body:?}");
    let (head, body) = get(&[PROTOBUF]).await;
    assert!(head.contains("content-type: application/vnd.kubernetes.protobuf"), "{head}");
    assert!(head.contains("\r\naudit-id: ") && body.starts_with(b"k8s\0"), "{head}");
    let (_, body) = get(&["accept: application/yaml"]).await;
    assert!(body.starts_with(b"apiVersion: v1\ncode: 404\n"), "{body:?}");
    let (_, body) = get(&["user-agent: curl/8"]).await;
    assert!(body.starts_with(b"{\n  \"kind\": \"Status\",\n"), "{body:?}");
    let (head, body) = get(&["accept: text/html"]).await;
    assert!(head.starts_with("http/1.1 406"), "{head}");
    assert!(body.windows(30).any(|at| at == b"Available representations: app"), "{body:?}");
    server.end().await;
}

#[tokio::test]
async fn large_answers_are_compressed_and_large_questions_refused() {
    let scratch = place();
    let (server, client) = server(&scratch, &[]).await;
    make(&client, "large", 200 << 10).await;
    for (accepts, packed) in [("gzip", true), ("br, gzip", true), ("identity", false)] {
        for path in [CONFIG_MAPS.to_owned(), format!("{CONFIG_MAPS}/large")] {
            let accepts = format!("accept-encoding: {accepts}");
            let (head, _) = ask(&client, &format!("GET {path}"), &[&accepts], b"").await;
            assert_eq!(head.contains("content-encoding: gzip"), packed, "{accepts} {path}: {head}");
        }
    }
    let json = ["content-type: application/json"];
    let (head, body) = ask(&client, &format!("POST {CONFIG_MAPS}"), &json, &[b' '; (3 << 20) + 1]).await;
    assert!(head.starts_with("http/1.1 413"), "{head}");
    let words = r#""message":"Request entity too large: limit is 3145728","reason":"RequestEntityTooLarge""#;
    assert!(String::from_utf8(body).unwrap().contains(words));
    let (head, body) = ask(&client, &format!("GET {CONFIG_MAPS}?timeout=5"), &[], b"").await;
    assert!(head.starts_with("http/1.1 400"), "{head}");
    assert!(String::from_utf8(body).unwrap().contains("missing unit in duration"));
    server.end().await;
}

#[tokio::test]
async fn every_document_has_the_forms_it_is_offered_in() {
    let scratch = place();
    let (server, client) = server(&scratch, &[]).await;
    for (path, kind) in [
        ("/api", "APIVersions"),
        ("/apis", "APIGroupList"),
        ("/apis/apps", "APIGroup"),
        ("/api/v1", "APIResourceList"),
        ("/apis/apps/v1", "APIResourceList"),
    ] {
        let (head, body) = ask(&client, &format!("GET {path}"), &[PROTOBUF], b"").await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        let named = body.windows(kind.len()).any(|at| at == kind.as_bytes());
        assert!(body.starts_with(b"k8s\0") && named, "{path}: {body:?}");
    }
    // What is only asked has metadata, and no row.
    let ask_as = async |form: &str| {
        let body = br#"{"spec":{"nonResourceAttributes":{"path":"/","verb":"get"}}}"#;
        let accept = format!("accept: application/json;as={form};g=meta.k8s.io;v=v1");
        let path = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        ask(&client, path, &[&accept, "content-type: application/json"], body).await.0
    };
    assert!(ask_as("Table").await.starts_with("http/1.1 406"));
    assert!(ask_as("PartialObjectMetadata").await.starts_with("http/1.1 201"));
    server.end().await;
}

/// What begins with the objects there are and says when it has shown them.
const ALL: &str = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";

#[tokio::test]
async fn watches_say_in_their_own_form_how_far_they_are_and_end_with_the_server() {
    let scratch = place();
    let (mut server, client) = server(&scratch, &["--shutdown-timeout", "600"]).await;
    make(&client, "one", 1).await;
    let accept = "accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let mut stream = begin(&client, &format!("GET {CONFIG_MAPS}?{ALL}"), &[accept], b"").await;
    let bookmark =
        br#"{"type":"BOOKMARK","object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","#;
    let seen = read(&mut stream, |seen| seen.windows(bookmark.len()).any(|at| at == bookmark)).await;
    assert!(String::from_utf8(seen).unwrap().contains(r#"{"type":"ADDED","object":{"kind":"Partial"#));
    server.signal(Signal::TERM);
    assert!(server.wait().await.success(), "{}", server.log());
    // The stream ends as streams do, so that the client takes what it has seen for whole.
    assert!(read(&mut stream, |_| false).await.ends_with(b"0\r\n\r\n"));
}

#[tokio::test]
async fn watches_go_over_websockets() {
    let scratch = place();
    let (server, client) = server(&scratch, &[]).await;
    make(&client, "one", 1).await;
    let request = format!("GET {CONFIG_MAPS}?fieldSelector=metadata.name%3Done&{ALL}");
    let mut headers = vec![
        "connection: Upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let refused = read(&mut begin(&client, &request, &headers, b"").await, |seen| seen.len() > 12).await;
    assert!(refused.starts_with(b"HTTP/1.1 403"), "browsers say where they come from");
    headers.push("origin: https://example.com");
    let mut stream = begin(&client, &request, &headers, b"").await;
    let bookmark = b"k8s.io/initial-events-end";
    let seen = read(&mut stream, |seen| seen.windows(bookmark.len()).any(|at| at == bookmark)).await;
    assert!(seen.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&seen));
    let head = String::from_utf8_lossy(&seen).to_lowercase();
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    // A whole message of text, of more than 125 bytes.
    let event = seen.windows(12).position(|at| at == br#"{"type":"ADD"#).expect("the object is shown");
    assert_eq!(seen[event - 4..event - 2], [0x81, 126]);
    server.end().await;
}
