//! Scales: of anything that runs a number of copies, that number alone.

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use keelson_api::field::{Error, Errors, Path};
use keelson_api::group::{GroupKind, GroupResource};
use keelson_api::options::kind;
use keelson_api::status::Status;
use keelson_schema::apply::Writer;
use keelson_schema::arena::Schema;
use keelson_schema::json::Gvk;
use keelson_schema::tree::{Object, Value, View};
use keelson_store::At;

use crate::api::Call;
use crate::body::{self, Options};
use crate::meta::{meta, meta_mut};
use crate::object_life::Owner;
use crate::problem::Problem;
use crate::verbs::create::Made;
use crate::verbs::patch::Asked;
use crate::verbs::{get, update};
use crate::{object_life, ownership, refusal, render};

const KIND: GroupKind<'static> = GroupKind::new("autoscaling", "Scale");

pub(crate) async fn get(call: &Call<'_>) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let object = get::read(call, At::Latest).await?;
    let scale = scale_of(&render::tree(call.served, &object)?)?;
    render::tree_answer(call, look, StatusCode::OK, &scale)
}

pub(crate) async fn update(call: &Call<'_>, bytes: &Bytes) -> Result<Response<Body>, Problem> {
    let options = body::options(call, &kind::UPDATE)?;
    let scale = body::object(call, bytes, &schema()?, &gvk(), options.validation)?;
    update::check_name(call, &scale)?;
    change(call, &options, |old| {
        update::check_uid(call, &scale, meta(old).uid())?;
        Ok(scale.clone())
    })
    .await
}

pub(crate) async fn patch(call: &Call<'_>, bytes: &Bytes) -> Result<Response<Body>, Problem> {
    let asked = Asked::read(call, bytes, &schema()?)?;
    change(call, &asked.options, |old| {
        let scale = asked.next(call, old, &ownership::SCALE)?;
        update::check_name(call, &scale)?;
        Ok(scale)
    })
    .await
}

/// Changes the scale of the object that a call names to what `next` makes of it.
async fn change(
    call: &Call<'_>,
    options: &Options,
    mut next: impl FnMut(&Object) -> Result<Object, Problem>,
) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    // Who owns the number of copies follows from who owns that of the scale.
    let through = Options { is_recorded: true, ..options.clone() };
    let made = update::change(call, &through, |object| {
        let mut old = scale_of(object)?;
        ownership::scale_owners(call, object).write(&mut old);
        let mut new = next(&old)?;
        object_life::place(call, &mut new)?;
        if let Owner::Manager(manager) = options.owner() {
            let writer = Writer { manager, now: call.now() };
            ownership::record_in(&ownership::SCALE, Some(&old), &mut new, &writer);
        }
        rescale(call, object, &new)
    });
    let left = match made.await?.ok_or_else(|| refusal::not_found(call, call.target.name))? {
        Made::Stored(object) | Made::Written(object, _) => render::tree(call.served, &object)?,
        Made::Unstored(tree) => tree,
    };
    render::tree_answer(call, look, StatusCode::OK, &scale_of(&left)?)
}

/// `object` with as many copies as `scale` says.
fn rescale(call: &Call<'_>, object: &Object, scale: &Object) -> Result<Object, Problem> {
    let name = meta(object).name();
    let replicas = scale.get("spec.replicas").and_then(Value::as_int).unwrap_or(0);
    if replicas < 0 {
        let mut errors = Errors::new();
        let spec = Path::new("spec");
        errors.push(Error::invalid(&spec.child("replicas"), replicas, "must be greater than or equal to 0"));
        return Err(refusal::invalid(&KIND, name, &errors));
    }
    let (wanted, uid) = (meta(scale).uid(), meta(object).uid());
    if !wanted.is_empty() && wanted != uid {
        let words = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}");
        let facts = call.served.facts();
        let plural = format!("{}/scale", facts.plural);
        return Err(Status::conflict(&GroupResource::new(facts.group, &plural), name, words).into());
    }
    let mut next = object.clone();
    object_life::set(&mut next, "spec.replicas", Value::Int(replicas));
    meta_mut(&mut next).set_resource_version(meta(scale).resource_version());
    ownership::owners_by_scale(call, object, scale).write(&mut next);
    Ok(next)
}

fn gvk() -> Gvk {
    Gvk { group: "autoscaling".into(), version: "v1".into(), kind: "Scale".into() }
}

fn schema() -> Result<Schema, Problem> {
    Schema::builtin("autoscaling", "v1", "Scale").ok_or_else(|| Problem::Defect("there is no Scale".into()))
}

/// The scale of an object.
fn scale_of(object: &Object) -> Result<Object, Problem> {
    let mut scale = Object::new(schema()?);
    object_life::set(&mut scale, "kind", Value::from("Scale"));
    object_life::set(&mut scale, "apiVersion", Value::from("autoscaling/v1"));
    for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        let path = format!("metadata.{name}");
        if let Some(value) = object.get(&path) {
            object_life::set(&mut scale, &path, value.clone());
        }
    }
    let number = |path| object.get(path).and_then(Value::as_int).unwrap_or(0);
    object_life::set(&mut scale, "spec.replicas", Value::Int(number("spec.replicas")));
    object_life::set(&mut scale, "status.replicas", Value::Int(number("status.replicas")));
    let selector = selector_text(object.view().path("spec.selector"));
    object_life::set(&mut scale, "status.selector", Value::from(selector.as_str()));
    Ok(scale)
}

/// A selector as text, be it a map or one with expressions.
fn selector_text(selector: View<'_>) -> String {
    let is_plain = selector.value().is_some_and(|value| value.as_map().is_some());
    let labels = if is_plain { selector } else { selector.field("matchLabels") };
    let labels = labels.value().and_then(Value::as_map);
    let mut parts: Vec<(String, String)> = labels
        .into_iter()
        .flat_map(|labels| labels.iter())
        .map(|(key, value)| (key.to_string(), format!("{key}={}", value.as_str().unwrap_or_default())))
        .collect();
    for expression in selector.field("matchExpressions").items() {
        let key = expression.field("key").text();
        let mut values: Vec<&str> = expression.field("values").items().map(View::text).collect();
        values.sort_unstable();
        let values = values.join(",");
        let text = match expression.field("operator").text() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => continue,
        };
        parts.push((key.to_owned(), text));
    }
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
}
