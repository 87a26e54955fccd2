//! Component statuses: whether the components that every cluster has are there; never kept, but looked at when asked.
//!
//! Upstream calls ports of its own machine. Here components may be anywhere, so what they are asked for is the lease that
//! each of them holds while it works; or nothing, where they live and die with the server.

use futures::FutureExt;
use futures::future::BoxFuture;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value};
use keelson_store::At;
use keelson_store::key::Key;
use keelson_store::object::Object as Stored;
use keelson_store::table::Table;

use crate::api::Api;
use crate::cells::{self, Cell};
use crate::on_demand::{self, OnDemand};
use crate::problem::Problem;
use crate::render;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ComponentStatuses;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "ComponentStatus",
    plural: "componentstatuses",
    singular: "componentstatus",
    short_names: &["cs"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: &[Verb::Get, Verb::List],
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Status"), Column::text("Message"), Column::text("Error")],
};

impl Resource for ComponentStatuses {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn on_demand(&self) -> Option<&'static dyn OnDemand> {
        Some(&Components)
    }

    fn deprecation(&self) -> Option<&'static str> {
        Some("v1 ComponentStatus is deprecated in v1.19+")
    }

    fn cells(&self, object: &Object, _: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let healthy = view.field("conditions").items().find(|one| one.field("type").text() == "Healthy");
        let Some(healthy) = healthy else {
            return vec![cells::name(object), "Unknown".into(), "".into(), "".into()];
        };
        let status = if healthy.field("status").text() == "True" { "Healthy" } else { "Unhealthy" };
        let text = |name| Cell::from(healthy.field(name).text());
        vec![cells::name(object), status.into(), text("message"), text("error")]
    }
}

/// The components, by the leases they hold in `kube-system`.
const LEASES: [(&str, &str); 2] =
    [("controller-manager", "kube-controller-manager"), ("scheduler", "kube-scheduler")];
/// What clients know the store as, whatever it is.
const STORE: &str = "etcd-0";

struct Components;

impl OnDemand for Components {
    fn objects<'a>(&'a self, api: &'a Api) -> BoxFuture<'a, Result<Table, Problem>> {
        async move {
            let mut found = Vec::new();
            let mut store = Ok(());
            for (component, lease) in LEASES {
                let health = match held(api, lease).await {
                    Ok(health) => health,
                    Err(problem) => {
                        store = Err(problem.to_string());
                        Err("the store cannot be read".to_owned())
                    }
                };
                found.push(status(component, &health));
            }
            found.push(status(STORE, &store));
            Ok(found.into_iter().collect())
        }
        .boxed()
    }
}

/// Whether somebody holds the lease of that name, or what is wrong with it.
async fn held(api: &Api, name: &str) -> Result<Result<(), String>, Problem> {
    if api.beside.contains(&name) {
        return Ok(Ok(()));
    }
    let served = api.catalog.known("coordination.k8s.io", "v1", "leases");
    let served = served.ok_or_else(|| Problem::Defect("there are no leases".into()))?;
    let key = Key::new(&served.store, "kube-system", name);
    let (_, found) = api.store.get(&key, At::Latest).await.map_err(crate::refusal::unreadable)?;
    let nobody = || Err(format!("nobody holds the lease kube-system/{name}"));
    let Some(found) = found else { return Ok(nobody()) };
    let lease = render::tree(served, &found)?;
    let spec = lease.view().field("spec");
    let renewed = spec.field("renewTime").value().and_then(Value::as_time);
    let (Some(renewed), false) = (renewed, spec.field("holderIdentity").text().is_empty()) else {
        return Ok(nobody());
    };
    let seconds = spec.field("leaseDurationSeconds").int().unwrap_or(0);
    let now = api.now();
    if renewed.seconds.saturating_add(seconds) < now.seconds {
        let ago = now.seconds.saturating_sub(renewed.seconds);
        return Ok(Err(format!("the lease kube-system/{name} was renewed last {ago} seconds ago")));
    }
    Ok(Ok(()))
}

fn status(name: &str, health: &Result<(), String>) -> Stored {
    let (status, message) = match health {
        Ok(()) => ("True", "ok"),
        Err(why) => ("False", why.as_str()),
    };
    let message = serde_json::Value::from(message);
    let json = format!(
        r#"{{"metadata":{{"name":"{name}"}},"conditions":[{{"type":"Healthy","status":"{status}","message":{message}}}]}}"#
    );
    on_demand::object("v1", name, json.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ComponentStatuses;
    use crate::resource::check;

    #[test]
    fn health_is_one_of_the_conditions() {
        check::cells(
            &ComponentStatuses,
            r#"{"kind":"ComponentStatus","apiVersion":"v1","metadata":{"name":"etcd-0"},"conditions":[{"type":"Healthy","status":"False","message":"m","error":"e"}]}"#,
            json!(["etcd-0", "Unhealthy", "m", "e"]),
        );
        let bare = r#"{"kind":"ComponentStatus","apiVersion":"v1","metadata":{"name":"a"}}"#;
        check::cells(&ComponentStatuses, bare, json!(["a", "Unknown", "", ""]));
    }
}
