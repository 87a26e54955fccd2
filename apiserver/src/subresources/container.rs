//! The ways to a container: logs, commands, ports. They lead through the pod's node.

use axum::body::Body;
use http::{Response, StatusCode};
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
    let asks_for_log = call.subresource.is_some_and(|part| part.name == "log");
    match scan::text(stored.json, &["spec", "nodeName"]) {
        // What has never run has said nothing.
        None if asks_for_log => {
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            Ok(answer)
        }
        None => Err(refusal::bad_request(&format!("pod {name} does not have a host assigned"))),
        Some(node) => {
            Err(Status::internal_error(format!("node {node} of pod {name} cannot be reached")).into())
        }
    }
}
