//! Connections over a real port of this machine: what is under way when the server leaves.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::routing::get;
use futures::StreamExt;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::TokioExecutor;
use keelson_api::time::{Clock, UnixMillis};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::*;
use crate::server::Parts;

/// A server that runs until told to leave, with a path that is answered only when the test wants it.
struct Running {
    leave: oneshot::Sender<()>,
    ended: JoinHandle<Drained>,
    client: SendRequest<Empty<Bytes>>,
    connection: JoinHandle<hyper::Result<()>>,
    /// The way to it for others.
    connector: TlsConnector,
    address: SocketAddr,
    asked: Arc<Notify>,
    may_answer: Arc<Notify>,
    /// Told when nobody waits any more for the answer.
    given_up: Arc<Notify>,
}

/// Tells when it is dropped.
struct Tells(Arc<Notify>);

impl Drop for Tells {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// An answer that has no end.
async fn endless() -> Body {
    Body::from_stream(futures::stream::repeat(Bytes::from_static(&[b'a'; 16 << 10])).map(Ok::<_, io::Error>))
}

/// An answer that breaks after it has begun.
async fn broken() -> Body {
    let pieces = futures::stream::iter(["begun", "broken"]);
    Body::from_stream(pieces.map(|piece| match piece {
        "begun" => Ok::<_, io::Error>(Bytes::from(piece)),
        _ => panic!("a defect"),
    }))
}

async fn run(deadline: Duration) -> Running {
    let authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, authority).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&key, &authority).unwrap();
    let tls = Tls::new(&certificate.pem(), &key.serialize_pem(), &authority.pem()).unwrap();

    let clock = Clock::new(|| UnixMillis(0));
    let mut server = ApiServer::new(Parts::for_tests(clock).await);
    let [asked, may_answer, given_up] = std::array::from_fn(|_| Arc::new(Notify::new()));
    let (tell, wait, end) = (asked.clone(), may_answer.clone(), given_up.clone());
    let slow = get(async move || {
        let _tells = Tells(end);
        tell.notify_one();
        wait.notified().await;
        "answered"
    });
    // Under paths that anybody may ask for.
    server.routes = axum::Router::new()
        .route("/livez", slow)
        .route("/healthz", get(endless))
        .route("/readyz", get(broken));
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.address();
    let (leave, left) = oneshot::channel();
    #[expect(clippy::disallowed_methods, reason = "each test awaits it")]
    let ended =
        tokio::spawn(
            async move { serve(listener, tls, server, async { left.await.unwrap() }, deadline).await },
        );

    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connect(&connector, address).await;
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "each test awaits it")]
    let connection = tokio::spawn(connection);
    Running { leave, ended, client, connection, connector, address, asked, may_answer, given_up }
}

async fn connect(
    connector: &TlsConnector,
    address: SocketAddr,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let mut running = run(Duration::from_secs(60)).await;
    let mut silent = connect(&running.connector, running.address).await;
    tokio::time::pause();
    // The other one has spoken, and stays.
    let read = silent.read(&mut [0]).await;
    assert!(read.is_err() || read.is_ok_and(|bytes| bytes == 0), "it is closed");
    tokio::time::resume();
    running.may_answer.notify_one();
    let answer = running.client.send_request(request()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "answered");
}

fn request() -> http::Request<Empty<Bytes>> {
    request_of("livez")
}

fn request_of(path: &str) -> http::Request<Empty<Bytes>> {
    http::Request::get(format!("https://localhost/{path}")).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let mut running = run(Duration::from_secs(60)).await;
    let answer = running.client.send_request(request());
    let tell = async {
        running.asked.notified().await;
        running.leave.send(()).unwrap();
        running.may_answer.notify_one();
    };
    let (answer, ()) = tokio::join!(answer, tell);
    assert_eq!(answer.unwrap().into_body().collect().await.unwrap().to_bytes(), "answered");
    assert_eq!(running.ended.await.unwrap(), Drained { cut: 0 });
    // The client was told to go, rather than cut off.
    running.connection.await.unwrap().unwrap();
    assert!(running.client.send_request(request()).await.is_err());
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_cut() {
    let mut running = run(Duration::from_millis(50)).await;
    let answer = running.client.send_request(request());
    let tell = async {
        running.asked.notified().await;
        running.leave.send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(answer, tell);
    assert!(answer.is_err());
    assert_eq!(running.ended.await.unwrap(), Drained { cut: 1 });
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_end_up() {
    let mut running = run(Duration::from_secs(3_600)).await;
    running.may_answer.notify_one();
    running.client.send_request(request()).await.unwrap();
    running.leave.send(()).unwrap();
    assert_eq!(running.ended.await.unwrap(), Drained { cut: 0 });
    running.connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_defect_in_an_answer_costs_no_other_one() {
    let mut running = run(Duration::from_secs(60)).await;
    let answer = running.client.send_request(request());
    let mut client = running.client.clone();
    let tell = async {
        running.asked.notified().await;
        let broken = client.send_request(request_of("readyz")).await.unwrap();
        assert!(broken.into_body().collect().await.is_err());
        running.may_answer.notify_one();
    };
    let (answer, ()) = tokio::join!(answer, tell);
    assert_eq!(answer.unwrap().into_body().collect().await.unwrap().to_bytes(), "answered");
}

#[tokio::test]
async fn an_answer_that_nobody_reads_holds_up_only_itself() {
    let mut running = run(Duration::from_millis(50)).await;
    let unread = running.client.send_request(request_of("healthz")).await.unwrap();
    running.may_answer.notify_one();
    let answer = running.client.send_request(request()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "answered");
    running.leave.send(()).unwrap();
    assert_eq!(running.ended.await.unwrap(), Drained { cut: 1 });
    drop(unread);
}

#[tokio::test]
async fn what_is_done_for_a_request_ends_when_it_is_taken_back() {
    let mut running = run(Duration::from_secs(60)).await;
    let mut client = running.client.clone();
    tokio::select! {
        _ = client.send_request(request()) => unreachable!("it may not be answered"),
        () = running.asked.notified() => {}
    }
    running.given_up.notified().await;
    // The connection goes on.
    running.may_answer.notify_one();
    assert_eq!(running.client.send_request(request()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_done_for_a_client_ends_when_it_goes_away() {
    let mut running = run(Duration::from_secs(60)).await;
    tokio::select! {
        _ = running.client.send_request(request()) => unreachable!("it may not be answered"),
        () = async { running.asked.notified().await; running.connection.abort() } => {}
    }
    running.given_up.notified().await;
}
