//! What webhooks and policies are asked about: rules of resources and operations, and conditions.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors};
use keelson_api::names::{label, path};
use keelson_schema::tree::View;

use crate::rules::At;
use crate::rules::selector::label_selector;

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
/// What can be changed on its way.
const MUTATING_OPERATIONS: [&str; 4] = ["*", "CONNECT", "CREATE", "UPDATE"];
const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];
const CONDITIONS_MAX: usize = 64;

fn has_wildcard(list: View<'_>) -> bool {
    list.items().any(|item| item.text() == "*")
}

fn alone(list: &At<'_, '_>, what: &str, errors: &mut Errors) {
    if list.len() > 1 && has_wildcard(list.view) {
        list.invalid(format!("if '*' is present, must not specify other {what}"), errors);
    }
}

/// A rule of resources and operations.
pub(super) fn rule(rule: &At<'_, '_>, errors: &mut Errors) {
    let operations = rule.field("operations");
    operations.require(errors);
    alone(&operations, "operations", errors);
    for operation in operations.items() {
        operation.one_of(&OPERATIONS, errors);
    }
    let groups = rule.field("apiGroups");
    groups.require(errors);
    alone(&groups, "API groups", errors);
    let versions = rule.field("apiVersions");
    versions.require(errors);
    alone(&versions, "API versions", errors);
    for version in versions.items() {
        version.require(errors);
    }
    resources(&rule.field("resources"), errors);
    let scope = rule.field("scope");
    if scope.is_present() {
        scope.one_of(&SCOPES, errors);
    }
}

fn resources(resources: &At<'_, '_>, errors: &mut Errors) {
    resources.require(errors);
    let (mut of_all_parts, mut parts_of_all) = (HashSet::new(), HashSet::new());
    let mut ends_whole = false;
    for one in resources.items() {
        let text = one.text();
        if !one.require(errors) {
            continue;
        }
        let Some((resource, part)) = text.split_once('/') else {
            ends_whole = text != "*";
            continue;
        };
        if of_all_parts.contains(resource) {
            one.invalid(format!("if '{resource}/*' is present, must not specify {text}"), errors);
        }
        if parts_of_all.contains(part) {
            one.invalid(format!("if '*/{part}' is present, must not specify {text}"), errors);
        }
        if part == "*" {
            of_all_parts.insert(resource);
        }
        if resource == "*" {
            parts_of_all.insert(part);
        }
    }
    let has = |text: &str| resources.view.items().any(|one| one.text() == text);
    if resources.len() > 1 && has("*/*") {
        resources.invalid("if '*/*' is present, must not specify other resources", errors);
    }
    if has("*") && ends_whole {
        let words = "if '*' is present, must not specify other resources without subresources";
        resources.invalid(words, errors);
    }
}

/// What a policy or a binding is about.
pub(super) fn resources_of(of: &At<'_, '_>, errors: &mut Errors) {
    let policy = of.field("matchPolicy");
    if policy.is_present() {
        policy.one_of(&["Equivalent", "Exact"], errors);
    } else {
        policy.missing("", errors);
    }
    for name in ["namespaceSelector", "objectSelector"] {
        let selector = of.field(name);
        if selector.is_present() {
            label_selector(&selector, errors);
        } else {
            selector.missing("", errors);
        }
    }
    for name in ["resourceRules", "excludeResourceRules"] {
        for one in of.field(name).items() {
            names(&one.field("resourceNames"), errors);
            rule(&one, errors);
        }
    }
}

fn names(names: &At<'_, '_>, errors: &mut Errors) {
    let mut known = HashSet::new();
    for name in names.items() {
        name.keep_to(path::segment, errors);
        if !known.insert(name.text()) {
            name.duplicate(errors);
        }
    }
}

/// What changes objects is asked about what can be changed; `shown` is how messages call the list of rules.
pub(super) fn can_change(of: &At<'_, '_>, errors: &mut Errors) {
    let rules = of.field("resourceRules");
    let shown = rules.field("operations");
    for operation in rules.view.items().flat_map(|rule| rule.field("operations").items()) {
        let at = At { view: operation, path: shown.path };
        at.one_of(&MUTATING_OPERATIONS, errors);
    }
}

/// Conditions under which something is asked at all.
pub(super) fn conditions(conditions: &At<'_, '_>, errors: &mut Errors) {
    if conditions.len() > CONDITIONS_MAX {
        errors.push(Error::too_many(&conditions.path, conditions.len(), CONDITIONS_MAX));
    }
    let mut known = HashSet::new();
    for condition in conditions.items() {
        expression(&condition.field("expression"), "", errors);
        let name = condition.field("name");
        if name.require(errors) {
            name.keep_to(label::key, errors);
            if !known.insert(name.text()) {
                name.duplicate(errors);
            }
        }
    }
}

/// An expression is there. (Whether it can be compiled is not asked yet.)
pub(super) fn expression(expression: &At<'_, '_>, words: &'static str, errors: &mut Errors) {
    if expression.text().trim().is_empty() {
        expression.missing(words, errors);
    }
}

/// Whether the selectors of stored webhooks have values that no label can have.
pub(super) fn had_invalid_value(hooks: View<'_>) -> bool {
    let bad = |hook: View<'_>, name: &str| crate::rules::selector::has_invalid_value(hook.field(name));
    hooks.items().any(|hook| bad(hook, "namespaceSelector") || bad(hook, "objectSelector"))
}
