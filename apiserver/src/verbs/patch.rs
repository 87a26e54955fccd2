//! Changing an object by saying what is to be different.

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use keelson_api::options::{PatchOptions, PatchType, WriteOptions, kind};
use keelson_api::status::{Cause, Reason, Status};
use keelson_schema::apply::{ApplyError, Configuration, Writer};
use keelson_schema::{json, yaml};

use super::create::{self, Made};
use super::update;
use crate::api::Call;
use crate::body::{self, Options};
use crate::problem::Problem;
use crate::{admission, ownership, refusal, render};

pub(crate) async fn run(call: &Call<'_>, body: Bytes) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let content_type = call.header(CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let patch = PatchType::parse(media_type).ok_or_else(refusal::unsupported_patch)?;
    let asked = PatchOptions {
        write: WriteOptions {
            field_manager: call.query.text("fieldManager"),
            dry_run: call.query.all("dryRun").collect(),
            field_validation: call.query.text("fieldValidation"),
        },
        force: call.query.truth("force"),
    };
    refusal::check_options(&kind::PATCH, asked.check(patch))?;
    let options = body::options(call, &kind::PATCH)?;
    let (code, made) = match patch {
        PatchType::ApplyYaml => {
            apply(call, &body, Options { is_applied: true, ..options }, asked.force == Some(true)).await?
        }
        PatchType::ApplyCbor => return Err(refusal::unsupported_patch()),
        PatchType::Json | PatchType::Merge | PatchType::Strategic => {
            return Err(refusal::not_yet("patches but apply"));
        }
    };
    create::answer(call, look, code, made)
}

/// Brings an object into line with what somebody has an opinion about.
async fn apply(
    call: &Call<'_>,
    bytes: &Bytes,
    options: Options,
    force: bool,
) -> Result<(StatusCode, Made), Problem> {
    let text = yaml::to_json(bytes)
        .map_err(|error| refusal::bad_request(&format!("error decoding YAML: {error}")))?;
    let value = json::decode_any(&text.json)
        .map_err(|error| refusal::bad_request(&format!("error decoding YAML: {error}")))?;
    let configuration = Configuration::new(value, call.served.schema.clone());
    let writer = Writer { manager: &options.manager, now: call.now() };
    let applied = |live: Option<&_>| {
        ownership::with_target(call, |target| {
            keelson_schema::apply::apply(live, &configuration, &writer, force, target).map_err(refused)
        })
    };
    let changed =
        update::change(call, &options, |live| Ok(applied(Some(live))?.unwrap_or_else(|| live.clone())))
            .await?;
    if let Some(made) = changed {
        return Ok((StatusCode::OK, made));
    }
    if call.subresource.is_some() {
        return Err(refusal::not_found(call, &call.target.name));
    }
    admission::namespace_is_open(call).await?;
    let new = applied(None)?.ok_or_else(|| Problem::Defect("an apply made nothing of nothing".into()))?;
    Ok((StatusCode::CREATED, create::make(call, new, &options).await?))
}

fn refused(error: ApplyError) -> Problem {
    let message = error.to_string();
    match error {
        ApplyError::Conflict(conflicts) => {
            let causes = conflicts.0.iter().map(|conflict| Cause {
                reason: "FieldManagerConflict".into(),
                message: conflict.message().into(),
                field: conflict.path.to_string().into(),
            });
            Status::apply_conflict(causes.collect(), message).into()
        }
        ApplyError::BadRequest(_) => refusal::bad_request(&message),
        ApplyError::Internal(_) => Status { code: 500, ..Status::failure(Reason::Unknown, message) }.into(),
    }
}
