//! Roles that are made of others: whoever adds a role with the right label adds to `admin`, `edit` or `view`.

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, Patch};
use serde_json::{Value, json};

use crate::claim::selects;
use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan, What};
use crate::views::clusterrole::{CLUSTERROLES, ClusterRole};

/// Whose the rules are, in managed fields.
const MANAGER: &str = "clusterrole-aggregation-controller";

/// The controller. Keys are roles.
pub(crate) struct ClusterRoles {
    roles: Arc<Cache<ClusterRole>>,
}

impl ClusterRoles {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self { roles: caches.of() }
    }
}

impl Controller for ClusterRoles {
    fn inputs(&self, inputs: &Inputs) {
        let roles = Arc::clone(&self.roles);
        // Any role may be part of any that is made of others.
        inputs.map(&self.roles, move |_| {
            let all = roles.list("");
            all.iter()
                .filter(|role| role.aggregation_rule.is_some())
                .map(|role| role.metadata.key())
                .collect()
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let Some(role) = self.roles.get(key) else { return Plan::nothing() };
        let Some(aggregation) = &role.aggregation_rule else { return Plan::nothing() };
        let all = self.roles.list("");
        let mut rules: Vec<Value> = Vec::new();
        for selection in &aggregation.cluster_role_selectors {
            let parts = all.iter().filter(|part| {
                part.metadata.name != role.metadata.name
                    && selects(&selection.selector, &part.metadata.labels)
            });
            for rule in parts.flat_map(|part| &part.rules) {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        if rules == role.rules {
            return Plan::nothing();
        }
        let change = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": role.metadata.name}, "rules": rules,
        });
        let form = Patch::Apply { manager: MANAGER };
        let what = What::Patch { resource: CLUSTERROLES, key: key.clone(), part: "", form, change };
        Plan::of(vec![Action::new(what)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::lines;

    fn check(rules: &Value, roles: &[Value], expected: &[&str]) {
        let admin = json!({
            "metadata": {"name": "admin", "labels": {"to": "admin"}}, "rules": rules,
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "admin"}}]},
        });
        let all = roles.iter().chain([&admin]).map(|role| serde_json::from_value(role.clone()).unwrap());
        let controller = ClusterRoles { roles: Cache::holding(all) };
        let lines = lines(controller.plan(&Key::new("", "admin"), UnixMillis(0)));
        let rules: Vec<&str> =
            lines.iter().filter_map(|line| line.split_once("\"rules\":")).map(|(_, rules)| rules).collect();
        assert_eq!(rules, expected);
    }

    #[test]
    fn rules_are_taken_over_in_the_order_of_names_and_once() {
        let role = |name: &str, to: &str, rules: Value| json!({"metadata": {"name": name, "labels": {"to": to}}, "rules": rules});
        let (get, list) = (json!({"verbs": ["get"]}), json!({"verbs": ["list"]}));
        let roles = [
            role("b", "admin", json!([get, list])),
            role("a", "admin", json!([list])),
            role("c", "view", json!([{"verbs": ["watch"]}])),
        ];
        check(&Value::Null, &roles, &[r#"[{"verbs":["list"]},{"verbs":["get"]}]}"#]);
        check(&json!([list, get]), &roles, &[]);
        check(&json!([list, get]), &[], &["[]}"]);
    }
}
