//! Budgets of disruptions: how many of some pods may be taken away now. Whoever evicts a pod asks them.

mod plan;
mod scale;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Change, Key, Kind, Patch, Time};
use serde_json::json;

use crate::claim::selects;
use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan, What};
use crate::pods::is_terminal;
use crate::views::disruptionbudget::Budget;
use crate::views::pod::{PODS, Pod};

/// How long a pod may be said to be about to go without going. Upstream's.
const STALE_SECONDS: i64 = 120;
/// What keys of such pods begin with. No budget's name has a slash.
const STALE: &str = "pod/";

/// The controller.
pub(crate) struct Disruptions {
    budgets: Arc<Cache<Budget>>,
    pods: Arc<Cache<Pod>>,
    owners: scale::Owners,
}

impl Disruptions {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self { budgets: caches.of(), pods: caches.of(), owners: scale::Owners::of(caches) }
    }
}

/// Since when a pod is about to go, if somebody said so and it does not.
fn about_to_go(pod: &Pod) -> Option<Time> {
    pod.status.conditions.disrupted.filter(|_| !pod.metadata.is_deleting() && !is_terminal(pod))
}

fn of_pod(change: &Change<'_, Pod>, budgets: &Cache<Budget>) -> Vec<Key> {
    let Some(pod) = change.latest() else { return Vec::new() };
    let all = budgets.list(&pod.metadata.namespace);
    let selected = all.iter().filter(|budget| {
        let selector = &budget.spec.selector.selector;
        change.both().any(|pod| selects(selector, &pod.metadata.labels))
    });
    let stale = change
        .new
        .filter(|pod| about_to_go(pod).is_some())
        .map(|pod| Key::new(&pod.metadata.namespace, &format!("{STALE}{}", pod.metadata.name)));
    selected.map(|budget| budget.key()).chain(stale).collect()
}

impl Controller for Disruptions {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.budgets);
        let budgets = Arc::clone(&self.budgets);
        inputs.map(&self.pods, move |change| of_pod(change, &budgets));
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        if let Some(name) = key.name().strip_prefix(STALE) {
            let pod = self.pods.get(&Key::new(key.namespace(), name));
            return pod.map(|pod| stays(&pod, now)).unwrap_or_default();
        }
        let Some(budget) = self.budgets.get(key) else { return Plan::nothing() };
        let selector = &budget.spec.selector.selector;
        let mut pods = self.pods.list(key.namespace());
        pods.retain(|pod| selects(selector, &pod.metadata.labels));
        plan::plan(&budget, &pods, &self.owners, now)
    }
}

/// Takes back that a pod is about to go, when that was too long ago.
fn stays(pod: &Pod, now: UnixMillis) -> Plan {
    let Some(since) = about_to_go(pod) else { return Plan::nothing() };
    let due = Time(since.0 + STALE_SECONDS).millis();
    if due > now {
        return Plan { again: Some(Duration::from_millis(due.since(now))), ..Plan::default() };
    }
    let meta = &pod.metadata;
    let condition = json!({
        "type": "DisruptionTarget", "status": "False", "lastTransitionTime": Time::of(now),
        "reason": null, "message": null,
    });
    let revision = meta.resource_version.to_string();
    let change = json!({
        "metadata": {"uid": meta.uid, "resourceVersion": revision}, "status": {"conditions": [condition]},
    });
    let form = Patch::Strategic;
    Plan::of(vec![Action::new(What::Patch { resource: PODS, key: meta.key(), part: "status", form, change })])
}
