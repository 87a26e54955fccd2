//! What webhooks keep to, of both kinds.

use std::collections::HashSet;

use keelson_api::field::Errors;
use keelson_api::names::dns;
use keelson_schema::tree::{Object, View};

use super::matching;
use crate::rules::selector::label_selector_with;
use crate::rules::{At, web_address};

const VERSIONS: [&str; 2] = ["v1", "v1beta1"];
const NO_SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
const SIDE_EFFECTS: [&str; 4] = ["None", "NoneOnDryRun", "Some", "Unknown"];

/// What is let through because it is stored so already.
#[derive(Clone, Copy, Default)]
struct Leniency {
    side_effects: bool,
    versions: bool,
    names: bool,
    selector_values: bool,
    conditions: bool,
}

/// What is wrong with a configuration, in the place of `old` if there is one.
pub(super) fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let hooks = At::root(new, "webhooks");
    let lenient = old.map(|old| stored(hooks.view, old.view().field("webhooks"))).unwrap_or_default();
    let mut names = HashSet::new();
    for hook in hooks.items() {
        check_hook(&hook, lenient, errors);
        check_versions(&hook.field("admissionReviewVersions"), lenient, errors);
        let name = hook.field("name");
        if !lenient.names && !name.is_empty() && !names.insert(name.text()) {
            name.duplicate(errors);
        }
    }
}

fn stored(new: View<'_>, old: View<'_>) -> Leniency {
    let is_known = |hook: View<'_>| {
        let versions = hook.field("admissionReviewVersions");
        versions.items().len() == 0 || versions.items().any(|version| VERSIONS.contains(&version.text()))
    };
    let mut names = HashSet::new();
    let conditions = |hook: View<'_>| hook.field("matchConditions").value().cloned();
    Leniency {
        side_effects: !old.items().all(|hook| NO_SIDE_EFFECTS.contains(&hook.field("sideEffects").text())),
        versions: !old.items().all(is_known),
        names: !old.items().all(|hook| names.insert(hook.field("name").text())),
        selector_values: matching::had_invalid_value(old),
        conditions: new.items().len() == old.items().len()
            && new.items().zip(old.items()).all(|(new, old)| conditions(new) == conditions(old)),
    }
}

fn check_hook(hook: &At<'_, '_>, lenient: Leniency, errors: &mut Errors) {
    let name = hook.field("name");
    dns::fully_qualified_name(&name.path, name.text(), errors);
    for rule in hook.field("rules").items() {
        matching::rule(&rule, errors);
    }
    for (name, supported) in
        [("failurePolicy", &["Fail", "Ignore"]), ("matchPolicy", &["Equivalent", "Exact"])]
    {
        let field = hook.field(name);
        if field.is_present() {
            field.one_of(supported, errors);
        }
    }
    let effects = hook.field("sideEffects");
    let allowed = if lenient.side_effects { &SIDE_EFFECTS[..] } else { &NO_SIDE_EFFECTS[..] };
    if effects.is_present() {
        effects.one_of(allowed, errors);
    } else {
        effects.missing(format!("must specify one of {}", allowed.join(", ")), errors);
    }
    let timeout = hook.field("timeoutSeconds");
    if timeout.int().is_some_and(|seconds| !(1..=30).contains(&seconds)) {
        timeout.invalid("the timeout value must be between 1 and 30 seconds", errors);
    }
    for name in ["namespaceSelector", "objectSelector"] {
        label_selector_with(&hook.field(name), lenient.selector_values, errors);
    }
    let again = hook.field("reinvocationPolicy");
    if again.is_present() {
        again.one_of(&["IfNeeded", "Never"], errors);
    }
    check_client(&hook.field("clientConfig"), errors);
    if !lenient.conditions {
        matching::conditions(&hook.field("matchConditions"), errors);
    }
}

fn check_client(client: &At<'_, '_>, errors: &mut Errors) {
    let (url, service) = (client.field("url"), client.field("service"));
    match (url.is_present(), service.is_present()) {
        (true, false) => web_address::url(&url, true, errors),
        (false, true) => web_address::service(&service, errors),
        _ => client.missing("exactly one of url or service is required", errors),
    }
}

fn check_versions(versions: &At<'_, '_>, lenient: Leniency, errors: &mut Errors) {
    if versions.is_empty() {
        return versions.missing(format!("must specify one of {}", VERSIONS.join(", ")), errors);
    }
    let mut known = HashSet::new();
    for version in versions.items() {
        if known.insert(version.text()) {
            version.keep_to(dns::rfc_1035_label, errors);
        } else {
            version.invalid("duplicate version", errors);
        }
    }
    if !lenient.versions && !VERSIONS.iter().any(|version| known.contains(version)) {
        versions.invalid(format!("must include at least one of {}", VERSIONS.join(", ")), errors);
    }
}
