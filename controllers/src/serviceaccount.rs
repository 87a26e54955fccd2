//! Every namespace has the service account that pods work as when nobody says otherwise.

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key};
use serde_json::json;

use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan};
use crate::views::namespace::Namespace;
use crate::views::serviceaccount::{SERVICEACCOUNTS, ServiceAccount};

/// Its name.
const DEFAULT: &str = "default";

/// The controller. Keys are namespaces.
pub(crate) struct ServiceAccounts {
    namespaces: Arc<Cache<Namespace>>,
    accounts: Arc<Cache<ServiceAccount>>,
}

impl ServiceAccounts {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self { namespaces: caches.of(), accounts: caches.of() }
    }
}

impl Controller for ServiceAccounts {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.namespaces);
        inputs.map(&self.accounts, |change| {
            let gone = change.old.filter(|_| change.new.is_none());
            gone.map(|account| Key::new("", &account.metadata.namespace)).into_iter().collect()
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let active = |namespace: &Arc<Namespace>| namespace.status.phase == "Active";
        if !self.namespaces.get(key).as_ref().is_some_and(active) {
            return Plan::nothing();
        }
        if self.accounts.get(&Key::new(key.name(), DEFAULT)).is_some() {
            return Plan::nothing();
        }
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": DEFAULT, "namespace": key.name()},
        });
        Plan::of(vec![Action::create(&SERVICEACCOUNTS, key.name(), account).once()])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::plan::lines;

    fn check(phase: &str, accounts: &[Value], expected: &[&str]) {
        let namespace = json!({"metadata": {"name": "a"}, "status": {"phase": phase}});
        let accounts = accounts.iter().map(|account| serde_json::from_value(account.clone()).unwrap());
        let controller = ServiceAccounts {
            namespaces: Cache::holding([serde_json::from_value(namespace).unwrap()]),
            accounts: Cache::holding(accounts),
        };
        assert_eq!(lines(controller.plan(&Key::new("", "a"), UnixMillis(0))), expected);
    }

    #[test]
    fn a_namespace_gets_what_it_has_not() {
        let other = json!({"metadata": {"name": "other", "namespace": "a"}});
        let default = json!({"metadata": {"name": "default", "namespace": "a"}});
        check("Active", &[other], &["create serviceaccounts a/default"]);
        check("Active", &[default], &[]);
        check("Terminating", &[], &[]);
    }
}
