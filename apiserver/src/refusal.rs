//! The refusals that verbs have in common, in upstream's words.

use std::fmt::Display;
use std::time::Duration;

use keelson_api::field::Errors;
use keelson_api::group::{GroupKind, GroupResource};
use keelson_api::status::{Reason, Response, Status};
use keelson_store::backend::Refusal;
use keelson_store::replica::OutOfRange;
use keelson_store::transaction::CommitError;
use keelson_store::{At, ReadError};

use crate::api::Call;
use crate::media::Encoding;
use crate::problem::Problem;
use crate::stored::UnknownLayout;

/// How long a reader waits for a state that is not there yet. Upstream's figure.
const FUTURE_WAIT: Duration = Duration::from_secs(3);

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

impl From<UnknownLayout> for Problem {
    fn from(unknown: UnknownLayout) -> Self {
        Self::Defect(unknown.to_string())
    }
}

/// There is no such resource.
pub(crate) fn nothing_here() -> Problem {
    response(404).into()
}

/// The resource is there, but not for this method.
pub(crate) fn no_such_method() -> Problem {
    response(405).into()
}

fn response(code: u16) -> Status {
    Response { code, ..Response::default() }.into_status(&GroupResource::default())
}

pub(crate) fn bad_request(why: &dyn Display) -> Problem {
    Status::bad_request(why.to_string()).into()
}

/// A refusal for which upstream has no reason, only words.
pub(crate) fn plain(words: &str) -> Problem {
    Status { code: 500, ..Status::failure(Reason::Unknown, words.to_owned()) }.into()
}

pub(crate) fn not_found(call: &Call<'_>, name: &str) -> Problem {
    Status::not_found(&call.group_resource(), name).into()
}

/// The media types of answers.
const PLAIN: [&str; 3] =
    [Encoding::Json.media_type(), Encoding::Yaml.media_type(), Encoding::Protobuf.media_type()];
/// The media types of streams.
const STREAMS: [&str; 2] =
    ["application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"];

/// No form of the answer, or of the stream that it would be, has the parameters that the client wants.
pub(crate) fn not_acceptable(is_stream: bool) -> Problem {
    Status::not_acceptable(if is_stream { &STREAMS[..] } else { &PLAIN[..] }).into()
}

/// Refuses clients that take no media type there is. Upstream's router looks at types alone, before anything else is
/// looked at, and has its own words; whoever comes behind it looks at parameters.
pub(crate) fn check_accept(accept: &str, takes_streams: bool) -> Result<(), Problem> {
    let mut types = accept.split(',').map(|clause| clause.split(';').next().unwrap_or_default().trim());
    if accept.is_empty() || types.any(|media_type| media_type == "*/*" || PLAIN.contains(&media_type)) {
        return Ok(());
    }
    let accepted = PLAIN.iter().chain(STREAMS.iter().filter(|_| takes_streams));
    let accepted = accepted.copied().collect::<Vec<_>>().join(", ");
    let message = format!("406: Not Acceptable\n\nAvailable representations: {accepted}");
    Err(Response { code: 406, message: &message, ..Response::default() }
        .into_status(&GroupResource::default())
        .into())
}

/// The answer is a list or is none, unlike what was asked for.
pub(crate) fn not_a_list_or_one(call: &Call<'_>, asked: &str, is_list: bool) -> Problem {
    let facts = call.served.facts();
    let package =
        if facts.group.is_empty() { "core" } else { facts.group.split('.').next().unwrap_or_default() };
    let (not, list) = if is_list { ("", "List") } else { ("not ", "") };
    let words = format!(
        "you requested {asked}, but the requested object is {not}a list (*{package}.{}{list})",
        facts.kind
    );
    Status::failure(Reason::NotAcceptable, words).into()
}

pub(crate) fn unsupported_body() -> Problem {
    let types = [Encoding::Json, Encoding::Yaml, Encoding::Protobuf];
    Status::unsupported_media_type(&types.map(Encoding::media_type)).into()
}

/// The object, or the options, are invalid.
pub(crate) fn invalid(kind: &GroupKind<'_>, name: &str, errors: &Errors) -> Problem {
    Status::invalid(kind, name, errors).into()
}

/// Refuses options that make no sense together.
pub(crate) fn check_options(kind: &GroupKind<'_>, errors: Errors) -> Result<(), Problem> {
    errors.into_result().map_err(|errors| invalid(kind, "", &errors))
}

/// A list whose state is gone, which can go on at the latest one.
pub(crate) fn expired_token(token: &str) -> Problem {
    Status::continue_expired(Some(token)).into()
}

/// Waits for a read, and if it is of a state that is not there yet not for too long.
pub(crate) async fn within_reach<T>(
    call: &Call<'_>,
    at: At,
    read: impl Future<Output = Result<T, ReadError>>,
) -> Result<T, Problem> {
    if let At::AtLeast(revision) | At::Exactly(revision) = at {
        let store = &call.api.store;
        if tokio::time::timeout(FUTURE_WAIT, store.reached(revision)).await.is_err() {
            return Err(Status::version_too_large(revision.0, store.revision().0, 1).into());
        }
    }
    read.await.map_err(unreadable)
}

/// What a read that failed is answered with.
pub(crate) fn unreadable(error: ReadError) -> Problem {
    match error {
        ReadError::OutOfRange(OutOfRange::Compacted { .. }) => Status::list_expired().into(),
        ReadError::OutOfRange(OutOfRange::Future { head }) => {
            Status::version_too_large(head.0, head.0, 1).into()
        }
        error @ (ReadError::Backend(_) | ReadError::Closed(_) | ReadError::NoIndex { .. }) => {
            Status::internal_error(error).into()
        }
    }
}

/// What a write that the store did not take is answered with, unless a condition was in its way.
pub(crate) fn unwritten(error: CommitError) -> Problem {
    match error {
        CommitError::Refused(Refusal::Full(why)) => Status::failure(
            Reason::Other("InsufficientStorage".into()),
            format!("the storage is full: {why}"),
        )
        .into(),
        CommitError::TooLarge { bytes, max } => {
            Status::request_entity_too_large(format!("the object has {bytes} bytes, the limit is {max}"))
                .into()
        }
        CommitError::Unknown(error) => {
            Status::timeout(format!("the outcome of the request is unknown: {error}"), 0).into()
        }
        error => Status::internal_error(error).into(),
    }
}

/// The patch is of a kind that nobody here applies.
pub(crate) fn unsupported_patch() -> Problem {
    let message = "415: Unsupported Media Type";
    Response { code: 415, message, ..Response::default() }.into_status(&GroupResource::default()).into()
}
