//! Changing an object by saying what is to be different: by one of three patches, or by an apply.

use std::fmt::Display;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use keelson_api::field::{Error, Errors, Path};
use keelson_api::group::{GroupKind, GroupResource};
use keelson_api::options::{FieldValidation, PatchOptions, PatchType, WriteOptions, kind};
use keelson_api::status::{self, Cause, Reason, Status};
use keelson_schema::apply::{ApplyError, Configuration, Target, Writer};
use keelson_schema::arena::Schema;
use keelson_schema::patch::{Answer, Patch, PatchError, PatchKind};
use keelson_schema::tree::{Object, Value};
use keelson_schema::{json, yaml};

use super::create::{self, Made};
use super::update;
use crate::api::Call;
use crate::body::{self, Options};
use crate::meta::meta;
use crate::problem::Problem;
use crate::{admission, object_life, ownership, refusal, render, subresources};

pub(crate) async fn run(call: &Call<'_>, body: Bytes) -> Result<Response<Body>, Problem> {
    if let Some(subresource) = call.subresource.filter(|subresource| !Call::is_part_of_object(subresource)) {
        return subresources::patch(call, subresource, &body).await;
    }
    let asked = Asked::read(call, &body, &call.served.schema)?;
    let look = render::negotiate(call, false)?;
    let changed = update::change(call, &asked.options, |live| {
        let new = ownership::with_target(call, |target| asked.next(call, live, target))?;
        update::check_name(call, &new)?;
        Ok(new)
    });
    let (code, made) = match (changed.await?, &asked.change) {
        (Some(made), _) => (StatusCode::OK, made),
        (None, Change::Apply(apply)) if call.subresource.is_none() => {
            (StatusCode::CREATED, make(call, apply, &asked.options).await?)
        }
        (None, _) => return Err(refusal::not_found(call, call.target.name)),
    };
    create::answer(call, look, code, made)
}

/// Makes the object of an applied configuration.
async fn make(call: &Call<'_>, apply: &Apply, options: &Options) -> Result<Made, Problem> {
    let new = ownership::with_target(call, |target| apply.over(call, None, &options.manager, target))?;
    let mut new = new.ok_or_else(|| Problem::Defect("an apply made nothing of nothing".into()))?;
    if !meta(&new).uid().is_empty() {
        let words = format!(
            "uid mismatch: the provided object specified uid {}, and no existing object was found",
            meta(&new).uid()
        );
        return Err(Status::conflict(&call.group_resource(), call.target.name, words).into());
    }
    update::check_name(call, &new)?;
    object_life::place(call, &mut new)?;
    admission::namespace_is_open(call, &new).await?;
    create::make(call, update::based_on_nothing(new), options).await
}

/// What a client asks for.
pub(crate) struct Asked {
    pub(crate) options: Options,
    change: Change,
}

enum Change {
    Patch(Patch),
    Apply(Box<Apply>),
}

/// A configuration that is to be applied.
struct Apply {
    configuration: Configuration,
    force: bool,
    validation: FieldValidation,
    /// What a strict reader says of keys that are set twice.
    duplicates: Option<String>,
}

impl Asked {
    /// Reads a request to change an object of type `schema`.
    pub(crate) fn read(call: &Call<'_>, body: &Bytes, schema: &Schema) -> Result<Self, Problem> {
        let content_type = call.header(CONTENT_TYPE).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        // Only built-in types say how their lists are merged.
        let is_taken = |patch: &PatchType| match patch {
            PatchType::ApplyCbor => false,
            PatchType::Strategic => !schema.ty().arena().is_untyped(),
            PatchType::ApplyYaml | PatchType::Json | PatchType::Merge => true,
        };
        let patch = PatchType::parse(media_type).filter(is_taken).ok_or_else(refusal::unsupported_patch)?;
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
        let validation = options.validation;
        let change = match PatchKind::of(patch) {
            Some(kind) => {
                let patch = Patch::parse(kind, body, validation).map_err(|error| unpatchable(&error))?;
                Change::Patch(patch)
            }
            None => {
                Change::Apply(Box::new(Apply::read(body, schema, asked.force == Some(true), validation)?))
            }
        };
        let is_recorded = matches!(change, Change::Apply(_));
        Ok(Self { options: Options { is_recorded, ..options }, change })
    }

