//! Everything that can go wrong with a request, and the one place that turns it into an answer.
//!
//! Words, reasons and codes are upstream's: clients show them to people and branch on them. A few answers are plain
//! text there, and so they are here.

use axum::body::Body;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Request, Response, StatusCode};
use keelson_api::status::Status;

use crate::advice;
use crate::media::{self, Encoding};
use crate::query::Query;
use crate::render::{self, Look};

/// Why a request got no answer of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nobody knows who asks.
    #[error("unauthorized: {0}")]
    Unauthorized(&'static str),
    /// There is nothing at this path.
    #[error("no such path")]
    NoSuchPath,
    /// What stands in place of a path is none.
    #[error("no path")]
    NoPath,
    /// The path begins as one of the API's and does not say what it is about.
    #[error("unclear path: {0}")]
    UnclearPath(String),
    /// More requests are being answered than may be.
    #[error("too many requests in flight")]
    TooManyRequests,
    /// The body is longer than it may be.
    #[error("the body is longer than {limit_bytes} bytes")]
    BodyTooLarge {
        /// What it may be.
        limit_bytes: u64,
    },
    /// The body ended before it was whole.
    #[error("the body ended before it was whole")]
    BodyBrokenOff,
    /// It took too long.
    #[error("not answered within the deadline")]
    DeadlinePassed,
    /// It is refused in the API's own words.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    /// A defect of this program.
    #[error("a defect: {0}")]
    Defect(String),
    /// Something else, said before the request reached what it asks for: there upstream tells browsers not to guess.
    #[error("{0}")]
    Unsniffed(Box<Self>),
    /// Something else, and the client is to be warned besides.
    #[error("{0}")]
    Warned(Box<Self>, Vec<String>),
}

impl Problem {
    /// The answer, in the form that the client takes; a few have a form of their own.
    pub(crate) fn into_response(self, reply: &Reply) -> Response<Body> {
        match self {
            Self::NoSuchPath => text(StatusCode::NOT_FOUND, "404 page not found\n"),
            Self::NoPath => {
                let mut answer = text(StatusCode::BAD_REQUEST, "400 Bad Request");
                answer.headers_mut().remove(X_CONTENT_TYPE_OPTIONS);
                answer
            }
            Self::UnclearPath(uri) => {
                let path = uri.split('?').next().unwrap_or_default();
                let why = "failed to create RequestInfo: unable to determine kind and namespace from url";
                let words = format!("Internal Server Error: {uri:?}: {why}, {path}\n");
                text(StatusCode::INTERNAL_SERVER_ERROR, words)
            }
            Self::TooManyRequests => {
                let mut answer =
                    text(StatusCode::TOO_MANY_REQUESTS, "Too many requests, please try again later.\n");
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                answer
            }
            Self::Unauthorized(_) => reply.status(&Status::unauthorized("Unauthorized")),
            Self::BodyTooLarge { limit_bytes } => {
                reply.status(&Status::request_entity_too_large(format!("limit is {limit_bytes}")))
            }
            Self::BodyBrokenOff => reply.status(&Status::bad_request("unexpected EOF")),
            Self::DeadlinePassed => {
                reply.status(&Status::timeout("request did not complete within the allotted timeout", 0))
            }
            Self::Refused(refused) => reply.status(&refused),
            Self::Defect(what) => reply.status(&Status::internal_error(what)),
            Self::Unsniffed(problem) => {
                let mut answer = problem.into_response(reply);
                answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
                answer
            }
            Self::Warned(problem, warnings) => {
                let mut answer = problem.into_response(reply);
                advice::attach(&warnings, answer.headers_mut());
                answer
            }
        }
    }
}

/// The form in which a refusal is told: that of any other answer, if the client takes one that objects have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply(Option<Look>);

impl Reply {
    /// For refusals that are plain text, whatever the client takes.
    pub(crate) const UNASKED: Self = Self(None);

    /// The form that a request asks for.
    pub(crate) fn to(request: &Request<Body>) -> Self {
        let query = Query::parse(request.uri().query());
        let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let form = media::negotiate(accept, |_, conversion| conversion.is_none());
        Self(
            form.map(|form| {
                Look::plain(form.encoding, render::is_for_people(&query, request.headers(), &form))
            }),
        )
    }

    fn status(self, status: &Status) -> Response<Body> {
        let look = self.0.unwrap_or(Look::plain(Encoding::Json, true));
        let mut answer = render::status(look, status).unwrap_or_else(|problem| {
            tracing::error!(%problem, "a refusal cannot be told in the form asked for");
            answer(StatusCode::INTERNAL_SERVER_ERROR, "application/json", status.to_json() + "\n")
        });
        if let Some(seconds) = status.details.as_ref().map(|details| details.retry_after_seconds)
            && seconds > 0
        {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

/// A plain text answer, as Go's HTTP library gives it.
pub(crate) fn text(code: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut answer = answer(code, "text/plain; charset=utf-8", body);
    let (name, value): (HeaderName, _) = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer.headers_mut().insert(name, value);
    answer
}

/// An answer of this type.
pub(crate) fn answer(code: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = code;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn check(problem: Problem, code: u16, body: &str) {
        let request = Request::new(Body::empty());
        let answer = problem.into_response(&Reply::to(&request));
        assert_eq!(answer.status(), code);
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(String::from_utf8_lossy(&bytes), body);
    }

    #[tokio::test]
    async fn problems_have_upstreams_words() {
        check(
            Problem::Unauthorized("no credentials"),
            401,
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}\n",
        )
        .await;
        check(Problem::NoSuchPath, 404, "404 page not found\n").await;
        check(Problem::TooManyRequests, 429, "Too many requests, please try again later.\n").await;
        check(
            Problem::BodyTooLarge { limit_bytes: 3_145_728 },
            413,
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"Request entity too large: limit is 3145728\",\"reason\":\"RequestEntityTooLarge\",\"code\":413}\n",
        )
        .await;
        check(
            Problem::DeadlinePassed,
            504,
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"Timeout: request did not complete within the allotted timeout\",\"reason\":\"Timeout\",\"details\":{},\"code\":504}\n",
        )
        .await;
        check(
            Problem::Defect("x".into()),
            500,
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"Internal error occurred: x\",\"reason\":\"InternalError\",\"details\":{\"causes\":[{\"message\":\"x\"}]},\"code\":500}\n",
        )
        .await;
    }
}
