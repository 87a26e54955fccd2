//! What lies below an object and is no part of it: bindings, evictions, scales, and the ways to a container.

mod binding;
mod container;
mod eviction;
mod scale;
mod token;

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use keelson_api::status::{Reason, Status};

use crate::api::Call;
use crate::problem::Problem;
use crate::resource::Subresource;

/// Makes something below an object.
pub(crate) async fn create(
    call: &Call<'_>,
    subresource: &Subresource,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    match subresource.name {
        "binding" => binding::create(call, &body).await,
        "eviction" => eviction::create(call, &body).await,
        "token" => token::create(call, &body).await,
        "attach" | "exec" | "portforward" | "proxy" => container::reach(call).await,
        _ => Err(not_yet(call, subresource)),
    }
}

/// Binds a pod that only the binding names.
pub(crate) async fn bind(call: &Call<'_>, body: &Bytes) -> Result<Response<Body>, Problem> {
    binding::create_by_itself(call, body).await
}

/// Reads something below an object.
pub(crate) async fn get(call: &Call<'_>, subresource: &Subresource) -> Result<Response<Body>, Problem> {
    match subresource.name {
        "scale" => scale::get(call).await,
        "attach" | "exec" | "log" | "portforward" | "proxy" => container::reach(call).await,
        _ => Err(not_yet(call, subresource)),
    }
}

/// Replaces something below an object.
pub(crate) async fn update(
    call: &Call<'_>,
    subresource: &Subresource,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    match subresource.name {
        "scale" => scale::update(call, &body).await,
        "proxy" => container::reach(call).await,
        _ => Err(not_yet(call, subresource)),
    }
}

/// Changes something below an object by saying what is to be different.
pub(crate) async fn patch(
    call: &Call<'_>,
    subresource: &Subresource,
    body: &Bytes,
) -> Result<Response<Body>, Problem> {
    match subresource.name {
        "scale" => scale::patch(call, body).await,
        "proxy" => container::reach(call).await,
        _ => Err(not_yet(call, subresource)),
    }
}

/// What is listed in `STATUS.md` as not being there yet.
pub(crate) fn not_yet(call: &Call<'_>, subresource: &Subresource) -> Problem {
    let words = format!(
        "{}/{} is not served yet by this version of Keelson",
        call.served.facts().plural,
        subresource.name
    );
    Status { code: 501, ..Status::failure(Reason::Other("NotImplemented".into()), words) }.into()
}
