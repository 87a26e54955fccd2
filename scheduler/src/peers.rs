//! What pods belong together though they do not say so: those of a service, or of a controller.

use std::collections::HashMap;

use compact_str::CompactString;
use keelson_api::selector::label::Selector;
use keelson_client::{Labels, Resource};

use crate::pod::PodInfo;

/// Services and controllers, as far as they select pods.
#[derive(Debug, Default)]
pub struct Peers {
    /// By namespace, then by name.
    services: HashMap<CompactString, HashMap<CompactString, Labels>>,
    /// By `apiVersion` and kind, namespace and name.
    controllers: HashMap<(String, CompactString, CompactString), Selector>,
    version: u64,
}

fn kind(api_version: &str, kind: &str) -> String {
    format!("{api_version} {kind}")
}

impl Peers {
    /// Grows with each change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// A service selects these; `None` if it is gone or selects nothing.
    pub fn set_service(&mut self, namespace: &str, name: &str, selector: Option<&Labels>) {
        let known = self.services.get(namespace).and_then(|services| services.get(name));
        if known == selector {
            return;
        }
        self.version += 1;
        let services = self.services.entry(namespace.into()).or_default();
        match selector {
            Some(selector) => services.insert(name.into(), selector.clone()),
            None => services.remove(name),
        };
        if services.is_empty() {
            self.services.remove(namespace);
        }
    }

    /// A controller selects these; `None` if it is gone.
    pub fn set_controller(
        &mut self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        selector: Option<Selector>,
    ) {
        let key = (kind(&resource.api_version(), &resource.kind), namespace.into(), name.into());
        if self.controllers.get(&key) == selector.as_ref() {
            return;
        }
        self.version += 1;
        match selector {
            Some(selector) => self.controllers.insert(key, selector),
            None => self.controllers.remove(&key),
        };
    }

    /// What selects the pods that belong together with this one; everything if nothing is known of it.
    pub(crate) fn selector_of(&self, pod: &PodInfo) -> Selector {
        let mut labels: Vec<(&str, &str)> = Vec::new();
        for selector in self.services.get(&pod.meta.namespace).into_iter().flat_map(HashMap::values) {
            if pod.meta.labels.contain(selector) {
                labels.extend(selector.iter());
            }
        }
        labels.sort_unstable();
        labels.dedup();
        let mut all = Selector::with_labels(labels);
        let Some(owner) = pod.meta.controller() else { return all };
        let key = (kind(&owner.api_version, &owner.kind), pod.meta.namespace.clone(), owner.name.clone());
        if let Some(selector) = self.controllers.get(&key) {
            for requirement in selector.requirements() {
                all = all.and(requirement.clone());
            }
        }
        all
    }
}
