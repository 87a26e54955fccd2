//! Evictions: removing a pod, as far as the budgets of its kind allow it.

mod budget;
#[cfg(test)]
mod tests;

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use keelson_api::field::{Error, Errors, Path};
use keelson_api::group::GroupKind;
use keelson_api::options::kind;
use keelson_api::status::{Reason, Status};
use keelson_schema::arena::Schema;
use keelson_schema::json::{self, Gvk};
use keelson_schema::tree::Object as Tree;
use keelson_store::At;

use self::budget::Verdict;
use crate::api::Call;
use crate::body::deletion::{Deletion, UNREAD};
use crate::body::{self, Options};
use crate::condition::Condition;
use crate::edit::Edit;
use crate::meta::meta;
use crate::problem::Problem;
use crate::verbs::create::Made;
use crate::verbs::delete::{self, Removed};
use crate::verbs::{get, update};
use crate::{refusal, render};

/// How often an eviction begins anew because the pod has changed meanwhile. Upstream's figure.
const TRIES_MAX: usize = 20;

pub(crate) async fn create(call: &Call<'_>, bytes: &Bytes) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let options = body::options(call, &kind::CREATE)?;
    let deletion = read(call, bytes, &options)?;
    evict(call, &deletion, &options).await?;
    render::status(look, &Status { code: StatusCode::CREATED.as_u16(), ..Status::success() })
}

/// How the pod is to go.
fn read(call: &Call<'_>, bytes: &Bytes, options: &Options) -> Result<Deletion, Problem> {
    let schema = Schema::builtin("policy", "v1", "Eviction");
    let schema = schema.ok_or_else(|| Problem::Defect("there is no Eviction".into()))?;
    // It is the same in an older version that is no longer served for anything else.
    let is_old = json::interpret(bytes).is_ok_and(|gvk| gvk.group == "policy" && gvk.version == "v1beta1");
    let version = if is_old { "v1beta1" } else { "v1" };
    let gvk = Gvk { group: "policy".into(), version: version.into(), kind: "Eviction".into() };
    let eviction = body::object(call, bytes, &schema, &gvk, options.validation)?;
    if meta(&eviction).name() != call.target.name {
        return Err(refusal::bad_request(&"name in URL does not match name in Eviction object"));
    }
    let mut deletion = Deletion::of(eviction.view().field("deleteOptions"))?;
    if deletion.unread {
        let mut errors = Errors::new();
        let options = Path::new("deleteOptions");
        let why = "can not be set for pod eviction, try after removing the option";
        errors.push(Error::invalid(&options.child(UNREAD), true, why));
        return Err(refusal::invalid(&GroupKind::new("policy", "Eviction"), call.target.name, &errors));
    }
    deletion.dry_run |= options.dry_run;
    Ok(deletion)
}

async fn evict(call: &Call<'_>, deletion: &Deletion, options: &Options) -> Result<(), Problem> {
    for _ in 0..TRIES_MAX {
        let found = get::read(call, At::Latest).await?;
        let pod = render::tree(call.served, &found)?;
        let as_it_is = || deletion.of_state(found.revision());
        if is_missed(&pod) {
            return match budget::charge(call, &pod, deletion.dry_run).await? {
                Verdict::Granted => remove(call, deletion, options).await,
                // What was granted to a pod that is not ready is not granted to one that has got ready meanwhile.
                Verdict::Free { budget } => match remove(call, &as_it_is(), options).await {
                    Err(problem) if is_overtaken(&problem) && !deletion.has_state() => {
                        Err(budget::unprocessed(&budget))
                    }
                    outcome => outcome,
                },
            };
        }
        let outcome = match must_stay_so(&pod) && !deletion.has_state() {
            true => remove(call, &as_it_is(), options).await,
            false => remove(call, deletion, options).await,
        };
        match outcome {
            Err(problem) if is_overtaken(&problem) && !deletion.has_state() => {}
            outcome => return outcome,
        }
    }
    Err(Status::modified(&call.group_resource(), call.target.name).into())
}

/// Whether budgets count the pod: what has ended, or never began, is missed by nobody.
fn is_missed(pod: &Tree) -> bool {
    !matches!(pod.text("status.phase"), "Succeeded" | "Failed" | "Pending")
        && meta(pod).deletion_timestamp().is_none()
}

/// Whether a pod that nobody misses could come to be missed.
fn must_stay_so(pod: &Tree) -> bool {
    !matches!(pod.text("status.phase"), "Succeeded" | "Failed") && meta(pod).deletion_timestamp().is_none()
}

fn is_overtaken(problem: &Problem) -> bool {
    matches!(problem, Problem::Refused(status) if status.is(&Reason::Conflict))
}

/// Says in the pod why it goes, and removes it.
async fn remove(call: &Call<'_>, deletion: &Deletion, options: &Options) -> Result<(), Problem> {
    if deletion.dry_run {
        let found = get::read(call, At::Latest).await?;
        return gone(call, &delete::remove(call, found, deletion).await?);
    }
    // Nobody is said to own what an eviction says.
    let options = Options { is_recorded: true, ..options.clone() };
    let told = update::change(call, &options, |pod| {
        delete::check(call, meta(pod), deletion.preconditions())?;
        let mut told = pod.clone();
        let evicted = Condition {
            kind: "DisruptionTarget",
            holds: true,
            reason: "EvictionByEvictionAPI",
            message: "Eviction API: evicting",
            observed: None,
        };
        evicted.say(&mut Edit::object(&mut told).made("status"), call.now());
        Ok(told)
    });
    match told.await? {
        Some(Made::Stored(pod) | Made::Written(pod, _)) if deletion.has_state() => {
            let deletion = deletion.of_state(pod.revision());
            gone(call, &delete::remove(call, pod, &deletion).await?)
        }
        Some(Made::Stored(pod) | Made::Written(pod, _)) => {
            gone(call, &delete::remove(call, pod, deletion).await?)
        }
        // It had waited for nothing but a last write.
        Some(Made::Unstored(_)) => Ok(()),
        None => Err(refusal::not_found(call, call.target.name)),
    }
}

fn gone(call: &Call<'_>, removed: &Removed) -> Result<(), Problem> {
    match removed {
        Removed::Vanished => Err(refusal::not_found(call, call.target.name)),
        _ => Ok(()),
    }
}
