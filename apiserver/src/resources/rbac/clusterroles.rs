//! Cluster roles: rules of what may be done, for the cluster or any namespace.

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::object::{self, Rule};
use keelson_schema::tree::{Object, View};

use super::policy;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::{At, selector};

/// The resource.
#[derive(Debug)]
pub(crate) struct ClusterRoles;

const FACTS: Facts = Facts {
    group: "rbac.authorization.k8s.io",
    versions: &["v1"],
    stored_as: ("rbac.authorization.k8s.io", "v1"),
    kind: "ClusterRole",
    plural: "clusterroles",
    singular: "clusterrole",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: true,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column { type_: "date", ..Column::text("Created At") }],
};

impl Resource for ClusterRoles {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        object::path_segment
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        policy::check(new, false, errors);
        check_aggregation(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        policy::check(new, false, errors);
        check_aggregation(new, Some(old), errors);
    }
}

/// The roles that a role is put together of.
fn check_aggregation(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let rule = At::root(new, "aggregationRule");
    if !rule.is_present() {
        return;
    }
    let before = old.map(|old| old.view().path("aggregationRule.clusterRoleSelectors"));
    let had_bad_value = before.is_some_and(|before| before.items().any(selector::has_invalid_value));
    let selectors = rule.field("clusterRoleSelectors");
    let words = "at least one clusterRoleSelector required if aggregationRule is non-nil";
    selectors.require_saying(words, errors);
    for one in selectors.items() {
        selector::label_selector_with(&one, had_bad_value, errors);
        let nothing = View::new(one.view.ty().expect("selectors have a type"), None);
        if selector::matches(one.view, nothing).is_none() {
            errors.push(Error::invalid(&one.path, Shown::Null, "invalid label selector."));
        }
    }
}
