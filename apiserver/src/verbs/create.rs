//! Making a new object.

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use keelson_api::options::kind;
use keelson_api::status::Status;
use keelson_schema::tree;
use keelson_store::key::Key;
use keelson_store::object::Object;
use keelson_store::transaction::{CommitError, Transaction, Unmet};

use crate::api::Call;
use crate::body::{self, Options};
use crate::claims::{self, Step};
use crate::meta::meta;
use crate::object_life;
use crate::problem::Problem;
use crate::render::{self, Look};
use crate::resource::Verb;
use crate::stored::{Stored, scan};
use crate::{admission, questions, refusal, subresources};

/// How often a name is generated before the server says that it found none that was free. Upstream's figure.
const NAMES_MAX: usize = 8;

pub(crate) async fn run(call: &Call<'_>, body: Bytes) -> Result<Response<Body>, Problem> {
    if let Some(subresource) = call.subresource {
        return subresources::create(call, subresource, body).await;
    }
    if call.served.store.as_str() == "bindings" {
        return subresources::bind(call, &body).await;
    }
    let look = render::negotiate(call, false)?;
    let options = body::options(call, &kind::CREATE)?;
    let new = body::object(call, &body, &call.served.schema, &call.gvk(), options.validation)?;
    if !call.served.can(Verb::Get) {
        return questions::answer(call, look, new, &options.manager).await;
    }
    admission::namespace_is_open(call, &new).await?;
    let made = make(call, new, &options).await?;
    answer(call, look, StatusCode::CREATED, made)
}

/// What a write left.
pub(crate) enum Made {
    /// An object in the store.
    Stored(Object),
    /// The same, and the very tree that it was stored as.
    Written(Object, tree::Object),
    /// An object that is not there: that of a dry run, or one that went with this write.
    Unstored(tree::Object),
}

/// Shows what a write left.
pub(crate) fn answer(
    call: &Call<'_>,
    look: Look,
    code: StatusCode,
    made: Made,
) -> Result<Response<Body>, Problem> {
    match made {
        Made::Stored(object) => render::object(call, look, code, &object),
        Made::Written(object, tree) => render::written(call, look, code, &object, tree),
        Made::Unstored(tree) => render::tree_answer(call, look, code, &tree),
    }
}

/// Stores a new object, under a name of its own if it has none.
pub(crate) async fn make(call: &Call<'_>, new: tree::Object, options: &Options) -> Result<Made, Problem> {
    let write = call.write(options.owner());
    let is_named = !meta(&new).name().is_empty();
    let mut names_left = if is_named { 1 } else { NAMES_MAX };
    loop {
        let mut stored = object_life::create(call, new.clone(), &write).await?;
        let name = meta(&stored).name().to_owned();
        let key = Key::new(&call.served.store, meta(&stored).namespace(), &name);
        let step = Step { old: None, new: Some(&mut stored), dry_run: options.dry_run };
        let claimed = claims::settle(call, step).await?;
        if options.dry_run {
            let (_, found) =
                call.api.store.get(&key, keelson_store::At::Latest).await.map_err(refusal::unreadable)?;
            return match found {
                Some(found) => Err(exists(call, &name, Some(&found))),
                None => Ok(Made::Unstored(object_life::shown(call, stored))),
            };
        }
        let (uid, bytes) = object_life::bytes(call.served, &mut stored)?;
        let transaction = claims::with(Transaction::create(key, uid, bytes), claimed);
        match call.api.store.commit(transaction).await {
            Ok(committed) => {
                let object = committed.objects.into_iter().flatten().next().ok_or_else(missing)?;
                return Ok(Made::Written(object, stored));
            }
            // Somebody else was faster with what the object was to take; there may be something else for it.
            Err(CommitError::Unmet(unmet)) if unmet.operation > 0 => {}
            Err(CommitError::Unmet(unmet)) if unmet.unmet == Unmet::Exists && names_left > 1 => {
                names_left -= 1;
            }
            Err(CommitError::Unmet(_)) if !is_named => {
                return Err(Status::generate_name_conflict(&call.group_resource(), &name, 1).into());
            }
            Err(CommitError::Unmet(unmet)) => return Err(exists(call, &name, unmet.current.as_ref())),
            Err(error) => return Err(refusal::unwritten(error)),
        }
    }
}

/// There is such an object already, if only for a while.
fn exists(call: &Call<'_>, name: &str, found: Option<&Object>) -> Problem {
    let mut status = Status::already_exists(&call.group_resource(), name);
    let stored = found.and_then(|found| Stored::of(found).ok());
    if stored.is_some_and(|stored| scan::find(stored.json, &["metadata", "deletionTimestamp"]).is_some()) {
        status.message = format!("object is being deleted: {}", status.message).into();
    }
    status.into()
}

fn missing() -> Problem {
    Problem::Defect("a write left no object".into())
}
