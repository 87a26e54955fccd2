//! What admission policies and their bindings keep to, of both kinds. Expressions have to be there; whether they can be
//! compiled is not asked yet.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors};
use keelson_api::names::{dns, label, object, path};
use keelson_schema::tree::Object;

use super::matching;
use crate::meta::meta;
use crate::rules::selector::label_selector;
use crate::rules::{At, conditions, internal, marked, same};

const FAILURES: [&str; 2] = ["Fail", "Ignore"];
const NOTES_MAX: usize = 20;
const NOTE_BYTES_MAX: usize = 5 * 1024;
/// Words that mean something else in expressions.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// What both kinds of policies say in front of what they do.
fn check_common(new: &Object, old: Option<&Object>, changes: bool, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let failure = spec.field("failurePolicy");
    if failure.is_present() {
        failure.one_of(&FAILURES, errors);
    } else {
        failure.missing("", errors);
    }
    let kind = spec.field("paramKind");
    if kind.is_present() {
        check_kind(&kind, errors);
    }
    let matched = spec.field("matchConstraints");
    if matched.is_present() {
        matching::resources_of(&matched, errors);
        matched.field("resourceRules").require(errors);
        if changes {
            matching::can_change(&matched, errors);
        }
    } else {
        matched.missing("", errors);
    }
    let is_same = |old: &Object| {
        let before = old.view().field("spec");
        ["paramKind", "matchConditions"]
            .iter()
            .all(|name| same::is_same(spec.view.field(name), before.field(name)))
    };
    if !old.is_some_and(is_same) {
        matching::conditions(&spec.field("matchConditions"), errors);
    }
    for variable in spec.field("variables").items() {
        let name = variable.field("name");
        if name.text().trim().is_empty() {
            name.missing("name is not specified", errors);
        } else if !is_identifier(name.text()) {
            name.invalid("must be a valid CEL identifier", errors);
        }
        matching::expression(&variable.field("expression"), "expression is not specified", errors);
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !RESERVED.contains(&name)
}

fn check_kind(kind: &At<'_, '_>, errors: &mut Errors) {
    let (version, name) = (kind.field("apiVersion"), kind.field("kind"));
    if version.require(errors) {
        check_version(&version, errors);
    }
    if name.require(errors) {
        let reasons = dns::rfc_1035_label(&name.text().to_lowercase());
        if !reasons.is_empty() {
            let words = "may have mixed case, but should otherwise match: ";
            name.invalid(format!("{words}{}", reasons.join(",")), errors);
        }
    }
}

fn check_version(version: &At<'_, '_>, errors: &mut Errors) {
    let text = if version.text() == "/" { "" } else { version.text() };
    if text.matches('/').count() > 1 {
        return version.invalid(format!("unexpected GroupVersion string: {text}"), errors);
    }
    let (group, number) = text.split_once('/').unwrap_or(("", text));
    let mut refuse = |value: &str, words: String| errors.push(Error::invalid(&version.path, value, words));
    if !group.is_empty() {
        let reasons = dns::subdomain(group);
        if !reasons.is_empty() {
            refuse(group, reasons.join(","));
        }
    }
    if number.is_empty() {
        refuse(version.text(), "version must be specified".into());
    } else {
        let reasons = dns::rfc_1035_label(number);
        if !reasons.is_empty() {
            refuse(number, reasons.join(","));
        }
    }
}

/// What is wrong with a policy that refuses.
pub(super) fn check_validating(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    check_common(new, old, false, errors);
    let spec = At::root(new, "spec");
    let (validations, notes) = (spec.field("validations"), spec.field("auditAnnotations"));
    if validations.is_empty() && notes.is_empty() {
        let words = "validations or auditAnnotations must contain at least one item";
        validations.missing(words, errors);
        notes.missing(words, errors);
        return;
    }
    for validation in validations.items() {
        check_validation(&validation, errors);
    }
    if notes.len() > NOTES_MAX {
        let words = format!("must not have more than {NOTES_MAX} auditAnnotations");
        errors.push(Error::invalid(&notes.path, internal::shown(notes.view), words));
    }
    let mut known = HashSet::new();
    for note in notes.items() {
        check_note(&note, meta(new).name(), errors);
        let key = note.field("key");
        if !known.insert(key.text()) {
            key.duplicate(errors);
        }
    }
}

fn check_validation(validation: &At<'_, '_>, errors: &mut Errors) {
    matching::expression(&validation.field("expression"), "expression is not specified", errors);
    let said = |field: &At<'_, '_>| !field.is_empty() && field.text().trim().is_empty();
    let by_expression = validation.field("messageExpression");
    if said(&by_expression) {
        by_expression.invalid("must be non-empty if specified", errors);
    }
    let message = validation.field("message");
    if said(&message) {
        message.invalid("must be non-empty if specified", errors);
    } else if message.text().trim().contains(['\n', '\r']) {
        message.invalid("must not contain line breaks", errors);
    }
    let reason = validation.field("reason");
    if reason.is_present() {
        reason.one_of(&["Forbidden", "Invalid", "RequestEntityTooLarge"], errors);
    }
}

fn check_note(note: &At<'_, '_>, policy: &str, errors: &mut Errors) {
    let (key, value) = (note.field("key"), note.field("valueExpression"));
    let whole = format!("{policy}/{}", key.text());
    errors.push_invalid(&key.path, &whole, label::key(&whole));
    let trimmed = value.text().trim();
    if trimmed.is_empty() {
        value.missing("valueExpression is not specified", errors);
    } else if trimmed.len() > NOTE_BYTES_MAX {
        value.missing(format!("must not exceed {NOTE_BYTES_MAX} bytes in length"), errors);
    }
}

/// What is wrong with what has been found out about a policy.
pub(super) fn check_status(new: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    for warning in status.field("typeChecking").field("expressionWarnings").items() {
        warning.field("warning").require(errors);
        let of = warning.field("fieldRef");
        if of.text().trim().is_empty() {
            of.missing("", errors);
        }
    }
    conditions::check(&status.field("conditions"), errors);
}

/// What is wrong with a policy that changes objects.
pub(super) fn check_mutating(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    check_common(new, old, true, errors);
    let spec = At::root(new, "spec");
    let mutations = spec.field("mutations");
    mutations.require_saying("mutations must contain at least one item", errors);
    for mutation in mutations.items() {
        check_mutation(&mutation, errors);
    }
    let again = spec.field("reinvocationPolicy");
    if again.require(errors) {
        again.one_of(&["IfNeeded", "Never"], errors);
    }
}

fn check_mutation(mutation: &At<'_, '_>, errors: &mut Errors) {
    let kind = mutation.field("patchType");
    let (own, other) = match kind.text() {
        "JSONPatch" => ("jsonPatch", "applyConfiguration"),
        "ApplyConfiguration" => ("applyConfiguration", "jsonPatch"),
        "" => return kind.missing("", errors),
        _ => return kind.not_supported(&["ApplyConfiguration", "JSONPatch"], errors),
    };
    let patch = mutation.field(own);
    if patch.is_present() {
        matching::expression(&patch.field("expression"), "", errors);
    } else {
        patch.missing(format!("must be specified when patchType is {}", kind.text()), errors);
    }
    let other_patch = mutation.field(other);
    if other_patch.is_present() {
        let words = format!("must not be specified when patchType is {}", kind.text());
        let shown = format!("{{{other}}}");
        errors.push(Error::invalid(&other_patch.path, &shown, words));
    }
}

/// What is wrong with a binding to a policy; one that changes objects has no actions.
pub(super) fn check_binding(new: &Object, changes: bool, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let policy = spec.field("policyName");
    if !policy.is_empty() {
        policy.name_of(object::subdomain, errors);
    } else if changes {
        policy.missing("", errors);
    } else {
        marked::covered(errors, |errors| policy.missing("", errors));
    }
    let parameters = spec.field("paramRef");
    if parameters.is_present() {
        check_parameters(&parameters, errors);
    }
    let matched = spec.field("matchResources");
    if matched.is_present() {
        matching::resources_of(&matched, errors);
        if changes {
            matching::can_change(&matched, errors);
        }
    }
    if !changes {
        check_actions(&spec.field("validationActions"), errors);
    }
}

fn check_parameters(parameters: &At<'_, '_>, errors: &mut Errors) {
    const BOTH: &str = "name and selector are mutually exclusive";
    let (name, selector) = (parameters.field("name"), parameters.field("selector"));
    if !name.is_empty() {
        name.keep_to(path::segment, errors);
        if selector.is_present() {
            name.forbidden(BOTH, errors);
        }
    }
    if selector.is_present() {
        label_selector(&selector, errors);
        if !name.is_empty() {
            selector.forbidden(BOTH, errors);
        }
    } else if name.is_empty() {
        parameters.missing("one of name or selector must be specified", errors);
    }
    let action = parameters.field("parameterNotFoundAction");
    if action.require(errors) {
        action.one_of(&["Deny", "Allow"], errors);
    }
}

fn check_actions(actions: &At<'_, '_>, errors: &mut Errors) {
    let mut known = HashSet::new();
    for action in actions.items() {
        action.one_of(&["Audit", "Deny", "Warn"], errors);
        if !known.insert(action.text()) {
            action.duplicate(errors);
        }
    }
    if known.contains("Deny") && known.contains("Warn") {
        let words = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
        actions.invalid(words, errors);
    }
    if known.is_empty() {
        let words = "at least one validation action is required";
        marked::covered(errors, |errors| actions.missing(words, errors));
    }
}
