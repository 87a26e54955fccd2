//! The verbs, each written once for all resources.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod delete_collection;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod token;
pub(crate) mod update;
pub(crate) mod watch;

use axum::body::Body;
use bytes::Bytes;
use http::Response;

use crate::api::Call;
use crate::problem::Problem;
use crate::resource::Verb;

/// Serves a call whose verb its resource has.
pub(crate) async fn run(verb: Verb, call: &Call<'_>, body: Bytes) -> Result<Response<Body>, Problem> {
    match verb {
        Verb::Get => get::run(call).await,
        Verb::List => list::run(call).await,
        Verb::Watch => watch::run(call).await,
        Verb::Create => create::run(call, body).await,
        Verb::Update => update::run(call, body).await,
        Verb::Patch => patch::run(call, body).await,
        Verb::Delete => delete::run(call, body).await,
        Verb::DeleteCollection => delete_collection::run(call, body).await,
    }
}
