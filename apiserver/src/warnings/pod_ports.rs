//! Ports of containers that are in each other's way.

use std::collections::HashMap;

use keelson_schema::tree::View;

use super::pod::each_container;

/// A port, and where it is said.
struct Port<'a> {
    path: String,
    name: &'a str,
    host_ip: &'a str,
    host_port: i64,
}

/// Warns of the ports of all containers; `spec` is the pod's.
pub(super) fn of_containers(spec: View<'_>, at: &str, warnings: &mut Vec<String>) {
    let mut by_number: HashMap<(i64, &str), Vec<Port<'_>>> = HashMap::new();
    let mut names = Vec::new();
    each_container(spec, at, &mut |container, path| {
        for (index, port) in container.field("ports").items().enumerate() {
            let number = port.field("containerPort").int().unwrap_or_default();
            let protocol = port.field("protocol").text();
            let new = Port {
                path: format!("{path}.ports[{index}]"),
                name: port.field("name").text(),
                host_ip: port.field("hostIP").text(),
                host_port: port.field("hostPort").int().unwrap_or_default(),
            };
            if !new.host_ip.is_empty() && new.host_port == 0 {
                let Port { path, name, host_ip, .. } = &new;
                warnings.push(format!(
                    "{path}: hostIP set without hostPort: {{Name:{name} HostPort:0 ContainerPort:{number} Protocol:{protocol} HostIP:{host_ip}}}"
                ));
            }
            let others = by_number.entry((number, protocol)).or_default();
            for other in others.iter() {
                if let Some(words) = conflict(&new, other) {
                    warnings.push(format!("{}: {words} port definition with {}", new.path, other.path));
                }
            }
            names.push((new.name, new.path.clone()));
            others.push(new);
        }
    });
    of_names(&names, warnings);
}

/// How two ports of the same number and protocol are in each other's way.
fn conflict(new: &Port<'_>, other: &Port<'_>) -> Option<&'static str> {
    let is_same_port = new.host_port == other.host_port;
    if is_same_port && new.host_ip == other.host_ip {
        Some("duplicate")
    } else if new.host_port == 0 || other.host_port == 0 {
        Some("overlapping")
    } else if is_same_port && new.host_ip.is_empty() != other.host_ip.is_empty() {
        Some("dangerously ambiguous")
    } else {
        None
    }
}

fn of_names(names: &[(&str, String)], warnings: &mut Vec<String>) {
    let mut first: HashMap<&str, &str> = HashMap::new();
    for (name, path) in names.iter().filter(|(name, _)| !name.is_empty()) {
        if let Some(other) = first.get(name) {
            warnings.push(format!(
                "{path}: duplicate port name {name:?} with {other}, services and probes that select ports by name will use {other}"
            ));
        } else {
            first.insert(name, path);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::resource::check::object;

    fn check(ports: &Value, expected: &[&str]) {
        let spec = json!({"containers": [{"name": "c", "ports": ports}]});
        let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": spec});
        let mut warnings = Vec::new();
        super::of_containers(object(&pod.to_string()).view().field("spec"), "", &mut warnings);
        assert_eq!(warnings, expected, "{ports}");
    }

    #[test]
    fn ports_in_each_others_way() {
        let at = |port: Value| json!([{"containerPort": 80, "hostPort": 8080, "protocol": "TCP"}, port]);
        let (first, second) = ("spec.containers[0].ports[0]", "spec.containers[0].ports[1]");
        let words = |words: &str| format!("{second}: {words} port definition with {first}");
        check(&at(json!({"containerPort": 80, "hostPort": 8080, "protocol": "TCP"})), &[&words("duplicate")]);
        check(&at(json!({"containerPort": 80, "protocol": "TCP"})), &[&words("overlapping")]);
        check(
            &at(json!({"containerPort": 80, "hostPort": 8080, "hostIP": "1.1.1.1", "protocol": "TCP"})),
            &[&words("dangerously ambiguous")],
        );
        check(&at(json!({"containerPort": 80, "hostPort": 8081, "protocol": "TCP"})), &[]);
        check(&at(json!({"containerPort": 80, "protocol": "UDP"})), &[]);
        check(
            &json!([{"containerPort": 80, "hostIP": "1.1.1.1", "protocol": "TCP"}]),
            &[
                "spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:1.1.1.1}",
            ],
        );
        check(
            &json!([{"name": "a", "containerPort": 80}, {"name": "a", "containerPort": 81}]),
            &[
                "spec.containers[0].ports[1]: duplicate port name \"a\" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]",
            ],
        );
    }
}
