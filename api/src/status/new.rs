//! Makes statuses of every reason, in the words of apimachinery's `api/errors`.

use std::borrow::Cow;
use std::fmt::Display;

use super::{Cause, Details, Outcome, Reason, Status, cause};
use crate::field::Errors;
use crate::golang::Quoted;
use crate::group::{GroupKind, GroupResource};

/// What a message says.
type Text = Cow<'static, str>;

impl Status {
    /// A failure for a known reason, with the code that goes with it.
    #[must_use]
    pub fn failure(reason: Reason, message: impl Into<Text>) -> Self {
        let code = reason.code().unwrap_or(500);
        let message = message.into();
        Self { outcome: Outcome::Failure, message, reason, details: None, code, continue_token: None }
    }

    /// A success.
    #[must_use]
    pub fn success() -> Self {
        let message = Text::Borrowed("");
        Self {
            outcome: Outcome::Success,
            message,
            reason: Reason::Unknown,
            details: None,
            code: 200,
            continue_token: None,
        }
    }

    /// The same about something in particular.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// The same with a cause more.
    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.details.get_or_insert_default().causes.push(cause);
        self
    }

    fn about(self, resource: &GroupResource<'_>, name: &str) -> Self {
        self.with_details(Details::of(resource, name))
    }

    fn retry_after(mut self, seconds: u32) -> Self {
        self.details.get_or_insert_default().retry_after_seconds = seconds;
        self
    }

    /// There is no such object.
    #[must_use]
    pub fn not_found(resource: &GroupResource<'_>, name: &str) -> Self {
        let message = format!("{resource} {} not found", Quoted(name));
        Self::failure(Reason::NotFound, message).about(resource, name)
    }

    /// There is such an object already.
    #[must_use]
    pub fn already_exists(resource: &GroupResource<'_>, name: &str) -> Self {
        let message = format!("{resource} {} already exists", Quoted(name));
        Self::failure(Reason::AlreadyExists, message).about(resource, name)
    }

    /// All names that were generated exist already; `name` is the last.
    #[must_use]
    pub fn generate_name_conflict(
        resource: &GroupResource<'_>,
        name: &str,
        retry_after_seconds: u32,
    ) -> Self {
        let message = format!(
            "{resource} {} already exists, the server was not able to generate a unique name for the object",
            Quoted(name)
        );
        let status = Self::failure(Reason::AlreadyExists, message).about(resource, name);
        status.retry_after(retry_after_seconds)
    }

    /// Nobody knows who asks.
    #[must_use]
    pub fn unauthorized(why: impl Into<Text>) -> Self {
        let why = why.into();
        Self::failure(
            Reason::Unauthorized,
            if why.is_empty() { Text::Borrowed("not authorized") } else { why },
        )
    }

    /// Who asks may not. `name` may be empty, and so may all of `resource`.
    #[must_use]
    pub fn forbidden(resource: &GroupResource<'_>, name: &str, why: impl Display) -> Self {
        let message = if resource.is_empty() {
            format!("forbidden: {why}")
        } else if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} {} is forbidden: {why}", Quoted(name))
        };
        Self::failure(Reason::Forbidden, message).about(resource, name)
    }

    /// The object is in another state than the request needs.
    #[must_use]
    pub fn conflict(resource: &GroupResource<'_>, name: &str, why: impl Display) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {}: {why}", Quoted(name));
        Self::failure(Reason::Conflict, message).about(resource, name)
    }

    /// An apply meets fields that others own.
    #[must_use]
    pub fn apply_conflict(causes: Vec<Cause>, message: impl Into<Text>) -> Self {
        Self::failure(Reason::Conflict, message).with_details(Details { causes, ..Details::default() })
    }

    /// It is no longer there. Upstream's servers say [expired](Self::expired) instead.
    #[must_use]
    pub fn gone(message: impl Into<Text>) -> Self {
        Self::failure(Reason::Gone, message)
    }

    /// The state asked for is no longer kept.
    #[must_use]
    pub fn expired(message: impl Into<Text>) -> Self {
        Self::failure(Reason::Expired, message)
    }

    /// The object is invalid. Each error becomes a cause; the message has each text once.
    #[must_use]
    pub fn invalid(kind: &GroupKind<'_>, name: &str, errors: &Errors) -> Self {
        let mut message = format!("{kind} {} is invalid", Quoted(name));
        if !errors.is_empty() {
            message = format!("{message}: {errors}");
        }
        let causes = errors.iter().map(Cause::from).collect();
        let (group, kind) = ((*kind.group).into(), (*kind.kind).into());
        let details = Details { name: name.into(), group, kind, causes, ..Details::default() };
        Self::failure(Reason::Invalid, message).with_details(details)
    }

    /// The request makes no sense.
    #[must_use]
    pub fn bad_request(message: impl Into<Text>) -> Self {
        Self::failure(Reason::BadRequest, message)
    }

    /// The server has too much to do.
    #[must_use]
    pub fn too_many_requests(message: impl Into<Text>, retry_after_seconds: u32) -> Self {
        Self::failure(Reason::TooManyRequests, message).retry_after(retry_after_seconds)
    }

    /// The same, of a request that may be not worth sending again.
    #[must_use]
    pub fn too_many_requests_at_all(message: impl Display) -> Self {
        Self::failure(Reason::TooManyRequests, format!("Too many requests: {message}"))
    }

    /// The server is not there.
    #[must_use]
    pub fn service_unavailable(message: impl Into<Text>) -> Self {
        Self::failure(Reason::ServiceUnavailable, message)
    }

    /// The resource cannot do that.
    #[must_use]
    pub fn method_not_supported(resource: &GroupResource<'_>, action: &str) -> Self {
        let shown = resource.to_string();
        let message = format!("{action} is not supported on resources of kind {}", Quoted(&shown));
        Self::failure(Reason::MethodNotAllowed, message).about(resource, "")
    }

    /// The server could not now; the request may be sent again.
    #[must_use]
    pub fn server_timeout(resource: &GroupResource<'_>, operation: &str, retry_after_seconds: u32) -> Self {
        let message = format!(
            "The {operation} operation against {resource} could not be completed at this time, please try again."
        );
        let status = Self::failure(Reason::ServerTimeout, message).about(resource, operation);
        status.retry_after(retry_after_seconds)
    }

    /// The server is broken.
    #[must_use]
    pub fn internal_error(why: impl Display) -> Self {
        let message = format!("Internal error occurred: {why}");
        let cause = Cause { message: why.to_string().into(), ..Cause::default() };
        Self::failure(Reason::InternalError, message).with_cause(cause)
    }

    /// It took too long, and may still have its effect.
    #[must_use]
    pub fn timeout(message: impl Display, retry_after_seconds: u32) -> Self {
        Self::failure(Reason::Timeout, format!("Timeout: {message}")).retry_after(retry_after_seconds)
    }

    /// The body is too long.
    #[must_use]
    pub fn request_entity_too_large(message: impl Display) -> Self {
        Self::failure(Reason::RequestEntityTooLarge, format!("Request entity too large: {message}"))
    }
}

