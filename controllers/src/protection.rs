//! Volumes, claims and classes of attributes that somebody uses do not go before they are used no more: a finalizer holds
//! them.
//!
//! A claim is used by pods that are on a node, a volume by the claim that it is bound to, a class by whatever names it.
//! The server gives new ones the finalizer; those from before get it here.

use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, Kind};
use serde_json::json;

use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan};
use crate::pods::is_terminal;
use crate::views::pod::Pod;
use crate::views::volume::{AttributesClass, Volume};
use crate::views::volumeclaim::VolumeClaim;

const OF_CLAIMS: &str = "kubernetes.io/pvc-protection";
const OF_VOLUMES: &str = "kubernetes.io/pv-protection";
const OF_ATTRIBUTES: &str = "kubernetes.io/vac-protection";
/// The index of claims, and of volumes, by the classes of attributes that they name.
const BY_ATTRIBUTES: &str = "attributes";
/// The index of pods by the claims that they use.
const BY_CLAIM: &str = "claim";

/// Gives an object its finalizer, or takes it off one that is to go and is not used.
fn plan<V: Kind>(object: &V, finalizer: &str, is_used: impl FnOnce() -> bool) -> Plan {
    let meta = object.meta();
    let held = meta.finalizers.iter().any(|held| held == finalizer);
    let mut finalizers: Vec<&str> = meta.finalizers.iter().map(CompactString::as_str).collect();
    match (meta.is_deleting(), held) {
        (false, false) => finalizers.push(finalizer),
        (true, true) if !is_used() => finalizers.retain(|held| *held != finalizer),
        _ => return Plan::nothing(),
    }
    let change = json!({"metadata": {"finalizers": finalizers}});
    Plan::of(vec![Action::merge(&V::RESOURCE, meta, "", change)])
}

/// The controller of claims.
pub(crate) struct ClaimProtection {
    claims: Arc<Cache<VolumeClaim>>,
    pods: Arc<Cache<Pod>>,
}

impl ClaimProtection {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self::over(caches.of(), caches.of())
    }

    fn over(claims: Arc<Cache<VolumeClaim>>, pods: Arc<Cache<Pod>>) -> Self {
        pods.index(BY_CLAIM, |pod| {
            let space = &pod.metadata.namespace;
            pod.claims().map(|claim| compact_str::format_compact!("{space}/{}", claim.name)).collect()
        });
        Self { claims, pods }
    }

    fn is_used(&self, claim: &VolumeClaim) -> bool {
        let meta = &claim.metadata;
        let users = self.pods.by(BY_CLAIM, meta.key().as_str());
        users.iter().filter(|pod| !pod.spec.node_name.is_empty()).any(|pod| {
            let mut uses = pod.claims().filter(|used| used.name == meta.name);
            // One that was made for a pod is its as long as it runs.
            uses.any(|used| !used.ephemeral || !is_terminal(pod) && meta.is_controlled_by(&pod.metadata.uid))
        })
    }
}

impl Controller for ClaimProtection {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.claims);
        inputs.map(&self.pods, |change| {
            let ends = change.new.is_none_or(|pod| is_terminal(pod));
            let pod = change.latest().filter(|_| ends);
            let keys = pod
                .map(|pod| pod.claims().map(|used| Key::new(&pod.metadata.namespace, &used.name)).collect());
            keys.unwrap_or_default()
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let Some(claim) = self.claims.get(key) else { return Plan::nothing() };
        plan(&*claim, OF_CLAIMS, || self.is_used(&claim))
    }
}

/// The controller of volumes.
pub(crate) struct VolumeProtection {
    volumes: Arc<Cache<Volume>>,
}

impl VolumeProtection {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self { volumes: caches.of() }
    }
}

impl Controller for VolumeProtection {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.volumes);
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let Some(volume) = self.volumes.get(key) else { return Plan::nothing() };
        plan(&*volume, OF_VOLUMES, || volume.status.phase == "Bound")
    }
}

/// The controller of classes of attributes.
pub(crate) struct AttributesProtection {
    classes: Arc<Cache<AttributesClass>>,
    volumes: Arc<Cache<Volume>>,
    claims: Arc<Cache<VolumeClaim>>,
}

