//! What somebody may do. Until there are rules to go by, whoever is identified may do everything; what is asked is
//! checked all the same.

use keelson_api::field::{self, Error, Errors, Path};
use keelson_api::group::GroupKind;
use keelson_api::selector::label::{Expression, Leniency, check_expression};
use keelson_schema::tree::{Object, Value, View};

use super::blank;
use crate::api::Call;
use crate::edit::Edit;
use crate::problem::Problem;
use crate::refusal;

/// Says whether somebody may do something.
pub(super) fn review(call: &Call<'_>, mut review: Object) -> Result<Object, Problem> {
    let facts = call.served.facts();
    let mut errors = Errors::new();
    check(facts.kind, &review, &mut errors)?;
    // Upstream has lost the kind when it comes to refuse the object.
    errors.into_result().map_err(|errors| refusal::invalid(&GroupKind::new(facts.group, ""), "", &errors))?;
    let mut edit = Edit::object(&mut review);
    edit.remove("status");
    edit.made("status").set("allowed", true);
    Ok(review)
}

/// Says all that the caller may do in a namespace.
pub(super) fn rules(call: &Call<'_>, question: &Object) -> Result<Object, Problem> {
    if question.text("spec.namespace").is_empty() {
        return Err(refusal::bad_request(&"no namespace on request"));
    }
    let all = || Value::List([Value::from("*")].into_iter().collect());
    let mut answer = blank(call);
    let mut edit = Edit::object(&mut answer);
    let mut status = edit.made("status");
    let resources = status.item("resourceRules", |rule| {
        ["verbs", "apiGroups", "resources"].into_iter().for_each(|field| rule.set(field, all()));
    });
    let others = status.item("nonResourceRules", |rule| {
        ["verbs", "nonResourceURLs"].into_iter().for_each(|field| rule.set(field, all()));
    });
    for (field, rule) in [("resourceRules", resources), ("nonResourceRules", others)] {
        status.set(field, Value::List([rule].into_iter().collect()));
    }
    status.set("incomplete", false);
    Ok(answer)
}

fn check(kind: &str, review: &Object, errors: &mut Errors) -> Result<(), Problem> {
    let (spec, path) = (review.view().field("spec"), Path::new("spec"));
    let (resource, other) = (spec.field("resourceAttributes"), spec.field("nonResourceAttributes"));
    if resource.is_present() == other.is_present() {
        let words = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        errors.push(Error::invalid(&path, shown(other), words));
    }
    let is_self = kind == "SelfSubjectAccessReview";
    if !is_self && spec.field("user").text().is_empty() && spec.field("groups").items().len() == 0 {
        errors.push(Error::invalid(
            &path.child("user"),
            "",
            "at least one of user or group must be specified",
        ));
    }
    let attributes = Path::new("spec.resourceAttributes");
    check_selector(resource.field("fieldSelector"), &attributes.child("fieldSelector"), check_field, errors);
    check_selector(resource.field("labelSelector"), &attributes.child("labelSelector"), check_label, errors);
    let is_local = kind == "LocalSubjectAccessReview";
    check_metadata(review, is_local, errors)?;
    if is_local {
        let namespace = resource.field("namespace").text();
        if resource.is_present() && namespace != crate::meta::meta(review).namespace() {
            let path = Path::new("spec.resourceAttributes.namespace");
            errors.push(Error::invalid(&path, namespace, "must match metadata.namespace"));
        }
        if other.is_present() {
            let path = Path::new("spec.nonResourceAttributes");
            errors.push(Error::invalid(&path, shown(other), "disallowed on this kind of request"));
        }
    }
    Ok(())
}

/// Attributes as upstream shows them: those of its inner type, which has no names for the wire.
fn shown(attributes: View<'_>) -> field::Value<'static> {
    if !attributes.is_present() {
        return field::Value::Null;
    }
    let text = |name: &str| serde_json::Value::from(attributes.field(name).text());
    let json = format!(r#"{{"Path":{},"Verb":{}}}"#, text("path"), text("verb"));
    field::Value::Json(json.into())
}

/// A question is no object that could have a name.
fn check_metadata(review: &Object, is_local: bool, errors: &mut Errors) -> Result<(), Problem> {
    let metadata = review.view().field("metadata");
    let (Some(ty), Some(fields)) = (metadata.ty().and_then(|ty| ty.as_struct()), metadata.fields()) else {
        return Ok(());
    };
    let is_expected = |name: &str| name == "managedFields" || is_local && name == "namespace";
    if fields.entries().iter().all(|entry| is_expected(ty.field(entry.index).name())) {
        return Ok(());
    }
    let mut json = Vec::new();
    if let Some((ty, value)) = metadata.ty().zip(metadata.value()) {
        keelson_schema::json::encode_value(ty, value, &mut json)
            .map_err(|error| Problem::Defect(format!("metadata cannot be shown: {error}")))?;
    }
    let words = if is_local { "must be empty except for namespace" } else { "must be empty" };
    let shown = field::Value::Json(String::from_utf8_lossy(&json));
    errors.push(Error::invalid(&Path::new("metadata"), shown, words));
    Ok(())
}

/// Checks one requirement of a selector.
type CheckRequirement = fn(&Expression<'_, &str>, &Path<'_>, &mut Errors);

fn check_selector(selector: View<'_>, path: &Path<'_>, check: CheckRequirement, errors: &mut Errors) {
    if !selector.is_present() {
        return;
    }
    let (raw, requirements) = (selector.field("rawSelector").text(), selector.field("requirements"));
    match (raw.is_empty(), requirements.items().len()) {
        (false, 1..) => {
            let words = "may not specified at the same time as requirements";
            errors.push(Error::invalid(&path.child("rawSelector"), raw, words));
        }
        (true, 0) => {
            let words = format!("when {path} is specified, requirements or rawSelector is required");
            errors.push(Error::required(&path.child("requirements"), words));
        }
        _ => {}
    }
    for (i, requirement) in requirements.items().enumerate() {
        let values: Vec<&str> = requirement.field("values").items().map(View::text).collect();
        let (key, operator) = (requirement.field("key").text(), requirement.field("operator").text());
        check(&Expression { key, operator, values: &values }, &path.child("requirements").index(i), errors);
    }
}

fn check_label(requirement: &Expression<'_, &str>, path: &Path<'_>, errors: &mut Errors) {
    let leniency = Leniency { unknown_operators: true, ..Leniency::default() };
    check_expression(requirement, leniency, path, errors);
}

fn check_field(requirement: &Expression<'_, &str>, path: &Path<'_>, errors: &mut Errors) {
    if requirement.key.is_empty() {
        errors.push(Error::required(&path.child("key"), "must be specified"));
    }
    match requirement.operator {
        "In" | "NotIn" if requirement.values.is_empty() => {
            let words = "must be specified when `operator` is 'In' or 'NotIn'";
            errors.push(Error::required(&path.child("values"), words));
        }
        "Exists" | "DoesNotExist" if !requirement.values.is_empty() => {
            let words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(Error::forbidden(&path.child("values"), words));
        }
        _ => {}
    }
}
