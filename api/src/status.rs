//! `Status`: how the API says that something failed, and now and then that it succeeded.
//!
//! A structured error that every part may return and understand: [`Reason`] and code are what programs branch on, the
//! message is for people, causes name the fields. The constructors know upstream's words; [`Status::to_json`] writes what
//! goes over the wire.

mod json;
mod new;
mod server;

use std::borrow::Cow;
use std::fmt;

pub use new::Response;
pub use server::Forbidden;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// For people.
    pub message: Cow<'static, str>,
    /// For programs.
    pub reason: Reason,
    /// What it is about.
    pub details: Option<Box<Details>>,
    /// The code of HTTP; zero if it was not said.
    pub code: u16,
    /// Where a list that has expired may be continued.
    pub continue_token: Option<Box<str>>,
}

/// Whether a request succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did.
    Success,
    /// It did not.
    Failure,
}

/// Why a request failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It was not said.
    #[default]
    Unknown,
    /// Nobody knows who asks.
    Unauthorized,
    /// Who asks may not.
    Forbidden,
    /// It is not there.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// It is in another state than the request needs.
    Conflict,
    /// It is no longer there.
    Gone,
    /// The object is invalid.
    Invalid,
    /// The server could not now; the request may be sent again.
    ServerTimeout,
    /// What is stored cannot be read.
    StoreReadError,
    /// It took too long.
    Timeout,
    /// The server has too much to do.
    TooManyRequests,
    /// The request makes no sense.
    BadRequest,
    /// The resource cannot do that.
    MethodNotAllowed,
    /// No acceptable form of the answer exists.
    NotAcceptable,
    /// The body is too long.
    RequestEntityTooLarge,
    /// The body's form is unknown.
    UnsupportedMediaType,
    /// The server is broken.
    InternalError,
    /// The state asked for is no longer kept.
    Expired,
    /// The server is not there.
    ServiceUnavailable,
    /// Somebody else's word, such as a webhook's.
    Other(Box<str>),
}

impl Reason {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unknown => "",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::AlreadyExists => "AlreadyExists",
            Self::Conflict => "Conflict",
            Self::Gone => "Gone",
            Self::Invalid => "Invalid",
            Self::ServerTimeout => "ServerTimeout",
            Self::StoreReadError => "StorageReadError",
            Self::Timeout => "Timeout",
            Self::TooManyRequests => "TooManyRequests",
            Self::BadRequest => "BadRequest",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::NotAcceptable => "NotAcceptable",
            Self::RequestEntityTooLarge => "RequestEntityTooLarge",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::InternalError => "InternalError",
            Self::Expired => "Expired",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::Other(word) => word,
        }
    }

    /// What a word on the wire means.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        Self::KNOWN.iter().find(|reason| reason.as_str() == word).cloned().unwrap_or_else(|| match word {
            "" => Self::Unknown,
            word => Self::Other(word.into()),
        })
    }

    /// The code of HTTP that goes with it, if one does.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        Some(match self {
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::AlreadyExists | Self::Conflict => 409,
            Self::Gone | Self::Expired => 410,
            Self::Invalid => 422,
            Self::TooManyRequests => 429,
            Self::BadRequest => 400,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::RequestEntityTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Unknown | Self::ServerTimeout | Self::StoreReadError | Self::InternalError => 500,
            Self::ServiceUnavailable => 503,
            Self::Timeout => 504,
            Self::Other(_) => return None,
        })
    }

    /// All that say something and that everybody knows.
    pub const KNOWN: &'static [Self] = &[
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::AlreadyExists,
        Self::Conflict,
        Self::Gone,
        Self::Invalid,
        Self::ServerTimeout,
        Self::StoreReadError,
        Self::Timeout,
        Self::TooManyRequests,
        Self::BadRequest,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestEntityTooLarge,
        Self::UnsupportedMediaType,
        Self::InternalError,
        Self::Expired,
        Self::ServiceUnavailable,
    ];
}

/// What a status is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The object's name.
    pub name: Box<str>,
    /// The resource's group.
    pub group: Box<str>,
    /// The resource, or the kind.
    pub kind: Box<str>,
    /// The object's identity.
    pub uid: Box<str>,
    /// What was wrong in particular.
    pub causes: Vec<Cause>,
    /// When to ask again; zero if it was not said.
    pub retry_after_seconds: u32,
}

/// One thing that was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// For programs: a word of [`crate::field::Kind::reason`] or of [`cause`].
    pub reason: Cow<'static, str>,
    /// For people.
    pub message: Box<str>,
    /// The field that was wrong.
    pub field: Box<str>,
}

/// Reasons of causes that are not about a field's value.
pub mod cause {
    /// The answer did not come from an API server.
    pub const UNEXPECTED_SERVER_RESPONSE: &str = "UnexpectedServerResponse";
    /// Another manager owns the field.
    pub const FIELD_MANAGER_CONFLICT: &str = "FieldManagerConflict";
    /// The version asked for does not exist yet.
    pub const RESOURCE_VERSION_TOO_LARGE: &str = "ResourceVersionTooLarge";
    /// The namespace is being deleted.
    pub const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";
    /// A budget does not allow another disruption.
    pub const DISRUPTION_BUDGET: &str = "DisruptionBudget";
}

impl Status {
    /// Whether it failed for this reason. Where no known reason is given, the code decides, as in upstream's clients.
    #[must_use]
    pub fn is(&self, reason: &Reason) -> bool {
        if self.reason == *reason {
            return true;
        }
        let by_code = match reason {
            // One code stands for both, or for none in particular.
            Reason::AlreadyExists | Reason::Expired | Reason::ServerTimeout | Reason::StoreReadError => false,
            // These two are believed whatever the reason says.
            Reason::TooManyRequests | Reason::RequestEntityTooLarge => true,
            _ => matches!(self.reason, Reason::Unknown | Reason::Other(_)),
        };
        by_code && reason.code() == Some(self.code)
    }

    /// The cause with this reason.
    #[must_use]
    pub fn cause(&self, reason: &str) -> Option<&Cause> {
        self.details.as_ref()?.causes.iter().find(|cause| cause.reason == reason)
    }

    /// How long to wait before asking again, if that was suggested.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u32> {
        let seconds = self.details.as_ref()?.retry_after_seconds;
        (seconds > 0 || self.reason == Reason::ServerTimeout).then_some(seconds)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests;
