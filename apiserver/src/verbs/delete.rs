//! Removing an object: at once, or by saying that it is to go once its finalizers are done and its time is up.

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use keelson_api::group::GroupKind;
use keelson_api::meta::{FINALIZER_FOREGROUND, FINALIZER_ORPHAN};
use keelson_api::options::{Preconditions, Propagation};
use keelson_api::status::{Details, Status};
use keelson_schema::scalar::time::Time;
use keelson_schema::tree;
use keelson_store::At;
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use keelson_store::transaction::{Change, CommitError, Expect, Transaction};

use super::update;
use crate::api::Call;
use crate::body::deletion::{self, Deletion};
use crate::claims::{self, Step};
use crate::meta::{Meta, meta, meta_mut};
use crate::problem::Problem;
use crate::render::{self, Look};
use crate::resource::{Deletion as Answers, Resource};
use crate::{admission, object_life, refusal};

/// How often a deletion is decided on anew because the object has changed meanwhile.
const TRIES_MAX: usize = 16;

pub(crate) async fn run(call: &Call<'_>, body: Bytes) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let deletion = deletion::read(call, &body)?;
    warn(call, &deletion);
    let name = call.target.name;
    let found = call.api.store.get(&call.key(), At::Latest).await.map_err(refusal::unreadable)?;
    let found = found.1.ok_or_else(|| refusal::not_found(call, name))?;
    if deletion.unread {
        let why = "unsafe deletion is not allowed because the object is decodable from storage";
        return Err(update::not_as_meant(call, update::STORED_BELOW, why));
    }
    match remove(call, found, &deletion).await? {
        Removed::Gone(last) => gone(call, look, &last),
        Removed::Marked(object) => render::object(call, look, code(&deletion), &object),
        Removed::WouldBe(tree) => render::tree_answer(call, look, code(&deletion), &tree),
        Removed::Vanished => Err(refusal::not_found(call, name)),
    }
}

/// Warns of what becomes of dependents where the client did not say.
pub(crate) fn warn(call: &Call<'_>, deletion: &Deletion) {
    if let Some(warning) = call.served.resource.deletion_warning()
        && deletion.wanted().is_none()
    {
        call.warn(&[warning.to_owned()]);
    }
}

/// A deletion that goes on in the background is accepted rather than done, where that was asked for in the old way.
fn code(deletion: &Deletion) -> StatusCode {
    if deletion.orphan == Some(false) { StatusCode::ACCEPTED } else { StatusCode::OK }
}

fn gone(call: &Call<'_>, look: Look, last: &Object) -> Result<Response<Body>, Problem> {
    if call.served.facts().deletion_answers == Answers::Object {
        return render::object(call, look, StatusCode::OK, last);
    }
    let facts = call.served.facts();
    let details = Details {
        name: last.name().into(),
        group: facts.group.into(),
        kind: facts.plural.into(),
        uid: last.uid().to_string().into(),
        ..Details::default()
    };
    render::status(look, &Status { code: 0, ..Status::success() }.with_details(details))
}

/// What became of an object that was to be removed.
pub(crate) enum Removed {
    /// It is gone; this is what it was last.
    Gone(Object),
    /// It is still there, and says that it is to go.
    Marked(Object),
    /// It was only to be tried; this is what would be left.
    WouldBe(tree::Object),
    /// It was gone before.
    Vanished,
}

/// Removes an object.
pub(crate) async fn remove(call: &Call<'_>, found: Object, deletion: &Deletion) -> Result<Removed, Problem> {
    admission::may_delete(call, found.name())?;
    let key = keelson_store::key::Key { resource: call.served.store.clone(), path: found.path().into() };
    let mut current = found;
    for _ in 0..TRIES_MAX {
        let old = render::tree(call.served, &current)?;
        check(call, meta(&old), deletion.preconditions())?;
        let mut is_last = true;
        let change = match decide(call, &old, deletion) {
            Decision::Go if deletion.dry_run => return Ok(Removed::Gone(current)),
            Decision::Mark(marked, _) if deletion.dry_run => return Ok(Removed::WouldBe(marked)),
            Decision::Leave => return Ok(Removed::Marked(current)),
            Decision::Go => Change::Delete,
            Decision::Mark(marked, then) => {
                is_last = then == Then::Stay;
                let mut marked = object_life::stored_form(call, marked);
                let (uid, value) = object_life::bytes(call.served, &mut marked)?;
                Change::Put { uid, value }
            }
        };
        let goes = matches!(change, Change::Delete);
        let transaction = Transaction::one(key.clone(), Expect::at(current.revision()), change);
        let transaction = match goes {
            true => {
                let step = Step { old: Some(&old), new: None, dry_run: false };
                claims::with(transaction, claims::settle(call, step).await?)
            }
            false => transaction,
        };
        // Its own write is the first.
        let rest = transaction.operations.iter().skip(1);
        let later = rest.filter(|operation| !matches!(operation.change, Change::Check)).count();
        match call.api.store.commit(transaction).await {
            Ok(committed) => {
                let revision = Revision(committed.revision.0.saturating_sub(later as u64));
                let object = committed.objects.into_iter().flatten().next();
                let object = object.ok_or_else(|| Problem::Defect("a deletion left nothing".into()))?;
                match (goes, is_last) {
                    (true, _) => return Ok(Removed::Gone(object.as_of(revision))),
                    (false, true) => return Ok(Removed::Marked(object)),
                    (false, false) => current = object,
                }
            }
            // What it has taken has changed meanwhile.
            Err(CommitError::Unmet(unmet)) if unmet.operation > 0 => {}
            Err(CommitError::Unmet(unmet)) => match unmet.current {
                Some(now) => current = now,
                None => return Ok(Removed::Vanished),
            },
            Err(error) => return Err(refusal::unwritten(error)),
        }
    }
    Err(Status::modified(&call.group_resource(), current.name()).into())
}

