//! What can go wrong between a component and an API server.

use std::time::Duration;

use serde::Deserialize;

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The server refused it. Prints the server's words alone, for they end in events.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    /// It did not reach the server, or the answer did not come back: what became of it is not known.
    #[error("cannot reach the API server: {0}")]
    Unreachable(String),
    /// The answer is not what was asked for.
    #[error("cannot read the API server's answer: {0}")]
    Garbled(#[from] serde_json::Error),
    /// The request could not be written.
    #[error("cannot ask: {0}")]
    Unwritable(#[from] http::Error),
    /// What was to be done may not be done any more, by what the server says.
    #[error("{0}")]
    Stale(String),
}

/// A server's refusal: its `Status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Refusal {
    /// The code of HTTP.
    pub code: u16,
    /// For programs.
    pub reason: String,
    /// For people.
    pub message: String,
    /// More about it.
    pub details: Details,
}

/// More about a refusal.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// Which fields, or which circumstances.
    pub causes: Vec<Cause>,
    /// When to try again.
    pub retry_after_seconds: u32,
}

/// One cause of a refusal.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// For programs.
    pub reason: String,
}

impl Problem {
    /// What a server said with `code`.
    #[must_use]
    pub fn refused(code: u16, body: &[u8]) -> Self {
        let mut refusal: Refusal = serde_json::from_slice(body).unwrap_or_else(|_| Refusal {
            message: String::from_utf8_lossy(body).trim().to_owned(),
            ..Refusal::default()
        });
        refusal.code = code;
        Self::Refused(Box::new(refusal))
    }

    /// The same, where the answer's head says after how many seconds to ask again.
    pub(crate) fn with_retry_after(mut self, seconds: Option<u32>) -> Self {
        if let (Self::Refused(refusal), Some(seconds)) = (&mut self, seconds) {
            refusal.details.retry_after_seconds = seconds;
        }
        self
    }

    fn refusal(&self) -> Option<&Refusal> {
        if let Self::Refused(refusal) = self { Some(refusal) } else { None }
    }

    fn is(&self, code: u16) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code == code)
    }

    fn says(&self, reason: &str) -> bool {
        self.refusal().is_some_and(|refusal| refusal.reason == reason)
    }

    /// Nobody knows what became of the request: it may have had its effect.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.code >= 500,
            Self::Unreachable(_) | Self::Garbled(_) => true,
            Self::Unwritable(_) | Self::Stale(_) => false,
        }
    }

    /// The object is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.is(404)
    }

    /// The object is there already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.says("AlreadyExists")
    }

    /// The object is in another state than the request needs.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.is(409) && !self.is_already_exists()
    }

    /// The revision is too old to watch from.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.is(410)
    }

    /// The server has too much to do.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        self.is(429)
    }

    /// The server does not do this.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        self.is(405) || self.is_not_found()
    }

    /// The request itself is wrong, and will be again.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.is(400) || self.is(422)
    }

    /// Whether some cause has this reason.
    #[must_use]
    pub fn has_cause(&self, reason: &str) -> bool {
        self.refusal()
            .is_some_and(|refusal| refusal.details.causes.iter().any(|cause| cause.reason == reason))
    }

    /// The namespace is on its way out: nothing can be made in it, and that is no failure.
    #[must_use]
    pub fn is_namespace_terminating(&self) -> bool {
        self.has_cause("NamespaceTerminating")
    }

    /// When the server wants to be asked again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.refusal()?.details.retry_after_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }
}
