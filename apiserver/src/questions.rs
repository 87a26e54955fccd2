//! Resources that are only asked and never kept: who somebody is ([`identity`]), and what they may do ([`access`]).

mod access;
mod identity;

#[cfg(test)]
mod tests;

use axum::body::Body;
use http::{Response, StatusCode};
use keelson_schema::apply::Writer;
use keelson_schema::tree::Object;

use crate::api::Call;
use crate::edit::Edit;
use crate::problem::Problem;
use crate::render::{self, Look};
use crate::{object_life, ownership};

/// Answers a question, asked by `manager`.
pub(crate) async fn answer(
    call: &Call<'_>,
    look: Look,
    mut question: Object,
    manager: &str,
) -> Result<Response<Body>, Problem> {
    wipe(&mut question);
    object_life::place(call, &mut question)?;
    ownership::record(call, None, &mut question, &Writer { manager, now: call.now() });
    let mut answered = match call.served.facts().kind {
        "TokenReview" => identity::review_token(call, question).await?,
        "SelfSubjectReview" => identity::of_oneself(call)?,
        "SelfSubjectRulesReview" => access::rules(call, &question)?,
        "SubjectAccessReview" | "LocalSubjectAccessReview" | "SelfSubjectAccessReview" => {
            access::review(call, question)?
        }
        other => return Err(Problem::Defect(format!("nobody answers a {other}"))),
    };
    render::name(call.served, &mut answered);
    render::tree_answer(call, look, StatusCode::CREATED, &answered)
}

/// Takes away what only the server decides on.
fn wipe(question: &mut Object) {
    let mut question = Edit::object(question);
    if let Some(mut metadata) = question.part("metadata") {
        for name in
            ["creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "selfLink", "uid"]
        {
            metadata.remove(name);
        }
    }
}

/// An empty object of the kind that is asked for.
fn blank(call: &Call<'_>) -> Object {
    Object::new(call.served.schema.clone())
}
