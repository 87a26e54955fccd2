//! Removing a selection of objects.

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};

use super::delete::{self, Removed};
use super::list;
use crate::api::Call;
use crate::body::deletion;
use crate::problem::Problem;
use crate::render::{self, list::Listing};

/// Removes what is selected one after another, and answers with what it was.
pub(crate) async fn run(call: &Call<'_>, body: Bytes) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let deletion = deletion::read(call, &body)?;
    delete::warn(call, &deletion);
    let selected = list::select(call).await?;
    let mut last = Vec::with_capacity(selected.objects.len());
    for object in selected.objects {
        match delete::remove(call, object.clone(), &deletion).await? {
            Removed::Gone(object) | Removed::Marked(object) => last.push(object),
            Removed::WouldBe(_) => last.push(object),
            Removed::Vanished => {}
        }
    }
    let listing = Listing { revision: call.api.store.revision(), objects: last, next: None, remaining: None };
    let mut answer = render::list::list(call, look, listing).await?;
    *answer.status_mut() = StatusCode::OK;
    Ok(answer)
}
