//! What autoscalers keep to.

use keelson_api::field::{Error, Errors};
use keelson_api::names::{dns, path};
use keelson_schema::tree::{Object, View};

use crate::rules::{At, NEGATIVE, marked, pod_resources};

const PERIOD_SECONDS_MAX: i64 = 1800;
const WINDOW_SECONDS_MAX: i64 = 3600;
/// Kinds of metrics, and the fields that describe one, in the order in which messages list them.
const SOURCES: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];

/// What a reference need not say.
#[derive(Clone, Copy, Default)]
struct Leniency {
    /// Of which group something is.
    any_group: bool,
    /// A version that makes sense.
    any_version: bool,
}

/// What is wrong with an autoscaler, in the place of `old` if there is one.
pub(super) fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let before = old.map(|old| old.view().field("spec"));
    let (least, most) = (spec.field("minReplicas"), spec.field("maxReplicas"));
    let number = most.int().unwrap_or(0);
    marked::covered(errors, |errors| {
        if least.int().is_some_and(|least| least < 0) {
            least.invalid("must be greater than or equal to 0", errors);
        }
        if number == 0 {
            most.missing("must be set and greater than 0", errors);
        } else if number < 0 {
            most.invalid("must be greater than or equal to 1", errors);
        }
    });
    if least.int().is_some_and(|least| number < least) {
        most.invalid("must be greater than or equal to `minReplicas`", errors);
    }
    let target = spec.field("scaleTargetRef");
    check_reference(&target, of_target(target.view, before.map(|old| old.field("scaleTargetRef"))), errors);
    let of_metrics = Leniency {
        any_group: true,
        any_version: before.is_some_and(|old| old.field("metrics").items().any(has_bad_version)),
    };
    let metrics = spec.field("metrics");
    for metric in metrics.items() {
        check_metric(&metric, of_metrics, errors);
    }
    let kinds = || metrics.view.items().map(|metric| metric.field("type").text());
    if least.int() == Some(0) && !kinds().any(|kind| matches!(kind, "Object" | "External")) {
        let words = "must specify at least one Object or External metric to support scaling to zero replicas";
        metrics.forbidden(words, errors);
    }
    let behavior = spec.field("behavior");
    for name in ["scaleUp", "scaleDown"] {
        let rules = behavior.field(name);
        if rules.is_present() {
            check_scaling(&rules, errors);
        }
    }
}

/// What is wrong with what an autoscaler has found out.
pub(super) fn check_status(new: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    for condition in status.field("conditions").items() {
        condition.field("observedGeneration").non_negative(errors);
    }
    for name in ["currentReplicas", "desiredReplicas"] {
        status.field(name).non_negative(errors);
    }
}

fn of_target(target: View<'_>, before: Option<View<'_>>) -> Leniency {
    let is_same = |old: View<'_>| {
        ["apiVersion", "kind"].iter().all(|name| old.field(name).text() == target.field(name).text())
    };
    let any_version = before.is_some_and(is_same);
    let any_group = !any_version && target.field("kind").text() == "ReplicationController";
    Leniency { any_group, any_version }
}

fn has_bad_version(metric: View<'_>) -> bool {
    let version = metric.path("object.describedObject.apiVersion").text();
    metric.field("type").text() == "Object" && version != "/" && version.matches('/').count() > 1
}

fn check_reference(reference: &At<'_, '_>, lenient: Leniency, errors: &mut Errors) {
    for name in ["kind", "name"] {
        let field = reference.field(name);
        if field.require(errors) {
            field.keep_to(path::segment, errors);
        }
    }
    let version = reference.field("apiVersion");
    let text = version.text();
    if lenient.any_version {
    } else if text != "/" && text.matches('/').count() > 1 {
        version.invalid(format!("unexpected GroupVersion string: {text}"), errors);
    } else if !lenient.any_group && (!text.contains('/') || text.starts_with('/')) {
        version.invalid("apiVersion must specify API group", errors);
    }
}

fn check_scaling(rules: &At<'_, '_>, errors: &mut Errors) {
    let window = rules.field("stabilizationWindowSeconds");
    if window.int().is_some_and(|seconds| seconds < 0) {
        window.invalid("must be greater than or equal to zero", errors);
    }
    if window.int().is_some_and(|seconds| seconds > WINDOW_SECONDS_MAX) {
        window.invalid(format!("must be less than or equal to {WINDOW_SECONDS_MAX}"), errors);
    }
    let select = rules.field("selectPolicy");
    if select.is_present() {
        select.one_of(&["Disabled", "Max", "Min"], errors);
    }
    let policies = rules.field("policies");
    policies.require_saying("must specify at least one Policy", errors);
    for policy in policies.items() {
        policy.field("type").one_of(&["Percent", "Pods"], errors);
        policy.field("value").positive(errors);
        let period = policy.field("periodSeconds");
        period.positive(errors);
        if period.int().is_some_and(|seconds| seconds > PERIOD_SECONDS_MAX) {
            period.invalid(format!("must be less than or equal to {PERIOD_SECONDS_MAX}"), errors);
        }
    }
    let tolerance = rules.field("tolerance");
    if tolerance.text().starts_with('-') {
        tolerance.invalid(NEGATIVE, errors);
    }
}

