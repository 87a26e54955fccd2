//! What this server can do beyond upstream, because its store can: the past of objects, and several writes that happen
//! together. Discovery does not name these paths: clients that know nothing of them see upstream's API and nothing else.
//!
//! - `GET …/NAME?resourceVersion=N&resourceVersionMatch=Exact`, or `?asOf=TIME`: an object as it was ([`moment`]).
//! - `GET …/NAME/history`: what happened to an object, as far back as history is kept ([`history`]).
//! - `POST /apis/keelson.dev/v1[/namespaces/NS]/transactions`: a list of objects, all or none ([`transactions`]).
//!
//! Whoever may read an object may read its past, and what is written together needs the permission for each single write:
//! a stage that refuses the one refuses the other.

pub(crate) mod history;
pub(crate) mod moment;
#[cfg(test)]
mod tests;
mod transactions;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};

use crate::api::Api;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::refusal;
use crate::target::ResourceTarget;

/// The group of what is no resource of upstream's.
pub(crate) const GROUP: &str = "keelson.dev";
const VERSION: &str = "v1";

/// Answers a request for something in the group.
pub(crate) async fn answer(
    api: &Arc<Api>,
    parts: &Parts,
    target: &ResourceTarget<'_>,
    caller: &Caller,
    body: &Bytes,
) -> Result<Response<Body>, Problem> {
    let is_known = target.version == VERSION && target.resource == "transactions" && target.name.is_empty();
    match parts.method {
        Method::POST if is_known => transactions::run(api, parts, target, caller, body).await,
        _ if is_known => Err(refusal::no_such_method()),
        _ => Err(Problem::NoSuchPath),
    }
}
