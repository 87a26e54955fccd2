//! What a pod needs as a whole, where its writer says some of it and its containers the rest; and how well it is treated
//! for what it says.

use std::collections::BTreeMap;

use keelson_api::quantity::Quantity;
use keelson_schema::tree::{Entries, Value, View};

use super::quantity::amount;
use crate::edit::Edit;

/// Amounts by the names of resources.
pub(crate) type Amounts<'a> = BTreeMap<&'a str, Quantity>;

/// Whether a resource can be claimed for a pod as a whole.
pub(crate) fn is_of_pods(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory") || is_huge_page(resource)
}

/// Whether a resource is huge pages of some size.
pub(crate) fn is_huge_page(resource: &str) -> bool {
    resource.starts_with("hugepages-")
}

/// Fills in the resources that a pod claims as a whole, if it claims any.
pub(crate) fn fill(spec: &mut Edit<'_>) {
    let (Some(limits), Some(requests)) = (list(spec, "limits"), list(spec, "requests")) else { return };
    if limits.is_empty() && requests.is_empty() {
        return;
    }
    let (limits, requests) = filled(spec.view(), limits, requests);
    let mut resources = spec.made("resources");
    for (name, list) in [("limits", limits), ("requests", requests)] {
        resources.put(name, (!list.is_empty()).then_some(Value::Map(list)));
    }
}

/// A list of the pod's own resources; nothing if it has no resources at all.
fn list(spec: &mut Edit<'_>, name: &str) -> Option<Entries> {
    let resources = spec.part("resources")?;
    Some(resources.get(name).and_then(Value::as_map).cloned().unwrap_or_default())
}

fn filled(spec: View<'_>, mut limits: Entries, mut requests: Entries) -> (Entries, Entries) {
    let all_limits = sum(spec, "limits");
    for (name, amount) in all_limits.iter().filter(|(name, _)| is_huge_page(name)) {
        if requests.get(name).is_none() && limits.get(name).is_none() {
            set(&mut limits, name, amount);
        }
    }
    for (name, amount) in sum(spec, "requests").iter().filter(|(name, _)| matches!(**name, "cpu" | "memory"))
    {
        if requests.get(name).is_none() {
            set(&mut requests, name, amount);
        }
    }
    for (name, amount) in limits.iter().filter(|(name, _)| is_of_pods(name)) {
        if requests.get(name).is_none() {
            requests.set(name, amount.clone());
        }
    }
    // A limit follows from those of the containers only where each of them has one; it is no less than the request.
    for (name, request) in requests.iter().filter(|(name, _)| is_of_pods(name)) {
        let has_each = |containers: &str| {
            spec.field(containers).items().all(|one| one.path("resources.limits").key(name).value().is_some())
        };
        let all_have =
            ["containers", "initContainers", "ephemeralContainers"].iter().all(|list| has_each(list));
        if let Some(amount) = all_limits.get(name.as_str()).filter(|_| all_have && limits.get(name).is_none())
        {
            let request: Quantity = request.as_str().unwrap_or_default().parse().unwrap_or_default();
            set(&mut limits, name, if request > *amount { &request } else { amount });
        }
    }
    (limits, requests)
}

fn set(list: &mut Entries, name: &str, amount: &Quantity) {
    list.set(name, Value::from(amount.to_string().as_str()));
}

/// What containers ask for together.
pub(crate) fn requests_of_containers(spec: View<'_>) -> Amounts<'_> {
    sum(spec, "requests")
}

/// What containers are limited to together.
pub(crate) fn limits_of_containers(spec: View<'_>) -> Amounts<'_> {
    sum(spec, "limits")
}

/// What the containers need together at any one time: all that run side by side, or an initial one with the restartable
/// ones before it, whichever is more.
fn sum<'a>(spec: View<'a>, list: &str) -> Amounts<'a> {
    let (mut together, mut initial, mut lasting) = (Amounts::new(), Amounts::new(), Amounts::new());
    for container in spec.field("containers").items() {
        add(&mut together, &of_container(container, list));
    }
    for container in spec.field("initContainers").items() {
        let own = of_container(container, list);
        if container.field("restartPolicy").text() == "Always" {
            add(&mut together, &own);
            add(&mut lasting, &own);
            raise(&mut initial, &lasting);
        } else {
            let mut at_once = own;
            add(&mut at_once, &lasting);
            raise(&mut initial, &at_once);
        }
    }
    raise(&mut together, &initial);
    together
}

