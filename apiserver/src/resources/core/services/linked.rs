//! Fields of a service that depend on each other: the one address and the list of them, what the cluster has given it,
//! and what only some kinds of services need.
//!
//! People write a service again without what the cluster has given it, and change its kind without taking away what the
//! old one needed; both mean what they seem to mean. Addresses and ports are not given here, only kept and let go.

use std::collections::BTreeSet;

use keelson_schema::tree::{Value, View};

use super::kind;
use crate::edit::Edit;

/// What stands in the place of an address where a service is to have none.
pub(super) const HEADLESS: &str = "None";

/// Whether a service is reached from outside the cluster; `spec` is the service's.
pub(super) fn is_reached_from_outside(spec: View<'_>) -> bool {
    match spec.field("type").text() {
        kind::LOAD_BALANCER | kind::NODE_PORT => true,
        kind::CLUSTER_IP => spec.field("externalIPs").items().len() > 0,
        _ => false,
    }
}

pub(super) fn needs_address(spec: View<'_>) -> bool {
    spec.field("type").text() != kind::EXTERNAL_NAME
}

pub(super) fn needs_node_ports(spec: View<'_>) -> bool {
    matches!(spec.field("type").text(), kind::NODE_PORT | kind::LOAD_BALANCER)
}

fn is_balanced(spec: View<'_>) -> bool {
    spec.field("type").text() == kind::LOAD_BALANCER
}

/// Whether it is reached in the cluster, and is no mere name for what is elsewhere.
fn is_inside(spec: View<'_>) -> bool {
    spec.field("type").text() != kind::EXTERNAL_NAME
}

pub(super) fn needs_health_port(spec: View<'_>) -> bool {
    is_balanced(spec) && spec.field("externalTrafficPolicy").text() == "Local"
}

fn same(one: View<'_>, other: View<'_>, field: &str) -> bool {
    one.field(field).value() == other.field(field).value()
}

/// A service that is but a name has nothing inside the cluster: what it says of that is forgotten.
pub(super) fn forget_inside(spec: &mut Edit<'_>) {
    if !is_inside(spec.view()) {
        spec.remove("internalTrafficPolicy");
    }
}

/// A writer who knows of one address only means a list of it.
pub(super) fn begin(spec: &mut Edit<'_>) {
    if let Some(address) = spec.get("clusterIP").cloned()
        && !spec.has("clusterIPs")
    {
        spec.set("clusterIPs", Value::List([address].into_iter().collect()));
    }
}

/// Gives a service again what it had been given, where the writer has left it out.
pub(super) fn keep_allocated(new: &mut Edit<'_>, old: View<'_>) {
    let both = |needs: fn(View<'_>) -> bool| needs(old) && needs(new.view());
    let (addresses, ports, health) = (both(needs_address), both(needs_node_ports), both(needs_health_port));
    let mut keep = |field: &str| {
        if let Some(value) = old.field(field).value() {
            new.default(field, value.clone());
        }
    };
    if addresses {
        keep("clusterIP");
        if old.field("clusterIPs").items().len() > 0 {
            keep("clusterIPs");
        }
    }
    if health {
        keep("healthCheckNodePort");
    }
    if ports {
        keep_node_ports(new, old);
    }
    settle_addresses(new, old);
}

/// A port that has none on the nodes gets the one that the port of that name had, unless another has taken it.
fn keep_node_ports(new: &mut Edit<'_>, old: View<'_>) {
    let numbers = |spec: View<'_>| -> BTreeSet<i64> {
        spec.field("ports").items().filter_map(|port| port.field("nodePort").int()).collect()
    };
    let taken: BTreeSet<i64> = numbers(old).intersection(&numbers(new.view())).copied().collect();
    for mut port in new.items("ports").filter(|port| !port.has("nodePort")) {
        let name = port.text("name");
        let before = old.field("ports").items().filter(|before| before.field("name").text() == name).last();
        let number = before.and_then(|before| before.field("nodePort").int());
        if let Some(number) = number.filter(|number| !taken.contains(number)) {
            port.set("nodePort", number);
        }
    }
}

/// Brings the list of addresses into line with the one address, where a writer knows of that only.
fn settle_addresses(new: &mut Edit<'_>, old: View<'_>) {
    let (is_same, is_same_list) = (same(new.view(), old, "clusterIP"), same(new.view(), old, "clusterIPs"));
    if is_same && !new.has("clusterIPs") && old.field("clusterIPs").items().len() > 0 {
        new.put("clusterIPs", old.field("clusterIPs").value().cloned());
    }
    if !is_same && is_same_list {
        let address = new.get("clusterIP").cloned();
        new.put("clusterIPs", address.map(|address| Value::List([address].into_iter().collect())));
    }
}

