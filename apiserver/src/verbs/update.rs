//! Replacing an object, or a part of one.

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use keelson_api::options::kind;
use keelson_api::status::Status;
use keelson_schema::tree;
use keelson_store::At;
use keelson_store::object::Object;
use keelson_store::transaction::{Change, CommitError, Expect, Transaction};

use super::create::{self, Made};
use crate::api::Call;
use crate::body::{self, Options};
use crate::claims::{self, Step};
use crate::meta::{meta, meta_mut};
use crate::object_life;
use crate::problem::Problem;
use crate::{admission, refusal, render, subresources};

pub(crate) async fn run(call: &Call<'_>, body: Bytes) -> Result<Response<Body>, Problem> {
    if let Some(subresource) = call.subresource.filter(|subresource| !Call::is_part_of_object(subresource)) {
        return subresources::update(call, subresource, body).await;
    }
    let look = render::negotiate(call, false)?;
    let options = body::options(call, &kind::UPDATE)?;
    let mut new = body::object(call, &body, &call.served.schema, &call.gvk(), options.validation)?;
    check_name(call, &new)?;
    object_life::place(call, &mut new)?;
    let found = change(call, &options, |old| {
        check_uid(call, &new, meta(old).uid())?;
        Ok(new.clone())
    });
    let found = found.await?;
    if let Some(made) = found {
        return create::answer(call, look, StatusCode::OK, made);
    }
    if !call.served.facts().creates_on_update || call.subresource.is_some() {
        return Err(refusal::not_found(call, call.target.name));
    }
    check_uid(call, &new, "")?;
    admission::namespace_is_open(call, &new).await?;
    let made = create::make(call, based_on_nothing(new), &options).await?;
    create::answer(call, look, StatusCode::CREATED, made)
}

/// Refuses an object without a name.
pub(crate) fn check_name(call: &Call<'_>, new: &tree::Object) -> Result<(), Problem> {
    if meta(new).name().is_empty() {
        let words = format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            call.target.name
        );
        return Err(refusal::bad_request(&words));
    }
    Ok(())
}

/// Refuses to replace another object than the one that is meant; `uid` is that of the one that is there, if there is one.
pub(crate) fn check_uid(call: &Call<'_>, new: &tree::Object, uid: &str) -> Result<(), Problem> {
    let wanted = meta(new).uid();
    if wanted.is_empty() || wanted == uid {
        return Ok(());
    }
    let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}");
    // Upstream's dry runs do not reach what knows where everything is stored.
    let root = if call.query.first("dryRun").is_some() { "" } else { STORED_BELOW };
    Err(not_as_meant(call, root, &why))
}

/// What upstream's names of what is stored begin with.
pub(crate) const STORED_BELOW: &str = "/registry";

/// The stored object is another one than was meant.
pub(crate) fn not_as_meant(call: &Call<'_>, root: &str, why: &str) -> Problem {
    let (resource, path) = (stored_under(call.served.facts().plural), call.key().path);
    let words = format!(
        "StorageError: invalid object, Code: 4, Key: {root}/{resource}/{path}, ResourceVersion: 0, AdditionalErrorMsg: {why}"
    );
    Status::conflict(&call.group_resource(), call.target.name, words).into()
}

/// Where upstream's messages say that a resource is stored.
fn stored_under(plural: &str) -> &str {
    match plural {
        "endpoints" => "services/endpoints",
        "ingresses" => "ingress",
        "nodes" => "minions",
        "replicationcontrollers" => "controllers",
        "services" => "services/specs",
        plural => plural,
    }
}

/// An object that is to be made where one was to be changed: the state it starts from does not matter then.
pub(crate) fn based_on_nothing(mut new: tree::Object) -> tree::Object {
    meta_mut(&mut new).set_resource_version("");
    new
}

/// Changes the object that a call names to what `next` makes of its present state; nothing if there is no such object.
///
/// Where somebody else was faster, `next` is asked again. Each time somebody gets on, and the request's deadline ends it,
/// so the tries are not counted. What is based on a state that is gone is refused in the next round.
pub(crate) async fn change(
    call: &Call<'_>,
    options: &Options,
    mut next: impl FnMut(&tree::Object) -> Result<tree::Object, Problem>,
) -> Result<Option<Made>, Problem> {
    let write = call.write(options.owner());
    let (_, mut found) = call.api.store.get(&call.key(), At::Latest).await.map_err(refusal::unreadable)?;
    while let Some(current) = &found {
        let old = render::tree(call.served, current)?;
        let new = object_life::update(call, next(&old)?, &old, &write).await?;
        match store(call, new, &old, current, options).await? {
            Stored::Made(made) => return Ok(Some(made)),
            Stored::Unclaimed => {}
            Stored::Overtaken(now) => found = now,
        }
    }
    Ok(None)
}

/// How putting a changed object into the store ended.
enum Stored {
    Made(Made),
    /// Somebody else was faster; what there is now.
    Overtaken(Option<Object>),
    /// Somebody else was faster with what the object was to take.
    Unclaimed,
}

async fn store(
    call: &Call<'_>,
    mut new: tree::Object,
    old: &tree::Object,
    current: &Object,
    options: &Options,
) -> Result<Stored, Problem> {
    let is_done = object_life::is_done(call, &new);
    let dry_run = options.dry_run;
    let step = Step { old: Some(old), new: (!is_done).then_some(&mut new), dry_run };
    let claimed = claims::settle(call, step).await?;
    if options.dry_run {
        return Ok(Stored::Made(Made::Unstored(object_life::shown(call, new))));
    }
    // What was only waiting for its last finalizer goes instead of being changed; its writer sees it once more.
    let last = is_done.then(|| object_life::shown(call, new.clone()));
    let (uid, value) = object_life::bytes(call.served, &mut new)?;
    if value == current.value() && !is_done {
        // Nothing has changed: nothing is written, and nobody is told.
        return Ok(Stored::Made(Made::Stored(current.clone())));
    }
    let change = if is_done { Change::Delete } else { Change::Put { uid, value } };
    let transaction = Transaction::one(call.key(), Expect::at(current.revision()), change);
    let transaction = claims::with(transaction, claimed);
    match call.api.store.commit(transaction).await {
        Ok(committed) => {
            if let Some(last) = last {
                return Ok(Stored::Made(Made::Unstored(last)));
            }
            let object = committed.objects.into_iter().flatten().next();
            let object = object.ok_or_else(|| Problem::Defect("a write left no object".into()))?;
            Ok(Stored::Made(Made::Written(object, new)))
        }
        Err(CommitError::Unmet(unmet)) if unmet.operation > 0 => Ok(Stored::Unclaimed),
        Err(CommitError::Unmet(unmet)) => Ok(Stored::Overtaken(unmet.current)),
        Err(error) => Err(refusal::unwritten(error)),
    }
}