    /// What becomes of `live`, which is what `target` says.
    pub(crate) fn next(
        &self,
        call: &Call<'_>,
        live: &Object,
        target: &Target<'_>,
    ) -> Result<Object, Problem> {
        match &self.change {
            Change::Patch(patch) => {
                let patched = patch.apply(live).map_err(|error| unpatchable(&error))?;
                call.warn(&patched.warnings);
                Ok(patched.object)
            }
            Change::Apply(apply) => {
                let applied = apply.over(call, Some(live), &self.options.manager, target)?;
                Ok(applied.unwrap_or_else(|| live.clone()))
            }
        }
    }
}

impl Apply {
    fn read(
        body: &Bytes,
        schema: &Schema,
        force: bool,
        validation: FieldValidation,
    ) -> Result<Self, Problem> {
        let (value, duplicates) = configuration(body)?;
        let configuration = Configuration::new(value, schema.clone());
        Ok(Self { configuration, force, validation, duplicates })
    }

    /// It over `live`; nothing if that leaves everything as it is.
    fn over(
        &self,
        call: &Call<'_>,
        live: Option<&Object>,
        manager: &str,
        target: &Target<'_>,
    ) -> Result<Option<Object>, Problem> {
        let writer = Writer { manager, now: call.now() };
        let applied = keelson_schema::apply::apply(live, &self.configuration, &writer, self.force, target)
            .map_err(refused)?;
        match (&self.duplicates, self.validation) {
            (Some(duplicates), FieldValidation::Strict) => {
                return Err(refusal::bad_request(&format!("error strict decoding patch: {duplicates}")));
            }
            (Some(duplicates), FieldValidation::Warn) => {
                // The first line only says that there are more.
                let all: Vec<String> =
                    duplicates.lines().skip(1).map(|line| line.trim().to_owned()).collect();
                call.warn(&all);
            }
            _ => {}
        }
        Ok(applied)
    }
}

/// The configuration in a body, and what a strict reader says of keys that are set twice.
fn configuration(body: &Bytes) -> Result<(Value, Option<String>), Problem> {
    // Upstream makes JSON of the body twice, unless it takes it for JSON the first time.
    let is_json = body.trim_ascii_start().starts_with(b"{");
    let step = if is_json { "decoding patch: error converting YAML to JSON" } else { "encoding patch" };
    let refuse = |error: &dyn Display| refusal::bad_request(&format!("error {step}: {error}"));
    let text = yaml::to_json(body).map_err(|error| refuse(&error))?;
    let value = json::decode_any(&text.json).map_err(|error| refuse(&error))?;
    let found = match &value {
        Value::Map(_) | Value::Null => return Ok((value, text.duplicates)),
        Value::List(_) => "array",
        Value::Str(_) => "string",
        Value::Bool(_) => "bool",
        _ => "number",
    };
    Err(refusal::bad_request(&format!(
        "error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
    )))
}

/// What a patch that cannot be applied is answered with.
fn unpatchable(error: &PatchError) -> Problem {
    let message = error.to_string();
    match error.answer() {
        Answer::BadRequest => refusal::bad_request(&message),
        Answer::TooLarge => Status::request_entity_too_large(message).into(),
        Answer::Rejected => status::Response { code: 422, ..status::Response::default() }
            .into_status(&GroupResource::default())
            .into(),
        Answer::Invalid => {
            let value = match error {
                PatchError::Invalid { value, .. } => value.as_str(),
                _ => "",
            };
            let mut errors = Errors::new();
            errors.push(Error::invalid(&Path::new("patch"), value, message));
            refusal::invalid(&GroupKind::new("", ""), "", &errors)
        }
        Answer::Unknown => refusal::plain(&message),
    }
}

/// What a configuration that cannot be applied is answered with.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &'static str, expected: &str) {
        let found = match configuration(&Bytes::from_static(body.as_bytes())) {
            Ok((_, duplicates)) => duplicates.unwrap_or_else(|| "fits".into()),
            Err(problem) => problem.to_string(),
        };
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn configurations_are_read_in_upstreams_two_steps() {
        check("{}", "fits");
        check("", "fits");
        check("a: 1\na: 2", "yaml: unmarshal errors:\n  line 2: key \"a\" already set in map");
        check(
            " {",
            "error decoding patch: error converting YAML to JSON: yaml: line 1: did not find expected node content",
        );
        check("a: b: c", "error encoding patch: yaml: mapping values are not allowed in this context");
        let no_map = "error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}";
        check("- a", no_map);
    }
}
