//! What a write must keep to beyond its own object: for now that its namespace exists and stays.

use keelson_api::status::{Cause, Status};
use keelson_schema::tree::Object;
use keelson_store::At;
use keelson_store::key::{Key, ResourceName};

use crate::api::Call;
use crate::meta::meta;
use crate::problem::Problem;
use crate::refusal;
use crate::stored::{Stored, scan};

/// Namespaces that the cluster itself needs.
const KEPT: [&str; 3] = ["default", "kube-system", "kube-public"];

/// Refuses to make `new` in a namespace that is not there, or on its way out.
pub(crate) async fn namespace_is_open(call: &Call<'_>, new: &Object) -> Result<(), Problem> {
    if !call.served.is_namespaced() {
        return Ok(());
    }
    let name = &*call.target.namespace;
    let key = Key { resource: ResourceName::new("namespaces"), path: name.into() };
    let (_, found) = call.api.store.get(&key, At::Latest).await.map_err(refusal::unreadable)?;
    let namespaces = keelson_api::group::GroupResource::new("", "namespaces");
    let namespace = found.ok_or_else(|| Status::not_found(&namespaces, name))?;
    let stored = Stored::of(&namespace)?;
    if scan::find(stored.json, &["metadata", "deletionTimestamp"]).is_none() {
        return Ok(());
    }
    let words = format!("unable to create new content in namespace {name} because it is being terminated");
    let cause = Cause {
        reason: "NamespaceTerminating".into(),
        message: format!("namespace {name} is being terminated").into(),
        field: "metadata.namespace".into(),
    };
    let named = [&*call.target.name, meta(new).name(), meta(new).generate_name()];
    let named = named.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    Err(Status::forbidden(&call.group_resource(), named, words).with_cause(cause).into())
}

/// Refuses to remove what the cluster itself needs.
pub(crate) fn may_delete(call: &Call<'_>, name: &str) -> Result<(), Problem> {
    let is_kept = call.served.store.as_str() == "namespaces" && KEPT.contains(&name);
    if is_kept {
        return Err(
            Status::forbidden(&call.group_resource(), name, "this namespace may not be deleted").into()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Method, Request};
    use http_body_util::BodyExt;
    use keelson_api::time::{Clock, UnixMillis};
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use crate::caller::Caller;
    use crate::server::{ApiServer, Door, Parts};

    async fn ask(door: &Door, method: Method, uri: &str, body: &Value) -> Value {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
        let Ok(answer) = door.clone().oneshot(request.body(body).unwrap()).await;
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn nothing_new_comes_into_a_namespace_that_goes() {
        let server = ApiServer::new(Parts::for_tests(Clock::new(|| UnixMillis(1_000))).await);
        let door = server.door(Caller::authenticated("admin", ["system:masters"]));
        ask(&door, Method::POST, "/api/v1/namespaces", &json!({"metadata": {"name": "a"}})).await;
        let uri = "/api/v1/namespaces/a?propagationPolicy=Orphan";
        let going = ask(&door, Method::DELETE, uri, &Value::Null).await;
        let (phase, finalizers) = (&going["status"]["phase"], &going["metadata"]["finalizers"]);
        assert_eq!((phase, finalizers), (&json!("Terminating"), &json!(["orphan"])));
        for (metadata, name) in [(json!({"name": "x"}), "x"), (json!({"generateName": "x-"}), "x-")] {
            let uri = "/api/v1/namespaces/a/configmaps";
            let refused = ask(&door, Method::POST, uri, &json!({"metadata": metadata})).await;
            let words = format!(
                "configmaps \"{name}\" is forbidden: unable to create new content in namespace a because it is being terminated"
            );
            assert_eq!((&refused["message"], &refused["details"]["name"]), (&json!(words), &json!(name)));
        }
    }
}
