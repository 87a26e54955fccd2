//! Bindings: a scheduler's word that a pod belongs on a node.

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use keelson_api::field::Errors;
use keelson_api::group::GroupResource;
use keelson_api::options::kind;
use keelson_api::status::{Reason, Status};
use keelson_schema::arena::Schema;
use keelson_schema::json::Gvk;
use keelson_schema::tree::{Entries, Fields, Object, Value};

use crate::api::Call;
use crate::body;
use crate::meta::{meta, meta_mut};
use crate::problem::Problem;
use crate::verbs::update;
use crate::{object_life, refusal, render, rules};

pub(crate) async fn create(call: &Call<'_>, bytes: &Bytes) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let options = body::options(call, &kind::CREATE)?;
    let schema =
        Schema::builtin("", "v1", "Binding").ok_or_else(|| Problem::Defect("there is no Binding".into()))?;
    let gvk = Gvk { group: String::new(), version: "v1".into(), kind: "Binding".into() };
    let binding = body::object(call, bytes, &schema, &gvk, options.validation)?;
    if meta(&binding).name() != &*call.target.name {
        return Err(refusal::bad_request(&"name in URL does not match name in Binding object"));
    }
    let node = check(&binding)?;
    let bound = update::change(call, &options, |pod| bind(call, pod, &binding, &node)).await?;
    bound.ok_or_else(|| refusal::not_found(call, &call.target.name))?;
    render::status(look, &Status { code: StatusCode::CREATED.as_u16(), ..Status::success() })
}

/// The node that a binding names.
fn check(binding: &Object) -> Result<String, Problem> {
    let mut errors = Errors::new();
    rules::pod_binding::binding(binding, &mut errors);
    // As upstream: what is wrong with a binding is told as if the server were.
    let refuse =
        |errors: Errors| Status { code: 500, ..Status::failure(Reason::Unknown, errors.to_string()) };
    errors.into_result().map_err(refuse)?;
    Ok(binding.text("target.name").to_owned())
}

/// The pod on its node.
fn bind(call: &Call<'_>, pod: &Object, binding: &Object, node: &str) -> Result<Object, Problem> {
    let name = meta(pod).name();
    let refuse =
        |why: String| Err(Status::conflict(&GroupResource::new("", "pods/binding"), name, why).into());
    let uid = meta(binding).uid();
    if !uid.is_empty() && uid != meta(pod).uid() {
        return refuse(format!("the UID in the binding ({uid}) is not the pod's ({})", meta(pod).uid()));
    }
    if meta(pod).deletion_timestamp().is_some() {
        return refuse(format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    match pod.text("spec.nodeName") {
        "" => {}
        has => return refuse(format!("pod {name} is already assigned to node \"{has}\"")),
    }
    if pod.view().path("spec.schedulingGates").items().len() > 0 {
        return refuse(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    let mut bound = pod.clone();
    object_life::set(&mut bound, "spec.nodeName", Value::from(node));
    merge_annotations(&mut bound, binding);
    let now = Value::Time(call.now());
    let conditions = scheduled(&bound, now);
    object_life::set(&mut bound, "status.conditions", conditions);
    Ok(bound)
}

fn merge_annotations(pod: &mut Object, binding: &Object) {
    if meta(binding).annotations().next().is_none() {
        return;
    }
    let mut all = Entries::new();
    for (key, value) in meta(pod).annotations().chain(meta(binding).annotations()) {
        all.set(key, Value::from(value));
    }
    meta_mut(pod).set_annotations(all);
}

/// The pod's conditions, with the one that says that it has got its node.
fn scheduled(pod: &Object, now: Value) -> Value {
    let conditions = pod.view().path("status.conditions");
    let of = conditions.ty().and_then(|ty| ty.elem().as_struct()).expect("conditions are structs");
    let place = |name| of.index_of(name).expect("these are fields of a condition");
    let mut items: thin_vec::ThinVec<Value> = conditions
        .items()
        .filter(|item| item.field("type").text() != "PodScheduled")
        .filter_map(|item| item.value().cloned())
        .collect();
    let mut condition = Fields::new();
    condition.set(place("type"), Value::from("PodScheduled"));
    condition.set(place("status"), Value::from("True"));
    condition.set(place("lastTransitionTime"), now);
    items.push(Value::Struct(condition));
    Value::List(items)
}
