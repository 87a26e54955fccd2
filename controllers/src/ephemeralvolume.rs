//! Pods that bring a template of a claim with them get the claim, and it goes with them.

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::events::Weight;
use keelson_client::{Cache, Caches, Key, OwnerReference};
use serde_json::{Value, json};

use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan, Word};
use crate::views::pod::{PODS, Pod, WantedClaim};
use crate::views::volumeclaim::{VOLUMECLAIMS, VolumeClaim};

const REASON: &str = "FailedBinding";

/// The controller. Keys are pods.
pub(crate) struct EphemeralVolumes {
    pods: Arc<Cache<Pod>>,
    claims: Arc<Cache<VolumeClaim>>,
}

impl EphemeralVolumes {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self { pods: caches.of(), claims: caches.of() }
    }
}

impl Controller for EphemeralVolumes {
    fn inputs(&self, inputs: &Inputs) {
        inputs.map(&self.pods, |change| {
            let new = change.new.filter(|pod| pod.wanted_claims().next().is_some());
            new.map(|pod| pod.metadata.key()).into_iter().collect()
        });
        // A claim that was in the way, or that somebody has deleted.
        let pods = Arc::clone(&self.pods);
        inputs.map(&self.claims, move |change| {
            let Some(gone) = change.old.filter(|_| change.new.is_none()) else { return Vec::new() };
            let meta = &gone.metadata;
            let wants = |pod: &&Arc<Pod>| pod.wanted_claims().any(|wanted| wanted.name == meta.name);
            pods.list(&meta.namespace).iter().filter(wants).map(|pod| pod.metadata.key()).collect()
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let Some(pod) = self.pods.get(key).filter(|pod| !pod.metadata.is_deleting()) else {
            return Plan::nothing();
        };
        let mut actions = Vec::new();
        for wanted in pod.wanted_claims() {
            match self.claims.get(&Key::new(key.namespace(), &wanted.name)) {
                None => actions.push(made(&pod, &wanted)),
                Some(claim) if claim.metadata.is_controlled_by(&pod.metadata.uid) => {}
                Some(_) => {
                    actions.push(told(&pod, &wanted));
                    break;
                }
            }
        }
        Plan::of(actions)
    }
}

fn made(pod: &Pod, wanted: &WantedClaim<'_>) -> Action {
    let meta = &pod.metadata;
    let owner = OwnerReference::controller(&PODS, meta);
    let mut metadata = json!({"name": wanted.name, "namespace": meta.namespace, "ownerReferences": [owner]});
    for part in ["labels", "annotations"] {
        let own = &wanted.template["metadata"][part];
        if !own.is_null() {
            metadata[part] = own.clone();
        }
    }
    let spec: &Value = &wanted.template["spec"];
    let claim =
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec});
    let note = format!("ephemeral volume {}: create PVC {}: {{error}}", wanted.volume, wanted.name);
    let failed = Word::new(REASON, "Create", note);
    Action::create(&VOLUMECLAIMS, &meta.namespace, claim).once().telling(
        (&PODS, meta),
        Vec::new(),
        Some(failed),
    )
}

fn told(pod: &Pod, wanted: &WantedClaim<'_>) -> Action {
    let (meta, claim) = (&pod.metadata, &wanted.name);
    let (namespace, name) = (&meta.namespace, &meta.name);
    let note = format!(
        "ephemeral volume {}: PVC {namespace}/{claim} was not created for pod {namespace}/{name} (pod is not owner)",
        wanted.volume
    );
    Action::tell(&PODS, meta, Weight::Warning, &Word::new(REASON, "Create", note))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{What, lines};

    fn plan(owner: Option<&str>) -> Plan {
        let template =
            json!({"metadata": {"labels": {"a": "b"}}, "spec": {"accessModes": ["ReadWriteOnce"]}});
        let pod = json!({
            "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
            "spec": {"volumes": [
                {"name": "v", "ephemeral": {"volumeClaimTemplate": template}},
                {"name": "w", "persistentVolumeClaim": {"claimName": "c"}},
            ]},
        });
        let claim = owner.map(|uid| {
            let owners =
                json!([{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": uid, "controller": true}]);
            json!({"metadata": {"name": "p-v", "namespace": "ns", "ownerReferences": owners}})
        });
        let controller = EphemeralVolumes {
            pods: Cache::holding([serde_json::from_value(pod).unwrap()]),
            claims: Cache::holding(claim.map(|claim| serde_json::from_value(claim).unwrap())),
        };
        controller.plan(&Key::new("ns", "p"), UnixMillis(0))
    }

    #[test]
    fn a_pod_gets_the_claims_that_it_brings() {
        let made = plan(None);
        let What::Create { object, .. } = &made.first[0].what else { panic!() };
        assert_eq!(
            (&object["metadata"]["name"], &object["metadata"]["labels"], &object["spec"]["accessModes"]),
            (&json!("p-v"), &json!({"a": "b"}), &json!(["ReadWriteOnce"]))
        );
        assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], "u");
        assert_eq!(lines(plan(Some("u"))), Vec::<String>::new());
        assert_eq!(
            lines(plan(Some("other"))),
            [
                "tell Warning FailedBinding: ephemeral volume v: PVC ns/p-v was not created for pod ns/p (pod is not owner)"
            ]
        );
    }
}
