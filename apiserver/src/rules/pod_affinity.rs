//! Rules for where pods are to be: near to nodes and pods or far from them, and spread.

use std::collections::{HashMap, HashSet};

use keelson_api::field::{Error, Errors};
use keelson_api::names::{label, object};

use super::pod_leniency::Leniency;
use super::selector::{label_selector, label_selector_with, texts};
use super::selector_node::{node_selector, term, weight};
use super::{At, NOT_POSITIVE};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Near to which nodes and pods a pod is to be, and far from which pods.
pub(super) fn affinity(affinity: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    let nodes = affinity.field("nodeAffinity");
    let required = nodes.field(REQUIRED);
    if required.is_present() {
        node_selector(&required, lenient.required_node_values, errors);
    }
    for preferred in nodes.field(PREFERRED).items() {
        weight(&preferred.field("weight"), errors);
        // What is only preferred may be impossible.
        term(&preferred.field("preference"), true, errors);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let pods = affinity.field(kind);
        for required in pods.field(REQUIRED).items() {
            pod_term(&required, lenient, errors);
        }
        for preferred in pods.field(PREFERRED).items() {
            weight(&preferred.field("weight"), errors);
            pod_term(&preferred.field("podAffinityTerm"), lenient, errors);
        }
    }
}

fn pod_term(term: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    label_selector_with(&term.field("labelSelector"), lenient.selector_values, errors);
    label_selector_with(&term.field("namespaceSelector"), lenient.selector_values, errors);
    // As upstream: the message looks for namespaces by a name they do not have, and does not tell which is meant.
    for namespace in term.view.field("namespaces").items() {
        At { view: namespace, path: term.path.child("namespace") }.name_of(object::label, errors);
    }
    match_keys(term, errors);
    let topology = term.field("topologyKey");
    topology.require_saying("can not be empty", errors);
    topology.keep_to(label::key, errors);
}

/// Keys of labels whose values are taken from the pod itself.
fn match_keys(term: &At<'_, '_>, errors: &mut Errors) {
    let (matched, mismatched) = (term.field("matchLabelKeys"), term.field("mismatchLabelKeys"));
    let selector = term.field("labelSelector");
    for keys in [&matched, &mismatched] {
        if keys.is_empty() {
        } else if selector.is_present() {
            for key in keys.items() {
                key.keep_to(label::key, errors);
            }
        } else {
            keys.forbidden("must not be specified when labelSelector is not set", errors);
        }
    }
    // What the keys stand for is in the selector by now: what is there twice was there before.
    let places: HashMap<&str, usize> =
        texts(matched.view).into_iter().enumerate().map(|(at, key)| (key, at)).collect();
    let mut selected: HashSet<&str> = selector.field("matchLabels").keys().collect();
    for expression in selector.view.field("matchExpressions").items() {
        let key = expression.field("key").text();
        if let Some(at) = places.get(key).filter(|_| selected.contains(key)) {
            let words = "exists in both matchLabelKeys and labelSelector";
            errors.push(Error::invalid(&term.path.index(*at), key, words));
        }
        selected.insert(key);
    }
    let unmatched = texts(mismatched.view);
    for key in matched.items().filter(|key| unmatched.contains(&key.text())) {
        key.invalid("exists in both matchLabelKeys and mismatchLabelKeys", errors);
    }
}

/// The same by the rule that held before the keys were merged into the selector.
fn match_keys_of_old(constraint: &At<'_, '_>, errors: &mut Errors) {
    let (keys, selector) = (constraint.field("matchLabelKeys"), constraint.field("labelSelector"));
    if keys.is_empty() {
        return;
    }
    let mut selected: HashSet<&str> = selector.field("matchLabels").keys().collect();
    let expressions = selector.view.field("matchExpressions");
    selected.extend(expressions.items().map(|expression| expression.field("key").text()));
    if !selector.is_present() {
        keys.forbidden("must not be specified when labelSelector is not set", errors);
    }
    for key in keys.items() {
        key.keep_to(label::key, errors);
        if selected.contains(key.text()) {
            key.invalid("exists in both matchLabelKeys and labelSelector", errors);
        }
    }
}

/// Whether stored constraints break the rule for keys.
pub(super) fn has_invalid_keys(constraints: &At<'_, '_>) -> bool {
    let mut errors = Errors::new();
    constraints.items().for_each(|constraint| match_keys(&constraint, &mut errors));
    !errors.is_empty()
}

const NO_PLACE: &str = "DoNotSchedule";

/// How evenly pods are to be spread.
pub(super) fn spread(constraints: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    for (at, constraint) in constraints.items().enumerate() {
        constraint.field("maxSkew").positive(errors);
        constraint.field("topologyKey").require_saying("can not be empty", errors);
        let otherwise = constraint.field("whenUnsatisfiable");
        otherwise.one_of(&["DoNotSchedule", "ScheduleAnyway"], errors);
        not_repeated(constraints, at, &constraint, errors);
        let domains = constraint.field("minDomains");
        if let Some(number) = domains.int() {
            if number <= 0 {
                domains.invalid(NOT_POSITIVE, errors);
            }
            if otherwise.text() != NO_PLACE {
                let words = format!(
                    "can only use minDomains if whenUnsatisfiable={NO_PLACE}, not {}",
                    otherwise.text()
                );
                domains.invalid(words, errors);
            }
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            let policy = constraint.field(policy);
            if policy.is_present() {
                policy.one_of(&["Honor", "Ignore"], errors);
            }
        }
        if lenient.spread_keys {
            match_keys_of_old(&constraint, errors);
        } else {
            match_keys(&constraint, errors);
        }
        if !lenient.spread_selectors {
            label_selector(&constraint.field("labelSelector"), errors);
        }
    }
}

/// There is one constraint of a kind.
fn not_repeated(constraints: &At<'_, '_>, at: usize, constraint: &At<'_, '_>, errors: &mut Errors) {
    let kind = |view: keelson_schema::tree::View<'_>| {
        format!("{{{}, {}}}", view.field("topologyKey").text(), view.field("whenUnsatisfiable").text())
    };
    let own = kind(constraint.view);
    if constraints.view.items().skip(at + 1).any(|other| kind(other) == own) {
        let path = constraint.path.child("{topologyKey, whenUnsatisfiable}");
        errors.push(Error::duplicate(&path, &own));
    }
}
