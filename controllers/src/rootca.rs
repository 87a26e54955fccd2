//! Every namespace has the certificates by which its pods know the API server.

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key};
use serde_json::json;

use crate::builtin::Settings;
use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan};
use crate::views::configmap::{CONFIGMAPS, ConfigMap, ROOT_CA};
use crate::views::namespace::Namespace;

/// The key in the config map.
const FILE: &str = "ca.crt";
/// What warns people who would change it.
const DESCRIPTION: &str = "kubernetes.io/description";
const WARNING: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// The controller. Keys are namespaces.
pub(crate) struct RootCa {
    namespaces: Arc<Cache<Namespace>>,
    maps: Arc<Cache<ConfigMap>>,
    /// Nothing is published where they are not known.
    certificates: Option<Arc<str>>,
}

impl RootCa {
    pub(crate) fn new(caches: &Caches, settings: &Settings) -> Self {
        Self { namespaces: caches.of(), maps: caches.of(), certificates: settings.root_ca.clone() }
    }
}

impl Controller for RootCa {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.namespaces);
        inputs.map(&self.maps, |change| {
            let map = change.latest().filter(|map| map.metadata.name == ROOT_CA);
            map.map(|map| Key::new("", &map.metadata.namespace)).into_iter().collect()
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let active = |namespace: &Arc<Namespace>| namespace.status.phase == "Active";
        if !self.namespaces.get(key).as_ref().is_some_and(active) {
            return Plan::nothing();
        }
        let Some(certificates) = self.certificates.as_deref() else { return Plan::nothing() };
        let data = json!({FILE: certificates});
        let annotations = json!({DESCRIPTION: WARNING});
        let Some(map) = self.maps.get(&Key::new(key.name(), ROOT_CA)) else {
            let map = json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": data,
                "metadata": {"name": ROOT_CA, "namespace": key.name(), "annotations": annotations},
            });
            return Plan::of(vec![Action::create(&CONFIGMAPS, key.name(), map).once()]);
        };
        let has = map
            .data
            .as_ref()
            .is_some_and(|data| data.iter().len() == 1 && data.get(FILE) == Some(certificates));
        if has && map.metadata.annotation(DESCRIPTION).is_some() {
            return Plan::nothing();
        }
        let mut change = json!({"data": data, "metadata": {"annotations": annotations}});
        for (other, _) in map.data.iter().flat_map(|data| data.iter()).filter(|(name, _)| *name != FILE) {
            change["data"][other] = serde_json::Value::Null;
        }
        Plan::of(vec![Action::merge(&CONFIGMAPS, &map.metadata, "", change)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::lines;

    fn check(map: Option<serde_json::Value>, expected: &[&str]) {
        let namespace = json!({"metadata": {"name": "a"}, "status": {"phase": "Active"}});
        let controller = RootCa {
            namespaces: Cache::holding([serde_json::from_value(namespace).unwrap()]),
            maps: Cache::holding(map.map(|map| serde_json::from_value(map).unwrap())),
            certificates: Some("PEM".into()),
        };
        let lines = lines(controller.plan(&Key::new("", "a"), UnixMillis(0)));
        let short: Vec<String> = lines.iter().map(|line| line.replace(WARNING, "…")).collect();
        assert_eq!(short, expected);
    }

    #[test]
    fn what_somebody_changed_is_put_right() {
        let map = |data| {
            Some(json!({
                "metadata": {"name": ROOT_CA, "namespace": "a", "annotations": {DESCRIPTION: "x"}}, "data": data,
            }))
        };
        check(None, &["create configmaps a/kube-root-ca.crt"]);
        check(map(json!({"ca.crt": "PEM"})), &[]);
        check(
            map(json!({"ca.crt": "other", "more": "x"})),
            &[
                r#"patch configmaps a/kube-root-ca.crt {"data":{"ca.crt":"PEM","more":null},"metadata":{"annotations":{"kubernetes.io/description":"…"}}}"#,
            ],
        );
    }
}
