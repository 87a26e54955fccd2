//! What flow schemas keep to.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::object;
use keelson_schema::tree::{Object, View};

use crate::meta::meta;
use crate::rules::{At, internal};

const PRECEDENCE_MAX: i64 = 10_000;
const EXEMPT: &str = "exempt";
const VERBS: [&str; 9] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

/// What is wrong with a schema.
pub(super) fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let precedence = spec.field("matchingPrecedence");
    let number = precedence.int().unwrap_or(0);
    if number <= 0 {
        precedence.invalid("must be a positive value", errors);
    }
    if number > PRECEDENCE_MAX {
        precedence.invalid(format!("must not be greater than {PRECEDENCE_MAX}"), errors);
    }
    if number == 1 && meta(new).name() != EXEMPT {
        precedence.invalid("only the schema named 'exempt' may have matchingPrecedence 1", errors);
    }
    let method = spec.field("distinguisherMethod");
    let kind = method.field("type");
    if method.is_present() && !matches!(kind.text(), "ByNamespace" | "ByUser") {
        let supported = &["ByNamespace", "ByUser"];
        errors.push(Error::not_supported(&kind.path, internal::shown(method.view), supported));
    }
    let level = spec.field("priorityLevelConfiguration");
    let name = level.field("name");
    if name.require_saying("must reference a priority level", errors) {
        name.name_of(object::subdomain, errors);
    }
    for rule in spec.field("rules").items() {
        check_rule(&rule, errors);
    }
    if let Some(fixed) = fixed(meta(new).name())
        && internal::json(spec.view) != fixed
    {
        let words = format!("spec of '{}' must equal the fixed value", meta(new).name());
        errors.push(Error::invalid(&spec.path, internal::shown(spec.view), words));
    }
    check_conditions(new, errors);
}

/// The specs of the schemas that nobody can change, as upstream shows them.
fn fixed(name: &str) -> Option<&'static str> {
    match name {
        EXEMPT => Some(
            r#"{"PriorityLevelConfiguration":{"Name":"exempt"},"MatchingPrecedence":1,"DistinguisherMethod":null,"Rules":[{"Subjects":[{"Kind":"Group","User":null,"Group":{"Name":"system:masters"},"ServiceAccount":null}],"ResourceRules":[{"Verbs":["*"],"APIGroups":["*"],"Resources":["*"],"ClusterScope":true,"Namespaces":["*"]}],"NonResourceRules":[{"Verbs":["*"],"NonResourceURLs":["*"]}]}]}"#,
        ),
        "catch-all" => Some(
            r#"{"PriorityLevelConfiguration":{"Name":"catch-all"},"MatchingPrecedence":10000,"DistinguisherMethod":{"Type":"ByUser"},"Rules":[{"Subjects":[{"Kind":"Group","User":null,"Group":{"Name":"system:unauthenticated"},"ServiceAccount":null},{"Kind":"Group","User":null,"Group":{"Name":"system:authenticated"},"ServiceAccount":null}],"ResourceRules":[{"Verbs":["*"],"APIGroups":["*"],"Resources":["*"],"ClusterScope":true,"Namespaces":["*"]}],"NonResourceRules":[{"Verbs":["*"],"NonResourceURLs":["*"]}]}]}"#,
        ),
        _ => None,
    }
}

/// What is wrong with the conditions of a schema or a priority level.
pub(in crate::resources::flowcontrol) fn check_conditions(new: &Object, errors: &mut Errors) {
    let mut known = HashSet::new();
    let status = At::root(new, "status");
    for condition in status.field("conditions").items() {
        let kind = condition.field("type");
        if !known.insert(kind.text()) {
            errors.push(Error::duplicate(&kind.path, Shown::Named(kind.text())));
        }
        kind.require(errors);
    }
}

fn check_rule(rule: &At<'_, '_>, errors: &mut Errors) {
    let subjects = rule.field("subjects");
    for subject in subjects.items() {
        check_subject(&subject, errors);
    }
    subjects.require_saying("subjects must contain at least one value", errors);
    let (resources, urls) = (rule.field("resourceRules"), rule.field("nonResourceRules"));
    if resources.is_empty() && urls.is_empty() {
        rule.missing("at least one of resourceRules and nonResourceRules has to be non-empty", errors);
    }
    for one in resources.items() {
        check_resources(&one, errors);
    }
    for one in urls.items() {
        check_verbs(&one, errors);
        check_urls(&one.field("nonResourceURLs"), errors);
    }
}

