//! Endpoints of services in the form that has been there always: one object per service, without its pods on their way
//! out.

mod subsets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, Labels, Time};
use serde_json::{Value, json};

use crate::driver::{Controller, Inputs};
use crate::endpointslice::{TRIGGER_TIME, TriggerTimes, of_pod};
use crate::plan::{Action, Plan, Word};
use crate::views::endpoints::{ENDPOINTS, Endpoints, Subset};
use crate::views::pod::Pod;
use crate::views::service::{SERVICES, Service};

/// What says whose endpoints they are.
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
/// Ours.
const MANAGER: &str = "endpoint-controller";
/// What says that a service has no address of its own.
const HEADLESS: &str = "service.kubernetes.io/headless";
/// What says that there are more.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
/// Addresses in one object; those on top are left out, and it says so. Upstream's.
const ADDRESSES_MAX: usize = 1000;

/// The controller.
pub(crate) struct EndpointsController {
    services: Arc<Cache<Service>>,
    pods: Arc<Cache<Pod>>,
    endpoints: Arc<Cache<Endpoints>>,
    triggers: TriggerTimes,
}

impl EndpointsController {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self {
            services: caches.of(),
            pods: caches.of(),
            endpoints: caches.of(),
            triggers: TriggerTimes::default(),
        }
    }
}

impl Controller for EndpointsController {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.services);
        inputs.own(&self.endpoints);
        let services = Arc::clone(&self.services);
        inputs.map(&self.pods, move |change| of_pod(&services, change));
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let there = self.endpoints.get(key);
        let Some(service) = self.services.get(key) else {
            self.triggers.forget(key);
            // What others have made, for no service or for elections, is theirs.
            let left = there.filter(|there| there.metadata.labels.get(MANAGED_BY) == Some(MANAGER));
            return Plan::of(
                left.map(|left| Action::delete(&ENDPOINTS, &left.metadata)).into_iter().collect(),
            );
        };
        let Some(selector) = service.selector() else { return Plan::nothing() };
        let mut pods = self.pods.list(key.namespace());
        pods.retain(|pod| pod.metadata.labels.contain(selector));
        let subsets = subsets::subsets(&service, &pods);
        let trigger = self.triggers.of(&service, &pods);
        Plan::of(written(&service, there.as_deref(), subsets, trigger))
    }
}

fn labels(service: &Service) -> Labels {
    let headless = (!service.has_address()).then_some((HEADLESS, ""));
    let own = service.metadata.labels.iter().filter(|(key, _)| *key != HEADLESS);
    own.chain(headless).chain([(MANAGED_BY, MANAGER)]).collect()
}

fn written(
    service: &Service,
    there: Option<&Endpoints>,
    mut subsets: Vec<Subset>,
    trigger: Option<Time>,
) -> Vec<Action> {
    let truncated = subsets::truncate(&mut subsets, ADDRESSES_MAX);
    let labels = labels(service);
    let about = (&SERVICES, &service.metadata);
    let meta = &service.metadata;
    let Some(there) = there else {
        let mut metadata = json!({"name": meta.name, "namespace": meta.namespace, "labels": labels});
        if truncated {
            metadata["annotations"][OVER_CAPACITY] = json!("truncated");
        }
        if let Some(trigger) = trigger {
            metadata["annotations"][TRIGGER_TIME] = json!(trigger);
        }
        let object =
            json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets});
        let note =
            format!("Failed to create endpoint for service {}/{}: {{error}}", meta.namespace, meta.name);
        let failed = Word::new("FailedToCreateEndpoint", "Create", note);
        let create = Action::create(&ENDPOINTS, &meta.namespace, object);
        return vec![create.telling(about, Vec::new(), Some(failed))];
    };
    let mut old = there.subsets.clone();
    subsets::sort(&mut old);
    let said = there.metadata.annotation(OVER_CAPACITY).is_some();
    if old == subsets && there.metadata.labels == labels && said == truncated {
        return Vec::new();
    }
    let mut wanted: BTreeMap<CompactString, Value> =
        labels.iter().map(|(key, value)| (key.into(), json!(value))).collect();
    for (key, _) in there.metadata.labels.iter() {
        wanted.entry(key.into()).or_insert(Value::Null);
    }
    let mut change = json!({"metadata": {"labels": wanted}, "subsets": subsets});
    if said != truncated {
        let value = if truncated { json!("truncated") } else { Value::Null };
        change["metadata"]["annotations"] = json!({OVER_CAPACITY: value});
    }
    if trigger.is_some() || there.metadata.annotation(TRIGGER_TIME).is_some() {
        change["metadata"]["annotations"][TRIGGER_TIME] = json!(trigger);
    }
    let note = format!("Failed to update endpoint {}/{}: {{error}}", meta.namespace, meta.name);
    let failed = Word::new("FailedToUpdateEndpoint", "Update", note);
    vec![Action::merge(&ENDPOINTS, &there.metadata, "", change).telling(about, Vec::new(), Some(failed))]
}
