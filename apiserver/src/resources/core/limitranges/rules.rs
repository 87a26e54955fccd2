//! What limits of a namespace keep to.

use std::collections::BTreeSet;

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::label;
use keelson_api::quantity::{Format, Quantity};
use keelson_schema::tree::Object;

use crate::rules::{At, pod_resources};

const POD: &str = "Pod";
const CONTAINER: &str = "Container";
const CLAIM: &str = "PersistentVolumeClaim";
/// The fields that hold amounts by name, in the order in which they are looked at.
const AMOUNTS: [&str; 5] = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];
/// What is left out for pods: they have no values of their own.
const NOT_OF_PODS: [&str; 2] = ["default", "defaultRequest"];

/// What is wrong with a list of limits.
pub(super) fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let mut known = BTreeSet::new();
    for limit in spec.field("limits").items() {
        let kind = limit.field("type");
        check_kind(&kind, errors);
        if !known.insert(kind.text()) {
            errors.push(Error::duplicate(&kind.path, Shown::Named(kind.text())));
        }
        check_names(&limit, errors);
        for name in names(&limit) {
            check_amounts(&limit, name, errors);
        }
    }
}

fn check_kind(kind: &At<'_, '_>, errors: &mut Errors) {
    let before = errors.len();
    kind.keep_to(label::key, errors);
    let text = kind.text();
    if errors.len() == before && !text.contains('/') && ![POD, CONTAINER, CLAIM].contains(&text) {
        kind.invalid("must be a standard limit type or fully qualified", errors);
    }
}

fn check_names(limit: &At<'_, '_>, errors: &mut Errors) {
    let kind = limit.view.field("type").text();
    for field in AMOUNTS {
        let amounts = limit.field(field);
        if field == "maxLimitRequestRatio" && kind == CLAIM {
            let has = |field: &str| limit.view.field(field).key("storage").is_present();
            if !has("min") && !has("max") {
                let words = "either minimum or maximum storage value is required, but neither was provided";
                limit.field("limits").missing(words, errors);
            }
        }
        if kind == POD && NOT_OF_PODS.contains(&field) {
            if !amounts.is_empty() {
                amounts.forbidden("may not be specified when `type` is 'Pod'", errors);
            }
            continue;
        }
        for (name, amount) in amounts.entries() {
            if matches!(kind, POD | CONTAINER) {
                pod_resources::name_for_containers(name, &amount, errors);
            } else {
                pod_resources::name(name, &amount, errors);
            }
        }
    }
}

/// What is limited, by whichever amount.
fn names<'o>(limit: &At<'o, '_>) -> BTreeSet<&'o str> {
    let is_pod = limit.view.field("type").text() == POD;
    let looked_at = AMOUNTS.iter().filter(|field| !is_pod || !NOT_OF_PODS.contains(field));
    looked_at.flat_map(|field| limit.field(field).keys().collect::<Vec<_>>()).collect()
}

/// Two amounts of which the first may not be greater than the second: which field is wrong, which amount is shown, and
/// how the two are called.
struct Order {
    lesser: &'static str,
    greater: &'static str,
    blamed: &'static str,
    shown: &'static str,
    words: [&'static str; 2],
}

const ORDERS: [Order; 6] = [
    Order { lesser: "min", greater: "max", blamed: "min", shown: "min", words: ["min value", "max value"] },
    Order {
        lesser: "min",
        greater: "defaultRequest",
        blamed: "defaultRequest",
        shown: "defaultRequest",
        words: ["min value", "default request value"],
    },
    Order {
        lesser: "defaultRequest",
        greater: "max",
        blamed: "defaultRequest",
        shown: "defaultRequest",
        words: ["default request value", "max value"],
    },
    Order {
        lesser: "defaultRequest",
        greater: "default",
        blamed: "defaultRequest",
        shown: "defaultRequest",
        words: ["default request value", "default limit value"],
    },
    Order {
        lesser: "min",
        greater: "default",
        blamed: "default",
        shown: "min",
        words: ["min value", "default value"],
    },
    Order {
        lesser: "default",
        greater: "max",
        blamed: "default",
        shown: "max",
        words: ["default value", "max value"],
    },
];

fn check_amounts(limit: &At<'_, '_>, name: &str, errors: &mut Errors) {
    let is_pod = limit.view.field("type").text() == POD;
    let amount = |field: &str| -> Option<Quantity> {
        let is_looked_at = !is_pod || !NOT_OF_PODS.contains(&field);
        is_looked_at.then(|| limit.view.field(field).key(name).text().parse().ok()).flatten()
    };
    let blame = |field: &str, shown: &Quantity, words: String, errors: &mut Errors| {
        let shown = shown.to_string();
        errors.push(Error::invalid(&limit.path.child(field).key(name), shown.as_str(), words));
    };
    for order in ORDERS {
        if let (Some(lesser), Some(greater)) = (amount(order.lesser), amount(order.greater))
            && lesser > greater
        {
            let shown = if order.shown == order.lesser { &lesser } else { &greater };
            let words = format!("{} {lesser} is greater than {} {greater}", order.words[0], order.words[1]);
            blame(order.blamed, shown, words, errors);
        }
    }
    if let Some(ratio) = amount("maxLimitRequestRatio") {
        if ratio < Quantity::new(1, Format::DecimalSI) {
            blame("maxLimitRequestRatio", &ratio, format!("ratio {ratio} is less than 1"), errors);
        }
        if let (Some(min), Some(max)) = (amount("min"), amount("max")) {
            let (ratio_value, highest) = ratios(&ratio, &min, &max);
            if ratio_value > highest {
                let words = format!("ratio {ratio} is greater than max/min = {}", decimal(highest));
                blame("maxLimitRequestRatio", &ratio, words, errors);
            }
        }
    }
    if let (Some(limit), Some(request)) = (amount("default"), amount("defaultRequest"))
        && !pod_resources::can_be_overcommitted(name)
        && limit != request
    {
        let words = format!("default value {limit} must equal to defaultRequest value {request} in {name}");
        blame("defaultRequest", &request, words, errors);
    }
}

/// The ratio that is asked for, and the one that the amounts have, as exactly as upstream can tell.
#[expect(clippy::cast_precision_loss, reason = "upstream computes with floating-point numbers")]
fn ratios(ratio: &Quantity, min: &Quantity, max: &Quantity) -> (f64, f64) {
    const MILLI_MAX: i64 = i64::MAX / 1000;
    if [ratio, min, max].iter().all(|amount| amount.value() < MILLI_MAX) {
        let highest = max.milli_value() as f64 / min.milli_value() as f64;
        return (ratio.milli_value() as f64 / 1000.0, highest);
    }
    (ratio.value() as f64, max.value() as f64 / min.value() as f64)
}

/// A number with six digits, as Go writes it.
fn decimal(number: f64) -> String {
    match number {
        _ if number.is_nan() => "NaN".into(),
        f64::INFINITY => "+Inf".into(),
        _ => format!("{number:.6}"),
    }
}
