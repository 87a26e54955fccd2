//! Requests through the in-process door and answers, whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use keelson_api::time::{Clock, UnixMillis};
use tower::ServiceExt;

use crate::caller::{Caller, Credentials};
use crate::health::{Check, Endpoint};
use crate::server::{ApiServer, Limits, Parts};

async fn server(limits: Limits, checks: Vec<Check>) -> (ApiServer, Arc<AtomicU64>) {
    let now = Arc::new(AtomicU64::new(1_000));
    let read = Arc::clone(&now);
    let clock = Clock::new(move || UnixMillis(read.load(Ordering::Relaxed)));
    (ApiServer::new(Parts { checks, limits, ..Parts::for_tests(clock).await }), now)
}

async fn ask(server: &ApiServer, credentials: &Credentials, request: Request<Body>) -> Response<Body> {
    server.door_with(credentials.clone()).oneshot(request).await.unwrap()
}

async fn get(server: &ApiServer, credentials: &Credentials, path: &str) -> (u16, String) {
    let answer = ask(server, credentials, Request::get(path).body(Body::empty()).unwrap()).await;
    let code = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8(body.to_vec()).unwrap())
}

fn admin() -> Credentials {
    Credentials::Component(Arc::new(Caller::authenticated("admin", ["system:masters"])))
}

#[tokio::test]
async fn strangers_see_health_and_version_and_nothing_else() {
    let (server, _) = server(Limits::default(), Vec::new()).await;
    for (path, anonymous, known) in [
        ("/livez", 200, 200),
        ("/readyz", 200, 200),
        ("/healthz", 200, 200),
        ("/readyz?verbose", 200, 200),
        ("/version", 200, 200),
        ("/version/", 200, 200),
        ("/livez/ping", 401, 200),
        ("/livez/nothing", 401, 404),
        ("/metrics", 401, 200),
        ("/", 401, 200),
        ("/api", 401, 200),
        ("/apis/nothing.example.com/v1/things", 401, 404),
        ("/nothing", 401, 404),
        ("/livez/", 401, 404),
        ("//livez", 401, 404),
    ] {
        assert_eq!(get(&server, &Credentials::None, path).await.0, anonymous, "{path} for a stranger");
        assert_eq!(get(&server, &admin(), path).await.0, known, "{path} for the admin");
    }
}

#[tokio::test]
async fn a_certificate_holds_until_it_ends_even_on_an_open_connection() {
    let (server, now) = server(Limits::default(), Vec::new()).await;
    let caller = Arc::new(Caller::authenticated("u", []));
    let certificate = Credentials::Certificate { caller, not_after: UnixMillis(2_000) };
    assert_eq!(get(&server, &certificate, "/metrics").await.0, 200);
    now.store(2_001, Ordering::Relaxed);
    assert_eq!(get(&server, &certificate, "/metrics").await.0, 401);
    assert_eq!(get(&server, &certificate, "/livez").await.0, 401, "stale credentials are told so everywhere");
}

#[tokio::test]
async fn credentials_that_prove_nothing_are_refused_everywhere() {
    let (server, _) = server(Limits::default(), Vec::new()).await;
    let other = Credentials::Unacceptable("of another authority".into());
    assert_eq!(get(&server, &other, "/livez").await.0, 401);
    let request = Request::get("/livez").header("authorization", "Bearer x").body(Body::empty()).unwrap();
    assert_eq!(ask(&server, &Credentials::None, request).await.status(), 401);
}

#[tokio::test]
async fn the_index_lists_what_is_served() {
    let (server, _) = server(Limits::default(), Vec::new()).await;
    let (_, body) = get(&server, &admin(), "/").await;
    let paths: Vec<String> = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next().map(Into::into))
        .collect();
    assert!(paths.iter().any(|path| path == "/readyz/shutdown"), "{paths:?}");
    for path in paths.iter().filter(|path| path.starts_with('/')) {
        assert_eq!(get(&server, &admin(), path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn leaving_fails_readiness_alone() {
    let (server, _) = server(Limits::default(), Vec::new()).await;
    server.leave();
    let (code, body) = get(&server, &Credentials::None, "/readyz").await;
    assert_eq!(
        (code, body.as_str()),
        (500, "[+]ping ok\n[-]shutdown failed: reason withheld\nreadyz check failed\n")
    );
    assert_eq!(get(&server, &Credentials::None, "/livez").await.0, 200);
}

#[tokio::test]
async fn bodies_have_a_bound() {
    let (server, _) = server(Limits::default(), Vec::new()).await;
    for (bytes, announced, code) in
        [((3 << 20) + 1, true, 413), ((3 << 20) + 1, false, 413), (3 << 20, true, 404)]
    {
        let mut request = Request::post("/api/v1/x").body(Body::from(vec![b' '; bytes])).unwrap();
        if announced {
            request.headers_mut().insert("content-length", bytes.into());
        }
        assert_eq!(ask(&server, &admin(), request).await.status(), code, "{bytes} {announced}");
    }
}

#[tokio::test]
async fn more_than_the_limit_in_flight_is_refused_but_health_answers() {
    let limits = Limits { reading_in_flight_max: 0, ..Limits::default() };
    let (server, _) = server(limits, Vec::new()).await;
    let answer = ask(&server, &admin(), Request::get("/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(get(&server, &Credentials::None, "/livez").await.0, 200);
    assert_eq!(get(&server, &admin(), "/metrics").await.0, 429, "a refused request gives its place back");
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let bad = Check::new("bad", &[Endpoint::Livez], || panic!("a defect"));
    let (server, _) = server(Limits::default(), vec![bad]).await;
    let (code, body) = get(&server, &admin(), "/livez").await;
    assert_eq!(code, 500);
    assert!(body.contains("\"reason\":\"InternalError\""), "{body}");
    assert_eq!(get(&server, &admin(), "/readyz").await.0, 200);
    assert_eq!(server.shared.in_flight.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_told_to_the_client() {
    let never = std::future::pending::<Result<(), crate::problem::Problem>>();
    let ended = super::limits::within(Duration::from_secs(60), never).await;
    assert_eq!(ended, Err(crate::problem::Problem::DeadlinePassed));
}

#[tokio::test]
async fn answers_are_counted_by_route() {
    let (server, _) = server(Limits::default(), Vec::new()).await;
    for path in ["/livez", "/livez/ping", "/nothing-1", "/nothing-2"] {
        get(&server, &admin(), path).await;
    }
    let (_, text) = get(&server, &admin(), "/metrics").await;
    let count = |needle: &str, code: &str| {
        let code = format!("code=\"{code}\"");
        let line = text.lines().find(|line| {
            line.starts_with("apiserver_request_total{") && line.contains(needle) && line.contains(&code)
        });
        line.map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned())
    };
    assert_eq!(count("subresource=\"/livez\"", "200").as_deref(), Some("2"));
    assert_eq!(count("subresource=\"\"", "404").as_deref(), Some("2"), "{text}");
}
