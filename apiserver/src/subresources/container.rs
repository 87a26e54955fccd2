//! The ways to a container: logs, commands, ports. They lead through the pod's node.

use axum::body::Body;
use http::Response;
use keelson_api::golang::Quoted;
use keelson_api::status::Status;
use keelson_store::At;

use crate::api::Call;
use crate::problem::Problem;
use crate::refusal;
use crate::stored::{Stored, scan};
use crate::verbs::get;

/// Goes there; as yet there is no node to go through.
pub(crate) async fn reach(call: &Call<'_>) -> Result<Response<Body>, Problem> {
    let (facts, name) = (call.served.facts(), &call.target.name);
    if facts.kind == "Service" {
        // Upstream asks for endpoints alone, whether or not there is such a service.
        return Err(Status::service_unavailable(format!(
            "no endpoints available for service {}",
            Quoted(name)
        ))
        .into());
    }
    let object = get::read(call, At::Latest).await?;
    if facts.kind != "Pod" {
        let words = format!("{}/{name} cannot be reached: there is no way to it yet", facts.plural);
        return Err(Status::service_unavailable(words).into());
    }
    let stored = Stored::of(&object)?;
    match scan::text(stored.json, &["spec", "nodeName"]) {
        None => Err(refusal::bad_request(&format!("pod {name} does not have a host assigned"))),
        Some(node) => {
            Err(Status::internal_error(format!("node {node} of pod {name} cannot be reached")).into())
        }
    }
}