fn check_subject(subject: &At<'_, '_>, errors: &mut Errors) {
    const KINDS: [(&str, &str); 3] =
        [("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")];
    let kind = subject.field("kind");
    let Some((_, own)) = KINDS.iter().find(|(name, _)| *name == kind.text()) else {
        return kind.not_supported(&["Group", "ServiceAccount", "User"], errors);
    };
    let who = subject.field(own);
    let name = who.field("name");
    if !who.is_present() {
        who.missing(format!("{own} is required when subject kind is '{}'", kind.text()), errors);
    } else if name.require(errors) && *own == "serviceAccount" && name.text() != "*" {
        name.name_of(object::subdomain, errors);
    }
    let namespace = who.field("namespace");
    if who.is_present()
        && *own == "serviceAccount"
        && namespace.require_saying("must specify namespace for service account", errors)
    {
        namespace.name_of(object::label, errors);
    }
    // In the order of upstream's, which is the same whoever is left out.
    for other in ["serviceAccount", "user", "group"].iter().filter(|other| *other != own) {
        let field = subject.field(other);
        if field.is_present() {
            let kind = KINDS.iter().find(|(_, field)| field == other).map_or("", |(kind, _)| *kind);
            field.forbidden(format!("{other} is forbidden when subject kind is not '{kind}'"), errors);
        }
    }
}

fn has_wildcard(list: View<'_>) -> bool {
    list.items().any(|item| item.text() == "*")
}

/// If everything is meant, nothing else is said.
fn check_wildcard(list: &At<'_, '_>, what: &str, errors: &mut Errors) {
    if list.len() > 1 && has_wildcard(list.view) {
        list.invalid(format!("if '*' is present, must not specify other {what}"), errors);
    }
}

fn check_verbs(rule: &At<'_, '_>, errors: &mut Errors) {
    let verbs = rule.field("verbs");
    if !verbs.require_saying("verbs must contain at least one value", errors) {
    } else if has_wildcard(verbs.view) {
        check_wildcard(&verbs, "verbs", errors);
    } else if verbs.view.items().any(|verb| !VERBS.contains(&verb.text())) {
        verbs.not_supported(&VERBS, errors);
    }
}

fn check_resources(rule: &At<'_, '_>, errors: &mut Errors) {
    check_verbs(rule, errors);
    let (groups, resources) = (rule.field("apiGroups"), rule.field("resources"));
    groups.require_saying("resource rules must supply at least one api group", errors);
    check_wildcard(&groups, "api groups", errors);
    resources.require_saying("resource rules must supply at least one resource", errors);
    check_wildcard(&resources, "resources", errors);
    let namespaces = rule.field("namespaces");
    if namespaces.is_empty() && !rule.view.field("clusterScope").is_true() {
        let words = "resource rules that are not cluster scoped must supply at least one namespace";
        namespaces.missing(words, errors);
    } else if has_wildcard(namespaces.view) {
        check_wildcard(&namespaces, "namespaces", errors);
    } else {
        for namespace in namespaces.items() {
            for reason in object::label(namespace.text(), object::Part::Whole) {
                let words = format!("each member of this list must be '*' or a DNS-1123 label; {reason}");
                namespace.invalid(words, errors);
            }
        }
    }
}

fn check_urls(urls: &At<'_, '_>, errors: &mut Errors) {
    if !urls.require_saying("nonResourceURLs must contain at least one value", errors) {
    } else if has_wildcard(urls.view) {
        check_wildcard(urls, "non-resource URLs", errors);
    } else {
        for url in urls.items() {
            if let Some(words) = fault(url.text()) {
                url.invalid(words, errors);
            }
        }
    }
}

fn fault(path: &str) -> Option<&'static str> {
    let stars = path.matches('*').count();
    match path {
        "/" => None,
        "" => Some("must not be empty"),
        _ if !path.starts_with('/') => Some("must start with slash"),
        _ if path.contains(' ') => Some("must not contain white-space"),
        _ if path.contains("//") => Some("must not contain double slash"),
        _ if stars > 1 || stars == 1 && !path.ends_with("/*") => Some("wildcard can only do suffix matching"),
        _ => None,
    }
}