/// Takes away what the old kind of service needed and the new one does not, unless the writer has changed it too: then
/// it is meant, and wrong.
pub(super) fn drop_unneeded(service: &mut Edit<'_>, old: View<'_>) {
    let old = old.field("spec");
    let stops = |needs: fn(View<'_>) -> bool, spec: View<'_>| needs(old) && !needs(spec);
    let mut spec = service.made("spec");
    if stops(needs_address, spec.view()) {
        if same(spec.view(), old, "clusterIP") && same(spec.view(), old, "clusterIPs") {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
        drop_same(&mut spec, old, "ipFamilies");
        drop_same(&mut spec, old, "ipFamilyPolicy");
    }
    if stops(needs_node_ports, spec.view()) {
        let had: Vec<i64> =
            old.field("ports").items().filter_map(|port| port.field("nodePort").int()).collect();
        let has_new = spec
            .view()
            .field("ports")
            .items()
            .any(|port| port.field("nodePort").int().is_some_and(|number| !had.contains(&number)));
        if !has_new {
            spec.items("ports").for_each(|mut port| _ = port.remove("nodePort"));
        }
    }
    if stops(needs_health_port, spec.view()) {
        drop_same(&mut spec, old, "healthCheckNodePort");
    }
    if stops(is_balanced, spec.view()) {
        drop_same(&mut spec, old, "allocateLoadBalancerNodePorts");
        drop_same(&mut spec, old, "loadBalancerClass");
    }
    if stops(is_reached_from_outside, spec.view()) {
        drop_same(&mut spec, old, "externalTrafficPolicy");
    }
    if stops(is_inside, spec.view()) {
        drop_same(&mut spec, old, "internalTrafficPolicy");
    }
    let keeps_balancer = is_balanced(spec.view());
    if let Some(mut status) = service.part("status")
        && !keeps_balancer
    {
        status.remove("loadBalancer");
    }
}

fn drop_same(spec: &mut Edit<'_>, old: View<'_>, field: &str) {
    if same(spec.view(), old, field) {
        spec.remove(field);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Services;
    use crate::resource::check;

    fn service(spec: &Value, status: &Value) -> String {
        json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": spec, "status": status}).to_string()
    }

    fn update(old: &Value, new: &Value, expected: &Value) {
        let status = json!({"loadBalancer": {"ingress": [{"ip": "2.2.2.2"}]}});
        let after =
            if expected["type"] == "LoadBalancer" { status.clone() } else { json!({"loadBalancer": {}}) };
        check::update(
            &Services,
            "",
            &service(old, &status),
            &service(new, &json!({})),
            &service(expected, &after),
        );
    }

    #[test]
    fn one_address_is_a_list_of_one() {
        check::create(
            &Services,
            &service(&json!({"clusterIP": "None"}), &json!({})),
            &service(&json!({"clusterIP": "None", "clusterIPs": ["None"]}), &json!({"loadBalancer": {}})),
        );
    }

    #[test]
    fn what_was_given_is_kept() {
        let old = json!({
            "type": "NodePort", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
            "ports": [{"name": "a", "port": 80, "nodePort": 30080}, {"name": "b", "port": 81, "nodePort": 30081}],
        });
        update(
            &old,
            &json!({"type": "NodePort", "ports": [{"name": "b", "port": 81}, {"name": "a", "port": 80, "nodePort": 30081}, {"name": "c", "port": 82}]}),
            &json!({
                "type": "NodePort", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
                "ports": [{"name": "b", "port": 81}, {"name": "a", "port": 80, "nodePort": 30081}, {"name": "c", "port": 82}],
            }),
        );
        update(
            &old,
            &json!({"type": "NodePort", "ports": [{"name": "b", "port": 8081}, {"name": "a", "port": 8080}]}),
            &json!({
                "type": "NodePort", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
                "ports": [{"name": "b", "port": 8081, "nodePort": 30081}, {"name": "a", "port": 8080, "nodePort": 30080}],
            }),
        );
    }

    #[test]
    fn another_kind_needs_other_things() {
        let old = json!({
            "type": "LoadBalancer", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
            "ports": [{"port": 80, "nodePort": 30080}], "externalTrafficPolicy": "Local", "healthCheckNodePort": 30000,
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "allocateLoadBalancerNodePorts": true,
            "loadBalancerClass": "example.com/a",
        });
        let with = |changes: Value| {
            let mut spec = old.clone();
            for (key, value) in changes.as_object().unwrap() {
                spec[key] = value.clone();
            }
            spec
        };
        update(
            &old,
            &with(json!({"type": "ClusterIP"})),
            &json!({
                "type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80}],
                "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            }),
        );
        update(
            &old,
            &with(json!({"type": "ExternalName", "externalName": "a", "healthCheckNodePort": 30001})),
            &json!({"type": "ExternalName", "externalName": "a", "ports": [{"port": 80}], "healthCheckNodePort": 30001}),
        );
        update(&old, &with(json!({})), &old);
    }

    #[test]
    fn an_address_that_is_changed_is_changed_in_both_places() {
        update(
            &json!({"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]}),
            &json!({"type": "ClusterIP", "clusterIP": "10.0.0.2", "clusterIPs": ["10.0.0.1"]}),
            &json!({"type": "ClusterIP", "clusterIP": "10.0.0.2", "clusterIPs": ["10.0.0.2"]}),
        );
    }
}
