//! Removing a selection of objects.

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use keelson_api::field::{Error, Errors, Path};
use keelson_api::options::kind;

use super::{delete, list};
use crate::api::Call;
use crate::body::deletion;
use crate::problem::Problem;
use crate::{refusal, render};

/// Removes what is selected one after another, and answers with what was selected.
pub(crate) async fn run(call: &Call<'_>, body: Bytes) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let deletion = deletion::read(call, &body)?;
    delete::warn(call, &deletion);
    if deletion.unread {
        let mut errors = Errors::new();
        let words = "is not allowed with DELETECOLLECTION, try again after removing the option";
        errors.push(Error::invalid(&Path::new(deletion::UNREAD), true, words));
        return Err(refusal::invalid(&kind::DELETE, "", &errors));
    }
    let selected = list::select(call).await?;
    for object in &selected.objects {
        delete::remove(call, object.clone(), &deletion).await?;
    }
    render::list::list(call, look, selected).await
}
