//! The paths that are no resources: what is served there, and the list of them at `/`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State};
use axum::routing::{any, get};
use http::{Method, Response, StatusCode};
use serde::Serialize;

use crate::health::Endpoint;
use crate::problem::{Problem, Reply, answer, text};
use crate::server::Shared;
use crate::tokens::openid;
use crate::{refusal, version};

/// What can be read without saying who one is: that the server lives, and what it is. As upstream, the single checks
/// are not among them.
const PUBLIC: [&str; 5] = ["/healthz", "/livez", "/readyz", "/version", "/version/"];

/// Paths below which the one pattern of a route is meant; anything else would be as many metrics as clients invent.
const COUNTED: [&str; 8] =
    ["/.well-known", "/healthz", "/livez", "/metrics", "/openid", "/readyz", "/version", "/"];

/// What the list of paths names besides the checks.
const OWN: [&str; 4] = [openid::CONFIGURATION_PATH, "/metrics", openid::KEYS_PATH, "/version"];

/// Whether anybody may read this.
pub(crate) fn is_public(path: &str) -> bool {
    PUBLIC.contains(&path)
}

/// The route that `path` belongs to, as metrics name it; empty for what is not there.
pub(crate) fn counted_as(path: &str) -> &'static str {
    let first = path.get(1..).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    COUNTED.into_iter().find(|route| &route[1..] == first).unwrap_or_default()
}

/// Serves them.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for endpoint in Endpoint::ALL {
        let name = endpoint.name();
        let all = async move |State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery| {
            shared.checks.all(endpoint, query.as_deref().unwrap_or_default())
        };
        let one = async move |State(shared): State<Arc<Shared>>, Path(name): Path<String>| {
            shared
                .checks
                .one(endpoint, &name)
                .unwrap_or_else(|| Problem::NoSuchPath.into_response(&Reply::UNASKED))
        };
        router = router.route(&format!("/{name}"), any(all)).route(&format!("/{name}/{{*check}}"), any(one));
    }
    router
        .route("/metrics", any(metrics))
        .route("/version", any(version))
        .route("/version/", any(version))
        .route(
            "/version/{*rest}",
            any(async |request: Request| refusal::nothing_here().into_response(&Reply::to(&request))),
        )
        .route(openid::CONFIGURATION_PATH, get(openid_configuration))
        .route(&format!("{}/", openid::CONFIGURATION_PATH), get(openid_configuration))
        .route(openid::KEYS_PATH, get(openid_keys))
        .route(&format!("{}/", openid::KEYS_PATH), get(openid_keys))
        .route("/", any(index))
        .route("/index.html", any(index))
        .method_not_allowed_fallback(async |request: Request| {
            refusal::no_such_method().into_response(&Reply::to(&request))
        })
        .fallback(async || Problem::NoSuchPath.into_response(&Reply::UNASKED))
        .with_state(shared)
}

async fn version(request: Request) -> Response<Body> {
    match *request.method() {
        Method::GET => json(&version::INFO),
        _ => refusal::no_such_method().into_response(&Reply::to(&request)),
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let (reading, mutating) = shared.in_flight.counts();
    shared.metrics.show_in_flight(reading, mutating);
    let mut answer = text(StatusCode::OK, shared.metrics.text());
    let format = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, format);
    answer
}

async fn openid_configuration(State(shared): State<Arc<Shared>>) -> Response<Body> {
    openid::configuration(shared.api.token_rules.issuer(), &shared.api.keys, &shared.api.address)
}

async fn openid_keys(State(shared): State<Arc<Shared>>) -> Response<Body> {
    openid::keys(&shared.api.keys)
}

#[derive(Serialize)]
struct RootPaths {
    paths: Vec<String>,
}

async fn index(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let mut paths: Vec<String> = shared.checks.paths().chain(OWN.map(str::to_owned)).collect();
    for group in shared.api.catalog.groups() {
        let root = if group.name.is_empty() { "/api".to_owned() } else { format!("/apis/{}", group.name) };
        paths.extend(group.versions.iter().map(|version| format!("{root}/{}", version.name)));
        paths.push(root);
    }
    paths.sort_unstable();
    json(&RootPaths { paths })
}

fn json(value: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_string_pretty(value).expect("these types hold nothing that JSON cannot say");
    answer(StatusCode::OK, "application/json", body)
}
