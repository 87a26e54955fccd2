//! How much at once, how long, how big.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::header::CONTENT_LENGTH;
use http::{Method, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::problem::Problem;
use crate::routes;
use crate::server::{Limits, Shared};

/// The requests that are being answered.
#[derive(Debug)]
pub(crate) struct InFlight {
    reading: Count,
    mutating: Count,
}

#[derive(Debug)]
struct Count {
    now: AtomicUsize,
    max: usize,
}

impl InFlight {
    pub(crate) fn new(limits: &Limits) -> Self {
        let count = |max| Count { now: AtomicUsize::new(0), max };
        Self { reading: count(limits.reading_in_flight_max), mutating: count(limits.mutating_in_flight_max) }
    }

    /// Those that only read, and the others.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.reading.now.load(Ordering::Relaxed), self.mutating.now.load(Ordering::Relaxed))
    }
}

/// One request among those in flight, until dropped.
#[derive(Debug)]
pub(crate) struct Admitted<'a>(&'a Count);

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets a request in, or refuses it. Health is always answered: a server that is merely busy must not be taken for
/// a dead one.
pub(crate) fn admit<'a>(
    server: &'a Shared,
    request: &Request<Body>,
) -> Result<Option<Admitted<'a>>, Problem> {
    let limit_bytes = server.limits.body_bytes_max;
    let length =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit_bytes) {
        return Err(Problem::BodyTooLarge { limit_bytes });
    }
    if routes::is_public(request.uri().path()) {
        return Ok(None);
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let count = if reads { &server.in_flight.reading } else { &server.in_flight.mutating };
    let admitted = Admitted(count);
    if count.now.fetch_add(1, Ordering::Relaxed) >= count.max {
        return Err(Problem::TooManyRequests);
    }
    Ok(Some(admitted))
}

/// Gives `request` until `deadline` has passed.
pub(crate) async fn within<T>(
    deadline: Duration,
    request: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    tokio::time::timeout(deadline, request).await.unwrap_or(Err(Problem::DeadlinePassed))
}

/// A request's body, whole, if it is not longer than it may be.
pub(crate) async fn collect(server: &Shared, body: Body) -> Result<Bytes, Problem> {
    let limit_bytes = server.limits.body_bytes_max;
    let limited = Limited::new(body, usize::try_from(limit_bytes).unwrap_or(usize::MAX));
    match limited.collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::BodyTooLarge { limit_bytes }),
        Err(_) => Err(Problem::BodyBrokenOff),
    }
}
