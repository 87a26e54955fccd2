//! Rules for the ports of containers.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::{number, variable::port_name};
use keelson_schema::tree::Value;

use super::At;

/// The ports of a container.
pub(super) fn ports(ports: &At<'_, '_>, errors: &mut Errors) {
    let mut names = HashSet::new();
    for port in ports.items() {
        let name = port.field("name");
        if !name.is_empty() {
            let reasons = port_name(name.text());
            if reasons.is_empty() && !names.insert(name.text()) {
                name.duplicate(errors);
            }
            errors.push_invalid(&name.path, name.text(), reasons);
        }
        let number = port.field("containerPort");
        if number.int().unwrap_or(0) == 0 {
            number.missing("", errors);
        } else {
            is_port(&number, errors);
        }
        let on_host = port.field("hostPort");
        if on_host.int().unwrap_or(0) != 0 {
            is_port(&on_host, errors);
        }
        let protocol = port.field("protocol");
        if protocol.require(errors) {
            protocol.one_of(&["SCTP", "TCP", "UDP"], errors);
        }
    }
}

fn is_port(port: &At<'_, '_>, errors: &mut Errors) {
    for reason in port.int().map(number::port).unwrap_or_default() {
        port.invalid(reason, errors);
    }
}

/// A port that is said by its number or by its name.
pub(crate) fn number_or_name(port: &At<'_, '_>, errors: &mut Errors) {
    if let Some(Value::Str(name)) = port.view.value() {
        errors.push_invalid(&port.path, name, port_name(name));
    } else {
        let number = port.int().unwrap_or(0);
        for reason in number::port(number) {
            errors.push(Error::invalid(&port.path, Shown::Int(number), reason));
        }
    }
}

/// No two containers take the same port of the host. `taken` are those that others have taken.
pub(super) fn of_host(container: &At<'_, '_>, taken: &mut HashSet<String>, errors: &mut Errors) {
    for port in container.field("ports").items() {
        let on_host = port.field("hostPort");
        let Some(number) = on_host.int().filter(|number| *number != 0) else { continue };
        let key = format!("{}/{}/{number}", port.field("protocol").text(), port.field("hostIP").text());
        if taken.contains(&key) {
            errors.push(Error::duplicate(&on_host.path, &key));
        } else {
            taken.insert(key);
        }
    }
}

/// In the network of the host, ports of the container are ports of the host. Templates may leave these open.
pub(super) fn in_network_of_host(spec: &At<'_, '_>, is_pod: bool, errors: &mut Errors) {
    if !spec.field("hostNetwork").is_true() {
        return;
    }
    for container in spec.field("containers").items() {
        for port in container.field("ports").items() {
            let on_host = port.field("hostPort");
            let number = on_host.int().unwrap_or(0);
            if (is_pod || number != 0) && number != port.field("containerPort").int().unwrap_or(0) {
                on_host.invalid("must match `containerPort` when `hostNetwork` is true", errors);
            }
        }
    }
}
