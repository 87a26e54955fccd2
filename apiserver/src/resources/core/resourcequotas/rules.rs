//! What quotas keep to.

use std::collections::BTreeSet;

use keelson_api::field::{Error, Errors};
use keelson_schema::tree::{Object, View};

use crate::rules::{At, IMMUTABLE, internal, pod_resources, resource_names};

const OF_PODS: [&str; 4] = ["Terminating", "NotTerminating", "BestEffort", "NotBestEffort"];
const OTHERS: [&str; 3] = ["PriorityClass", "VolumeAttributesClass", "CrossNamespacePodAffinity"];
/// Scopes that nothing can be in at once.
const OPPOSITES: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];

/// What is wrong with what a quota says.
pub(super) fn check_spec(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    check_amounts(&spec.field("hard"), errors);
    check_scopes(&spec, errors);
    if spec.view.field("scopeSelector").is_present() {
        check_selector(&spec, errors);
    }
}

/// What is wrong with how a quota stands.
pub(super) fn check_status(new: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    check_amounts(&status.field("hard"), errors);
    check_amounts(&status.field("used"), errors);
}

/// A quota's scopes stay what they are.
pub(super) fn keep_scopes(new: &Object, old: &Object, errors: &mut Errors) {
    let scopes = |object: &Object| -> BTreeSet<String> {
        let scopes = object.view().path("spec.scopes");
        scopes.items().map(|scope| scope.text().to_owned()).collect()
    };
    if scopes(new) != scopes(old) {
        let spec = At::root(new, "spec");
        spec.field("scopes").invalid(IMMUTABLE, errors);
    }
}

fn check_amounts(amounts: &At<'_, '_>, errors: &mut Errors) {
    for (name, amount) in amounts.entries() {
        resource_names::check_of_quota(name, &amount, errors);
        pod_resources::quantity(name, &amount, errors);
    }
}

fn is_scope(name: &str) -> bool {
    OF_PODS.contains(&name) || OTHERS.contains(&name)
}

/// How many of what a quota limits does not go with a scope.
fn misfits(scope: &str, spec: View<'_>) -> usize {
    const COMPUTE: [&str; 6] =
        ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
    let fits = |name: &str| match scope {
        "Terminating"
        | "NotTerminating"
        | "NotBestEffort"
        | "PriorityClass"
        | "CrossNamespacePodAffinity" => name == "pods" || COMPUTE.contains(&name),
        "BestEffort" => name == "pods",
        "VolumeAttributesClass" => matches!(name, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    };
    let limited = At { view: spec.field("hard"), path: keelson_api::field::Path::NOWHERE };
    limited.keys().filter(|name| resource_names::is_of_quotas(name) && !fits(name)).count()
}

fn check_scopes(spec: &At<'_, '_>, errors: &mut Errors) {
    let scopes = spec.field("scopes");
    for scope in scopes.view.items().map(View::text) {
        if !is_scope(scope) {
            scopes.invalid("unsupported scope", errors);
        }
        for _ in 0..misfits(scope, spec.view) {
            scopes.invalid("unsupported scope applied to resource", errors);
        }
    }
    let all: BTreeSet<&str> = scopes.view.items().map(View::text).collect();
    check_opposites(&scopes, &all, errors);
}

fn check_opposites(scopes: &At<'_, '_>, all: &BTreeSet<&str>, errors: &mut Errors) {
    for pair in OPPOSITES {
        if pair.iter().all(|scope| all.contains(scope)) {
            scopes.invalid("conflicting scopes", errors);
        }
    }
}

fn check_selector(spec: &At<'_, '_>, errors: &mut Errors) {
    let selector = spec.field("scopeSelector");
    let expressions = selector.field("matchExpressions");
    let mut all = BTreeSet::new();
    for expression in expressions.view.items() {
        // Messages name the list, not the entry.
        let expression = At { view: expression, path: expressions.path };
        let scope = expression.field("scopeName");
        let operator = expression.field("operator");
        if !is_scope(scope.text()) {
            scope.invalid("unsupported scope", errors);
        }
        for _ in 0..misfits(scope.text(), spec.view) {
            let words = "unsupported scope applied to resource";
            errors.push(Error::invalid(&expressions.path, internal::shown(selector.view), words));
        }
        let is_plain = OF_PODS.contains(&scope.text()) || scope.text() == "CrossNamespacePodAffinity";
        if is_plain && operator.text() != "Exists" {
            let words = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
            operator.invalid(words, errors);
        }
        check_values(&expression, errors);
        all.insert(scope.text());
    }
    check_opposites(&spec.field("scopes"), &all, errors);
}

fn check_values(expression: &At<'_, '_>, errors: &mut Errors) {
    let (operator, values) = (expression.field("operator"), expression.field("values"));
    match operator.text() {
        "In" | "NotIn" if values.is_empty() => {
            let words = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
            values.missing(words, errors);
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let words = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
            values.invalid(words, errors);
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        _ => operator.invalid("not a valid selector operator", errors),
    }
}
