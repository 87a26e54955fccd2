//! Role bindings: who has a role in a namespace.

use keelson_api::field::Errors;
use keelson_api::names::object::{self, Rule};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use super::subjects;
use crate::cells::Cell;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct RoleBindings;

const FACTS: Facts = Facts {
    group: "rbac.authorization.k8s.io",
    versions: &["v1"],
    stored_as: ("rbac.authorization.k8s.io", "v1"),
    kind: "RoleBinding",
    plural: "rolebindings",
    singular: "rolebinding",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: true,
    subresources: &[],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Role"),
        Column::text("Age"),
        Column::text("Users").wide(),
        Column::text("Groups").wide(),
        Column::text("ServiceAccounts").wide(),
    ],
};

impl Resource for RoleBindings {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        object::path_segment
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        subjects::cells(object, now)
    }

    fn default(&self, object: &mut Object) {
        subjects::default(object);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        subjects::check(new, &["Role", "ClusterRole"], true, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        subjects::check(new, &["Role", "ClusterRole"], true, errors);
        subjects::keep_role(new, old, errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    const OBJECT: &str = r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"system:a","creationTimestamp":"2029-12-31T00:00:00Z"},"subjects":[{"kind":"User","name":"u"},{"kind":"Group","name":"g"},{"kind":"User","name":"v"},{"kind":"ServiceAccount","name":"s","namespace":"n"},{"kind":"Robot","name":"r"}],"roleRef":{"kind":"ClusterRole","name":"view"}}"#;

    #[test]
    fn cells() {
        check::cells(
            &RoleBindings,
            OBJECT,
            json!(["system:a", "ClusterRole/view", "24h", "u, v", "g", "n/s"]),
        );
    }

    #[test]
    fn groups_are_filled_in() {
        let mut object = check::object(OBJECT);
        RoleBindings.default(&mut object);
        let json = check::json(&object);
        assert_eq!(
            json["subjects"],
            json!([
                {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "u"},
                {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "g"},
                {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "v"},
                {"kind": "ServiceAccount", "name": "s", "namespace": "n"},
                {"kind": "Robot", "name": "r"}
            ])
        );
        assert_eq!(json["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    }

    #[test]
    fn names_may_have_colons() {
        let rule = RoleBindings.name_rule();
        assert!(rule("system:a b", object::Part::Whole).is_empty());
        assert_eq!(rule("a/b", object::Part::Whole).len(), 1);
    }
}