fn of_container<'a>(container: View<'a>, list: &str) -> Amounts<'a> {
    let entries = container.field("resources").field(list).value().and_then(Value::as_map);
    let entries = entries.into_iter().flat_map(|entries| entries.iter());
    entries
        .map(|(name, value)| {
            (name.as_str(), value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default())
        })
        .collect()
}

fn add<'a>(to: &mut Amounts<'a>, more: &Amounts<'a>) {
    for (name, amount) in more {
        let sum = to.get(name).map_or_else(|| amount.clone(), |present| present.plus(amount));
        to.insert(name, sum);
    }
}

fn raise<'a>(to: &mut Amounts<'a>, least: &Amounts<'a>) {
    for (name, amount) in least {
        if to.get(name).is_none_or(|present| amount > present) {
            to.insert(name, amount.clone());
        }
    }
}

const GUARANTEED: &str = "Guaranteed";
const BURSTABLE: &str = "Burstable";
const BEST_EFFORT: &str = "BestEffort";

/// The quality of service of a pod, by what it says of processors and memory: `spec` is the pod's.
pub(crate) fn quality_of_service(spec: View<'_>) -> &'static str {
    let own = spec.field("resources");
    let is_claimed = ["requests", "limits"].iter().any(|list| {
        let entries = own.field(list).value().and_then(Value::as_map);
        entries.is_some_and(|entries| entries.iter().any(|(name, _)| is_of_pods(name)))
    });
    if is_claimed {
        return quality(own);
    }
    let containers = spec.field("initContainers").items().chain(spec.field("containers").items());
    common(containers.map(|container| quality(container.field("resources"))))
}

fn quality(resources: View<'_>) -> &'static str {
    common(["cpu", "memory"].into_iter().map(|name| {
        let request = amount(resources.field("requests").key(name));
        let limit = amount(resources.field("limits").key(name));
        match request == limit {
            false => BURSTABLE,
            true if request.is_zero() => BEST_EFFORT,
            true => GUARANTEED,
        }
    }))
}

/// What all agree on, and else the middle.
fn common(mut qualities: impl Iterator<Item = &'static str>) -> &'static str {
    let first = qualities.next().unwrap_or(BEST_EFFORT);
    if qualities.all(|quality| quality == first) { first } else { BURSTABLE }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::resource::check::{json as written, object};

    fn pod(spec: &Value) -> keelson_schema::tree::Object {
        object(
            &json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": spec}).to_string(),
        )
    }

    #[test]
    fn quality_of_service_follows_from_what_is_claimed() {
        let full =
            json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1Gi"}});
        let half = json!({"requests": {"cpu": "1"}});
        let other = json!({"limits": {"example.com/gpu": "1"}, "requests": {"example.com/gpu": "1"}});
        let cases = [
            (json!({"containers": [{"name": "a", "resources": full}]}), GUARANTEED),
            (json!({"containers": [{"name": "a", "resources": full}, {"name": "b"}]}), BURSTABLE),
            (
                json!({"containers": [{"name": "a", "resources": full}], "initContainers": [{"name": "i", "resources": half}]}),
                BURSTABLE,
            ),
            (json!({"containers": [{"name": "a", "resources": half}]}), BURSTABLE),
            (json!({"containers": [{"name": "a", "resources": other}]}), BEST_EFFORT),
            (json!({"containers": [{"name": "a"}]}), BEST_EFFORT),
            (json!({"containers": [{"name": "a"}], "resources": full}), GUARANTEED),
            (json!({"containers": []}), BEST_EFFORT),
        ];
        for (spec, expected) in cases {
            assert_eq!(quality_of_service(pod(&spec).view().field("spec")), expected, "{spec}");
        }
    }

    #[test]
    fn a_pod_claims_what_its_containers_do() {
        let claims = |cpu: &str| json!({"limits": {"cpu": cpu, "memory": "1Gi"}, "requests": {"cpu": cpu, "memory": "1Gi"}});
        let mut new = pod(&json!({
            "containers": [{"name": "a", "resources": claims("1")}, {"name": "b", "resources": claims("500m")}],
            "initContainers": [
                {"name": "s", "restartPolicy": "Always", "resources": claims("1")},
                {"name": "i", "resources": claims("4")},
            ],
            "resources": {"limits": {"memory": "8Gi"}},
        }));
        fill(&mut Edit::object(&mut new).made("spec"));
        let expected =
            json!({"limits": {"cpu": "5", "memory": "8Gi"}, "requests": {"cpu": "5", "memory": "3Gi"}});
        assert_eq!(written(&new)["spec"]["resources"], expected);
    }
}
