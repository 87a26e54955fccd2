//! Reading one object.

use axum::body::Body;
use http::{Response, StatusCode};
use keelson_api::resource_version::ResourceVersion;
use keelson_store::At;
use keelson_store::object::Object;
use keelson_store::revision::Revision;

use crate::api::Call;
use crate::extension::moment;
use crate::problem::Problem;
use crate::{on_demand, refusal, render, subresources};

pub(crate) async fn run(call: &Call<'_>) -> Result<Response<Body>, Problem> {
    if let Some(subresource) = call.subresource.filter(|subresource| !Call::is_part_of_object(subresource)) {
        return subresources::get(call, subresource).await;
    }
    let look = render::negotiate(call, false)?;
    let object = read(call, at(call)?).await?;
    render::object(call, look, StatusCode::OK, &object)
}

/// The object that a call names.
pub(crate) async fn read(call: &Call<'_>, at: At) -> Result<Object, Problem> {
    if let Some(source) = call.served.resource.on_demand() {
        return on_demand::one(call, source).await;
    }
    let found = refusal::within_reach(call, at, call.api.store.get(&call.key(), at)).await?;
    found.1.ok_or_else(|| refusal::not_found(call, call.target.name))
}

fn at(call: &Call<'_>) -> Result<At, Problem> {
    let version = ResourceVersion::parse(call.query.text("resourceVersion"))
        .map_err(|error| refusal::plain(&error.to_string()))?;
    let revision = if let ResourceVersion::At(revision) = version { Some(revision) } else { None };
    if let Some(at) = moment::asked(call, revision)? {
        return Ok(at);
    }
    Ok(match version {
        ResourceVersion::Unset => At::Latest,
        ResourceVersion::Any => At::Cached,
        ResourceVersion::At(revision) => At::AtLeast(Revision(revision)),
    })
}