fn check_metric(metric: &At<'_, '_>, lenient: Leniency, errors: &mut Errors) {
    let kind = metric.field("type");
    kind.require_saying("must specify a metric source type", errors);
    let kinds = SOURCES.map(|(kind, _)| kind);
    kind.one_of(&kinds, errors);
    let all = ["object", "external", "pods", "resource", "containerResource"];
    let present: Vec<&str> =
        all.iter().copied().filter(|name| metric.view.field(name).is_present()).collect();
    if let Some(first) = present.first() {
        check_source(first, &metric.field(first), lenient, errors);
    }
    let expected = SOURCES.iter().find(|(known, _)| *known == kind.text()).map(|(_, field)| *field);
    match expected {
        None => kind.not_supported(&kinds, errors),
        Some(field) if !present.contains(&field) => {
            metric.field(field).missing("must populate information for the given metric source", errors);
        }
        Some(_) => {}
    }
    if present.len() != 1 {
        for other in present.iter().filter(|name| Some(**name) != expected) {
            metric.field(other).forbidden("must populate the given metric source only", errors);
        }
    }
}

fn check_source(name: &str, source: &At<'_, '_>, lenient: Leniency, errors: &mut Errors) {
    let target = source.field("target");
    let [value, average, utilization] =
        ["value", "averageValue", "averageUtilization"].map(|name| target.view.field(name).is_present());
    let (of_average, of_utilization) = (target.field("averageValue"), target.field("averageUtilization"));
    match name {
        "object" => {
            check_reference(&source.field("describedObject"), lenient, errors);
            check_identifier(&source.field("metric"), errors);
        }
        "external" | "pods" => check_identifier(&source.field("metric"), errors),
        _ => check_resource(source, name == "containerResource", errors),
    }
    check_target(&target, errors);
    match name {
        "object" if !value && !average => {
            of_average.missing("must set either a target value or averageValue", errors);
        }
        "external" if !value && !average => {
            of_average.missing("must set either a target value for metric or a per-pod target", errors);
        }
        "external" if value && average => {
            let words = "may not set both a target value for metric and a per-pod target";
            target.field("value").forbidden(words, errors);
        }
        "pods" if !average => of_average.missing("must specify a positive target averageValue", errors),
        "resource" | "containerResource" if !utilization && !average => {
            of_utilization.missing("must set either a target raw value or a target utilization", errors);
        }
        "resource" | "containerResource" if utilization && average => {
            of_average.forbidden("may not set both a target raw value and a target utilization", errors);
        }
        _ => {}
    }
}

fn check_resource(source: &At<'_, '_>, is_of_container: bool, errors: &mut Errors) {
    let (name, container) = (source.field("name"), source.field("container"));
    let is_named = name.require_saying("must specify a resource name", errors);
    if !is_of_container {
        return;
    }
    if is_named {
        pod_resources::name_for_containers(name.text(), &name, errors);
    }
    if container.require_saying("must specify a container", errors) {
        container.keep_to(dns::label, errors);
    }
}

fn check_identifier(metric: &At<'_, '_>, errors: &mut Errors) {
    let name = metric.field("name");
    if name.require_saying("must specify a metric name", errors) {
        name.keep_to(path::segment, errors);
    }
}

fn check_target(target: &At<'_, '_>, errors: &mut Errors) {
    let kind = target.field("type");
    kind.require_saying("must specify a metric target type", errors);
    if !matches!(kind.text(), "Utilization" | "Value" | "AverageValue") {
        kind.invalid("must be either Utilization, Value, or AverageValue", errors);
    }
    for name in ["value", "averageValue"] {
        let amount = target.field(name);
        let is_positive = |text: &str| !matches!(text.as_bytes().first(), Some(b'-')) && text != "0";
        if amount.is_present() && !is_positive(amount.text()) {
            errors.push(Error::invalid(&amount.path, amount.text(), "must be positive"));
        }
    }
    let utilization = target.field("averageUtilization");
    if utilization.int().is_some_and(|percent| percent < 1) {
        utilization.invalid("must be greater than 0", errors);
    }
}
