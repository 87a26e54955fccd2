//! Statuses in the words of upstream's API server, where these are not apimachinery's: content types, versions too old
//! or too new, lost races, and who may not do what.

use std::fmt;

use super::{Cause, Reason, Status, cause};
use crate::golang::Quoted;
use crate::group::{GroupKind, GroupResource};

impl Status {
    /// No form that the client accepts exists.
    #[must_use]
    pub fn not_acceptable(accepted: &[&str]) -> Self {
        let message = format!("only the following media types are accepted: {}", accepted.join(", "));
        Self::failure(Reason::NotAcceptable, message)
    }

    /// No form that the client accepts exists of an object converted to `target`.
    #[must_use]
    pub fn not_acceptable_conversion(target: impl fmt::Display, accepted: &[&str]) -> Self {
        let accepted = accepted.join(", ");
        let message =
            format!("only the following media types are accepted when converting to {target}: {accepted}");
        Self::failure(Reason::NotAcceptable, message)
    }

    /// The resource has no tables.
    #[must_use]
    pub fn no_table(resource: &GroupResource<'_>) -> Self {
        let message = format!("the resource {resource} does not support being converted to a Table");
        Self::failure(Reason::NotAcceptable, message)
    }

    /// The body's form is unknown.
    #[must_use]
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let accepted = accepted.join(", ");
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::failure(Reason::UnsupportedMediaType, message)
    }

    /// The object has changed since the client read it.
    #[must_use]
    pub fn modified(resource: &GroupResource<'_>, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    /// A deletion is meant for an object of another identity. Upstream names the kind in the place of the resource.
    #[must_use]
    pub fn precondition_uid(kind: &GroupKind<'_>, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({found}). The object might have \
             been deleted and then recreated"
        );
        Self::conflict(&GroupResource::new(&kind.group, &kind.kind), name, why)
    }

    /// A deletion is meant for an object in another state. Upstream names the kind in the place of the resource.
    #[must_use]
    pub fn precondition_version(kind: &GroupKind<'_>, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
             ({found}). The object might have been modified"
        );
        Self::conflict(&GroupResource::new(&kind.group, &kind.kind), name, why)
    }

    /// A list's version is no longer kept.
    #[must_use]
    pub fn list_expired() -> Self {
        Self::expired("The resourceVersion for the provided list is too old.")
    }

    /// A watch's version is no longer kept; `oldest` is the last before the first change that is.
    #[must_use]
    pub fn watch_expired(version: u64, oldest: u64) -> Self {
        Self::expired(format!("too old resource version: {version} ({oldest})"))
    }

    /// The version of a list's first page is no longer kept. With `token` the list can go on in the latest state.
    #[must_use]
    pub fn continue_expired(token: Option<&str>) -> Self {
        match token {
            None => Self::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new \
                 list without the continue parameter.",
            ),
            Some(token) => Self {
                continue_token: Some(token.into()),
                ..Self::expired(
                    "The provided continue parameter is too old to display a consistent list result. You can start a \
                     new list without the continue parameter, or use the continue token in this response to retrieve \
                     the remainder of the results. Continuing with the provided token results in an inconsistent list \
                     - objects that were created, modified, or deleted between the time the first chunk was returned \
                     and now may show up in the list.",
                )
            },
        }
    }

    /// The version asked for does not exist yet.
    #[must_use]
    pub fn version_too_large(version: u64, current: u64, retry_after_seconds: u32) -> Self {
        let message = format!("Too large resource version: {version}, current: {current}");
        Self::timeout(message, retry_after_seconds).with_cause(Cause {
            reason: cause::RESOURCE_VERSION_TOO_LARGE.into(),
            message: "Too large resource version".into(),
            field: Box::default(),
        })
    }
}

/// A request that its sender may not make. The text says so, for the client as for the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forbidden<'a> {
    /// Who.
    pub user: &'a str,
    /// Wants to do what.
    pub verb: &'a str,
    /// In which group; empty for the core group.
    pub group: &'a str,
    /// With what; empty if it is not about a resource.
    pub resource: &'a str,
    /// With which part of it, or empty.
    pub subresource: &'a str,
    /// In which namespace, or empty.
    pub namespace: &'a str,
    /// With which object, or empty.
    pub name: &'a str,
    /// At which path, if it is not about a resource.
    pub path: &'a str,
    /// What the authorizer added, or empty.
    pub why: &'a str,
}

impl Forbidden<'_> {
    /// The status the client gets.
    #[must_use]
    pub fn into_status(self) -> Status {
        Status::forbidden(&GroupResource::new(self.group, self.resource), self.name, self)
    }

    fn message(&self) -> String {
        let (user, verb) = (Quoted(self.user), self.verb);
        if self.resource.is_empty() {
            return format!("User {user} cannot {verb} path {}", Quoted(self.path));
        }
        let resource = match self.subresource {
            "" => self.resource.to_owned(),
            subresource => format!("{}/{subresource}", self.resource),
        };
        let (resource, group) = (Quoted(&resource), Quoted(self.group));
        let place = match self.namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {}", Quoted(namespace)),
        };
        format!("User {user} cannot {verb} resource {resource} in API group {group} {place}")
    }
}

impl fmt::Display for Forbidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is not to look like HTML to anybody.
        f.write_str(&self.message().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))?;
        if self.why.is_empty() { Ok(()) } else { write!(f, ": {}", self.why) }
    }
}