impl Details {
    /// About an object of this resource.
    #[must_use]
    pub fn of(resource: &GroupResource<'_>, name: &str) -> Self {
        let (group, kind) = ((*resource.group).into(), (*resource.resource).into());
        Self { name: name.into(), group, kind, ..Self::default() }
    }
}

impl From<&crate::field::Error> for Cause {
    fn from(error: &crate::field::Error) -> Self {
        Self {
            reason: error.kind().reason().into(),
            message: error.body().to_string().into(),
            field: error.field().into(),
        }
    }
}

/// An answer that is no status, from which a client has to make one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Response<'a> {
    /// The code of HTTP.
    pub code: u16,
    /// The method or verb of the request.
    pub verb: &'a str,
    /// The object's name, or empty.
    pub name: &'a str,
    /// What the answer said.
    pub message: &'a str,
    /// When to ask again; zero if it was not said.
    pub retry_after_seconds: u32,
    /// Whether it does not look like the answer of an API server.
    pub is_unexpected: bool,
}

impl Response<'_> {
    /// The status it amounts to.
    #[must_use]
    pub fn into_status(self, resource: &GroupResource<'_>) -> Status {
        let (reason, mut message) = self.reason_and_message();
        if !resource.is_empty() {
            let name = if self.name.is_empty() { String::new() } else { format!(" {}", self.name) };
            message = format!("{message} ({} {resource}{name})", self.verb.to_lowercase()).into();
        }
        let mut details = Details::of(resource, self.name);
        details.retry_after_seconds = self.retry_after_seconds;
        if self.is_unexpected {
            details.causes.push(Cause {
                reason: cause::UNEXPECTED_SERVER_RESPONSE.into(),
                message: self.message.into(),
                field: Box::default(),
            });
        }
        Status { code: self.code, ..Status::failure(reason, message).with_details(details) }
    }

    fn reason_and_message(&self) -> (Reason, Text) {
        let message = || Text::Owned(self.message.to_owned());
        match self.code {
            409 if self.verb == "POST" => (Reason::AlreadyExists, "the server reported a conflict".into()),
            409 => (Reason::Conflict, "the server reported a conflict".into()),
            404 => (Reason::NotFound, "the server could not find the requested resource".into()),
            400 => (Reason::BadRequest, "the server rejected our request for an unknown reason".into()),
            401 => {
                (Reason::Unauthorized, "the server has asked for the client to provide credentials".into())
            }
            403 => (Reason::Forbidden, message()),
            406 if matches!(self.message, "" | "unknown") => {
                let words = "the server was unable to respond with a content type that the client supports";
                (Reason::NotAcceptable, words.into())
            }
            406 => (Reason::NotAcceptable, message()),
            415 => (Reason::UnsupportedMediaType, message()),
            405 => {
                let words = "the server does not allow this method on the requested resource";
                (Reason::MethodNotAllowed, words.into())
            }
            422 => (Reason::Invalid, "the server rejected our request due to an error in our request".into()),
            503 => {
                (Reason::ServiceUnavailable, "the server is currently unable to handle the request".into())
            }
            504 => {
                let words = "the server was unable to return a response in the time allotted, but may still be processing the request";
                (Reason::Timeout, words.into())
            }
            429 => {
                let words = "the server has received too many requests and has asked us to try again later";
                (Reason::TooManyRequests, words.into())
            }
            500.. => {
                let shown = Quoted(self.message);
                let words =
                    format!("an error on the server ({shown}) has prevented the request from succeeding");
                (Reason::InternalError, words.into())
            }
            code => {
                let words = format!(
                    "the server responded with the status code {code} but did not return more information"
                );
                (Reason::Unknown, words.into())
            }
        }
    }
}
