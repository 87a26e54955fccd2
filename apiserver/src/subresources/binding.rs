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
use keelson_schema::tree::{Entries, Object, Value, View};
use parking_lot::Mutex;

use crate::api::Call;
use crate::body::{self, Options};
use crate::condition::Condition;
use crate::edit::Edit;
use crate::meta::meta;
use crate::problem::Problem;
use crate::target::ResourceTarget;
use crate::verbs::update;
use crate::{object_life, refusal, render, rules};

pub(crate) async fn create(call: &Call<'_>, bytes: &Bytes) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let options = body::options(call, &kind::CREATE)?;
    let binding = read(call, bytes, &options)?;
    if meta(&binding).name() != call.target.name {
        return Err(refusal::bad_request(&"name in URL does not match name in Binding object"));
    }
    let node = check(&binding)?;
    // Nobody is said to own what a binding sets.
    let options = Options { is_recorded: true, ..options };
    let bound = update::change(call, &options, |pod| bind(call, pod, &binding, &node)).await?;
    bound.ok_or_else(|| refusal::not_found(call, call.target.name))?;
    render::status(look, &Status { code: StatusCode::CREATED.as_u16(), ..Status::success() })
}

/// Does the same for a binding that is posted by itself, as it was long ago: it alone says which pod it is about.
pub(crate) async fn create_by_itself(call: &Call<'_>, bytes: &Bytes) -> Result<Response<Body>, Problem> {
    let pods = call.api.catalog.known("", "v1", "pods");
    let pods = pods.ok_or_else(|| Problem::Defect("there are no pods".into()))?;
    let binding = read(call, bytes, &body::options(call, &kind::CREATE)?)?;
    let target = ResourceTarget {
        resource: "pods",
        name: meta(&binding).name(),
        subresource: "binding",
        ..call.target.clone()
    };
    let of_pod = Call {
        api: call.api,
        served: pods,
        target: &target,
        subresource: pods.subresource("binding"),
        query: call.query.clone(),
        method: call.method,
        headers: call.headers,
        caller: call.caller,
        warnings: Mutex::default(),
    };
    create(&of_pod, bytes).await
}

fn read(call: &Call<'_>, bytes: &Bytes, options: &Options) -> Result<Object, Problem> {
    let schema =
        Schema::builtin("", "v1", "Binding").ok_or_else(|| Problem::Defect("there is no Binding".into()))?;
    let gvk = Gvk { group: String::new(), version: "v1".into(), kind: "Binding".into() };
    body::object(call, bytes, &schema, &gvk, options.validation)
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
    merge(&mut bound, binding);
    let scheduled = Condition { kind: "PodScheduled", holds: true, ..Condition::default() };
    scheduled.say(&mut Edit::object(&mut bound).made("status"), call.now());
    Ok(bound)
}

/// Gives a pod the labels and annotations of its binding.
fn merge(pod: &mut Object, binding: &Object) {
    let both = |of: View<'_>, more: View<'_>| {
        let entries =
            [of, more].map(|view| view.value().and_then(Value::as_map).cloned().unwrap_or_default());
        let mut all = Entries::new();
        for (key, value) in entries.iter().flat_map(Entries::iter) {
            all.set(key, value.clone());
        }
        all
    };
    for name in ["metadata.labels", "metadata.annotations"] {
        let all = both(pod.view().path(name), binding.view().path(name));
        if !all.is_empty() {
            object_life::set(pod, name, Value::Map(all));
        }
    }
}
