//! What all kinds have in common that say who is asked before a write, and in which cases.

use keelson_schema::tree::{Object, Value, View};

use crate::cells;
use crate::edit::Edit;

/// The end of names that are kept for what stands in files.
const STATIC: &str = ".static.k8s.io";

/// What is never asked about: asking would need the answers to these very questions.
const EXCLUDED: [(&str, &str); 6] = [
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
];

/// Warns of a name that is kept for other things. It is refused for new objects.
pub(super) fn warn_of_name(new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
    if old.is_some() && new.name().ends_with(STATIC) {
        warnings.push(format!(
            "metadata.name: names ending with {STATIC:?} are reserved for static manifest-based configurations and cannot be managed via the API"
        ));
    }
}

/// Warns of rules of webhooks that name what is never asked about.
pub(super) fn warn_of_rules(new: &Object, warnings: &mut Vec<String>) {
    for (webhook, one) in new.view().field("webhooks").items().enumerate() {
        for (rule, one) in one.field("rules").items().enumerate() {
            for (group, resource) in excluded(one) {
                warnings.push(format!(
                    "webhooks[{webhook}].rules[{rule}]: {resource}.{group} is excluded from admission webhooks; this rule will have no effect"
                ));
            }
        }
    }
}

/// What of a rule is never asked about. A rule for everything may well mean everything else.
fn excluded(rule: View<'_>) -> Vec<(&str, &str)> {
    let texts = |name: &str| rule.field(name).items().map(View::text).collect::<Vec<_>>();
    let (groups, resources) = (texts("apiGroups"), texts("resources"));
    if groups.contains(&"*") || resources.contains(&"*") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for group in groups {
        for resource in &resources {
            if EXCLUDED.contains(&(group, *resource)) && !found.contains(&(group, *resource)) {
                found.push((group, *resource));
            }
        }
    }
    found
}

/// Fills in a policy of either kind.
pub(super) fn default_policy(object: &mut Object) {
    let mut object = Edit::object(object);
    let mut spec = object.made("spec");
    spec.default("failurePolicy", "Fail");
    if let Some(mut constraints) = spec.part("matchConstraints") {
        crate::defaults::webhook::match_resources(&mut constraints);
    }
}

/// Fills in a binding of either kind.
pub(super) fn default_binding(object: &mut Object) {
    let mut object = Edit::object(object);
    let Some(mut spec) = object.part("spec") else { return };
    if let Some(mut resources) = spec.part("matchResources") {
        crate::defaults::webhook::match_resources(&mut resources);
    }
}

/// The kind of a policy's parameters.
pub(super) fn param_kind(object: &Object) -> String {
    let kind = object.view().path("spec.paramKind");
    if !kind.is_present() {
        return cells::UNSET.into();
    }
    format!("{}/{}", kind.field("apiVersion").text(), kind.field("kind").text())
}

/// The parameters that a binding names or selects.
pub(super) fn param_ref(object: &Object) -> String {
    let reference = object.view().path("spec.paramRef");
    let (namespace, name) =
        (cells::text_or(reference.field("namespace"), "*"), reference.field("name").text());
    let selector = reference.field("selector");
    match (name, selector.is_present()) {
        ("", true) => as_go_prints_it(selector),
        ("", false) => cells::UNSET.into(),
        _ => format!("{namespace}/{name}"),
    }
}

/// A label selector in the form that upstream's generated code has for messages.
fn as_go_prints_it(selector: View<'_>) -> String {
    let labels = selector.field("matchLabels").value().and_then(Value::as_map).into_iter();
    let labels: String = labels
        .flat_map(|labels| labels.iter())
        .map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or_default()))
        .collect();
    let expression = |one: View<'_>| {
        let values: Vec<&str> = one.field("values").items().map(View::text).collect();
        let (key, operator) = (one.field("key").text(), one.field("operator").text());
        format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{}],}},", values.join(" "))
    };
    let expressions: String = selector.field("matchExpressions").items().map(expression).collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}
