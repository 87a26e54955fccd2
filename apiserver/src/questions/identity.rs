//! Who somebody is: whose token it is, and who oneself is.

use keelson_schema::tree::{Object, Value};

use super::blank;
use crate::api::Call;
use crate::caller::Caller;
use crate::edit::Edit;
use crate::meta::meta_mut;
use crate::problem::Problem;
use crate::refusal;
use crate::tokens::verify::{Refused, Verifier};

/// Says whose token is asked about.
pub(super) async fn review_token(call: &Call<'_>, mut review: Object) -> Result<Object, Problem> {
    let token = review.text("spec.token").to_owned();
    if token.is_empty() {
        return Err(refusal::bad_request(&"token is required for TokenReview in authentication"));
    }
    let mut audiences: Vec<String> =
        review.view().path("spec.audiences").items().map(|item| item.text().to_owned()).collect();
    if audiences.is_empty() {
        audiences.extend_from_slice(call.api.token_rules.audiences());
    }
    let api = call.api;
    let verifier = Verifier { api, now: api.clock.now() };
    let proven = verifier.token(&token, &audiences).await;
    let mut edit = Edit::object(&mut review);
    edit.remove("status");
    let mut status = edit.made("status");
    match proven {
        Ok(proven) => {
            status.set("authenticated", true);
            describe(&proven.caller, &mut status.made("user"));
            let audiences = proven.audiences.iter().map(|one| Value::from(one.as_str())).collect();
            status.set("audiences", Value::List(audiences));
        }
        Err(refused) => status.set("error", shown(&refused).as_str()),
    }
    Ok(review)
}

/// A refusal as upstream shows it, which has asked several others before.
fn shown(refused: &Refused) -> String {
    match refused.0.as_str() {
        Refused::UNKNOWN => Refused::UNKNOWN.into(),
        why => format!("[{}, {why}]", Refused::UNKNOWN),
    }
}

/// Says who asks.
pub(super) fn of_oneself(call: &Call<'_>) -> Result<Object, Problem> {
    let mut review = blank(call);
    meta_mut(&mut review).set_creation_timestamp(call.now());
    describe(call.caller, &mut Edit::object(&mut review).made("status").made("userInfo"));
    Ok(review)
}

fn describe(caller: &Caller, user: &mut Edit<'_>) {
    user.set("username", &*caller.name);
    user.set("uid", &*caller.uid);
    let groups = caller.groups.iter().map(|group| Value::from(&**group)).collect();
    user.set("groups", Value::List(groups));
    for (key, values) in caller.extra.iter() {
        let values = values.iter().map(|value| Value::from(&**value)).collect();
        user.map("extra").set(key, Value::List(values));
    }
}