impl AttributesProtection {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self::over(caches.of(), caches.of(), caches.of())
    }

    fn over(
        classes: Arc<Cache<AttributesClass>>,
        volumes: Arc<Cache<Volume>>,
        claims: Arc<Cache<VolumeClaim>>,
    ) -> Self {
        volumes.index(BY_ATTRIBUTES, |volume| {
            volume.spec.volume_attributes_class_name.iter().cloned().collect()
        });
        claims.index(BY_ATTRIBUTES, |claim| claim.attributes_classes().cloned().collect());
        Self { classes, volumes, claims }
    }
}

impl Controller for AttributesProtection {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.classes);
        // Of what an object named before: it may have been the last one.
        inputs.map(&self.claims, |change| {
            let before = change.old.into_iter().flat_map(|claim| claim.attributes_classes());
            before.map(|class| Key::new("", class)).collect()
        });
        inputs.map(&self.volumes, |change| {
            let before = change.old.and_then(|volume| volume.spec.volume_attributes_class_name.as_ref());
            before.map(|class| Key::new("", class)).into_iter().collect()
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let Some(class) = self.classes.get(key) else { return Plan::nothing() };
        let name = key.name();
        plan(&*class, OF_ATTRIBUTES, || {
            self.volumes.count_by(BY_ATTRIBUTES, name) + self.claims.count_by(BY_ATTRIBUTES, name) > 0
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::plan::lines;

    fn about(claim: &Value, pod: &Value) -> String {
        let mut object = json!({"metadata": {"name": "c", "namespace": "ns", "uid": "c"}});
        for (key, value) in claim.as_object().unwrap() {
            object["metadata"][key] = value.clone();
        }
        let pod = json!({"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "spec": pod});
        let controller = ClaimProtection::over(
            Cache::holding([serde_json::from_value(object).unwrap()]),
            Cache::holding([serde_json::from_value(pod).unwrap()]),
        );
        lines(controller.plan(&Key::new("ns", "c"), UnixMillis(0))).join("; ")
    }

    #[test]
    fn what_is_used_stays() {
        let uses = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
        let going = json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["f", OF_CLAIMS]});
        let patch = |finalizers: &str| {
            format!(r#"patch persistentvolumeclaims ns/c {{"metadata":{{"finalizers":{finalizers}}}}}"#)
        };
        let held = patch(&format!(r#"["{OF_CLAIMS}"]"#));
        assert_eq!(about(&json!({}), &json!({})), held);
        assert_eq!(about(&going, &json!({"nodeName": "n", "volumes": uses})), "");
        assert_eq!(about(&going, &json!({"volumes": uses})), patch(r#"["f"]"#), "it is on no node");
        assert_eq!(about(&going, &json!({"nodeName": "n"})), patch(r#"["f"]"#));
        assert_eq!(about(&json!({"finalizers": [OF_CLAIMS]}), &json!({})), "");
    }

    #[test]
    fn a_class_of_attributes_stays_while_something_names_it() {
        let about = |claim: &Value, volume: &Value| {
            let going = json!({"name": "c", "uid": "c", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [OF_ATTRIBUTES]});
            let mut claim = claim.clone();
            claim["metadata"] = json!({"name": "x", "namespace": "ns"});
            let volume = json!({"metadata": {"name": "v"}, "spec": volume});
            let controller = AttributesProtection::over(
                Cache::holding([serde_json::from_value(json!({"metadata": going})).unwrap()]),
                Cache::holding([serde_json::from_value(volume).unwrap()]),
                Cache::holding([serde_json::from_value(claim).unwrap()]),
            );
            lines(controller.plan(&Key::new("", "c"), UnixMillis(0))).len()
        };
        let none = json!({});
        assert_eq!(about(&none, &none), 1, "nobody names it");
        assert_eq!(about(&json!({"spec": {"volumeAttributesClassName": "c"}}), &none), 0);
        assert_eq!(about(&json!({"status": {"currentVolumeAttributesClassName": "c"}}), &none), 0);
        let target =
            json!({"modifyVolumeStatus": {"targetVolumeAttributesClassName": "c", "status": "Pending"}});
        assert_eq!(about(&json!({"status": target}), &none), 0);
        assert_eq!(about(&none, &json!({"volumeAttributesClassName": "c"})), 0);
        assert_eq!(about(&none, &json!({"volumeAttributesClassName": "d"})), 1);
    }
}
