//! Until when a request is to be answered.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use keelson_api::duration::Span;

use crate::problem::Problem;
use crate::query::Query;
use crate::refusal;
use crate::target::Target;

/// Parts of an object that are streams, and last as long as both sides like.
const STREAMS: [&str; 5] = ["attach", "exec", "log", "portforward", "proxy"];

/// How long `request` may wait for its answer to begin: `max`, or less if the client says so. Streams do not listen to
/// that.
pub(super) fn of(request: &Request<Body>, max: Duration) -> Result<Duration, Problem> {
    let query = Query::parse(request.uri().query());
    let text = query.text("timeout");
    if text.is_empty() || is_stream(request.uri().path(), &query) {
        return Ok(max);
    }
    let Span(nanos) = text.parse().map_err(|error| {
        refusal::bad_request(&format!("invalid timeout specified in the request URL - {error}"))
    })?;
    let asked = u64::try_from(nanos).ok().filter(|nanos| *nanos > 0).map(Duration::from_nanos);
    Ok(asked.map_or(max, |asked| asked.min(max)))
}

fn is_stream(path: &str, query: &Query<'_>) -> bool {
    match Target::parse(path) {
        Some(Target::Resource(target)) => {
            target.watch
                || (target.name.is_empty() && query.truth("watch") == Some(true))
                || STREAMS.contains(&target.subresource)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_may_want_less_and_get_no_more() {
        let max = Duration::from_secs(60);
        let of = |uri: &str| {
            let request = Request::get(uri).body(Body::empty()).unwrap();
            of(&request, max).map_err(|problem| problem.to_string())
        };
        for (uri, seconds) in [
            ("/api/v1/pods", 60),
            ("/api/v1/pods?timeout=", 60),
            ("/api/v1/pods?timeout=5s", 5),
            ("/api/v1/pods?timeout=0s", 60),
            ("/api/v1/pods?timeout=-5s", 60),
            ("/api/v1/pods?timeout=1h", 60),
            ("/api/v1/pods?timeout=x&watch=1", 60),
            ("/api/v1/watch/pods?timeout=x", 60),
            ("/api/v1/namespaces/a/pods/b/log?timeout=x", 60),
        ] {
            assert_eq!(of(uri), Ok(Duration::from_secs(seconds)), "{uri}");
        }
        assert_eq!(
            of("/api/v1/pods?timeout=5").unwrap_err(),
            "invalid timeout specified in the request URL - time: missing unit in duration \"5\""
        );
    }
}
