//! What a service is given that its writer left open.

use keelson_schema::tree::Value;

use super::kind;
use super::linked::is_reached_from_outside;
use crate::edit::Edit;

/// How long a client is sent to the same pod: three hours.
const AFFINITY_SECONDS: i64 = 3 * 3600;

/// Fills in the `spec` of a service.
pub(super) fn spec(spec: &mut Edit<'_>) {
    spec.default("sessionAffinity", "None");
    match spec.text("sessionAffinity") {
        "None" => _ = spec.remove("sessionAffinityConfig"),
        "ClientIP" if spec.view().path("sessionAffinityConfig.clientIP.timeoutSeconds").int().is_none() => {
            spec.remove("sessionAffinityConfig");
            spec.made("sessionAffinityConfig").made("clientIP").set("timeoutSeconds", AFFINITY_SECONDS);
        }
        _ => {}
    }
    spec.default("type", kind::CLUSTER_IP);
    for mut port in spec.items("ports") {
        port.default("protocol", "TCP");
        let is_open = port.get("targetPort").is_none_or(Value::is_empty);
        if let Some(number) = port.int("port").filter(|_| is_open) {
            port.set("targetPort", number);
        }
    }
    if is_reached_from_outside(spec.view()) {
        spec.default("externalTrafficPolicy", "Cluster");
    }
    let kind = spec.text("type").to_owned();
    if matches!(&*kind, kind::CLUSTER_IP | kind::NODE_PORT | kind::LOAD_BALANCER) {
        spec.default("internalTrafficPolicy", "Cluster");
    }
    if kind == kind::LOAD_BALANCER {
        spec.default("allocateLoadBalancerNodePorts", true);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Services;
    use crate::resource::check;

    fn check(spec: &Value, expected: &Value) {
        let service = |spec| {
            json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": spec, "status": {"loadBalancer": {}}})
                .to_string()
        };
        check::default(&Services, &service(spec), &service(expected));
    }

    #[test]
    fn each_kind_of_service_has_its_defaults() {
        check(
            &json!({"ports": [{"port": 80}, {"port": 81, "targetPort": "web", "protocol": "UDP"}], "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 1}}}),
            &json!({
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}, {"port": 81, "targetPort": "web", "protocol": "UDP"}],
                "type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
            }),
        );
        check(
            &json!({"type": "LoadBalancer", "sessionAffinity": "ClientIP"}),
            &json!({
                "type": "LoadBalancer", "sessionAffinity": "ClientIP", "internalTrafficPolicy": "Cluster",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
                "externalTrafficPolicy": "Cluster", "allocateLoadBalancerNodePorts": true,
            }),
        );
        check(
            &json!({"type": "ExternalName", "externalName": "a"}),
            &json!({"type": "ExternalName", "externalName": "a", "sessionAffinity": "None"}),
        );
        check(
            &json!({"externalIPs": ["1.1.1.1"], "externalTrafficPolicy": "Local"}),
            &json!({
                "externalIPs": ["1.1.1.1"], "externalTrafficPolicy": "Local", "type": "ClusterIP",
                "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
            }),
        );
    }
}
