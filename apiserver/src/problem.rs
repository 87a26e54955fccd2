//! Everything that can go wrong with a request, and the one place that turns it into an answer.
//!
//! Words, reasons and codes are upstream's: clients show them to people and branch on them. A few answers are plain
//! text there, and so they are here.

use axum::body::Body;
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

/// Why a request got no answer of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nobody knows who asks.
    #[error("unauthorized: {0}")]
    Unauthorized(&'static str),
    /// There is nothing at this path.
    #[error("no such path")]
    NoSuchPath,
    /// The path is there, but not for this method.
    #[error("no such method here")]
    NoSuchMethod,
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
    Refused(Box<keelson_api::status::Status>),
    /// It cannot be answered in any form that the client takes, not even that.
    #[error("{}", .0.message)]
    NotAcceptable(Box<keelson_api::status::Status>),
    /// A defect of this program.
    #[error("a defect: {0}")]
    Defect(String),
}

/// A `Status` object, as far as a failure fills it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Empty,
    status: &'static str,
    message: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
    code: u16,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Default, Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    causes: &'a [Cause],
}

#[derive(Serialize)]
struct Cause {
    message: String,
}

impl Problem {
    /// The answer.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        match self {
            Self::Unauthorized(_) => {
                status(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized".into(), None)
            }
            Self::NoSuchPath => text(StatusCode::NOT_FOUND, "404 page not found\n"),
            Self::NoSuchMethod => text(StatusCode::METHOD_NOT_ALLOWED, "405: Method Not Allowed"),
            Self::TooManyRequests => {
                let mut answer =
                    text(StatusCode::TOO_MANY_REQUESTS, "Too many requests, please try again later.\n");
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                answer
            }
            Self::BodyTooLarge { limit_bytes } => {
                let message = format!("Request entity too large: limit is {limit_bytes}");
                status(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message, None)
            }
            Self::BodyBrokenOff => {
                status(StatusCode::BAD_REQUEST, "BadRequest", "unexpected EOF".into(), None)
            }
            Self::DeadlinePassed => {
                let message = "Timeout: request did not complete within the allotted timeout".into();
                status(StatusCode::GATEWAY_TIMEOUT, "Timeout", message, Some(Details::default()))
            }
            Self::Refused(refused) => {
                let code = StatusCode::from_u16(refused.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut answer = answer(code, "application/json", refused.to_json() + "\n");
                let seconds = refused.details.as_ref().map_or(0, |details| details.retry_after_seconds);
                if seconds > 0 {
                    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
                }
                answer
            }
            Self::NotAcceptable(refused) => {
                let laid_out = crate::render::indent::indent(refused.to_json().trim_end().as_bytes());
                answer(StatusCode::NOT_ACCEPTABLE, "application/json", laid_out)
            }
            Self::Defect(what) => {
                let message = format!("Internal error occurred: {what}");
                let causes = [Cause { message: what }];
                let details = Some(Details { causes: &causes });
                status(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message, details)
            }
        }
    }
}

fn status(
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Details>,
) -> Response<Body> {
    let status = Status {
        kind: "Status",
        api_version: "v1",
        metadata: Empty {},
        status: "Failure",
        message,
        reason,
        details,
        code: code.as_u16(),
    };
    let mut body = serde_json::to_string(&status).expect("a Status holds nothing that JSON cannot say");
    body.push('\n');
    answer(code, "application/json", body)
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
        let answer = problem.into_response();
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
