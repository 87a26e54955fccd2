//! How much at once, how long, how big.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request};
use http_body::Body as _;
use http_body_util::BodyExt;

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

/// How much of a body that is too long is read nevertheless, in bytes: a client that is still sending when its
/// connection ends does not see the answer.
const DRAINED_BYTES_MAX: u64 = 1 << 20;

/// A request's body, whole, if it is not longer than it may be.
pub(crate) async fn collect(server: &Shared, headers: &HeaderMap, mut body: Body) -> Result<Bytes, Problem> {
    let limit_bytes = server.limits.body_bytes_max;
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let too_long = announced.is_some_and(|length| length > limit_bytes);
    let (mut whole, mut seen) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Problem::BodyBrokenOff)?.into_data() else { continue };
        seen += data.len() as u64;
        if seen > limit_bytes + DRAINED_BYTES_MAX {
            break;
        }
        if whole.is_empty() && body.is_end_stream() && seen <= limit_bytes {
            return Ok(data);
        }
        if !too_long && seen <= limit_bytes {
            whole.extend_from_slice(&data);
        }
    }
    if too_long || seen > limit_bytes {
        Err(Problem::BodyTooLarge { limit_bytes })
    } else {
        Ok(whole.freeze())
    }
}
