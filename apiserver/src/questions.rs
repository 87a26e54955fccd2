//! Resources that are only asked and never kept: who somebody is, and what they may do.

use axum::body::Body;
use http::Response;
use keelson_api::status::{Reason, Status};
use keelson_schema::tree::Object;

use crate::api::Call;
use crate::problem::Problem;
use crate::render::Look;

/// Answers a question.
pub(crate) async fn answer(call: &Call<'_>, look: Look, question: Object) -> Result<Response<Body>, Problem> {
    let _ = (look, question);
    let words = format!("{} is not served yet by this version of Keelson", call.served.facts().plural);
    Err(Status { code: 501, ..Status::failure(Reason::Other("NotImplemented".into()), words) }.into())
}