/// Refuses to remove another object, or another state, than was meant.
pub(crate) fn check(
    call: &Call<'_>,
    current: Meta<'_>,
    preconditions: Option<Preconditions<'_>>,
) -> Result<(), Problem> {
    let Some(preconditions) = preconditions else { return Ok(()) };
    let facts = call.served.facts();
    let kind = GroupKind::new(facts.stored_as.0, facts.kind);
    let (name, has) = (current.name(), current.uid());
    match preconditions.uid {
        Some(uid) if uid == has => {}
        // Namespaces have their own way to go upstream, and words.
        Some(uid) if facts.kind == "Namespace" => {
            let words = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {has}");
            return Err(Status::conflict(&call.group_resource(), name, words).into());
        }
        Some(uid) => return Err(Status::precondition_uid(&kind, name, uid, has).into()),
        None => {}
    }
    match preconditions.resource_version {
        Some(wanted) if wanted != current.resource_version() => {
            Err(Status::precondition_version(&kind, name, wanted, current.resource_version()).into())
        }
        _ => Ok(()),
    }
}

/// What is to become of an object.
enum Decision {
    /// It goes at once.
    Go,
    /// It is changed to this.
    Mark(tree::Object, Then),
    /// It is on its way already.
    Leave,
}

/// What follows on a change.
#[derive(PartialEq, Eq)]
enum Then {
    /// The object stays for now.
    Stay,
    /// It goes: it has only been told so first, as everything is told that could have been given time.
    Go,
}

fn decide(call: &Call<'_>, old: &tree::Object, deletion: &Deletion) -> Decision {
    let resource = call.served.resource;
    let mut new = old.clone();
    set_finalizers(resource, &mut new, deletion);
    let (now, old_meta) = (call.now(), meta(old));
    let period = resource.grace_seconds(old, deletion.grace_seconds);
    let grace = period.unwrap_or(0).max(0);
    // Without a period, as of namespaces, there is none that could be shortened.
    let given = old_meta.deletion_grace_period_seconds().unwrap_or(0);
    let pending = old_meta.deletion_timestamp().map(|at| (at, given));
    let sooner = pending.is_none_or(|(_, given)| grace < given);
    let goes = grace == 0 && meta(&new).finalizers().next().is_none() && resource.may_go(&new);
    if goes && !(sooner && period.is_some()) {
        return Decision::Go;
    }
    if sooner {
        // The time it was given runs from now, or from when it was first told to go.
        let began = pending.map_or(now.seconds, |(at, given)| at.seconds - given);
        let at = if pending.is_some() && grace > 0 { began + grace } else { now.seconds + grace };
        let generation = meta(&new).generation();
        let mut meta = meta_mut(&mut new);
        meta.set_deletion(Some((Time { seconds: at, nanos: 0 }, grace)));
        if pending.is_none() && generation > 0 {
            meta.set_generation(generation + 1);
        }
        resource.prepare_deletion(&mut new);
    }
    if new == *old {
        return Decision::Leave;
    }
    Decision::Mark(new, if goes { Then::Go } else { Then::Stay })
}

/// Adds and removes the finalizers that stand for what becomes of dependents.
fn set_finalizers(resource: &dyn Resource, object: &mut tree::Object, deletion: &Deletion) {
    let Some(default) = resource.default_propagation() else { return };
    let is_decided = meta(object).finalizers().any(|name| name == FINALIZER_FOREGROUND);
    let default = Some(default).filter(|default| *default == Propagation::Orphan && !is_decided);
    let Some(wanted) = deletion.wanted().or(default) else { return };
    let added = match wanted {
        Propagation::Orphan => Some(FINALIZER_ORPHAN),
        Propagation::Foreground => Some(FINALIZER_FOREGROUND),
        Propagation::Background => None,
    };
    let others: Vec<String> = meta(object)
        .finalizers()
        .filter(|name| ![FINALIZER_ORPHAN, FINALIZER_FOREGROUND].contains(name))
        .map(str::to_owned)
        .collect();
    meta_mut(object).set_finalizers(others.iter().map(String::as_str).chain(added));
}
