//! A request's way, top to bottom, in running order.
//!
//! Each stage either lets the request on or ends it with a [`Problem`]; nothing but this file decides on their order.
//!
//! 1. **count**: outermost, so that every answer is counted, whichever stage gave it.
//! 2. **name**: so that whatever is said of a request can be traced to it, a refusal too.
//! 3. **recover**: a defect in any stage below costs one request, not the process.
//! 4. **limits**: before anything that costs, so that refusing stays cheap under load.
//! 5. **identity**: before anything that may tell something, so that strangers learn nothing from what they ask.
//! 6. **impersonate**: behind identity, for only who is known may act as somebody else; all that follows sees them alone.
//! 7. **deadline**: around all that may wait for something else.
//! 8. **route**: to what serves the path.

mod deadline;
pub(crate) mod identity;
mod impersonate;
mod labels;
pub(crate) mod limits;
mod name;
mod protocol_token;
mod recover;

use std::sync::Arc;

use axum::body::Body;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Request, Response};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::api::Api;
use crate::caller::{Caller, Credentials};
use crate::problem::{Problem, Reply};
use crate::server::ApiServer;

/// Answers a request, whatever happens.
pub(crate) async fn answer(
    server: &ApiServer,
    credentials: Credentials,
    request: Request<Body>,
) -> Response<Body> {
    if !is_path(request.uri().path()) {
        return Problem::NoPath.into_response(&Reply::UNASKED);
    }
    let (began, labels) = (Instant::now(), labels::of(&server.shared.api.catalog, &request));
    let (name, reply) = (name::of(server, &request), Reply::to(&request));
    let advice = identity::advice(&credentials, request.headers());
    let mut may_be_kept = false;
    let mut answer = match recover::from_panic(stages(server, credentials, request)).await {
        Ok(answer) => answer,
        Err(problem) => {
            may_be_kept = matches!(problem, Problem::UnclearPath(_));
            tracing::debug!(%problem, route = labels.subresource, "request refused");
            problem.into_response(&reply)
        }
    };
    let headers = answer.headers_mut();
    if !may_be_kept {
        // Answers depend on who asks: no cache in between may keep one.
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache, private"));
    }
    headers.insert(name::HEADER, name);
    if let Some(advice) = advice {
        crate::advice::attach(&[advice.to_owned()], headers);
    }
    server.shared.metrics.answered(&labels, answer.status().as_u16(), began.elapsed());
    answer
}

/// Whether percent signs stand in front of two digits.
fn is_path(path: &str) -> bool {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = path.as_bytes();
    let ends = |at: usize| is_digit(bytes.get(at + 1)) && is_digit(bytes.get(at + 2));
    bytes.iter().enumerate().all(|(at, byte)| *byte != b'%' || ends(at))
}

async fn stages(
    server: &ApiServer,
    credentials: Credentials,
    mut request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let _in_flight = limits::admit(&server.shared, &request)?;
    let deadline = deadline::of(&request, server.shared.limits.deadline)?;
    let caller = identity::establish(&server.shared, &credentials, request.headers_mut()).await?;
    identity::may_ask(&caller, request.uri().path())?;
    let caller = impersonate::acting_as(caller, request.headers())
        .map_err(|problem| Problem::Unsniffed(Box::new(problem)))?;
    // A write's own state is large; only requests that came this far need room for it.
    limits::within(deadline, Box::pin(route(server, caller, request))).await
}

async fn route(
    server: &ApiServer,
    caller: Arc<Caller>,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    if !Api::serves(request.uri().path()) {
        let Ok(answer) = server.routes.clone().oneshot(request).await;
        return Ok(answer);
    }
    let (parts, body) = request.into_parts();
    let body = limits::collect(&server.shared, &parts.headers, body).await?;
    server.shared.api.answer(&parts, &caller, body).await
}

#[cfg(test)]
mod tests;
